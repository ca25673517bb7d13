// The check for secrets of one text. What is a secret is secrets.ts's; taking them out is too.
import { CannotJudge } from "../deadline.ts";
import { makeFinding } from "../detector.ts";
import type { Detector } from "../detector.ts";
import { findSecrets } from "../secrets.ts";

export const secretsDetector: Detector = {
  name: "secrets",
  kinds: ["input", "output", "code", "command", "context"],
  deadlineMs: 500,
  unchecked: "warn",
  detect({ text, kind }, { threshold }) {
    const { spans, complete } = findSecrets(text);
    const first = spans[0];
    if (!first && !complete) throw new CannotJudge(`the text has ${text.length} characters, more than are looked at`);
    return makeFinding("secrets", {
      score: first ? 1 : 0, threshold, spans, action: !first ? "allow" : kind === "output" || kind === "code" ? "block" : "warn",
      reason: !first ? "No secrets found." : `${spans.length === 1 ? "What looks like a secret" : `${spans.length} texts that look like secrets`} (${[...new Set(spans.map((span) => span.kind))].slice(0, 3).join(", ")})${kind === "input" || kind === "context" ? "; taken out before it is used" : ""}.`,
    });
  },
};
