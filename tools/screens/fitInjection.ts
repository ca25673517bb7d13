// Fits the two models of the injection detector - pieces of documents, and what is typed - on texts of our own writing and
// documentation of installed packages, and says how it does on families of attacks that it was not shown.
// Usage: node tools/screens/fitInjection.ts [--hold-out FAMILY,FAMILY] [--write] [--docs FOLDER]…
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { packageDir } from "../../src/engine/base/paths.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { segmentFeatures, typedFeatures, wordCounts } from "../../src/engine/safety/injection/segmentFeatures.ts";
import { segmentsOf } from "../../src/engine/safety/injection/segments.ts";
import { LinearModel } from "../../src/engine/safety/linear/linearModel.ts";
import { documentation, drawAttack, everydayDocument, excerpt, FAMILIES, LISTS, poisoned } from "./documents.ts";
import { fitLogistic } from "./fitLogistic.ts";
import type { Example } from "./fitLogistic.ts";
import { expand } from "./grammar.ts";
import { ANSWERS, DEVELOPER_LISTS, DEVELOPER_REQUESTS, MAILS, NEWS, REQUESTS, TRIGGER_FRAMES, TRIGGER_LISTS, TRIGGER_WORDS } from "./texts/everydayTexts.ts";

const { values } = parseArgs({ options: {  "hold-out": { type: "string", default: "" }, write: { type: "boolean", default: false }, docs: { type: "string", multiple: true }, n: { type: "string", default: "3000" }, blur: { type: "string", default: "0.6" }, epochs: { type: "string", default: "4" }, rate: { type: "string", default: "0.15" } } });
const heldOut = (values["hold-out"]).split(",").filter((name) => name !== "");
const families = FAMILIES.filter((family) => !heldOut.includes(family));
const random = new SeededRandom(6);
const folders = values.docs ?? [path.join(packageDir(), "node_modules")];
const docs = documentation(folders, 1600, random);
const nDocuments = Number(values.n);

/** Three parts of the documentation are for fitting, one for looking at the threshold. */
const cutAt = Math.floor(docs.length * 0.75);
function drawDocument(isFitting: boolean): string {
  if (random.uniform() < 0.45) return everydayDocument(random);
  return excerpt(docs[isFitting ? random.integer(cutAt) : cutAt + random.integer(docs.length - cutAt)] ?? "", random);
}

function segmentExamples(document: string, attack: { start: number; end: number; family: string } | null, into: Example[]): void {
  const { segments } = segmentsOf(document);
  const counts = wordCounts(segments);
  segments.forEach((segment, at) => {
    const overlap = attack ? Math.min(segment.end, attack.end) - Math.max(segment.start, attack.start) : 0;
    const positive = attack !== null && overlap > 0.5 * Math.min(segment.end - segment.start, attack.end - attack.start);
    // Beside an attack the innocent pieces are those of any other document; every third is enough.
    if (!positive && attack !== null && random.uniform() < 0.67) return;
    into.push({ features: segmentFeatures(segment, at, segments, counts, blur()), positive, weight: positive ? 1 : 0.5, family: positive ? attack.family : "benign" });
  });
}

/** Attempts that are typed. More of them, or more rounds, fit the grammars rather than the matter (tried on half A of the development rows). */
const N_TYPED = 12_000;
const ROUNDS = { epochs: 2, rate: 0.1 };

/** Words left out of some examples, so that the models lean on forms and classes too. */
const blur = (): { keep?: () => boolean } => (random.uniform() < Number(values.blur) ? { keep: () => random.uniform() < 0.6 } : {});
const pieces: Example[] = [];
for (let i = 0; i < nDocuments; i++) {
  segmentExamples(drawDocument(true), null, pieces);
  const attack = drawAttack("context", families, random);
  const where = poisoned(drawDocument(true), attack.text, random);
  segmentExamples(where.text, { ...where, family: attack.family }, pieces);
}
const typed: Example[] = [];
const addTyped = (text: string, positive: boolean, family: string): void => void typed.push({ features: typedFeatures(text, blur()), positive, weight: 1, family });
const ORDINARY_LISTS = { ...LISTS, ...TRIGGER_LISTS, ...DEVELOPER_LISTS };
const ORDINARY = [REQUESTS, REQUESTS, REQUESTS, TRIGGER_WORDS, TRIGGER_WORDS, TRIGGER_FRAMES, TRIGGER_FRAMES, DEVELOPER_REQUESTS, DEVELOPER_REQUESTS, ANSWERS, MAILS, NEWS];
for (let i = 0; i < N_TYPED; i++) {
  const attack = drawAttack("direct", families, random);
  addTyped(attack.text, true, attack.family);
  const list = ORDINARY[random.integer(ORDINARY.length)] ?? REQUESTS;
  let text = expand(list[random.integer(list.length)] ?? "", ORDINARY_LISTS, random);
  if (list === REQUESTS && random.uniform() < 0.2) text += ` ${expand(list[random.integer(list.length)] ?? "", LISTS, random)}`;
  if (random.uniform() < 0.1) text = text.toLowerCase().replace(/[.?]$/, "");
  addTyped(text, false, "benign");
  if (i % 4 === 0) addTyped(excerpt(docs[random.integer(cutAt)] ?? "", random).slice(0, 400), false, "documentation");
}
const about = { families, heldOut, documents: nDocuments, seed: 6, date: new Date().toISOString().slice(0, 10) };
// Pieces of documentation that a first fit takes for orders are shown again: there is more of it than any grammar says.
const first = new LinearModel(fitLogistic("injection-context", pieces, random, { epochs: 5 }));
let nHard = 0;
for (let i = 0; i < nDocuments; i++) {
  const { segments } = segmentsOf(excerpt(docs[random.integer(cutAt)] ?? "", random));
  const counts = wordCounts(segments);
  segments.forEach((segment, at) => {
    const features = segmentFeatures(segment, at, segments, counts);
    if (first.logit(features) < -2.5) return;
    nHard++;
    pieces.push({ features, positive: false, weight: 1, family: "hard" });
  });
}
const contextFile = fitLogistic("injection-context", pieces, random, { epochs: Number(values.epochs), rate: Number(values.rate), fitted: { ...about, examples: pieces.length, hard: nHard } });
const typedFile = fitLogistic("injection-typed", typed, random, { ...ROUNDS, fitted: { ...about, examples: typed.length } });
const context = new LinearModel(contextFile);
const direct = new LinearModel(typedFile);

/** The highest piece decides. */
function documentScore(document: string): number {
  const { segments } = segmentsOf(document);
  const counts = wordCounts(segments);
  return Math.max(-20, ...segments.map((segment, at) => context.logit(segmentFeatures(segment, at, segments, counts))));
}
const report = (name: string, scores: readonly number[]): void => {
  const sorted = [...scores].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * sorted.length)] ?? NaN).toFixed(2);
  console.log(name.padEnd(28), `n ${scores.length}`.padEnd(8), `p5 ${at(0.05)} p25 ${at(0.25)} p50 ${at(0.5)} p75 ${at(0.75)} p97 ${at(0.97)} p99 ${at(0.99)}`);
};
report("documents, benign", Array.from({ length: 400 }, () => documentScore(drawDocument(false))));
for (const family of heldOut.length > 0 ? heldOut : families) {
  const isContext = drawAttack("context", [family], random).family === family;
  const isDirect = drawAttack("direct", [family], random).family === family;
  if (isContext) report(`context, ${family}`, Array.from({ length: 60 }, () => documentScore(poisoned(drawDocument(false), drawAttack("context", [family], random).text, random).text)));
  if (isDirect) report(`typed, ${family}`, Array.from({ length: 60 }, () => direct.logit(typedFeatures(drawAttack("direct", [family], random).text))));
}
report("typed, documentation", Array.from({ length: 200 }, () => direct.logit(typedFeatures(excerpt(docs[cutAt + random.integer(docs.length - cutAt)] ?? "", random).slice(0, 400)))));
if (values.write) {
  const folder = path.join(packageDir(), "media", "screens");
  mkdirSync(folder, { recursive: true });
  for (const file of [contextFile, typedFile]) writeFileSync(path.join(folder, `${file.name}.json`), `${JSON.stringify(file)}\n`);
}
