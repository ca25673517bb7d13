// Makes media/general/texts.jsonl, short passages of held-out packages that no model of ours was trained on, by which a training run
// shows that it forgot nothing else; and strength.jsonl, others of other documents, by which the strength of its adapter is fitted.
// Deterministic: the same corpus gives the same files.
// usage: node tools/base-model/generalTexts.ts (after clean.ts)
import { createReadStream, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { sha256, writeFileAtomic } from "../../src/engine/base/files.ts";
import type { TrainingRecord } from "../../src/engine/base/trainingRecord.ts";

/** Passages of each language at most: few enough to be read in seconds even by a model of 1.5 B parameters. */
const OF_EACH_LANGUAGE = 25;
const CHARACTERS = 700;
const MOST_OF_A_PACKAGE = 13;
const LICENCES = /^(MIT|Expat|ISC|BSD|Apache)/i;
const LANGUAGES: Readonly<Record<string, string>> = { ts: "typescript", js: "javascript", py: "python", md: "markdown" };

interface Document { package: string; path: string; language: string; split: string; text: string }

const root = fileURLToPath(new URL("../..", import.meta.url));
const sources = JSON.parse(readFileSync(path.join(root, "tools/base-model/sources.json"), "utf8")) as { heldOut: { npm: string[]; deb: string[] }; packages: { name: string; version: string; licence: string }[] };
const packages = new Map(sources.packages.map((source) => [source.name, source]));
/** Kept for other measurements, and named as such. */
const named = new Set([...sources.heldOut.npm, ...sources.heldOut.deb]);

const found: { order: string; document: Document; passage: string }[] = [];
const corpus = path.join(os.homedir(), ".cache/kalactica/base-model/documents.jsonl");
for await (const line of createInterface({ input: createReadStream(corpus) })) {
  if (!line.includes('"split":"heldOut"')) continue;
  const document = JSON.parse(line) as Document;
  const licence = packages.get(document.package)?.licence ?? "";
  if (document.split !== "heldOut" || named.has(document.package) || !LICENCES.test(licence)) continue;
  for (const [part, passage] of passagesOf(document).entries()) found.push({ order: sha256(`general: ${document.package}/${document.path}#${part}`), document, passage });
}
found.sort((a, b) => (a.order < b.order ? -1 : 1));

/** Passages of documents that `without` does not hold, of each language some. */
function choose(without: readonly TrainingRecord[]): TrainingRecord[] {
  const known = new Set(without.map(({ origin }) => origin.at));
  const records: TrainingRecord[] = [];
  const used = new Map<string, number>();
  for (const language of Object.keys(LANGUAGES)) {
    let taken = 0;
    for (const { document, passage } of found) {
      const at = `${document.package}/${document.path}`;
      if (document.language !== language || taken >= OF_EACH_LANGUAGE || known.has(at)) continue;
      // No package may stand for a whole language.
      const ofPackage = used.get(`${language} ${document.package}`) ?? 0;
      if (ofPackage >= MOST_OF_A_PACKAGE) continue;
      used.set(`${language} ${document.package}`, ofPackage + 1);
      taken++;
      records.push({ kind: "text", text: passage, origin: { at, licence: packages.get(document.package)?.licence ?? "", language: LANGUAGES[language] ?? language } });
    }
  }
  return records;
}

const records = choose([]);
const others = choose(records);
const names = [...new Set([...records, ...others].map(({ origin }) => [...packages.keys()].filter((name) => origin.at.startsWith(`${name}/`)).sort((a, b) => b.length - a.length)[0] ?? ""))].sort();
await writeFileAtomic(path.join(root, "media/general/texts.jsonl"), records.map((record) => `${JSON.stringify(record)}\n`).join(""));
await writeFileAtomic(path.join(root, "media/general/strength.jsonl"), others.map((record) => `${JSON.stringify(record)}\n`).join(""));
await writeFileAtomic(path.join(root, "media/general/README.md"), `# Unrelated text

\`texts.jsonl\` holds ${records.length} passages of at most ${CHARACTERS} characters from packages that no model of KaLactica was trained on. A training run reads them before and after: an adapter goes live only where it did not get worse on them (\`promotion.generalMargin\`). \`strength.jsonl\` holds ${others.length} passages of other documents, by which the strength of an adapter is chosen, so that what judges did not choose. Made by \`tools/base-model/generalTexts.ts\` from the corpus of the base model.

| package | version | licence |
|---|---|---|
${names.map((name) => `| ${name} | ${packages.get(name)?.version ?? ""} | ${packages.get(name)?.licence ?? ""} |`).join("\n")}
`);
console.log(`${records.length} and ${others.length} passages of ${names.length} packages, ${records.reduce((sum, record) => sum + ("text" in record ? record.text.length : 0), 0)} characters`);

/** Whole lines from inside a document; none where it is too short, and none that are mostly data. */
function passagesOf({ text }: Document): string[] {
  if (text.length < 4 * CHARACTERS) return [];
  return [1 / 4, 2 / 4, 3 / 4].flatMap((share) => {
    const begin = text.indexOf("\n", Math.floor(text.length * share) - CHARACTERS) + 1;
    const end = text.lastIndexOf("\n", begin + CHARACTERS);
    const passage = text.slice(begin, end + 1);
    const letters = passage.replace(/[^A-Za-z\s]/g, "").length;
    return passage.length > CHARACTERS / 2 && letters > 0.6 * passage.length ? [passage] : [];
  });
}
