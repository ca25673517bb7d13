// Text that has nothing to do with anyone's data, by which a run shows that it forgot nothing (media/general/README.md).
import { mediaFile } from "../base/paths.ts";
import type { TrainingRecord } from "../base/trainingRecord.ts";
import { readFileSync } from "node:fs";

/** The packaged passages, in their order. */
export function generalTexts(): { readonly count: number; read(): AsyncIterable<TrainingRecord> } {
  const records = readFileSync(mediaFile("general", "texts.jsonl"), "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as TrainingRecord);
  return {
    count: records.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- a split is read as a stream, this one from memory
    async *read() {
      yield* records;
    },
  };
}
