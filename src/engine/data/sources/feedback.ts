// What the user did with completions and answers as training data: kept or undone, written otherwise, edited, rated.
// It reads rows that were stored without secrets and personal data, and writes each as a record with an id to review it by.
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import type { RecordOrigin, TrainingPrompt, TrainingRecord } from "../../base/trainingRecord.ts";
import type { DatasetProblem } from "../../protocol/training.ts";
import { likeness } from "./cellRepair.ts";
import { takenOut } from "./source.ts";
import type { RecordSource, SourceHooks } from "./source.ts";

/** A suggestion and what became of it; see completion/outcomes.ts. Oldest first. */
export interface CompletionFeedback {
  readonly id: string;
  readonly at: number;
  readonly path: string;
  readonly language: string;
  readonly outcome: "shown" | "accepted" | "partiallyAccepted" | "rejected" | "keptAfter30s" | "undoneWithin30s";
  readonly before: string | null;
  readonly after: string | null;
  readonly text: string | null;
  readonly instead: string | null;
}

/** Code from an answer, as applied and as kept; see memory/appliedAnswers.ts. */
export interface AppliedFeedback {
  readonly id: string;
  readonly at: number;
  readonly question: string;
  readonly path: string;
  readonly language: string;
  readonly before: string;
  readonly applied: string;
  readonly kept: string;
}

/** A rated answer; see memory/answerFeedback.ts. */
export interface RatedFeedback {
  readonly askId: string;
  readonly at: number;
  readonly rating: "up" | "down";
  readonly question: string;
  readonly prose: string;
  readonly sources: readonly { readonly path: string; readonly startLine: number; readonly endLine: number; readonly text: string }[];
}

export interface FeedbackOptions {
  readonly completions: Iterable<CompletionFeedback>;
  readonly applied: Iterable<AppliedFeedback>;
  readonly ratings: Iterable<RatedFeedback>;
  /** Ids (`origin.at`) of records that a person took out. */
  readonly excluded?: ReadonlySet<string>;
}

/** A rejected and a kept suggestion belong to the same place when they lie no further apart than this, in ms and characters. Our choice. */
const SAME_PLACE_MS = 120_000;
const SAME_PLACE_TYPED = 60;
const SAME_PLACE_BEFORE = 160;
/** An answer edited beyond recognition says nothing about the answer. */
const LEAST_LIKENESS = 0.3;

export function feedback(options: FeedbackOptions): RecordSource {
  return { source: "feedback", records: (hooks = {}) => records(options, hooks) };
}

// eslint-disable-next-line @typescript-eslint/require-await -- the interface of sources is asynchronous
async function* records(options: FeedbackOptions, { signal, onProgress }: SourceHooks): AsyncGenerator<TrainingRecord | DatasetProblem> {
  let done = 0;
  let n = 0;
  let nOut = 0;
  const streams = [completionRecords(options.completions), eachOf(options.applied, appliedRecords), eachOf(options.ratings, ratingRecords)];
  for (const stream of streams) {
    for (const record of stream) {
      throwIfCancelled(signal);
      if (++done % 100 === 0) onProgress?.({ done, total: null, unit: "outcomes" });
      if (saysNothing(record)) continue;
      if (options.excluded?.has(record.origin.at) === true) {
        nOut++;
        continue;
      }
      n++;
      yield record;
    }
  }
  onProgress?.({ done, total: done, unit: "outcomes" });
  yield* takenOut(nOut);
  if (n === 0) throw new EngineError("dataInvalid", "Nothing to learn from has been recorded yet: no completions that were kept, undone or written otherwise, no applied answers, no ratings of prose. Work with completions and answers for a while, then prepare the data again.");
}

function* eachOf<T>(rows: Iterable<T>, make: (row: T) => Generator<TrainingRecord>): Generator<TrainingRecord> {
  for (const row of rows) yield* make(row);
}

/** A text with a hole where a secret was is not to be written again, and a bracket or a quote is no opinion. */
function saysNothing(record: TrainingRecord): boolean {
  const learnt = record.kind === "preference" ? [record.chosen, record.rejected] : record.kind === "judged" ? [record.completion] : [];
  return learnt.some((text) => text.includes("<redacted:") || text.trim().length < 2);
}

/** A suggestion whose texts are all there. */
type Whole = CompletionFeedback & { before: string; text: string };

function* completionRecords(rows: Iterable<CompletionFeedback>): Generator<TrainingRecord> {
  /** Rejected a short while ago without anything written instead: what is kept at the same place is better. */
  let rejected: Whole[] = [];
  for (const row of rows) {
    if (!isWhole(row)) continue;
    rejected = rejected.filter(({ at }) => row.at - at <= SAME_PLACE_MS);
    const { outcome, instead, text } = row;
    if (outcome === "keptAfter30s") {
      yield { kind: "judged", prompt: promptOf(row), completion: text, good: true, origin: originOf(row, "") };
      for (const earlier of rejected) {
        const typed = typedSince(earlier, row);
        const chosen = typed === null ? "" : typed + text;
        if (typed === null || sameStart(chosen, earlier.text)) continue;
        yield { kind: "preference", prompt: promptOf(earlier), chosen, rejected: earlier.text, origin: originOf(earlier, " (pair)") };
        yield { kind: "judged", prompt: promptOf(earlier), completion: earlier.text, good: false, origin: originOf(earlier, "") };
      }
      rejected = rejected.filter((earlier) => typedSince(earlier, row) === null);
    } else if (outcome === "undoneWithin30s" || (outcome === "rejected" && instead !== null)) {
      yield { kind: "judged", prompt: promptOf(row), completion: text, good: false, origin: originOf(row, "") };
      if (instead !== null && !sameStart(instead, text)) yield { kind: "preference", prompt: promptOf(row), chosen: instead, rejected: text, origin: originOf(row, " (pair)") };
    } else if (outcome === "rejected") rejected.push(row);
  }
}

function isWhole(row: CompletionFeedback): row is Whole {
  return row.before !== null && row.text !== null && row.text.trim() !== "";
}

function promptOf({ before, after, path }: Whole): TrainingPrompt {
  return { form: "infill", prefix: before, suffix: after ?? "", path };
}

function originOf({ id, at, language }: CompletionFeedback, suffix: string): RecordOrigin {
  return { at: `completion ${id}${suffix}`, time: at, language };
}

/** What was typed between the two suggestions, "" where nothing was; null where they are of different places. */
function typedSince(earlier: Whole, later: Whole): string | null {
  if (earlier.path !== later.path) return null;
  const anchor = earlier.before.slice(-SAME_PLACE_BEFORE);
  // At the top of a file there is less to compare, but then it is the whole prefix.
  if (anchor.trim().length < 8) return null;
  const at = later.before.lastIndexOf(anchor);
  if (at < 0) return null;
  const typed = later.before.slice(at + anchor.length);
  return typed.length <= SAME_PLACE_TYPED && !typed.includes("\n") ? typed : null;
}

/** One goes on where the other ends: then neither is worse. */
function sameStart(a: string, b: string): boolean {
  const left = a.trim();
  const right = b.trim();
  return left === "" || right === "" || left.startsWith(right) || right.startsWith(left);
}

function* appliedRecords({ id, at, question, path, language, before, applied, kept }: AppliedFeedback): Generator<TrainingRecord> {
  const fenced = (code: string): string => `\`\`\`${language}\n${code.replace(/\n+$/, "")}\n\`\`\``;
  const content = before.trim() === "" ? `${question}\n\nWrite it for ${path}.` : `${question}\n\nThis is the part of ${path} to change:\n\n${fenced(before)}`;
  const prompt: TrainingPrompt = { form: "chat", messages: [{ role: "user", content }] };
  const origin: RecordOrigin = { at: `applied ${id}`, time: at, language };
  const squeezed = (text: string): string => text.replaceAll(/\s+/g, " ").trim();
  if (squeezed(kept) === squeezed(applied)) yield { kind: "judged", prompt, completion: fenced(applied), good: true, origin };
  else if (squeezed(kept) === squeezed(before) || kept.trim() === "") yield { kind: "judged", prompt, completion: fenced(applied), good: false, origin };
  else if (likeness(applied, kept) >= LEAST_LIKENESS) yield { kind: "preference", prompt, chosen: fenced(kept), rejected: fenced(applied), origin: { ...origin, at: `${origin.at} (pair)` } };
}

function* ratingRecords({ askId, at, rating, question, prose, sources }: RatedFeedback): Generator<TrainingRecord> {
  // The card is composed by the engine: only what the model wrote is its to learn.
  if (prose.trim() === "") return;
  const passages = sources.map(({ path, startLine, endLine, text }, i) => `[${i + 1}] ${path}:${startLine}-${endLine}\n\`\`\`\n${text}\n\`\`\``).join("\n\n");
  const content = passages === "" ? question : `${passages}\n\n${question}`;
  yield { kind: "judged", prompt: { form: "chat", messages: [{ role: "user", content }] }, completion: prose.trim(), good: rating === "up", origin: { at: `rating ${askId}`, time: at } };
}
