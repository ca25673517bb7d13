// Fits the model of the detector of harmful requests on grammars of our own, and says how it does on families that it was not shown.
// Usage: node tools/screens/fitRequests.ts [--hold-out FAMILY,FAMILY] [--write] [--n 12000]
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { packageDir } from "../../src/engine/base/paths.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { LinearModel } from "../../src/engine/safety/linear/linearModel.ts";
import { requestFeatures } from "../../src/engine/safety/requests/requestFeatures.ts";
import { documentation, excerpt, LISTS } from "./documents.ts";
import { fitLogistic } from "./fitLogistic.ts";
import type { Example } from "./fitLogistic.ts";
import { expand } from "./grammar.ts";
import { ANSWERS, MAILS, REQUESTS, TRIGGER_WORDS } from "./texts/everydayTexts.ts";
import { REQUEST_WORDS } from "../../src/engine/safety/requests/requestClasses.ts";
import { CLASS_HARMFUL, CLASS_HARMLESS, classLists, HARMFUL_REQUESTS, HARMLESS_REQUESTS, REQUEST_LISTS, TECHNICAL_LISTS } from "./texts/requestTexts.ts";

const { values } = parseArgs({ options: { "hold-out": { type: "string", default: "" }, write: { type: "boolean", default: false }, n: { type: "string", default: "12000" } } });
const heldOut = values["hold-out"].split(",").filter((name) => name !== "");
const random = new SeededRandom(11);
const docs = documentation([path.join(packageDir(), "node_modules")], 200, random);
const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)] as T;

/** What people put around a request, harmful or not. */
const FRAMES = ["", "", "", "", "", "", "Please help: ", "Hi! ", "For a school project: ", "I'd like you to help me with some code. ", "I have a question. ", "As part of my work, ", "You are an expert. ", "Hey, quick one. ", "I would like you to write code that I will run to solve a problem. ", "Imagine we are talking over coffee. "];
const TAILS = ["", "", "", "", "", " Thanks!", " Please answer in detail.", " Use comments in the code.", " Keep it short.", " The code should be well documented.", " Explain your reasoning.", " Return only the code."];

const ALL_LISTS = { ...LISTS, ...REQUEST_LISTS, ...TECHNICAL_LISTS, ...classLists(REQUEST_WORDS) };

function drawRequest(lists: Readonly<Record<string, readonly string[]>>, families: readonly string[]): { text: string; family: string } {
  // Code is asked for in more ways than anything else.
  const family = pick([...families, ...families.filter((name) => name === "technical" || name === "cyber"), ...families.filter((name) => name === "technical")]);
  const byClass = (lists === HARMFUL_REQUESTS ? CLASS_HARMFUL : CLASS_HARMLESS)[family];
  const patterns = byClass && random.uniform() < 0.5 ? byClass : lists[family] ?? [];
  let text = pick(FRAMES) + expand(pick(patterns), ALL_LISTS, random) + pick(TAILS);
  if (random.uniform() < 0.1) text = text.toLowerCase();
  if (random.uniform() < 0.15) text = text.replace(/[?.!]+$/, "");
  return { text, family };
}

const harmful = Object.keys(HARMFUL_REQUESTS).filter((family) => !heldOut.includes(family));
const harmless = Object.keys(HARMLESS_REQUESTS).filter((family) => !heldOut.includes(family));
const examples: Example[] = [];
/** Half of the examples lose half of their words, so that classes and forms carry weight and words outside the grammars do less. */
const blurred = (text: string): Example["features"] => (random.uniform() < 0.5 ? requestFeatures(text) : requestFeatures(text, () => random.uniform() < 0.5));
for (let i = 0; i < Number(values.n); i++) {
  const bad = drawRequest(HARMFUL_REQUESTS, harmful);
  examples.push({ features: blurred(bad.text), positive: true, weight: 1, family: bad.family });
  const good = drawRequest(HARMLESS_REQUESTS, harmless);
  examples.push({ features: blurred(good.text), positive: false, weight: 1, family: good.family });
  const ordinary = random.uniform() < 0.3 ? excerpt(pick(docs), random).slice(0, 500) : expand(pick(pick([REQUESTS, REQUESTS, TRIGGER_WORDS, ANSWERS, MAILS])), LISTS, random);
  if (i % 2 === 0) examples.push({ features: blurred(ordinary), positive: false, weight: 1, family: "ordinary" });
}
const file = fitLogistic("requests", examples, random, { fitted: { harmful, harmless, examples: examples.length, seed: 11, date: new Date().toISOString().slice(0, 10) } });
const model = new LinearModel(file);
for (const [lists, sign] of [[HARMFUL_REQUESTS, 1], [HARMLESS_REQUESTS, -1]] as const) {
  for (const family of Object.keys(lists)) {
    const scores = Array.from({ length: 100 }, () => model.logit(requestFeatures(drawRequest(lists, [family]).text))).sort((a, b) => a - b);
    console.log(`${sign > 0 ? "harmful " : "harmless"} ${family.padEnd(14)} right ${scores.filter((score) => score * sign > 0).length} %, p5 ${(scores[5] ?? NaN).toFixed(1)}, p50 ${(scores[50] ?? NaN).toFixed(1)}, p95 ${(scores[95] ?? NaN).toFixed(1)}${heldOut.includes(family) ? "  (held out)" : ""}`);
  }
}
if (values.write) {
  const folder = path.join(packageDir(), "media", "screens");
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "requests.json"), `${JSON.stringify(file)}\n`);
}
