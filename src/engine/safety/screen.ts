// Runs the detectors that judge a kind of text, each within its deadline and under the policy, and combines what they say.
// A detector that is late or fails counts as not checked, which is never "allow".
import { isCancelled, throwIfCancelled } from "../base/errors.ts";
import type { Check, Verdict } from "../protocol/types.ts";
import { Deadline, DeadlinePassed } from "./deadline.ts";
import { makeFinding } from "./detector.ts";
import type { Detector, Finding, ScreenedText, TextKind } from "./detector.ts";
import { normalise } from "./normalise/normalise.ts";
import type { NormalText } from "./normalise/normalise.ts";
import { NO_POLICY } from "./policy.ts";
import type { Policy } from "./policy.ts";
import { combineChecks } from "./verdict.ts";

export interface ScreenOptions {
  readonly policy?: Policy;
  readonly signal?: AbortSignal;
}

/** `text` as detectors take it. */
export function screened(text: string, kind: TextKind, more: { language?: string; path?: string } = {}): ScreenedText {
  let normal: NormalText | undefined;
  return { text, kind, ...more, normal: () => normal ??= normalise(text) };
}

/** The verdict of all `detectors` that judge texts of this kind. */
export async function screenText(given: ScreenedText, detectors: readonly Detector[], options: ScreenOptions = {}): Promise<Verdict & { checks: Finding[] }> {
  const begun = performance.now();
  const { policy = NO_POLICY } = options;
  const findings: Finding[] = [];
  for (const detector of detectors) {
    if (!detector.kinds.includes(given.kind) || !policy.runs(detector.name, given.path)) continue;
    findings.push(await runDetector(detector, given, options));
  }
  const { action, ms } = combineChecks(findings, performance.now() - begun);
  return { action, checks: findings, ms };
}

/** What one detector says of a text. Errors: none but being cancelled; whatever else goes wrong is "not checked". */
export async function runDetector(detector: Detector, given: ScreenedText, { policy = NO_POLICY, signal }: ScreenOptions = {}): Promise<Finding> {
  throwIfCancelled(signal);
  const threshold = policy.threshold(detector.name);
  try {
    if (detector.prepare) await detector.prepare(given);
    const deadline = new Deadline(detector.deadlineMs);
    const found = detector.detect(given, { threshold, deadline, ...(signal ? { signal } : {}) });
    return policy.judge(found instanceof Promise ? await withinTime(found, detector.deadlineMs) : found, given.text);
  } catch (error) {
    if (isCancelled(error)) throw error;
    return { ...makeFinding(detector.name, { score: 0, threshold, action: detector.unchecked, reason: `Not checked: ${error instanceof Error ? error.message : String(error)}.` }), notChecked: true };
  }
}

/** Whether a check was made at all. */
export function wasChecked(check: Check): boolean {
  return check.notChecked !== true;
}

async function withinTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlinePassed(ms)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
