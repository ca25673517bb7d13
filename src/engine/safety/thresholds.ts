// The frozen threshold of every check, in one table, each with what it was measured on. A check reads its threshold from here
// and nowhere else; a workspace's policy may move it (policy.ts), an evaluation may not.
import type { CheckName } from "./verdict.ts";

export interface Threshold {
  /** A check's score from which on its text is not simply allowed. Scores grow with suspicion unless `below` is set. */
  readonly value: number;
  /** The score is a share of what is right: below the value it does not pass. */
  readonly below?: true;
  /** How the value was chosen, and where what it gives is measured. */
  readonly measured: string;
}

export const THRESHOLDS: Readonly<Record<CheckName, Threshold>> = {
  citations: { value: 1, below: true, measured: "exact: each citation is read again" },
  grounded: { value: 0.7, below: true, measured: "our choice until it is calibrated" },
  secrets: { value: 0.5, measured: "found or not; 1,356 drawn cases and six repositories, tools/screens/README.md" },
  personalData: { value: 0.5, measured: "exact: a match is found or not" },
  injection: { value: 0.5, measured: "log odds moved so that 0.5 is right; chosen on half of 955 public rows, told on the other, tools/screens/README.md" },
  requests: { value: 0.5, measured: "log odds moved so that 0.5 is right; chosen on half of 859 public rows, told on the other, tools/screens/README.md" },
  commands: { value: 0.5, measured: "0 allow, 0.5 ask, 1 block" },
  insecureCode: { value: 0.5, measured: "0 nothing found, 1 found" },
  licence: { value: 0.5, measured: "0 nothing found, 1 found" },
  drift: { value: 1, measured: "each check brings its own: conformal at 5 % from the workspace's own snippets (safety/drift/calibration.ts), `evaluate drift`" },
  topology: { value: 1, measured: "none: AUROC .63 alone, so that it decides nothing (safety/topology/fingerprint.ts)" },
  consistency: { value: 0.5, below: true, measured: "our choice until it is calibrated" },
};
