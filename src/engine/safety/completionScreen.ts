// The screen of inline completions: within a few milliseconds, no model, no index. A suggestion that holds a secret, a dangerous
// command or a plain weakness is not shown, and the reason says why. Where grammar or time are missing, code counts as not checked.
import type { Check, Verdict } from "../protocol/types.ts";
import { assessCommand } from "./commands/assessCommand.ts";
import { shellOf } from "./commands/commandsDetector.ts";
import { codeGrammarOf, findInsecureCode, prepareLanguage } from "./code/findInsecureCode.ts";
import { NO_POLICY } from "./policy.ts";
import type { Policy } from "./policy.ts";
import { findSecrets } from "./secrets.ts";
import { combineChecks, makeCheck } from "./verdict.ts";

/** Completions are a few lines; whatever is longer is not judged whole and therefore not shown. */
const LONGEST_COMPLETION = 16_384;
/** Characters before the caret that are read with the suggestion: the function it stands in, mostly. */
const CONTEXT = 1_500;
const CODE_BUDGET_MS = 4;

export interface CompletionPlace {
  language: string;
  prefix: string;
}

/** Judges the text of a suggestion: "block" where it must not be shown. Takes at most about 5 ms. */
export function screenCompletion(text: string, place?: CompletionPlace, { codeBudgetMs = CODE_BUDGET_MS, policy = NO_POLICY }: { codeBudgetMs?: number; policy?: Policy } = {}): Verdict {
  const begun = performance.now();
  const checks: Check[] = [secretsCheck(text)];
  if (place && text.length <= LONGEST_COMPLETION) {
    if (shellOf(place.language) !== null) checks.push(commandsCheck(text, place));
    else if (codeGrammarOf(place.language) && policy.runs("insecureCode")) checks.push(codeCheck(text, place, codeBudgetMs));
  }
  return combineChecks(checks, performance.now() - begun);
}

function secretsCheck(text: string): Check {
  const tooLong = text.length > LONGEST_COMPLETION;
  const found = tooLong ? [] : findSecrets(text).spans;
  const first = found[0];
  return makeCheck("secrets", {
    score: found.length, threshold: 1, action: first || tooLong ? "block" : "allow",
    reason: tooLong ? `The suggestion has ${text.length} characters, too many to be checked in time.` : first ? `The suggestion holds what looks like a secret (${first.kind}).` : "No secrets found.",
    ...(first ? { span: { start: first.start, end: first.end } } : {}),
  });
}

/** The line that the suggestion goes on with is judged with it: "rm -rf " and "/" are harmless apart. Only what destroys is hidden; the user reads the rest. */
function commandsCheck(text: string, { prefix, language }: CompletionPlace): Check {
  const line = prefix.slice(prefix.lastIndexOf("\n") + 1);
  const assessment = assessCommand(line + text, { shell: shellOf(language) ?? "auto" });
  const blocked = assessment.action === "block" && (line.trim() === "" || assessCommand(line).action !== "block");
  return makeCheck("commands", { score: blocked ? 1 : 0, threshold: 1, action: blocked ? "block" : "allow", reason: blocked ? `The suggestion was hidden: ${lower(assessment.consequence)}` : "No dangerous commands." });
}

/** Weaknesses that the suggestion itself brings in; those that stand before it are the user's. */
function codeCheck(text: string, { prefix, language }: CompletionPlace, budgetMs: number): Check {
  const cut = prefix.length > CONTEXT ? prefix.indexOf("\n", prefix.length - CONTEXT) + 1 : 0;
  const before = prefix.slice(cut);
  const judged = findInsecureCode(before + text, language, budgetMs);
  if ("notChecked" in judged) {
    // The grammar is loaded for the next suggestion.
    void prepareLanguage(language).catch(() => undefined);
    return { ...makeCheck("insecureCode", { score: 0, threshold: 1, action: "warn", reason: `Not checked: ${judged.notChecked}.` }), notChecked: true };
  }
  const first = judged.findings.find((finding) => finding.confidence === "likely" && finding.end > before.length && finding.cwe !== "CWE-208");
  return makeCheck("insecureCode", {
    score: first ? 1 : 0, threshold: 1, action: first ? "block" : "allow",
    reason: first ? `The suggestion was hidden: ${lower(first.what)} ${first.fix} (${first.cwe})` : "No known weaknesses in the code.",
    ...(first ? { span: { start: Math.max(0, first.start - before.length), end: first.end - before.length } } : {}),
  });
}

function lower(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}
