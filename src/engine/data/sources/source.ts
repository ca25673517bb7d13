// What every source of training data is to the pipeline: a stream of records and of problems met on the way.
// It reads nothing itself; splits, deduplication, redaction and versions belong to the pipeline that takes the stream.
import type { TrainingRecord } from "../../base/trainingRecord.ts";
import type { DatasetProblem, DatasetSource } from "../../protocol/training.ts";

/** How far a source has come. `total` is null where it cannot be known before the end. */
export interface SourceProgress {
  /** Files, commits, notebooks or stored outcomes that were read. */
  done: number;
  total: number | null;
  unit: "files" | "commits" | "notebooks" | "outcomes" | "bytes";
}

export interface SourceHooks {
  /** Stops the stream: the next step throws `cancelled`. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SourceProgress) => void;
}

export interface RecordSource {
  readonly source: DatasetSource;
  /**
   * Records in a fixed order: the same input and seed give the same stream. What was left out comes as a problem between
   * them ("warning": the rest is fine; "error": nothing of that file could be used). Memory does not grow with the input.
   * Throws `EngineError`: `cancelled`, or a reason of the source where nothing can be read at all.
   */
  records(hooks?: SourceHooks): AsyncIterable<TrainingRecord | DatasetProblem>;
}

/** What a source says of records that a person took out of an earlier data set; nothing where there are none. */
export function* takenOut(n: number): Generator<DatasetProblem> {
  if (n > 0) yield { severity: "warning", at: "review", sentence: `${n} ${n === 1 ? "record was" : "records were"} left out, as a person took ${n === 1 ? "it" : "them"} out of an earlier data set. Take ${n === 1 ? "it" : "them"} in there again to have ${n === 1 ? "it" : "them"} back.` };
}

/** Tells the two kinds of a stream apart. */
export function isProblem(item: TrainingRecord | DatasetProblem): item is DatasetProblem {
  return "severity" in item;
}
