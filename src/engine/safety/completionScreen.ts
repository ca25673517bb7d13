// The screen of inline completions: within a millisecond, no model, no index. A suggestion that holds a secret is not shown.
import type { Verdict } from "../protocol/types.ts";
import { findSecrets } from "./secrets.ts";
import { combineChecks, makeCheck } from "./verdict.ts";

/** Completions are a few lines; whatever is longer is not judged whole and therefore not shown. */
const LONGEST_COMPLETION = 16_384;

/** Judges the text of a suggestion: "block" where it must not be shown, else "allow". Takes at most about 1 ms. */
export function screenCompletion(text: string): Verdict {
  const begun = performance.now();
  const tooLong = text.length > LONGEST_COMPLETION;
  const found = tooLong ? [] : findSecrets(text).spans;
  const first = found[0];
  const check = makeCheck("secrets", {
    score: found.length, threshold: 1, action: first || tooLong ? "block" : "allow",
    reason: tooLong ? `The suggestion has ${text.length} characters, too many to be checked in time.` : first ? `The suggestion holds what looks like a secret (${first.kind}).` : "No secrets found.",
    ...(first ? { span: { start: first.start, end: first.end } } : {}),
  });
  return combineChecks([check], performance.now() - begun);
}
