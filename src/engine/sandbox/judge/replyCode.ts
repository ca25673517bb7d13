// Finds the code in a model's reply and joins it with what the prompt showed. Text only: it runs and parses nothing.
import type { TaskCheck } from "../../base/trainingRecord.ts";
import type { TaskRecord } from "../../base/reward.ts";

const FENCE_NAMES: Record<TaskCheck["language"], readonly string[]> = {
  python: ["python", "py", "python3"],
  javascript: ["javascript", "js", "jsx", "mjs", "node"],
  typescript: ["typescript", "ts", "tsx", "mts"],
};

/** A fenced block (```name … ```), closed or running to the end. */
const FENCE = /^[ \t]*```([\w+-]*)[^\n]*\n([\s\S]*?)(?:^[ \t]*```[ \t]*$|(?![\s\S]))/gm;

/** Code of the first fenced block in `language`, else of the first fenced one, else undefined. */
export function fencedCode(reply: string, language: TaskCheck["language"]): string | undefined {
  const blocks = [...reply.matchAll(FENCE)];
  const own = blocks.find((block) => FENCE_NAMES[language].includes((block[1] ?? "").toLowerCase()));
  return (own ?? blocks[0])?.[2];
}

/** The program that a reply means: its code, after the preamble where it continues that. */
export function programOf(task: TaskRecord, check: TaskCheck, reply: string): string {
  const fenced = fencedCode(reply, check.language);
  const { preamble } = check;
  if (preamble === undefined || preamble === "") return fenced ?? reply;
  const code = fenced ?? reply;
  const signature = lastSignature(preamble, check.language);
  if (signature !== undefined && defines(code, signature.name, check.language)) {
    // The whole function was written again: only what comes before its signature is still needed.
    return `${preamble.slice(0, signature.at)}\n${code}`;
  }
  return preamble + (task.prompt.form === "chat" ? code : continuation(code, check.language));
}

/** What belongs to the function that the preamble began: a model that is not told when to stop goes on with other things. */
function continuation(reply: string, language: TaskCheck["language"]): string {
  const lines = reply.split("\n");
  const end = lines.findIndex((line, i) => {
    if (language === "python") return i > 0 && /^\S/.test(line) && !/^[)\]}]/.test(line);
    return /^\}/.test(line);
  });
  if (end < 0) return reply;
  return lines.slice(0, language === "python" ? end : end + 1).join("\n");
}

const SIGNATURES: Record<TaskCheck["language"], RegExp> = {
  python: /^(?:async\s+)?def\s+(\w+)/gm,
  javascript: /^(?:export\s+(?:default\s+)?)?(?:async\s+)?(?:function\s*\*?\s*(\w+)|(?:const|let|var)\s+(\w+)\s*=)/gm,
  typescript: /^(?:export\s+(?:default\s+)?)?(?:async\s+)?(?:function\s*\*?\s*(\w+)|(?:const|let|var)\s+(\w+)\b)/gm,
};

function lastSignature(preamble: string, language: TaskCheck["language"]): { name: string; at: number } | undefined {
  const match = [...preamble.matchAll(SIGNATURES[language])].at(-1);
  const name = match?.[1] ?? match?.[2];
  return match === undefined || name === undefined ? undefined : { name, at: match.index };
}

function defines(code: string, name: string, language: TaskCheck["language"]): boolean {
  return definedNames(code, language).includes(name);
}

/** Names of the functions (and variables, in JavaScript) that `code` defines at its top level, as far as its text shows. */
export function definedNames(code: string, language: TaskCheck["language"]): string[] {
  return [...code.matchAll(SIGNATURES[language])].map((match) => match[1] ?? match[2] ?? "");
}

/** Identifiers that `tests` mention and a reply may define, in order, each once. Reserved words would not parse as names. */
export function namesIn(tests: string): string[] {
  const names = new Set(tests.match(/(?<![\w$])[A-Za-z_$][\w$]*/g) ?? []);
  return [...names].filter((name) => !RESERVED.has(name));
}

const RESERVED = new Set((
  "await break case catch class const continue debugger default delete do else enum eval export extends false finally for function if implements import in instanceof "
  + "interface let new null package private protected public return static super switch this throw true try typeof undefined var void while with yield arguments assert expect "
  + "reply async of get set NaN Infinity test it describe require"
).split(" "));
