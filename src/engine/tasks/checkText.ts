// Judges one text by every detector for its kind, under the workspace's policy: `kalactica check`, and whoever suggests something.
// Joins the safety room with the parsers that some detectors need.
import type { Verdict } from "../protocol/types.ts";
import type { Detector, Finding, TextKind } from "../safety/detector.ts";
import { TEXT_DETECTORS } from "../safety/detectors.ts";
import type { Policy } from "../safety/policy.ts";
import { screened, screenText } from "../safety/screen.ts";

export interface CheckTextParams {
  readonly text: string;
  readonly kind: TextKind;
  readonly language?: string;
  readonly path?: string;
}

let opened: Promise<readonly Detector[]> | undefined;

/** All detectors, their grammars loaded once a process. */
export function allDetectors(): Promise<readonly Detector[]> {
  return opened ??= openDetectors();
}

// eslint-disable-next-line @typescript-eslint/require-await
async function openDetectors(): Promise<readonly Detector[]> {
  return [...TEXT_DETECTORS];
}

/** The verdict on a text, with every check's spans. Errors: none but being cancelled; what fails is "not checked". */
export async function checkText({ text, kind, language, path }: CheckTextParams, { policy, signal }: { policy?: Policy; signal?: AbortSignal } = {}): Promise<Verdict & { checks: Finding[] }> {
  const given = screened(text, kind, { ...(language === undefined ? {} : { language }), ...(path === undefined ? {} : { path }) });
  return screenText(given, await allDetectors(), { ...(policy ? { policy } : {}), ...(signal ? { signal } : {}) });
}
