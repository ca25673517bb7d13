// Proof of learning 2: DPO on pairs as a user's choices make them: of a line ending, what stands in the repository is better than
// what the base model wrote there. Held-out pairs (of other files) are ordered rightly at least 65 % of the time, and the
// likelihood of good endings does not fall. Control: the same pairs with shuffled labels show no gain.
//   node test/bench/learnDpo.ts --repo FOLDER [--pairs 200] [--heldout 100] [--seeds 1] [--rate 3e-4] [--epochs 1] [--loss sigmoid] [--sft 0.2] [--labels right,shuffled] [--folder DIR] [--threads 1]
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import type { TrainingRecord } from "../../src/engine/base/trainingRecord.ts";
import { openRollouts } from "../../src/engine/model/rollouts.ts";
import { openSampleTokenizer } from "../../src/engine/model/sampleTokenizer.ts";
import { baseModel, change, learn, percent, sourceFiles, splitFiles, workspaceRecords } from "./learnSupport.ts";
import type { RepositoryFile } from "./learnSupport.ts";

type Preference = Extract<TrainingRecord, { kind: "preference" }>;
const text = { type: "string" } as const;
const { values } = parseArgs({ options: { repo: text, pairs: text, heldout: text, seeds: text, rate: text, epochs: text, loss: text, sft: text, labels: text, folder: text, threads: text } });
if (values.repo === undefined) {
  console.error("Name a repository with --repo.");
  process.exit(2);
}
const folder = values.folder ?? path.join(os.tmpdir(), "kalactica-learn-dpo");
const threads = Number(values.threads ?? 1);
const files = await sourceFiles(values.repo);

/** Pairs of single-line endings; contexts are short, so that the proof takes minutes. */
async function pairsOf(of: readonly RepositoryFile[], most: number, seed: number): Promise<Preference[]> {
  const endings = workspaceRecords(of, seed).flatMap((record) => (record.kind === "example" && record.prompt.form === "infill" && !record.completion.includes("\n") && record.completion.length >= 3
    ? [{ ...record, prompt: { ...record.prompt, prefix: record.prompt.prefix.slice(-180), suffix: record.prompt.suffix.slice(0, 60) } }] : []));
  const chosen = Array.from({ length: Math.min(most, endings.length) }, (_, i) => endings[Math.floor((i * endings.length) / Math.min(most, endings.length))]!);
  const tokenizer = await openSampleTokenizer(baseModel);
  const rollouts = openRollouts({ modelFile: baseModel, threads });
  const prompts = chosen.map(({ prompt }) => tokenizer.infill!.prompt({ ...prompt, path: prompt.path ?? "" }, 200));
  const replies = await rollouts.generate(prompts, { n: 1, temperature: 0.8, seed, maxTokens: 24, stopTokens: [tokenizer.infill!.endOfMiddle], adapterFile: null });
  await rollouts.close();
  await tokenizer.close();
  return chosen.flatMap((record, i): Preference[] => {
    const rejected = replies[i]?.[0]?.text.split("\n")[0] ?? "";
    return rejected.trim() === record.completion.trim() ? [] : [{ kind: "preference", prompt: record.prompt, chosen: record.completion, rejected, origin: record.origin }];
  });
}

const results = [];
for (const seed of (values.seeds ?? "1").split(",").map(Number)) {
  const { train, heldOut } = splitFiles(files, 0.3, seed);
  const pairs = await pairsOf(train, Number(values.pairs ?? 200), seed);
  const held = await pairsOf(heldOut, Number(values.heldout ?? 100), seed + 1000);
  const random = new SeededRandom(seed);
  const shuffled = pairs.map((pair) => (random.integer(2) === 0 ? pair : { ...pair, chosen: pair.rejected, rejected: pair.chosen }));
  for (const [labels, data] of [["right", pairs], ["shuffled", shuffled]] as const) {
    if (!(values.labels ?? "right,shuffled").split(",").includes(labels)) continue;
    const began = performance.now();
    const { receipt, figures } = await learn({
      name: `${path.basename(values.repo)}-${labels}-${seed}`, folder, method: "dpo", modelFile: baseModel, train: data, validation: held, threads,
      config: {
        seed, adapter: { seed }, epochs: Number(values.epochs ?? 1), optimizer: { learningRate: Number(values.rate ?? 3e-4) }, batchSize: 8, sequenceLength: 256, validateEverySteps: 1000, checkpointEverySteps: 1000, shownSamples: 0,
        exactMatchCases: 40, promotion: { generalSamples: 20 }, dpo: { loss: values.loss ?? "sigmoid", sftWeight: Number(values.sft ?? 0.2) },
      },
    });
    const steps = figures.filter((f) => f.loss !== undefined);
    const result = {
      labels, seed, trainedPairs: data.length, accuracy: receipt.preference?.accuracy ?? null, marginNats: receipt.preference?.margin ?? null, heldOutPairs: receipt.preference?.n ?? 0,
      chosenPerplexity: receipt.heldOut, chosenChange: change(receipt.heldOut), exactMatch: receipt.exactMatch, generalChange: change(receipt.general),
      loss: [steps[0]?.loss, steps.at(-1)?.loss], trainAccuracy: steps.slice(-5).reduce((n, f) => n + (f.accuracy ?? 0), 0) / 5, seconds: (performance.now() - began) / 1000, sentence: receipt.sentence,
    };
    results.push(result);
    console.log(`${labels} labels, seed ${seed}: ${(100 * (result.accuracy ?? 0)).toFixed(1)} % of ${result.heldOutPairs} held-out pairs right, perplexity of good endings ${percent(result.chosenChange)}, exact ${JSON.stringify(receipt.exactMatch)}, unrelated ${percent(result.generalChange)}; ${Math.round(result.seconds)} s`);
  }
}
console.log(JSON.stringify({ repo: path.basename(values.repo), settings: values, results }));
process.exit(0);
