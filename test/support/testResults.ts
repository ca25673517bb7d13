// The result file that every part of the suite leaves behind, whichever process ran it: the orchestrator counts
// these and nothing else, so a process that dies without writing one is a failure.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { Runner } from "mocha";

export interface TestResult {
  readonly title: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly ms: number;
  readonly error?: string;
}

/** Collects what a mocha run reports. The array fills while the run goes on; hooks that fail count as failed tests. */
export function collectResults(runner: Runner): TestResult[] {
  const results: TestResult[] = [];
  runner.on("pass", (test) => results.push({ title: test.fullTitle(), outcome: "passed", ms: test.duration ?? 0 }));
  runner.on("pending", (test) => results.push({ title: test.fullTitle(), outcome: "skipped", ms: 0 }));
  runner.on("fail", (test, error: unknown) => {
    results.push({ title: test.fullTitle(), outcome: "failed", ms: test.duration ?? 0, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  });
  return results;
}

export function writeResults(file: string, results: readonly TestResult[]): void {
  writeFileSync(`${file}.tmp`, JSON.stringify(results));
  renameSync(`${file}.tmp`, file);
}

/** The results in `file`, or undefined where there are none. */
export function readResults(file: string): TestResult[] | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as TestResult[];
  } catch {
    return undefined;
  }
}
