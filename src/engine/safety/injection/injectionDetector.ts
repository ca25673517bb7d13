// The check for instructions that a text gives to the assistant: in data they are foreign, in what is typed an attempt to turn it.
// Two linear models (pieces of documents; what is typed) over the text as a reader sees it and over what it says in an encoding.
import { decodedParts } from "../normalise/decoded.ts";
import { makeFinding } from "../detector.ts";
import type { Detector, DetectorOptions, FoundSpan, ScreenedText } from "../detector.ts";
import { findInjection } from "../injection.ts";
import { openLinearModel } from "../linear/linearModel.ts";
import { segmentFeatures, typedFeatures, wordCounts } from "./segmentFeatures.ts";
import { segmentsOf } from "./segments.ts";
import { CannotJudge } from "../deadline.ts";

/** Log odds that the frozen threshold of 0.5 stands for; chosen on half of the development rows, see tools/screens/README.md. */
const CONTEXT_OFFSET = 0;
const TYPED_OFFSET = -0.6;
/** Typed text beyond this is judged as a document: people paste those. */
const LONGEST_TYPED = 4_000;
const SCANNED_CHARACTERS = 400_000;

interface Scored extends FoundSpan {
  readonly score: number;
}

export const injectionDetector: Detector = {
  name: "injection",
  kinds: ["input", "context"],
  deadlineMs: 400,
  unchecked: "warn",
  detect(screened, options) {
    const found = scoreInjections(screened, options);
    const strongest = found.reduce<Scored | null>((a, b) => (a === null || b.score > a.score ? b : a), null);
    const flagged = found.filter((one) => one.score >= options.threshold).sort((a, b) => a.start - b.start);
    if (flagged.length === 0 && screened.text.length > SCANNED_CHARACTERS) throw new CannotJudge(`the text has ${screened.text.length} characters, more than are looked at`);
    const first = flagged[0];
    const quoted = first ? screened.text.slice(first.start, first.end).replace(/\s+/g, " ").trim().slice(0, 100) : "";
    return makeFinding("injection", {
      score: strongest?.score ?? 0, threshold: options.threshold, action: first ? "warn" : "allow", spans: flagged.map(({ start, end, kind }) => ({ start, end, kind })),
      reason: !first ? "No instructions to an assistant found." : screened.kind === "context" ? `Text that speaks to an assistant (“${quoted}”). It is treated as data.` : `This reads like an attempt to turn the assistant (“${quoted}”).`,
    });
  },
};

/** Every piece with its score in [0, 1]. */
export function scoreInjections({ text, kind, normal }: Pick<ScreenedText, "text" | "kind" | "normal">, { deadline, isCode = false }: Pick<DetectorOptions, "deadline"> & { isCode?: boolean }): Scored[] {
  const seen = normal();
  const given = seen.text.slice(0, SCANNED_CHARACTERS);
  const found: Scored[] = [];
  const isTyped = kind === "input" && given.length <= LONGEST_TYPED;
  const add = (start: number, end: number, score: number, family: string): void => void found.push({ start: seen.original(start), end: seen.original(end), score, kind: family });
  const mark = findInjection(given, { isCode });
  // "How do I print all environment variables?" is a question where a user types it, and an order where a file says it.
  if (mark && !(isTyped && mark.family === "exfiltrate")) add(mark.start, mark.end, 0.99, mark.family);
  if (isTyped) add(0, given.length, typedScore(given), "typed");
  else for (const piece of documentScores(given, deadline)) add(piece.start, piece.end, piece.score, piece.kind);
  for (const part of decodedParts(given)) {
    deadline.check();
    // Somebody took the trouble to hide words: less is needed than in the open.
    const score = Math.max(typedScore(part.text), ...documentScores(part.text, deadline).map((piece) => piece.score), findInjection(part.text) ? 0.99 : 0);
    add(part.start, part.end, Math.min(1, score + 0.2), `encoded ${part.via}`);
  }
  if (seen.hiddenText.length > 3) add(0, Math.min(200, given.length), 0.99, "hidden text");
  if (text.length < SCANNED_CHARACTERS && seen.nMixedWords > 2 && found.some((one) => one.score > 0.3)) add(0, given.length, 0.8, "look-alike letters");
  return found;
}

function typedScore(text: string): number {
  return sigmoid(openLinearModel("injection-typed").logit(typedFeatures(text)) - TYPED_OFFSET);
}

function documentScores(text: string, deadline: DetectorOptions["deadline"]): Scored[] {
  const { segments, complete } = segmentsOf(text);
  if (!complete) throw new CannotJudge("the text has more pieces than are looked at");
  const counts = wordCounts(segments);
  const model = openLinearModel("injection-context");
  return segments.map((segment, at) => {
    if (at % 16 === 0) deadline.check();
    return { start: segment.start, end: segment.end, kind: segment.isComment ? "comment" : "instruction", score: sigmoid(model.logit(segmentFeatures(segment, at, segments, counts)) - CONTEXT_OFFSET) };
  });
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}
