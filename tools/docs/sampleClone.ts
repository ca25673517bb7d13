// Runs `kalactica` commands of documents in this process, in a folder that looks like a fresh clone: the sample workspace copied, media/
// beside it, a home of its own. One process for all commands, as each by itself would take a second to start. Judges nothing.
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { EngineError } from "../../src/engine/base/errors.ts";
import { findCommand, helpOf, readArguments, UsageError } from "../../src/engine/commandLine/command.ts";
import { COMMANDS } from "../../src/engine/commandLine/commands.ts";
import { kalacticaArguments } from "./commandLines.ts";
import type { SimpleCommand } from "./commandLines.ts";

export const repository = fileURLToPath(new URL("../..", import.meta.url));
const SAMPLE = "test/fixtures/workspace";
/** They have deadlines and change nothing that they print. */
const REPEATABLE: ReadonlySet<string> = new Set(["check", "complete"]);

export interface CommandEnd {
  exitCode: number;
  /** What it printed: standard output, then, where it failed, its sentence. */
  text: string;
}

export class SampleClone {
  readonly folder: string;
  readonly #left: { cwd: string; home: string | undefined };

  /** A clone with an index, made once; further ones are copies of it, which index nothing again. */
  static async open(template?: SampleClone): Promise<SampleClone> {
    const clone = new SampleClone(template);
    if (!template) await clone.run([{ words: ["kalactica", "index", "--workspace", SAMPLE], input: null, piped: false, line: 0 }]);
    return clone;
  }

  private constructor(template?: SampleClone) {
    this.folder = mkdtempSync(path.join(tmpdir(), "kalactica-docs-"));
    this.#left = { cwd: process.cwd(), home: process.env["KALACTICA_HOME"] };
    for (const name of ["media", "tools", "docs", "package.json"]) symlinkSync(path.join(repository, name), path.join(this.folder, name));
    const filter = template ? undefined : (file: string): boolean => path.basename(file) !== ".kalactica";
    cpSync(path.join(template?.folder ?? repository, SAMPLE), path.join(this.folder, SAMPLE), { recursive: true, preserveTimestamps: true, ...(filter ? { filter } : {}) });
  }

  /** Runs commands joined by `&&` and `|`, up to the first that fails. */
  async run(commands: readonly SimpleCommand[]): Promise<CommandEnd> {
    process.chdir(this.folder);
    process.env["KALACTICA_HOME"] = path.join(this.folder, "home");
    const printed: string[] = [];
    let last: CommandEnd = { exitCode: 0, text: "" };
    try {
      for (const [i, command] of commands.entries()) {
        last = await this.#one(command, command.piped ? last.text : command.input === null ? null : readFileSync(command.input, "utf8"));
        if (!commands[i + 1]?.piped) printed.push(last.text);
        if (last.exitCode !== 0) break;
      }
      return { exitCode: last.exitCode, text: printed.join("\n").replaceAll(`${this.folder}${path.sep}`, "") };
    } finally {
      process.chdir(this.#left.cwd);
      if (this.#left.home === undefined) delete process.env["KALACTICA_HOME"];
      else process.env["KALACTICA_HOME"] = this.#left.home;
    }
  }

  /**
   * As {@link run}, until it prints what `expected` accepts: three times at most, and only for commands that change nothing. On a busy
   * machine a check says "not checked" and a completion is given up, which is right and yet not what a document shows.
   */
  async runFor(commands: readonly SimpleCommand[], expected: (end: CommandEnd) => boolean): Promise<CommandEnd> {
    const repeatable = commands.every((command) => { const args = kalacticaArguments(command); return args === null || REPEATABLE.has(args[0] ?? ""); });
    let end = await this.run(commands);
    for (let again = 0; again < 2 && repeatable && !expected(end); again++) end = await this.run(commands);
    return end;
  }

  async #one(command: SimpleCommand, input: string | null): Promise<CommandEnd> {
    if (command.words[0] === "echo") return { exitCode: 0, text: command.words.slice(1).join(" ") };
    if (command.words[0] === "cat") return { exitCode: 0, text: command.words.slice(1).map((file) => readFileSync(file, "utf8")).join("").replace(/\n$/, "") };
    const args = kalacticaArguments(command);
    if (args === null) throw new Error(`line ${command.line}: "${command.words[0] ?? ""}" is no program that the documents' test runs; mark the block with <!-- not run: why -->`);
    const found = findCommand(COMMANDS, args);
    if (!found) return { exitCode: 2, text: `"${args.join(" ")}" is not a command.` };
    return withStandardInput(input === null ? "" : `${input}\n`, async () => {
      try {
        const { positionals, flags, values } = readArguments(found.command, found.rest);
        if (flags.has("help")) return { exitCode: 0, text: helpOf(found.command) };
        const progress = { report: () => undefined, say: () => undefined, finish: () => undefined };
        const output = await found.command.run({ positionals, flags, values, signal: new AbortController().signal, progress, json: flags.has("json") });
        return { exitCode: output.exitCode ?? 0, text: flags.has("json") ? JSON.stringify(output.json) : output.text };
      } catch (error) {
        if (error instanceof UsageError) return { exitCode: 2, text: error.message };
        if (error instanceof EngineError) return { exitCode: 1, text: error.message };
        throw error;
      }
    });
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Whether the words would be taken by the command line: a sentence where not. Runs nothing. */
export function problemWithArguments(args: readonly string[]): string | null {
  if (args.length === 0 || args[0] === "--help" || args[0] === "--version") return null;
  const found = findCommand(COMMANDS, args);
  // "kalactica evaluate SUITE": a word in capitals stands for any of a family.
  if (!found && /^[A-Z]+$/.test(args[1] ?? "") && COMMANDS.some(({ words }) => words[0] === args[0])) return null;
  if (!found) return `"${args.slice(0, 2).join(" ")}" is not a command`;
  try {
    readArguments(found.command, found.rest);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function withStandardInput<T>(text: string, work: () => Promise<T>): Promise<T> {
  const own = Object.getOwnPropertyDescriptor(process, "stdin")!;
  Object.defineProperty(process, "stdin", { configurable: true, value: Readable.from([Buffer.from(text)]) });
  try {
    return await work();
  } finally {
    Object.defineProperty(process, "stdin", own);
  }
}
