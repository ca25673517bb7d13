// Insecure code as a check of the safety room. How it is found is findInsecureCode.ts's.
import { CannotJudge } from "../deadline.ts";
import type { Detector, ScreenedText } from "../detector.ts";
import { makeFinding } from "../detector.ts";
import { codeGrammarOf, findInsecureCode, prepareLanguage } from "./findInsecureCode.ts";
import { guessLanguage } from "./guessLanguage.ts";

const SCORES = { likely: 1, possible: 0.5 } as const;

/** What the code is said to be written in, else what it looks like. */
function languageOf({ text, language, path }: ScreenedText): string {
  const named = language ?? path?.split(".").at(-1) ?? "";
  return codeGrammarOf(named) ? named : guessLanguage(text) ?? named;
}

export const insecureCodeDetector: Detector = {
  name: "insecureCode",
  kinds: ["code"],
  deadlineMs: 150,
  unchecked: "warn",
  prepare: (screened) => prepareLanguage(languageOf(screened)),
  detect(screened, { threshold, deadline }) {
    const judged = findInsecureCode(screened.text, languageOf(screened), deadline.ms);
    if ("notChecked" in judged) throw new CannotJudge(judged.notChecked);
    const found = judged.findings.filter((finding) => SCORES[finding.confidence] >= threshold);
    const first = found[0];
    return makeFinding("insecureCode", {
      score: first ? SCORES[first.confidence] : 0, threshold, action: first ? "warn" : "allow",
      reason: first ? `${first.what} ${first.fix} (${first.cwe})${found.length > 1 ? ` And ${found.length - 1} more.` : ""}` : "No known weaknesses in the code.",
      spans: found.map(({ start, end, cwe }) => ({ start, end, kind: cwe })),
    });
  },
};
