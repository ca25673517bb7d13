// Tasks that are judged by running them: the rows of HumanEval, MBPP, MBJSP, MBTSP and HumanEval-Infilling, and the program that a
// completion of one makes. It runs nothing.
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../../base/errors.ts";
import { hasFields, readRows } from "../readSet.ts";
import type { ProgramEnd, RunProgram } from "./evaluatedModel.ts";

export type TaskLanguage = "python" | "javascript" | "typescript";

export interface CodeTask {
  readonly id: string;
  readonly language: TaskLanguage;
  readonly prompt: string;
  /** What follows the gap; "" where the task ends with it. */
  readonly suffix: string;
  readonly entryPoint: string;
  readonly tests: string;
  readonly canonical: string;
}

interface Row {
  task_id: string;
  prompt: string;
  entry_point: string;
  test: string;
  suffix?: string;
  language?: string;
  canonical_solution?: string;
}

const EXPECTED = "{task_id, prompt, entry_point, test}";

/** All tasks of a file, or of every JSON Lines file of a folder. Errors: `notFound`, `dataInvalid`. */
export async function readCodeTasks(place: string): Promise<CodeTask[]> {
  const tasks: CodeTask[] = [];
  for (const file of rowFiles(place)) {
    for (const row of await readRows(file, (value): value is Row => hasFields(value, { task_id: "string", prompt: "string", entry_point: "string", test: "string" }), EXPECTED)) {
      tasks.push({
        id: row.task_id, language: languageOf(row, file), prompt: row.prompt, suffix: row.suffix ?? "", entryPoint: row.entry_point, tests: row.test, canonical: row.canonical_solution ?? "",
      });
    }
  }
  return tasks;
}

/** The JSON Lines files that `place` names: itself, or those in the folder. Errors: `notFound`. */
export function rowFiles(place: string): string[] {
  if (!existsSync(place)) throw new EngineError("notFound", `There is no ${place}. Name a file or a folder of evaluation rows with --data.`, { place });
  if (!statSync(place).isDirectory()) return [place];
  const files = readdirSync(place).filter((name) => /\.jsonl(?:\.gz)?$/.test(name)).sort().map((name) => path.join(place, name));
  if (files.length === 0) throw new EngineError("notFound", `${place} holds no .jsonl or .jsonl.gz file. Name a file or a folder of evaluation rows with --data.`, { place });
  return files;
}

function languageOf(row: Row, file: string): TaskLanguage {
  const named = (row.language ?? "").toLowerCase();
  if (named === "python" || named === "javascript" || named === "typescript") return named;
  if (named !== "") throw new EngineError("dataInvalid", `${path.basename(file)}: ${row.task_id} is in ${named}, but the sandbox runs Python, JavaScript and TypeScript. Leave it out.`, { file });
  return /^(?:MBJSP)/.test(row.task_id) ? "javascript" : /^(?:MBTSP)/.test(row.task_id) ? "typescript" : "python";
}

/**
 * Cuts a completion of a function where the function ends: at the first line that is outdented to the top level and does not merely
 * close it. Infill is left whole, since its suffix says where it ends.
 */
export function cutAtEnd(task: CodeTask, completion: string): string {
  if (task.suffix !== "") return completion;
  const lines = completion.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    if (/^\s/.test(line) || line.trim() === "") continue;
    if (task.language === "python") {
      // The first line may continue the prompt's last one.
      if (i > 0 || task.prompt.endsWith("\n")) return lines.slice(0, i).join("\n");
    } else if (/^[})\]]/.test(line)) {
      return lines.slice(0, i + 1).join("\n");
    }
  }
  return completion;
}

/** What an end of the program must print: a text that no completion can know, so that one that exits early does not pass. */
export interface TaskProgram {
  readonly language: TaskLanguage;
  readonly code: string;
  readonly files: Readonly<Record<string, string>>;
  readonly password: string;
}

/** lodash's deep comparison, the one function of it that MBJSP's tests use, over Node's own (−0 and 0 are the same to lodash). */
const LODASH = `const util = require("node:util");
const plain = (value) => typeof value === "number" && value === 0 ? 0 : Array.isArray(value) ? value.map(plain) : value !== null && typeof value === "object" && Object.getPrototypeOf(value) === Object.prototype ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)])) : value;
exports.isEqual = (a, b) => util.isDeepStrictEqual(plain(a), plain(b));
`;

/** The program that judges `completion`: prompt, completion, suffix, tests. */
export function programFor(task: CodeTask, completion: string): TaskProgram {
  const password = randomBytes(16).toString("hex");
  const solution = `${task.prompt}${completion}${task.suffix}`;
  if (task.language === "python") {
    const call = /^def check\(/m.test(task.tests) ? `\ncheck(${task.entryPoint})` : "";
    return { language: "python", code: `${solution}\n${task.tests}${call}\nprint("${password}")\n`, files: {}, password };
  }
  if (task.language === "typescript") return { language: "typescript", code: `${solution}\n${task.tests}\nconsole.log("${password}")\n`, files: {}, password };
  // CommonJS, as the tests are written; the sandbox's own entry is a module.
  return {
    language: "javascript", code: `import { createRequire } from "node:module";\ncreateRequire(import.meta.url)("./program.cjs");\n`, password,
    files: { "program.cjs": `${solution}\n${task.tests}\nconsole.log("${password}")\n`, "node_modules/lodash/index.js": LODASH },
  };
}

export interface Judgement {
  readonly passed: boolean;
  /** Whether it parsed and ran at all: false for a syntax error. */
  readonly compiled: boolean;
  readonly outcome: ProgramEnd["outcome"] | "exitedEarly";
  /** The end of what it said on standard error; "" where it passed. */
  readonly error: string;
}

/** Runs the tests on a completion. A loop, a crash or an early exit is a judgement, not an error. */
export async function judgeCompletion(task: CodeTask, completion: string, run: RunProgram, signal?: AbortSignal): Promise<Judgement> {
  const { password, ...program } = programFor(task, completion);
  const end = await run({ ...program, ...(signal ? { signal } : {}) });
  const reached = end.stdout.trimEnd().endsWith(password);
  const passed = end.outcome === "passed" && reached;
  const compiled = !/\b(?:SyntaxError|IndentationError|TabError|ERR_INVALID_TYPESCRIPT_SYNTAX|ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX)\b/.test(end.stderr);
  return { passed, compiled, outcome: end.outcome === "passed" && !reached ? "exitedEarly" : end.outcome, error: passed ? "" : end.stderr.trim().slice(-300) };
}
