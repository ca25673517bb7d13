// Runs many samples of one function on the same calls, in one box, and says what came out of each. What calls to make and what
// the outcomes mean is in safety/consistency/; the program inside the box is media/sandbox/behaviour.py.
import { readFileSync } from "node:fs";
import { EngineError } from "../base/errors.ts";
import { mediaFile } from "../base/paths.ts";
import type { BehaviourRequest } from "../safety/consistency/behaviour.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

/** A call of a small function takes microseconds; one that takes this long loops. */
const CALL_MS = 60;
const PROGRAM_MS = 1_500;

/**
 * Outcomes by sample and call. A sample that crashes, loops or is not there has outcomes that begin with "!".
 * Errors: `nativeMissing` without Python, `cancelled`, `internal` where the box could not be built.
 */
export async function tryBehaviours(sandbox: Sandbox, { programs, name, calls }: BehaviourRequest, signal?: AbortSignal): Promise<string[][]> {
  if (programs.length === 0 || calls.length === 0) return programs.map(() => []);
  const result = await sandbox.run({
    language: "python", code: readFileSync(mediaFile("sandbox", "behaviour.py"), "utf8"),
    files: { "problem.json": JSON.stringify({ programs, name, calls, callMs: CALL_MS, programMs: PROGRAM_MS }) },
    limits: { wallMs: 5_000 + programs.length * PROGRAM_MS, cpuSeconds: Math.ceil(5 + programs.length), memoryBytes: 512e6, outputBytes: 32e6 },
    ...(signal === undefined ? {} : { signal }),
  });
  const outcomes = programs.map(() => calls.map(() => "!ended"));
  for (const line of result.stdout.split("\n")) {
    if (line === "") continue;
    const said = parseLine(line);
    if (said && outcomes[said.program]) outcomes[said.program] = calls.map((_, at) => said.outcomes[at] ?? "!ended");
  }
  if (result.stdout === "") throw new EngineError("internal", `The samples could not be tried (${result.outcome}): ${result.stderr.slice(-200)}`);
  return outcomes;
}

function parseLine(line: string): { program: number; outcomes: string[] } | null {
  try {
    return JSON.parse(line) as { program: number; outcomes: string[] };
  } catch {
    // The last line of a run that was ended.
    return null;
  }
}
