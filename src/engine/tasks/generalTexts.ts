// Text that has nothing to do with anyone's data, by which a run shows that it forgot nothing (media/general/README.md).
import { mediaFile } from "../base/paths.ts";
import type { TrainingRecord } from "../base/trainingRecord.ts";
import { readFileSync } from "node:fs";

export interface Passages {
  readonly count: number;
  read(): AsyncIterable<TrainingRecord>;
}

/** The packaged passages that judge a run, in their order. */
export function generalTexts(): Passages {
  return passagesOf("texts.jsonl");
}

/** Passages of other documents, by which a run chooses how strongly its adapter is applied. */
export function strengthTexts(): Passages {
  return passagesOf("strength.jsonl");
}

function passagesOf(name: string): Passages {
  const records = readFileSync(mediaFile("general", name), "utf8").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as TrainingRecord);
  return {
    count: records.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- a split is read as a stream, this one from memory
    async *read() {
      yield* records;
    },
  };
}
