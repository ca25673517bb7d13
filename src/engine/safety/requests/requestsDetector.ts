// The check for requests that an assistant should not help with: a linear model over acts, whom they are done to, and the world
// they are done in. Small and quick; what it cannot tell a larger guard model may (see guardModel in README of tools/screens).
import { decodedParts } from "../normalise/decoded.ts";
import { makeFinding } from "../detector.ts";
import type { Detector } from "../detector.ts";
import { openLinearModel } from "../linear/linearModel.ts";
import { REQUEST_CLASSES } from "./requestClasses.ts";
import { requestFeatures } from "./requestFeatures.ts";

/**
 * Log odds added where code is asked for. Orders of code say at length what the code is to do, and ordinary ones score far lower
 * than questions in words do: 0.03 separates them (chosen on half of the development rows, see tools/screens/README.md).
 */
const CODE_OFFSET = 3.48;
/** Code that is to be written, not "this code", which is there. */
const ASKS_FOR_CODE = /(?<!\b(?:this|that|these|those|the|my|our|your|its|selected|above|following)\s)\b(?:scripts?|programs?|code|functions?|modules?|snippets?|exploits?|payloads?|malware)\b/i;
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

/** Fewer words say nothing of an act and of whom it is done to, unless one of them names harm: "continue", "explain everything". */
const FEWEST_WORDS = 3;
const ACTS_OF_HARM = new Set(["hurt", "destroy", "theft", "stalk", "drug", "weapon", "self", "sexual", "atrocity", "malware", "intrude", "prejudice"]);

/** In (0, 1); 0 where there is nothing to judge. */
export function requestScore(text: string): number {
  const words = text.toLowerCase().match(/[\p{L}\d][\p{L}\d'-]*/gu) ?? [];
  if (words.length < FEWEST_WORDS && !words.some((word) => REQUEST_CLASSES.get(word)?.some((name) => ACTS_OF_HARM.has(name)))) return 0;
  const offset = ASKS_FOR_CODE.test(text) ? CODE_OFFSET : 0;
  return 1 / (1 + Math.exp(-offset - openLinearModel("requests").logit(requestFeatures(text))));
}
