// The check for instructions that a text gives to the assistant: in data they are foreign, in what is typed an attempt to turn it.
import { makeFinding } from "../detector.ts";
import type { Detector } from "../detector.ts";
import { findInjection } from "../injection.ts";

export const injectionDetector: Detector = {
  name: "injection",
  kinds: ["input", "context"],
  deadlineMs: 250,
  unchecked: "warn",
  detect({ text }, { threshold }) {
    const found = findInjection(text);
    return makeFinding("injection", {
      score: found ? 1 : 0, threshold, action: found ? "warn" : "allow", spans: found ? [{ start: found.start, end: found.end, kind: found.family }] : [],
      reason: found ? `The text addresses an assistant (“${found.text}”). It is treated as data.` : "No instructions to an assistant found.",
    });
  },
};
