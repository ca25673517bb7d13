// Writes the pairs that the embedded encoder learns from: documentation and code, comments and the lines below them, from the
// base model's documents (tools/base-model, npm and Debian packages) and from Python wheels of a PyPI mirror.
//   node tools/embedder/pairs.ts --out pairs.jsonl [--documents FILE] [--wheels DIR]... [--list FILE]
// A row is {query, code, name, path, lang, package}. `--list` writes which wheels were taken, with their licences, and which were
// left out and why. What is held out (tools/base-model/sources.json, and {@link TRIED_ON}) is never read.
import { createWriteStream } from "node:fs";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import type { Language } from "../base-model/codeLines.ts";
import { readDocuments } from "../base-model/corpus.ts";
import { readSources } from "../base-model/fetch.ts";
import { extractPairs } from "../base-model/pairExtraction.ts";
import { commentPairs } from "./commentPairs.ts";
import { listWheels, normalisedName, wheelSources } from "./wheels.ts";

/** Repositories that answers and search are tried on besides the held-out ones. */
const TRIED_ON = ["oauthlib", "openai", "pip", "gitleaks"];
/** Most pairs of one package, so that none sets the tone. */
const MOST_DOCUMENTED = 6_000;
const MOST_COMMENTS = 2_000;
/** The same sentence over many functions ("Get the name.") cannot tell them apart. */
const SAME_DOCUMENTATION = 3;
const SAME_COMMENT = 2;

class PairWriter {
  readonly counts = { documented: 0, comments: 0 };
  readonly #seen = new Set<string>();
  readonly #queries = new Map<string, number>();
  readonly #byPackage = new Map<string, { documented: number; comments: number }>();
  readonly #out;

  constructor(file: string) {
    this.#out = createWriteStream(file);
  }

  async write(text: string, file: string, from: string, lang: Language): Promise<void> {
    let counts = this.#byPackage.get(from);
    if (!counts) this.#byPackage.set(from, counts = { documented: 0, comments: 0 });
    const rows: string[] = [];
    for (const pair of extractPairs(text, lang)) {
      if (counts.documented >= MOST_DOCUMENTED) break;
      if (!this.#isNew(pair.query, `${pair.query}\n${pair.name}`, SAME_DOCUMENTATION)) continue;
      counts.documented++;
      this.counts.documented++;
      rows.push(JSON.stringify({ ...pair, path: file, lang, package: from }));
    }
    for (const pair of lang === "md" ? [] : commentPairs(text)) {
      if (counts.comments >= MOST_COMMENTS) break;
      if (!this.#isNew(pair.query, `${pair.query}\n${pair.code.slice(0, 40)}`, SAME_COMMENT)) continue;
      counts.comments++;
      this.counts.comments++;
      rows.push(JSON.stringify({ ...pair, name: "", path: file, lang, package: from }));
    }
    if (rows.length > 0 && !this.#out.write(`${rows.join("\n")}\n`)) await once(this.#out, "drain");
  }

  async end(): Promise<void> {
    this.#out.end();
    await once(this.#out, "finish");
  }

  #isNew(query: string, key: string, most: number): boolean {
    const same = this.#queries.get(query) ?? 0;
    if (this.#seen.has(key) || same >= most) return false;
    this.#seen.add(key);
    this.#queries.set(query, same + 1);
    return true;
  }
}

const { values } = parseArgs({ options: { out: { type: "string" }, documents: { type: "string" }, wheels: { type: "string", multiple: true, default: [] }, list: { type: "string" } } });
if (values.out === undefined) {
  console.error("Usage: node tools/embedder/pairs.ts --out pairs.jsonl [--documents FILE] [--wheels DIR]... [--list FILE]");
  process.exit(2);
}
const { heldOut, packages } = await readSources();
const held = new Set([...heldOut.npm, ...heldOut.deb, ...heldOut.pathParts, ...TRIED_ON].map(normalisedName));
const inDocuments = new Set(packages.map(({ name }) => normalisedName(name)));
const writer = new PairWriter(values.out);
for await (const item of readDocuments(values.documents)) {
  // Test names describe the test, seldom what a developer would ask.
  if (item.split === "train" && !/(^|\/)tests?\//.test(item.path) && !held.has(normalisedName(item.package))) await writer.write(item.text, item.path, item.package, item.language);
}
console.error("documents", writer.counts);
const list: string[] = [];
for (const wheel of await listWheels(values.wheels)) {
  const name = path.basename(wheel.file);
  if (held.has(wheel.name) || inDocuments.has(wheel.name)) {
    list.push(`${name}: left out, ${held.has(wheel.name) ? "held out" : "among the documents"}`);
    continue;
  }
  const read = await wheelSources(wheel, (part) => held.has(part));
  if ("leftOut" in read) {
    list.push(`${name}: left out, ${read.leftOut}`);
    continue;
  }
  for (const [file, text] of read.sources) await writer.write(text, file, wheel.name, "py");
  list.push(`${name}: ${read.licence}`);
}
await writer.end();
if (values.list !== undefined) await writeFile(values.list, `${list.join("\n")}\n`);
console.error("all", writer.counts);
