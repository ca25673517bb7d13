// What a detector is: a judgement over one text, within a deadline, at one threshold. Which detectors there are is detectors.ts's;
// how they are run together is screen.ts's.
import type { Check, VerdictAction } from "../protocol/types.ts";
import type { Deadline } from "./deadline.ts";
import type { NormalText } from "./normalise/normalise.ts";
import type { CheckName } from "./verdict.ts";

/** What a text is to the assistant: what the user typed, what a model wrote, code or a command it suggests, or data from elsewhere. */
export const TEXT_KINDS = ["input", "output", "code", "command", "context"] as const;
export type TextKind = (typeof TEXT_KINDS)[number];

export interface ScreenedText {
  readonly text: string;
  readonly kind: TextKind;
  /** A language id as VS Code names it, where it is known. */
  readonly language?: string;
  /** Relative to the workspace, where the text is a file's. */
  readonly path?: string;
  /** The text as a reader sees it, with offsets back into `text`; computed once. */
  readonly normal: () => NormalText;
}

/** Where something was found, in UTF-16 offsets of the text that was given. */
export interface FoundSpan {
  readonly start: number;
  readonly end: number;
  /** What was found there, for example "github-token" or "CWE-89". */
  readonly kind: string;
}

/** A check of one text. `spans` are ordered; the check's own `span` is the first of them. */
export interface Finding extends Check {
  readonly spans: readonly FoundSpan[];
}

export interface DetectorOptions {
  /** The frozen threshold, or what the workspace's policy made of it. */
  readonly threshold: number;
  /** Long loops ask it: {@link Deadline.check} throws once the time is over, and the check then counts as not checked. */
  readonly deadline: Deadline;
  readonly signal?: AbortSignal;
}

export interface Detector {
  readonly name: CheckName;
  /** The kinds of text that it judges. */
  readonly kinds: readonly TextKind[];
  /** What it may take for one text, ms. */
  readonly deadlineMs: number;
  /** Where it could not judge (no deadline kept, text too long), this is what is done: never "allow". */
  readonly unchecked: Exclude<VerdictAction, "allow">;
  /** Loads what this text needs (a grammar), before the time counts. */
  prepare?(screened: ScreenedText): Promise<void>;
  detect(screened: ScreenedText, options: DetectorOptions): Finding | Promise<Finding>;
}

/** A finding with a name of the list; its span is the first one. */
export function makeFinding(name: CheckName, values: { score: number; threshold: number; action: VerdictAction; reason: string; spans?: readonly FoundSpan[] }): Finding {
  const { spans = [], ...rest } = values;
  const first = spans[0];
  return { name, ...rest, spans, ...(first ? { span: { start: first.start, end: first.end } } : {}) };
}
