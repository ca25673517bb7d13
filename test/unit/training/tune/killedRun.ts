// A process that makes a run in the folder of its first argument and prints the adapter's hash; killed.test.ts kills it.
import { SeededRandom } from "../../../../src/engine/base/random.ts";
import type { TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { runTuning } from "../../../../src/engine/training/tune/runTuning.ts";
import { bigramRun } from "./support.ts";

const random = new SeededRandom(1);
const pairs: TrainingRecord[] = Array.from({ length: 60 }, (_, i) => ({ kind: "preference", prompt: { form: "text", text: "q".repeat(1 + random.integer(9)) }, chosen: `yx${i % 7}`, rejected: `yz${i % 5}`, origin: { at: `pair ${i}` } }));
const { options, models } = await bigramRun(process.argv[2] ?? "", "dpo", pairs, pairs.slice(0, 10), { epochs: 4, batchSize: 4, checkpointEverySteps: 1 });
const { adapter, step } = await runTuning({
  ...options,
  openModel: async (given) => {
    const model = await options.openModel(given);
    models[0]!.onCompute = () => new Promise((resolve) => { setTimeout(resolve, 2); });
    return model;
  },
}, { onFigures: ({ loss }) => { if (loss !== undefined) console.log("step made"); }, onLog: (line) => { if (line.startsWith("Goes on")) console.log(line); } });
console.log(`${adapter?.sha256 ?? ""} ${step}`);
