// Fits the gate on masked line endings of repositories kept for that purpose: logistic regression of "this candidate is
// exactly what follows" on the figures of look-up and model (gate.ts). Writes gateWeights.json. The look-up's own weights
// must come from other repositories (fitLookup.ts), and a model must never have been trained on these.
//
//   node fitGate.ts --out FILE [--cases 400] [--model FILE.gguf [--model-cases N]] FOLDER…
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { Scheduler, PRIORITY } from "../../src/engine/base/scheduler.ts";
import { gateFeatures, LOOKUP_FEATURES, MODEL_FEATURES, type CandidateEvidence } from "../../src/engine/completion/gate.ts";
import { judgeByModel } from "../../src/engine/completion/modelJudge.ts";
import { placeCandidate } from "../../src/engine/completion/placement.ts";
import { CompletionSession } from "../../src/engine/completion/session.ts";
import { completionCases, languageIdOf } from "../../test/bench/completionCases.ts";
import { loadBenchModel } from "../../test/bench/completionModelLoader.ts";

interface Row {
  features: number[];
  exact: boolean;
  weight: number;
}

async function rowsOf(folder: string, nCases: number, nModelCases: number, seed: number, modelFile: string | undefined): Promise<{ alone: Row[]; together: Row[]; cases: number }> {
  const { files, cases } = completionCases(folder, nCases, seed);
  const session = new CompletionSession();
  await session.load(files.map((file) => ({ path: file.path, language: languageIdOf(file.path), text: file.text })));
  const model = modelFile ? await loadBenchModel(modelFile, 1) : null;
  const scheduler = new Scheduler();
  const alone: Row[] = [];
  const together: Row[] = [];
  const isExact = (text: string, item: (typeof cases)[number]): boolean => {
    const placed = placeCandidate(text, { prefix: item.prefix, suffix: item.suffix, maximumLines: 1 });
    return placed.text !== null && placed.text.trimEnd() === item.expected.trim();
  };
  const rowOf = (evidence: CandidateEvidence, item: (typeof cases)[number], weight: number): Row => ({ features: gateFeatures(evidence), exact: isExact(evidence.text, item), weight });
  for (const [i, item] of cases.entries()) {
    const caret = session.lookup.judge(item);
    for (const [rank, proposal] of caret.proposals.entries()) alone.push(rowOf(caret.evidence(proposal.text, null), item, rank === 0 ? 1 : 0.3));
    // Spread evenly: cases are in the order of files.
    if (!model || Math.floor((i * nModelCases) / cases.length) === Math.floor(((i - 1) * nModelCases) / cases.length)) continue;
    const params = { ...item, trigger: "automatic" as const };
    const spoken = await scheduler.run(PRIORITY.background, undefined, (lease) => judgeByModel({
      params, model: model.model, lease, rule: "single", maximumLines: 1, context: [], caret, best: caret.proposals[0]?.text ?? null, leftMs: () => 10_000,
    }));
    for (const evidence of spoken.evidence) together.push(rowOf(evidence, item, 1));
  }
  session.dispose();
  await model?.dispose();
  return { alone, together, cases: cases.length };
}

/**
 * Logistic regression by Adam, with weight decay on all but the bias: towards zero, or towards `prior` ten times as
 * strongly. Cases with a model are few, so what the look-up alone has taught is where they start from.
 */
function fit(rows: Row[], n: number, seed: number, prior: readonly number[] | null = null): number[] {
  const weights = new Float64Array(n);
  for (let k = 0; k < n; k++) weights[k] = prior?.[k] ?? 0;
  const decay = prior ? 5e-3 : 5e-4;
  const first = new Float64Array(n);
  const second = new Float64Array(n);
  const random = new SeededRandom(seed);
  const order = rows.map((_, i) => i);
  const batch = 64;
  const epochs = 60;
  const steps = epochs * Math.ceil(rows.length / batch);
  let step = 0;
  for (let epoch = 0; epoch < epochs; epoch++) {
    random.shuffle(order);
    for (let at = 0; at < order.length; at += batch) {
      const gradient = new Float64Array(n);
      const slice = order.slice(at, at + batch);
      for (const i of slice) {
        const row = rows[i] as Row;
        const error = (probability(row.features, weights) - (row.exact ? 1 : 0)) * row.weight;
        for (let k = 0; k < n; k++) gradient[k] = (gradient[k] as number) + error * (row.features[k] as number);
      }
      step++;
      const rate = 0.03 * (1 - step / (steps + 1));
      for (let k = 0; k < n; k++) {
        const g = (gradient[k] as number) / slice.length + (k === 0 ? 0 : decay * ((weights[k] as number) - (prior?.[k] ?? 0)));
        const m = (first[k] = 0.9 * (first[k] as number) + 0.1 * g);
        const v = (second[k] = 0.995 * (second[k] as number) + 0.005 * g * g);
        weights[k] = (weights[k] as number) - (rate * (m / (1 - 0.9 ** step))) / (Math.sqrt(v / (1 - 0.995 ** step)) + 1e-8);
      }
    }
  }
  return [...weights].map((w) => Math.round(w * 1e4) / 1e4);
}

function probability(features: readonly number[], weights: ArrayLike<number>): number {
  let score = 0;
  for (const [k, value] of features.entries()) score += value * (weights[k] ?? 0);
  return 1 / (1 + Math.exp(-score));
}

/** Brier score and expected calibration error over ten bins. */
function calibration(rows: Row[], weights: readonly number[]): { brier: number; expectedCalibrationError: number; n: number } {
  const bins = Array.from({ length: 10 }, () => ({ n: 0, p: 0, hit: 0 }));
  let brier = 0;
  for (const row of rows) {
    const p = probability(row.features, weights);
    brier += (p - (row.exact ? 1 : 0)) ** 2;
    const bin = bins[Math.min(9, Math.floor(p * 10))] as (typeof bins)[number];
    bin.n++;
    bin.p += p;
    bin.hit += row.exact ? 1 : 0;
  }
  const error = bins.reduce((sum, bin) => sum + Math.abs(bin.p - bin.hit), 0) / rows.length;
  return { brier: round(brier / rows.length), expectedCalibrationError: round(error), n: rows.length };
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}

/** Calibration on each repository with weights fitted on the others. */
function crossValidated(groups: Row[][], n: number, seed: number, prior: Row[][] | null = null): { brier: number; expectedCalibrationError: number; n: number } | null {
  if (groups.length < 2) return null;
  const scored = groups.map((rows, i) => {
    const others = (all: Row[][]): Row[] => all.filter((_, k) => k !== i).flat();
    return calibration(rows, fit(others(groups), n, seed, prior && fit(others(prior), LOOKUP_FEATURES.length, seed)));
  });
  const total = scored.reduce((sum, s) => sum + s.n, 0);
  const mean = (key: "brier" | "expectedCalibrationError") => round(scored.reduce((sum, s) => sum + s[key] * s.n, 0) / total);
  return { brier: mean("brier"), expectedCalibrationError: mean("expectedCalibrationError"), n: total };
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: "string" }, cases: { type: "string", default: "400" }, seed: { type: "string", default: "23" }, model: { type: "string" }, "model-cases": { type: "string" }, keep: { type: "string" } },
});
if (!values.out || positionals.length === 0) {
  console.error("usage: node fitGate.ts --out FILE [--cases 400] [--seed 23] [--model FILE.gguf [--model-cases N]] [--keep gateWeights.json] FOLDER…");
  process.exit(2);
}
const seed = Number(values.seed);
const groups: { alone: Row[]; together: Row[] }[] = [];
for (const folder of positionals) {
  const rows = await rowsOf(folder, Number(values.cases), Number(values["model-cases"] ?? values.cases), seed, values.model);
  console.error(`${path.basename(folder)}: ${rows.cases} cases, ${rows.alone.length} look-up candidates, ${rows.together.length} judged with the model`);
  groups.push(rows);
}
const nTogether = LOOKUP_FEATURES.length + MODEL_FEATURES.length;
const alone = groups.map((group) => group.alone);
const together = groups.map((group) => group.together);
const hasModel = together.some((rows) => rows.length > 0);
const lookupAlone = fit(alone.flat(), LOOKUP_FEATURES.length, seed);
const withModel = hasModel ? fit(together.flat(), nTogether, seed, lookupAlone) : null;
const figures = {
  lookupAlone: { inSample: calibration(alone.flat(), lookupAlone), otherRepository: crossValidated(alone, LOOKUP_FEATURES.length, seed) },
  ...(withModel ? { withModel: { inSample: calibration(together.flat(), withModel), otherRepository: crossValidated(together, nTogether, seed, alone) } } : {}),
};
console.error(JSON.stringify(figures, null, 1));
const kept = values.keep ? ((await import(path.resolve(values.keep), { with: { type: "json" } })) as { default: { withModel: number[] } }).default.withModel : null;
writeFileSync(values.out, `${JSON.stringify({
  provenance: {
    made: new Date().toISOString().slice(0, 10),
    command: `node tools/gate/fitGate.ts --out ${path.basename(values.out)} --cases ${values.cases} --seed ${values.seed}${values.model ? ` --model ${path.basename(values.model)}${values["model-cases"] ? ` --model-cases ${values["model-cases"]}` : ""}` : ""} ${positionals.map((folder) => path.basename(folder)).join(" ")}`,
    repositories: positionals.map((folder) => path.basename(folder)), figures,
    withModelFrom: withModel ? path.basename(values.model ?? "") : "not fitted here: kept from before",
  },
  features: { lookup: LOOKUP_FEATURES, model: MODEL_FEATURES },
  lookupAlone, withModel: withModel ?? kept ?? [...lookupAlone, ...MODEL_FEATURES.map(() => 0)],
}, null, 1)}\n`);
