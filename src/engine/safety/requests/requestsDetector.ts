// The check for requests that an assistant should not help with: a linear model over acts, whom they are done to, and the world
// they are done in. Small and quick; what it cannot tell a larger guard model may (see guardModel in README of tools/screens).
import { decodedParts } from "../normalise/decoded.ts";
import { makeFinding } from "../detector.ts";
import type { Detector } from "../detector.ts";
import { openLinearModel } from "../linear/linearModel.ts";
import { requestFeatures } from "./requestFeatures.ts";

/** Log odds that the frozen threshold of 0.5 stands for; see thresholds.ts. */
const OFFSET = 0;
/** From here on the request is stopped rather than asked about. */
const SURE = 0.95;
const JUDGED_CHARACTERS = 6_000;

export const requestsDetector: Detector = {
  name: "requests",
  kinds: ["input"],
  deadlineMs: 150,
  unchecked: "warn",
  detect({ normal }, { threshold }) {
    const { text } = normal();
    const given = text.slice(0, JUDGED_CHARACTERS);
    const score = Math.max(requestScore(given), ...decodedParts(given).map((part) => requestScore(part.text)));
    const isHarmful = score >= threshold;
    return makeFinding("requests", {
      score, threshold, action: !isHarmful ? "allow" : score >= Math.max(SURE, threshold) ? "block" : "ask",
      reason: isHarmful ? "This reads like a request to do harm." : "Nothing harmful is asked for.",
    });
  },
};

/** In (0, 1). */
export function requestScore(text: string): number {
  return 1 / (1 + Math.exp(OFFSET - openLinearModel("requests").logit(requestFeatures(text))));
}
