// Fits the weights of the file ranker: listwise softmax over the candidates of each case, gold files sharing the mass, repositories
// weighing the same, in two stages (files by themselves, then with their ties to what the first stage found).
//   node tools/file-ranker/fit.ts FEATURES... [--l2 0.02] [--without NAME,…] [--hold REPO,…] [--out src/engine/retrieval/fileRanker/weights.ts] [--select]
// Prints strict Acc@5 and any-hit@5 with each repository left out in turn, and on the repositories of --hold, which are never fitted on.
// Source of the loss: Cao et al. 2007 (ListNet, top one).
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { deserialize } from "node:v8";
import { meanInterval } from "../../src/engine/evaluation/intervals.ts";
import { FIRST_FEATURES } from "../../src/engine/retrieval/fileRanker/fileFeatures.ts";
import { usesOfLikely } from "../../src/engine/retrieval/fileRanker/related.ts";
import type { CaseFeatures } from "./features.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { l2: { type: "string", default: "0.01" }, l2b: { type: "string", default: "0.02" }, without: { type: "string", default: "" }, hold: { type: "string", default: "" }, out: { type: "string" }, select: { type: "boolean", default: false }, detail: { type: "boolean", default: false }, temperature: { type: "string", default: "1" } } });
const without = new Set(values.without.split(",").filter((name) => name !== ""));
const held = new Set(values.hold.split(",").filter((name) => name !== ""));
const cases = positionals.flatMap((file) => deserialize(readFileSync(file)) as CaseFeatures[]);
const l2 = Number(values.l2);
const l2b = Number(values.l2b);

interface Weights { first: number[]; second: number[] }
type Rows = readonly (readonly number[])[];

const shown = (weights: readonly number[], names: readonly string[]): string => names.map((name, i) => `${name} ${(weights[i] ?? 0).toFixed(2)}`).filter((_, i) => weights[i] !== 0).join("  ");

/** Weights of the columns in `used` that make the gold files of `cases` most likely; Adam, full batches, deterministic. */
function fit(rows: readonly Rows[], gold: readonly (readonly number[])[], importance: readonly number[], used: readonly boolean[], penalty: number): number[] {
  const n = used.length;
  const weights = new Array<number>(n).fill(0);
  const [m, v] = [new Array<number>(n).fill(0), new Array<number>(n).fill(0)];
  const total = importance.reduce((sum, x) => sum + x, 0);
  const steps = 300;
  for (let t = 1; t <= steps; t++) {
    const gradient = weights.map((w) => penalty * w);
    rows.forEach((matrix, at) => {
      const right = gold[at] as readonly number[];
      if (right.length === 0) return;
      const p = softmax(matrix.map((row) => dot(row, weights)));
      const scale = (importance[at] as number) / total;
      matrix.forEach((row, i) => {
        const error = ((p[i] as number) - (right.includes(i) ? 1 / right.length : 0)) * scale;
        if (error !== 0) for (let k = 0; k < n; k++) gradient[k] = (gradient[k] as number) + error * (row[k] as number);
      });
    });
    const rate = 0.1 * (1 - (0.9 * t) / steps);
    for (let k = 0; k < n; k++) {
      if (!used[k]) continue;
      const g = gradient[k] as number;
      m[k] = 0.9 * (m[k] as number) + 0.1 * g;
      v[k] = 0.99 * (v[k] as number) + 0.01 * g * g;
      weights[k] = (weights[k] as number) - (rate * ((m[k] as number) / (1 - 0.9 ** t))) / (Math.sqrt((v[k] as number) / (1 - 0.99 ** t)) + 1e-8);
    }
  }
  return weights;
}

function softmax(scores: readonly number[]): number[] {
  const largest = Math.max(...scores);
  const e = scores.map((score) => Math.exp((score - largest) / Number(values.temperature)));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((x) => x / sum);
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function importanceOf(of: readonly CaseFeatures[]): number[] {
  const counts = new Map<string, number>();
  for (const { repo } of of) counts.set(repo, (counts.get(repo) ?? 0) + 1);
  return of.map(({ repo }) => 1 / Math.sqrt(counts.get(repo) as number));
}

const ALL = [...FIRST_FEATURES, "usesLikely"];

function secondRows(one: CaseFeatures, first: readonly number[]): Rows {
  const related = usesOfLikely(one.uses as unknown as number[][], softmax(one.features.map((row) => dot(row, first))));
  return one.features.map((row, i) => [...row, related[i] as number]);
}

function train(of: readonly CaseFeatures[], off: ReadonlySet<string>): Weights {
  const importance = importanceOf(of);
  const gold = of.map((one) => one.gold);
  const first = fit(of.map((one) => one.features), gold, importance, FIRST_FEATURES.map((name) => !off.has(name)), l2);
  if (off.has("stage2")) return { first, second: [...first, 0] };
  return { first, second: fit(of.map((one) => secondRows(one, first)), gold, importance, ALL.map((name) => !off.has(name)), l2b) };
}

function judge(one: CaseFeatures, { first, second }: Weights): { strict: number; any: number } {
  const rows = secondRows(one, first);
  const top = new Set(rows.map((row, i) => ({ i, score: dot(row, second) })).sort((a, b) => b.score - a.score || a.i - b.i).slice(0, 5).map(({ i }) => i));
  const found = one.gold.filter((i) => top.has(i)).length;
  return { strict: Number(found === one.nGold), any: Number(found > 0) };
}

const average = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;

/** Each repository judged by weights that never saw it. */
function leftOut(of: readonly CaseFeatures[], off: ReadonlySet<string>): { one: CaseFeatures; strict: number; any: number }[] {
  const repos = [...new Set(of.map(({ repo }) => repo))];
  return repos.flatMap((repo) => {
    const weights = train(of.filter((one) => one.repo !== repo), off);
    return of.filter((one) => one.repo === repo).map((one) => ({ one, ...judge(one, weights) }));
  });
}

function report(label: string, judged: readonly { one: CaseFeatures; strict: number; any: number }[]): string {
  const strict = judged.map((row) => row.strict);
  const [low, high] = meanInterval(strict);
  const repos = [...new Set(judged.map(({ one }) => one.repo))];
  const macro = average(repos.map((repo) => average(judged.filter(({ one }) => one.repo === repo).map((row) => row.strict))));
  const byGold = [1, 2, 3].map((n) => average(judged.filter(({ one }) => one.nGold === n).map((row) => row.strict)).toFixed(2));
  return `${label.padEnd(22)} n ${judged.length} strict ${average(strict).toFixed(3)} [${low.toFixed(2)}, ${high.toFixed(2)}] macro ${macro.toFixed(3)} any ${average(judged.map((row) => row.any)).toFixed(3)} by gold ${byGold.join("/")}`;
}

/** One feature alone, for comparison. */
function alone(name: (typeof FIRST_FEATURES)[number], of: readonly CaseFeatures[]): { one: CaseFeatures; strict: number; any: number }[] {
  const weights = { first: FIRST_FEATURES.map(() => 0), second: ALL.map((feature) => (feature === name ? 1 : 0)) };
  return of.map((one) => ({ one, ...judge(one, weights) }));
}

const fitted = cases.filter(({ repo }) => !held.has(repo));
const base = leftOut(fitted, without);
console.log(report("BM25 (body alone)", alone("body", fitted)));
console.log(report("BM25F alone", alone("all", fitted)));
console.log(report("left out", base));
for (const repo of new Set(fitted.map((one) => one.repo))) console.log(report(`  ${repo}`, base.filter(({ one }) => one.repo === repo)));
const development = base.filter(({ one }) => one.repo.includes("/"));
if (development.length > 0) console.log(report("development set", development));
if (values.select) {
  console.log(report("without stage2", leftOut(fitted, new Set([...without, "stage2"]))));
  for (const name of ALL) if (!without.has(name)) console.log(report(`without ${name}`, leftOut(fitted, new Set([...without, name]))));
}
const weights = train(fitted, without);
console.log("first:", shown(weights.first, FIRST_FEATURES));
console.log("second:", shown(weights.second, ALL));
if (held.size > 0) {
  const judged = cases.filter(({ repo }) => held.has(repo)).map((one) => ({ one, ...judge(one, weights) }));
  console.log(report("held out", judged));
  console.log(report("held out, BM25", alone("body", judged.map(({ one }) => one))));
  console.log(report("held out, BM25F", alone("all", judged.map(({ one }) => one))));
  for (const repo of held) console.log(report(`  ${repo}`, judged.filter(({ one }) => one.repo === repo)));
}
if (values.detail) for (const { one, strict } of base) if (strict === 0) console.log(one.repo, JSON.stringify(one.query.slice(0, 100)), one.gold.map((i) => one.paths[i]), `${one.gold.length}/${one.nGold}`);
const named = (names: readonly string[], of: readonly number[]): Record<string, number> => Object.fromEntries(names.flatMap((name, i) => ((of[i] ?? 0) === 0 ? [] : [[name, Number((of[i] as number).toFixed(3))]])));
if (values.out !== undefined) {
  const table = (of: Record<string, number>): string => Object.entries(of).map(([name, weight]) => `    ${name}: ${weight},\n`).join("");
  writeFileSync(values.out, [
    "// Weights of the file ranker by feature, first for a file by itself, then with its ties to the others. Written by", "// tools/file-ranker/fit.ts; what they were fitted on and how they were judged stands in tools/file-ranker/README.md.", "",
    "export const FILE_RANKER_WEIGHTS: { readonly first: Readonly<Record<string, number>>; readonly second: Readonly<Record<string, number>> } = {",
    `  first: {\n${table(named(FIRST_FEATURES, weights.first))}  },\n  second: {\n${table(named(ALL, weights.second))}  },`, "};", "",
  ].join("\n"));
}
