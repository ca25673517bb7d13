// The check for personal data of one text: said, and taken out before it is kept or sent; never a reason to stop.
import { CannotJudge } from "./deadline.ts";
import { makeFinding } from "./detector.ts";
import type { Detector } from "./detector.ts";
import { findPersonalData } from "./personalData.ts";

export const personalDataDetector: Detector = {
  name: "personalData",
  kinds: ["input", "output", "context"],
  deadlineMs: 500,
  unchecked: "warn",
  detect({ text }, { threshold }) {
    const { spans, complete } = findPersonalData(text);
    if (spans.length === 0 && !complete) throw new CannotJudge(`the text has ${text.length} characters, more than are looked at`);
    const kinds = [...new Set(spans.map((span) => span.kind))];
    return makeFinding("personalData", {
      score: spans.length === 0 ? 0 : 1, threshold, spans, action: spans.length === 0 ? "allow" : "warn",
      reason: spans.length === 0 ? "No personal data found." : `Personal data (${kinds.slice(0, 4).join(", ")}); replaced where it is kept.`,
    });
  },
};
