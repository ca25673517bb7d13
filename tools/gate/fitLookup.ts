// Fits the look-up's mixture weights on masked line endings of repositories kept for that purpose: every lexeme from the
// caret to the end of its line is one example, and the weights minimise its negative log-likelihood (softmax regression,
// Adam, pulled towards the hand-set start). Writes src/engine/completion/lookupWeights.json. It never sees a test repository.
//
//   node fitLookup.ts --out FILE [--cases 400] [--epochs 6] [--held-out NAME,NAME] FOLDER…
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { lex } from "../../src/engine/completion/lexer.ts";
import { LINE_END, N_BUCKETS, N_EXTRAS, N_SOURCES, startingWeights, symbolOf, type MixtureWeights } from "../../src/engine/completion/lexemePredictor.ts";
import { Lookup } from "../../src/engine/completion/lookup.ts";
import { WorkspaceTexts } from "../../src/engine/completion/workspaceTexts.ts";
import { completionCases, languageIdOf, type CompletionCase } from "../../test/bench/completionCases.ts";

interface Example {
  n: number;
  estimates: Float32Array;
  extras: Float32Array;
  buckets: Uint8Array;
  escapes: Float32Array;
  set: number;
  /** Slot of the true symbol; n stands for the escape. */
  target: number;
}

function examplesOf(folder: string, nCases: number, seed: number): Example[] {
  const { files, cases } = completionCases(folder, nCases, seed);
  const texts = new WorkspaceTexts();
  for (const file of files) texts.set({ path: file.path, language: languageIdOf(file.path), text: file.text });
  const lookup = new Lookup(texts, startingWeights());
  const examples: Example[] = [];
  const random = new SeededRandom(seed + 1);
  for (const item of cases.flatMap((whole) => [whole, ...midWord(whole, random)])) {
    const { caret, scope, predictor } = lookup.prepare(item);
    const line = lex(caret.linePrefix + item.expected, texts.lexicon, true);
    const typed = caret.constraint?.typed ?? "";
    const from = lex(caret.linePrefix.slice(0, caret.linePrefix.length - typed.length), texts.lexicon, true).ids.length;
    for (let i = from; i <= line.ids.length && i < from + 24; i++) {
      const constraint = i === from ? caret.constraint : null;
      const gathered = predictor.gather(caret.tracker, scope, constraint);
      const atLineStart = caret.tracker.linePosition === 0;
      const lexeme = line.ids[i];
      const symbol = lexeme === undefined ? LINE_END : symbolOf(lexeme, constraint || atLineStart ? 0 : (line.gaps[i] as number));
      const slot = gathered.symbols.indexOf(symbol);
      const n = gathered.symbols.length;
      if (n > 0) {
        examples.push({
          n, set: gathered.set, target: slot < 0 ? n : slot,
          estimates: gathered.estimates.slice(0, n * N_SOURCES), extras: gathered.extras.slice(0, n * N_EXTRAS),
          buckets: gathered.buckets.slice(), escapes: gathered.escapes.slice(),
        });
      }
      if (lexeme !== undefined) caret.tracker.push(lexeme);
    }
  }
  return examples;
}

/** The same case with the caret some letters further, inside the word that comes next: people pause there too. */
function midWord(item: CompletionCase, random: SeededRandom): CompletionCase[] {
  const word = /^\s*[\p{L}_$][\p{L}\p{N}_$]{2,}/u.exec(item.expected)?.[0];
  if (!word) return [];
  const letters = word.trimStart().length;
  const typed = word.length - letters + 1 + random.integer(letters - 1);
  return [{ ...item, prefix: item.prefix + word.slice(0, typed), expected: item.expected.slice(typed), column: item.column + typed }];
}

/** Loss of one example; adds its gradient into `gradient` where given. */
function example(e: Example, weights: MixtureWeights, gradient: MixtureWeights | null): number {
  const scores = new Float64Array(e.n + 1);
  const { set } = e;
  scores[e.n] = weights.escapeBias[set] as number;
  for (let source = 0; source < N_SOURCES; source++) {
    const bucket = e.buckets[source] as number;
    if (bucket === 0) continue;
    const cell = (set * N_SOURCES + source) * N_BUCKETS + bucket;
    const weight = weights.sources[cell] as number;
    scores[e.n] = (scores[e.n] as number) + (weights.escapes[cell] as number) * (e.escapes[source] as number);
    for (let slot = 0; slot < e.n; slot++) scores[slot] = (scores[slot] as number) + weight * (e.estimates[slot * N_SOURCES + source] as number);
  }
  for (let slot = 0; slot < e.n; slot++) {
    for (let extra = 0; extra < N_EXTRAS; extra++) scores[slot] = (scores[slot] as number) + (weights.extras[set * N_EXTRAS + extra] as number) * (e.extras[slot * N_EXTRAS + extra] as number);
  }
  const highest = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  let sum = 0;
  for (const score of scores) sum += Math.exp(score - highest);
  const loss = highest + Math.log(sum) - (scores[e.target] as number);
  if (!gradient) return loss;
  for (let slot = 0; slot <= e.n; slot++) {
    const g = Math.exp((scores[slot] as number) - highest) / sum - (slot === e.target ? 1 : 0);
    if (Math.abs(g) < 1e-5) continue;
    if (slot === e.n) gradient.escapeBias[set] = (gradient.escapeBias[set] as number) + g;
    for (let source = 0; source < N_SOURCES; source++) {
      const bucket = e.buckets[source] as number;
      if (bucket === 0) continue;
      const cell = (set * N_SOURCES + source) * N_BUCKETS + bucket;
      if (slot === e.n) gradient.escapes[cell] = (gradient.escapes[cell] as number) + g * (e.escapes[source] as number);
      else gradient.sources[cell] = (gradient.sources[cell] as number) + g * (e.estimates[slot * N_SOURCES + source] as number);
    }
    if (slot < e.n) {
      for (let extra = 0; extra < N_EXTRAS; extra++) {
        const x = e.extras[slot * N_EXTRAS + extra] as number;
        if (x !== 0) gradient.extras[set * N_EXTRAS + extra] = (gradient.extras[set * N_EXTRAS + extra] as number) + g * x;
      }
    }
  }
  return loss;
}

const groups = ["sources", "escapes", "extras", "escapeBias"] as const;

function zeros(): MixtureWeights {
  const weights = startingWeights();
  for (const group of groups) weights[group].fill(0);
  return weights;
}

function fit(examples: Example[], epochs: number, heldOut: Example[], seed: number): { weights: MixtureWeights; curve: number[] } {
  const start = startingWeights();
  const weights = startingWeights();
  const first = zeros();
  const second = zeros();
  const random = new SeededRandom(seed);
  const curve: number[] = [];
  const batch = 64;
  let step = 0;
  const pull = Number(values.pull);
  const steps = Math.ceil(examples.length / batch) * epochs;
  for (let epoch = 0; epoch < epochs; epoch++) {
    random.shuffle(examples);
    for (let at = 0; at < examples.length; at += batch) {
      const gradient = zeros();
      const slice = examples.slice(at, at + batch);
      for (const e of slice) example(e, weights, gradient);
      step++;
      const rate = 0.012 * (1 - step / steps) + 1e-4;
      for (const group of groups) {
        const w = weights[group];
        const g = gradient[group];
        for (let i = 0; i < w.length; i++) {
          const d = (g[i] as number) / slice.length + pull * ((w[i] as number) - (start[group][i] as number));
          const m = (first[group][i] = 0.9 * (first[group][i] as number) + 0.1 * d);
          const v = (second[group][i] = 0.995 * (second[group][i] as number) + 0.005 * d * d);
          w[i] = (w[i] as number) - (rate * (m / (1 - 0.9 ** step))) / (Math.sqrt(v / (1 - 0.995 ** step)) + 1e-6);
        }
      }
    }
    curve.push(meanLoss(heldOut, weights));
    console.error(`epoch ${epoch + 1}: train ${meanLoss(examples, weights).toFixed(4)}, held out ${curve.at(-1)?.toFixed(4)} nats per lexeme`);
  }
  return { weights, curve };
}

function meanLoss(examples: Example[], weights: MixtureWeights): number {
  if (examples.length === 0) return Number.NaN;
  return examples.reduce((sum, e) => sum + example(e, weights, null), 0) / examples.length;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: "string" }, cases: { type: "string", default: "400" }, epochs: { type: "string", default: "6" }, seed: { type: "string", default: "11" },
    "held-out": { type: "string", default: "" }, pull: { type: "string", default: "2e-4" },
  },
});
if (!values.out || positionals.length === 0) {
  console.error("usage: node fitLookup.ts --out FILE [--cases 400] [--epochs 6] [--seed 11] [--held-out NAME,NAME] FOLDER…");
  process.exit(2);
}
const apart = new Set(values["held-out"].split(",").filter((name) => name !== ""));
const training: Example[] = [];
const heldOut: Example[] = [];
for (const folder of positionals) {
  const name = path.basename(folder);
  const found = examplesOf(folder, Number(values.cases), Number(values.seed));
  console.error(`${name}: ${found.length} examples${apart.has(name) ? " (held out)" : ""}, truth among the candidates ${(found.filter((e) => e.target < e.n).length / found.length).toFixed(3)}`);
  for (const e of found) (apart.has(name) ? heldOut : training).push(e);
}
const before = meanLoss(heldOut.length > 0 ? heldOut : training, startingWeights());
const { weights, curve } = fit(training, Number(values.epochs), heldOut, Number(values.seed));
const rounded = (array: Float32Array): number[] => [...array].map((value) => Math.round(value * 1e4) / 1e4);
writeFileSync(values.out, `${JSON.stringify({
  provenance: {
    made: new Date().toISOString().slice(0, 10),
    command: `node tools/gate/fitLookup.ts --out ${path.basename(values.out)} --cases ${values.cases} --epochs ${values.epochs} --seed ${values.seed}${apart.size > 0 ? ` --held-out ${[...apart].join(",")}` : ""} ${positionals.map((folder) => path.basename(folder)).join(" ")}`,
    repositories: positionals.map((folder) => path.basename(folder)),
    examples: training.length,
    natsPerLexeme: { unit: "natural logarithm, escapes included", handSet: before, trained: meanLoss(training, weights), heldOut: heldOut.length > 0 ? curve.at(-1) : null },
  },
  sources: rounded(weights.sources), escapes: rounded(weights.escapes), extras: rounded(weights.extras), escapeBias: rounded(weights.escapeBias),
})}\n`);
