// The detectors that need nothing but the text. Those that need a parser or the workspace are made in tasks/checkText.ts.
// A new one is a file with a `Detector`, a name in verdict.ts, a line in thresholds.ts and a line here.
import { insecureCodeDetector } from "./code/insecureCodeDetector.ts";
import { commandsDetector } from "./commands/commandsDetector.ts";
import type { Detector } from "./detector.ts";
import { injectionDetector } from "./injection/injectionDetector.ts";
import { personalDataDetector } from "./personalDataDetector.ts";
import { requestsDetector } from "./requests/requestsDetector.ts";
import { secretsDetector } from "./secrets/secretsDetector.ts";

export const TEXT_DETECTORS: readonly Detector[] = [
  secretsDetector,
  personalDataDetector,
  injectionDetector,
  requestsDetector,
  commandsDetector,
  insecureCodeDetector,
];
