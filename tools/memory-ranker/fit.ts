// Fits the ranker of memory recall and says how well it does on conversations that it was not fitted on.
//   node tools/memory-ranker/fit.ts DATA [--write] [--l2 0.02]
// DATA: a folder of conversations in the layout of LoCoMo. Each is left out once: the figures are those of the ranker fitted on the
// others. With --write the weights fitted on all of them become src/engine/memory/recall/rankerWeights.ts. See README.md.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { meanInterval, mean, pairedDifference } from "../../src/engine/evaluation/intervals.ts";
import { readConversations } from "../../src/engine/evaluation/memoryConversations.ts";
import { FEATURES } from "../../src/engine/memory/recall/features.ts";
import { understandMemoryQuestion } from "../../src/engine/memory/recall/question.ts";
import type { MemoryQuestion } from "../../src/engine/memory/recall/question.ts";
import { candidateRows, firstScores, GRAPH_FEATURES, graphRows, graphScores } from "../../src/engine/memory/recall/ranker.ts";
import type { RankerContext, RankerWeights } from "../../src/engine/memory/recall/ranker.ts";
import { anchoredTimes } from "../../src/engine/memory/recall/temporal.ts";
import { rememberConversation } from "../../src/engine/tasks/evaluateMemory.ts";
import { fitLogistic, fitSoftmax } from "./softmax.ts";
import type { Group } from "./softmax.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: "boolean", default: false }, l2: { type: "string", default: "0.02" } } });
const [data] = positionals;
if (data === undefined) {
  console.error("Usage: node tools/memory-ranker/fit.ts DATA [--write] [--l2 0.02]");
  process.exit(2);
}
const l2 = Number(values.l2);

interface Case {
  conversation: number;
  category: number;
  context: RankerContext;
  question: MemoryQuestion;
  documents: number[];
  rows: Float32Array;
  gold: number[];
  nGold: number;
}

const conversations = await readConversations(path.resolve(data));
const cases: Case[] = [];
const contexts: RankerContext[] = [];
for (const [number, { turns, questions }] of conversations.entries()) {
  const { recaller } = rememberConversation(turns);
  while (!recaller.prepare());
  const { context } = recaller;
  contexts.push(context);
  const place = new Map(turns.map(({ id }, at) => [id, at]));
  const now = turns.at(-1)?.at ?? 0;
  for (const { question: text, category, evidence } of questions) {
    const question = understandMemoryQuestion(text, now);
    question.times.push(...anchoredTimes(context.index, question));
    const { documents, rows } = candidateRows(context, question);
    const gold = evidence.map((id) => documents.indexOf(place.get(id) ?? -1)).filter((at) => at >= 0);
    cases.push({ conversation: number, category, context, question, documents, rows, gold, nGold: evidence.length });
  }
}
console.log(`${conversations.length} conversations, ${cases.length} questions, ${(mean(cases.map(({ documents }) => documents.length))).toFixed(0)} candidates each, evidence among them ${(mean(cases.map(({ gold, nGold }) => gold.length / nGold))).toFixed(3)}`);

const firstOf = (weights: readonly number[]): RankerWeights["first"] => Object.fromEntries(FEATURES.map((name, at) => [name, weights[at] ?? 0])) as RankerWeights["first"];
const graphOf = (weights: readonly number[]): RankerWeights["graph"] => Object.fromEntries(GRAPH_FEATURES.map((name, at) => [name, weights[at] ?? 0])) as RankerWeights["graph"];
const groupOf = ({ rows, gold }: Case): Group => ({ rows, gold });

/** Fits both stages on `train` and gives them. */
function fit(train: readonly Case[]): { first: RankerWeights["first"]; graph: RankerWeights["graph"] } {
  const first = firstOf(fitSoftmax(train.map(groupOf), FEATURES.length, l2));
  const second = train.map((one) => ({ rows: graphRows(one.context, one.question, one.documents, firstScores(one, first)), gold: one.gold }));
  return { first, graph: graphOf(fitSoftmax(second, GRAPH_FEATURES.length, 1e-3)) };
}

interface Figure {
  hit: number;
  recall: number;
}
function figure({ gold, nGold }: Case, scores: readonly number[]): Figure {
  const order = scores.map((_, at) => at).sort((a, b) => (scores[b] as number) - (scores[a] as number) || b - a);
  const within = (k: number): number => gold.filter((at) => order.indexOf(at) < k).length;
  return { hit: Number(within(5) > 0), recall: within(10) / nGold };
}

const on: Figure[] = [];
const off: Figure[] = [];
for (const left of conversations.keys()) {
  const { first, graph } = fit(cases.filter(({ conversation }) => conversation !== left));
  for (const [at, one] of cases.entries()) {
    if (one.conversation !== left) continue;
    const scores = firstScores(one, first);
    off[at] = figure(one, scores);
    on[at] = figure(one, graphScores(graphRows(one.context, one.question, one.documents, scores), graph));
  }
}
const show = (name: string, chosen: (one: Case) => boolean): void => {
  const pick = (figures: readonly Figure[], what: keyof Figure): number[] => figures.filter((_, at) => chosen(cases[at] as Case)).map((one) => one[what]);
  const text = (what: keyof Figure): string => {
    const [a, b] = [pick(on, what), pick(off, what)];
    const { difference, low, high, pNotBetter } = pairedDifference(a, b);
    return `${what === "hit" ? "hit@5" : "recall@10"} ${mean(a).toFixed(3)} [${meanInterval(a).map((x) => x.toFixed(3)).join(", ")}], graph off ${mean(b).toFixed(3)}, difference ${difference.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}] p ${pNotBetter.toFixed(3)}`;
  };
  console.log(`${name.padEnd(12)} n ${pick(on, "hit").length}  ${text("hit")}\n${"".padEnd(20)}${text("recall")}`);
};
console.log("Each conversation ranked by weights fitted on the others:");
show("all", () => true);
for (const category of [1, 2, 3, 4, 5]) show(`category ${category}`, (one) => one.category === category);
for (const [number, { name }] of conversations.entries()) show(name, (one) => one.conversation === number);

if (values.write) {
  const all = fit(cases);
  const relevance = fitRelevance(all.first);
  const table = (entries: Readonly<Record<string, number>>): string => Object.entries(entries).map(([name, value]) => `    ${name}: ${Number(value.toPrecision(4))},\n`).join("");
  const inline = (entries: Readonly<Record<string, number>>): string => `{ ${Object.entries(entries).map(([name, value]) => `${name}: ${Number(value.toPrecision(4))}`).join(", ")} }`;
  writeFileSync(path.join(import.meta.dirname, "../../src/engine/memory/recall/rankerWeights.ts"), [
    "// Weights of the ranker, fitted by tools/memory-ranker on public conversations. Generated: do not edit.",
    "import type { RankerWeights } from \"./ranker.ts\";", "",
    "export const RANKER_WEIGHTS: RankerWeights = {", `  first: {\n${table(all.first)}  },`, `  graph: ${inline(all.graph)},`, `  relevance: ${inline(relevance)},`, "};", "",
  ].join("\n"));
  console.log("Written: src/engine/memory/recall/rankerWeights.ts");
}

/**
 * What bears on a question against what does not: the evidence, against the best ten others of its conversation and the best five of
 * another conversation, where nothing can bear on it.
 */
function fitRelevance(first: RankerWeights["first"]): RankerWeights["relevance"] {
  const rows: number[][] = [];
  const labels: number[] = [];
  const places = [FEATURES.indexOf("own"), FEATURES.indexOf("coverage")];
  const add = (candidates: { documents: number[]; rows: Float32Array }, gold: readonly number[], limit: number): void => {
    const scores = firstScores(candidates, first);
    const order = scores.map((_, at) => at).sort((a, b) => (scores[b] as number) - (scores[a] as number));
    for (const at of new Set([...order.slice(0, limit), ...gold])) {
      rows.push([scores[at] as number, ...places.map((place) => candidates.rows[at * FEATURES.length + place] as number)]);
      labels.push(Number(gold.includes(at)));
    }
  };
  for (const one of cases) {
    add(one, one.gold, 10);
    const other = contexts[(one.conversation + 1) % contexts.length] as RankerContext;
    add(candidateRows(other, one.question), [], 5);
  }
  const [score = 0, own = 0, coverage = 0, constant = 0] = fitLogistic(rows, labels);
  const chance = rows.map((row) => 1 / (1 + Math.exp(-(score * (row[0] as number) + own * (row[1] as number) + coverage * (row[2] as number) + constant))));
  for (const threshold of [0.2, 0.35, 0.5, 0.6, 0.7]) {
    const above = chance.flatMap((value, at) => (value >= threshold ? [labels[at] as number] : []));
    console.log(`relevance ≥ ${threshold}: ${above.length} of ${rows.length}, right ${mean(above).toFixed(3)}, of the right ones ${(above.filter(Boolean).length / labels.filter(Boolean).length).toFixed(3)}`);
  }
  return { score, own, coverage, constant };
}
