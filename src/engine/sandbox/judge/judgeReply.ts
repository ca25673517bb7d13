// Judges a reply by a task's tests, so that the reply cannot touch the verdict: its code runs in one box, the tests in
// another, and only calls and plain data pass between them, by way of this process. The reply never sees the tests, the
// verdict comes from their box alone, and only when they ran to their end. (media/sandbox/ holds the programs of both.)
//
// Not done here: finding the code in a reply (replyCode.ts), turning verdicts into rewards (rewards.ts).
import { readFileSync } from "node:fs";
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import { mediaFile } from "../../base/paths.ts";
import type { TaskCheck } from "../../base/trainingRecord.ts";
import type { SandboxLimits } from "../limits.ts";
import type { SandboxProgram, SandboxSession } from "../sandbox.ts";
import { definedNames, namesIn } from "./replyCode.ts";

/** `Sandbox.converse`, or something like it. */
export type Converse = <T>(programs: readonly (SandboxProgram & { readonly onLine: (line: string) => void })[], signal: AbortSignal | undefined, work: (sessions: SandboxSession[]) => Promise<T>) => Promise<T>;

export interface Verdict {
  /** Asserts (or test cases) that held. */
  readonly passed: number;
  /** Asserts that there are, at least 1: one that was never reached has not held. */
  readonly total: number;
  /** What went wrong first, in the words of the tests or of the interpreter; null where all held. */
  readonly error: string | null;
}

/** A reply of a few lines and its tests need far less; the tests' own box may take twice as long as the reply's. */
export const JUDGE_LIMITS: Partial<SandboxLimits> = { wallMs: 5000, cpuSeconds: 5, memoryBytes: 256e6, outputBytes: 4e6 };

export interface JudgedReply {
  readonly check: TaskCheck;
  /** The program to test (`programOf`). */
  readonly program: string;
  /** The reply as it came; the tests can read it as `reply`. */
  readonly reply: string;
}

/**
 * Runs the tests. A reply that loops, exits, crashes or takes too much memory gets a verdict like any other.
 * Errors: `dataInvalid` where the tests themselves do not parse or never look at the reply; `nativeMissing`; `cancelled`.
 */
export async function judgeReply(converse: Converse, judged: JudgedReply, limits: Partial<SandboxLimits> = {}, signal?: AbortSignal): Promise<Verdict> {
  const { check } = judged;
  const own = { ...JUDGE_LIMITS, ...limits };
  const names = check.language === "python" ? [] : namesIn(check.tests);
  // What the tests say when they are done: everything else of theirs goes to the reply.
  const verdict = Promise.withResolvers<RawVerdict | undefined>();
  let sessions: SandboxSession[] = [];
  let loadProblem: string | undefined;
  let waiting: string[] = [];
  let loaded = false;
  const toTests = (line: string): void => { sessions[1]?.send(line); };

  const onReplyLine = (line: string): void => {
    if (loaded) { toTests(line); return; }
    loaded = true;
    loadProblem = loadError(line);
    for (const held of waiting) sessions[0]?.send(held);
    waiting = [];
  };
  const onTestsLine = (line: string): void => {
    const found = verdictIn(line);
    if (found !== undefined) verdict.resolve(found);
    else if (loaded) sessions[0]?.send(line);
    else waiting.push(line);
  };
  return converse([
    { ...harness("candidate", judged, names), limits: own, onLine: onReplyLine },
    { ...harness("judge", judged, names), limits: { ...own, wallMs: (own.wallMs ?? 5000) * 2 }, onLine: onTestsLine },
  ], signal, async (started) => {
    sessions = started;
    const [replySide, testsSide] = started as [SandboxSession, SandboxSession];
    const replyEnd = replySide.done.then((result) => {
      loaded = true;
      toTests(JSON.stringify({ gone: true }));
      return result;
    });
    const testsEnd = testsSide.done.then((result) => {
      verdict.resolve(undefined);
      return result;
    });
    for (const end of [replyEnd, testsEnd]) end.catch((error: unknown) => { verdict.reject(error); });
    const found = await verdict.promise;
    throwIfCancelled(signal);
    if (found === undefined) {
      const { outcome, stderr } = await testsEnd;
      return { passed: 0, total: 1, error: `The tests ended without a verdict (${outcome}). ${stderr.slice(-200)}`.trim() };
    }
    if (found.invalid !== undefined) throw new EngineError("dataInvalid", `The task's tests cannot be run: ${found.invalid}. Correct them or leave the task out.`, { tests: check.tests.slice(0, 200) });
    if (!found.looks) throw new EngineError("dataInvalid", "The task's tests never look at the reply: they name nothing that it could define. Correct them or leave the task out.", { tests: check.tests.slice(0, 200) });
    return { passed: found.passed, total: found.total, error: found.passed === found.total ? null : loadProblem ?? found.error };
  });
}

interface RawVerdict {
  readonly passed: number;
  readonly total: number;
  readonly error: string | null;
  readonly looks: boolean;
  readonly invalid?: string;
}

/** The verdict in a line of the tests' box. Its program is ours; a value that is none is as good as no verdict. */
function verdictIn(line: string): RawVerdict | undefined {
  if (!line.startsWith("{\"verdict\"")) return undefined;
  const { verdict } = JSON.parse(line) as { verdict: RawVerdict };
  const sound = Number.isInteger(verdict.passed) && Number.isInteger(verdict.total) && verdict.total >= 1 && verdict.passed >= 0 && verdict.passed <= verdict.total;
  return sound ? verdict : { passed: 0, total: 1, error: "The verdict of the tests was damaged.", looks: true };
}

/** Why the reply did not load, if it did not. The line comes from the reply's box: nothing but a text is taken from it. */
function loadError(line: string): string | undefined {
  try {
    const { loaded } = JSON.parse(line) as { loaded?: [unknown, unknown, unknown] | null };
    return Array.isArray(loaded) ? `${String(loaded[0])}: ${String(loaded[2])}`.slice(0, 300) : undefined;
  } catch {
    return undefined;
  }
}

function harness(side: "candidate" | "judge", { check, program, reply }: JudgedReply, names: readonly string[]): Pick<SandboxProgram, "language" | "code" | "files"> {
  const shown: Record<string, string> = side === "candidate" ? { reply: program } : { tests: check.tests };
  const asked = JSON.stringify(definedNames(check.preamble ?? "", check.language));
  if (check.language === "python") {
    const files = Object.fromEntries(Object.entries(shown).map(([name, text]) => [`${name}.py`, text]));
    return { language: "python", code: media(`main_${side}.py`), files: { ...files, "asked.json": asked, "wire.py": media("wire.py"), ...(side === "judge" ? { "reply.txt": reply } : {}) } };
  }
  const ending = check.language === "typescript" ? "mts" : "mjs";
  const files = Object.fromEntries(Object.entries(shown).map(([name, text]) => [`${name}.${ending}`, text]));
  return {
    language: "javascript", code: media(`main_${side}.mjs`),
    files: { ...files, "wire.mjs": media("wire.mjs"), "names.json": JSON.stringify(names), "asked.json": asked, ...(side === "judge" ? { "reply.txt": reply } : {}) },
  };
}

const read = new Map<string, string>();

function media(name: string): string {
  let text = read.get(name);
  if (text === undefined) {
    text = readFileSync(mediaFile("sandbox", name), "utf8");
    read.set(name, text);
  }
  return text;
}
