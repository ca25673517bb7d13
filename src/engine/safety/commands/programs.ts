// What the assessor knows of programs by name: which are shells, which run code of their arguments, what listings name. Plain
// tables and questions about words; following them is shellAssessor.ts's.
import type { CommandCall } from "./call.ts";
import { UNKNOWN } from "./places.ts";
import type { ShellCommand, ShellWord } from "./shellSyntax.ts";
import { UNKNOWN_VALUE } from "./values.ts";
import type { Value } from "./values.ts";

export const SHELLS = new Set(["sh", "bash", "zsh", "dash", "ksh", "ash", "fish", "csh", "tcsh", "rbash", "mksh", "pwsh", "powershell", "cmd"]);
export const INTERPRETERS: Readonly<Record<string, readonly string[]>> = {
  python: ["-c"], python2: ["-c"], python3: ["-c"], pypy: ["-c"], node: ["-e", "--eval", "-p", "--print", "-pe"], nodejs: ["-e"], deno: ["eval"], bun: ["-e", "--eval"], perl: ["-e", "-E", "-ne", "-pe", "-ane", "-0777"], ruby: ["-e"], php: ["-r"], lua: ["-e"], Rscript: ["-e"], tclsh: [], groovy: ["-e"], "ts-node": ["-e"], tsx: ["-e"], awk: [], gawk: [],
};

/** What a listing of files names: the pattern that they match, or all under the folder. */
export function foundPaths(call: CommandCall): string {
  const root = call.args[0] && !/^[-(!]/.test(call.args[0].text) ? call.args[0].text.replace(/(?<=.)\/$/, "") : ".";
  const patterns = call.args.flatMap((arg, i) => (/^-i?(?:name|path)$/.test(call.args[i - 1]?.text ?? "") ? [arg.text] : []));
  return `${root === "/" ? "" : root}/${patterns[0] ?? (call.name === "find" && !call.args.some((arg) => /^-(?:mtime|type|size|newer)/.test(arg.text)) ? "*" : UNKNOWN)}`;
}

export const ENVIRONMENT: Value = { ...UNKNOWN_VALUE, keys: "the environment with its keys" };

/** The program that a first word names: without folder, ".exe" and a leading backslash. */
export function programName(word: string): string {
  const name = word.replace(/^.*[\\/](?=[^\\/]+$)/, "").replace(/\.(?:exe|com)$/i, "");
  return /^[A-Z][A-Za-z]*-[A-Z]|^[A-Z]+$/.test(name) && name.length > 1 ? name.toLowerCase() : name;
}

export function wordText(word: ShellWord): string {
  return word.parts.map((part) => (part.kind === "literal" ? part.text : UNKNOWN)).join("");
}

export function quote(text: string): string {
  return /^[\w./=:@%+,~-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Whether a function's body pipes into or starts the function itself. */
export function callsItself(body: Extract<ShellCommand, { kind: "group" }>, name: string): boolean {
  return body.scripts.some((script) => script.pipelines.some((pipeline) => pipeline.commands.length > 1 && pipeline.commands.filter((command) => command.kind === "simple" && command.words[0] !== undefined && wordText(command.words[0]) === name).length > 1));
}
