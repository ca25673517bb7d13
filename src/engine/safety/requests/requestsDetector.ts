// The check for requests that an assistant should not help with: a linear model over acts, whom they are done to, and the world
// they are done in. Small and quick; what it cannot tell a larger guard model may (see guardModel in README of tools/screens).
import { decodedParts } from "../normalise/decoded.ts";
import { makeFinding } from "../detector.ts";
import type { Detector } from "../detector.ts";
import { openLinearModel } from "../linear/linearModel.ts";
import { requestFeatures } from "./requestFeatures.ts";

/**
 * Log odds added where code is asked for. Orders of code say at length what the code is to do, and ordinary ones score far lower
 * than questions in words do: 0.03 separates them (chosen on half of the development rows, see tools/screens/README.md).
 */
const CODE_OFFSET = 3.48;
const ASKS_FOR_CODE = /\b(?:scripts?|programs?|code|functions?|modules?|snippets?|exploits?|payloads?|malware)\b/i;
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
  const offset = ASKS_FOR_CODE.test(text) ? CODE_OFFSET : 0;
  return 1 / (1 + Math.exp(-offset - openLinearModel("requests").logit(requestFeatures(text))));
}
