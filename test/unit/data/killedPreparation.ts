// A child process of versions.test.ts: prepares a data set under a name, over and over, until it is killed. Prints a line a version.
import type { TrainingRecord } from "../../../src/engine/base/trainingRecord.ts";
import { buildDataset } from "../../../src/engine/data/build.ts";
import { DatasetStore } from "../../../src/engine/data/versions.ts";

const [folder, name, start] = process.argv.slice(2) as [string, string, string];
const store = new DatasetStore(folder);
for (let round = Number(start); ; round++) {
  const records = function* (): Generator<TrainingRecord> {
    for (let i = 0; i < 400; i++) yield { kind: "text", text: `round ${i < 100 ? round : 0} record ${i} ${"lorem ipsum ".repeat(i % 7)}`, origin: { at: `f:${i}` } };
  };
  const source = { source: "file" as const, async *records() { yield* records(); } };
  const info = await store.writeVersion(name, { source: "file", inputs: { round }, codeVersion: "test" }, (work) =>
    buildDataset(source, { validationShare: 0.1, seed: 1, splitBy: "group" }, (text) => ({ text, secrets: 0, personalData: 0 }), work));
  process.stdout.write(`${info.version}\n`);
}
