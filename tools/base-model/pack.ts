// Writes the data that training reads: token streams for training and held-out evaluation, in the contract of README.md.
// Does not clean, does not train.
//
// Held-out files that are there already stay (--again replaces them).
//
//   node pack.ts [--bytes 240000000] [--passes 2] [--fim 0.7] [--seed 1] [--again]
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../../src/engine/base/files.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { BpeTokenizer, type TokenizerData } from "../../src/engine/training/tokenizer/bpeTokenizer.ts";
import type { Document } from "./clean.ts";
import type { Language } from "./codeLines.ts";
import { chooseByMixture, readDocuments } from "./corpus.ts";
import { maskedLineEndings } from "./masks.ts";
import { PackageIndex } from "./packageIndex.ts";
import { SampleMaker } from "./samples.ts";
import { dataFolder, tokenizerFile } from "./trainTokenizer.ts";

/** Samples of one package stay together for about this many tokens; then another package's follow. */
const segmentTokens = 16_384;

/** A stream of tokens that grows. */
class TokenBuffer {
  #ids = new Uint16Array(1 << 16);
  length = 0;

  append(ids: ArrayLike<number>): void {
    if (this.length + ids.length > this.#ids.length) {
      const wider = new Uint16Array(Math.max(this.#ids.length * 2, this.length + ids.length));
      wider.set(this.#ids);
      this.#ids = wider;
    }
    this.#ids.set(ids, this.length);
    this.length += ids.length;
  }

  take(): Uint16Array {
    const taken = this.#ids.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

interface PackFigures {
  tokens: number;
  samples: { plain: number; fim: number };
  middleTokens: number;
  bytesByLanguage: Partial<Record<Language, number>>;
}

/**
 * One pass over `documents` (those of a package adjacent): its samples in segments of whole samples, in package order.
 * `figures` is added to.
 */
export function packSegments(documents: readonly Document[], tokenizer: BpeTokenizer, seed: number, fimShare: number, figures: PackFigures): Uint16Array[] {
  const random = new SeededRandom(seed);
  const maker = new SampleMaker(tokenizer, random);
  const segments: Uint16Array[] = [];
  const buffer = new TokenBuffer();
  const flush = (): void => {
    if (buffer.length > 0) segments.push(buffer.take());
  };
  for (let from = 0; from < documents.length; ) {
    const name = documents[from]?.package;
    let to = from;
    while (to < documents.length && documents[to]?.package === name) to++;
    const files = documents.slice(from, to);
    const index = new PackageIndex(files.filter((file) => file.language !== "md"));
    for (const file of files) {
      figures.bytesByLanguage[file.language] = (figures.bytesByLanguage[file.language] ?? 0) + Buffer.byteLength(file.text);
      for (const sample of maker.samplesOf(file, fimShare, index)) {
        buffer.append(sample.ids);
        figures.tokens += sample.ids.length;
        figures.samples[sample.kind]++;
        figures.middleTokens += sample.nMiddle;
      }
      if (buffer.length >= segmentTokens) flush();
    }
    flush();
    from = to;
  }
  return segments;
}

/** Writes segments one after the other as little-endian 16-bit numbers, under a temporary name until complete. */
async function writeStream(file: string, segments: readonly Uint16Array[]): Promise<void> {
  const handle = await open(`${file}.tmp`, "w");
  try {
    // This machine is little-endian, as are all that Node supports well; the check keeps the contract honest.
    if (new Uint8Array(Uint16Array.of(1).buffer)[0] !== 1) throw new Error("The packer writes little-endian numbers and this machine is big-endian.");
    for (const segment of segments) await handle.writeFile(new Uint8Array(segment.buffer, segment.byteOffset, segment.byteLength));
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.tmp`, file);
}

/** Held-out documents, up to `bytesEach` a language, drawn over all packages alike. */
function chooseHeldOut(documents: readonly Document[], bytesEach: number, random: SeededRandom): Document[] {
  return (["ts", "js", "py", "md"] as const).flatMap((language) => {
    const queues = new Map<string, Document[]>();
    for (const item of random.shuffle(documents.filter((d) => d.language === language))) {
      const queue = queues.get(item.package);
      if (queue === undefined) queues.set(item.package, [item]);
      else queue.push(item);
    }
    const chosen: Document[] = [];
    for (let bytes = 0, any = true; any && bytes < bytesEach; ) {
      any = false;
      for (const queue of queues.values()) {
        const item = queue.pop();
        if (item === undefined || bytes >= bytesEach) continue;
        any = true;
        bytes += item.text.length;
        chosen.push(item);
      }
    }
    return chosen;
  });
}

async function writeHeldOut(documents: readonly Document[], tokenizer: BpeTokenizer, seed: number): Promise<void> {
  const chosen = chooseHeldOut(documents, 400_000, new SeededRandom(seed));
  const separator = Uint16Array.of(tokenizer.special["<|endoftext|>"]);
  const parts: Uint16Array[] = [];
  const byLanguage: Partial<Record<Language, { documents: number; tokens: number; bytes: number }>> = {};
  let start = 0;
  const entries = chosen.map((item) => {
    const ids = tokenizer.encode(item.text);
    const bytes = Buffer.byteLength(item.text);
    const entry = { language: item.language, package: item.package, path: item.path, start, tokens: ids.length, bytes };
    parts.push(ids, separator);
    start += ids.length + 1;
    const sum = (byLanguage[item.language] ??= { documents: 0, tokens: 0, bytes: 0 });
    sum.documents++;
    sum.tokens += ids.length;
    sum.bytes += bytes;
    return entry;
  });
  await writeStream(path.join(dataFolder, "heldout.u16"), parts);
  await writeFileAtomic(path.join(dataFolder, "heldout.json"), JSON.stringify({ byLanguage, documents: entries }, null, 1));

  const cases = (["ts", "js", "py"] as const).flatMap((language) => {
    const files = chosen.filter((item) => item.language === language);
    const texts = new Map(files.map((file) => [`${file.package}\n${file.path}`, file.text]));
    return maskedLineEndings(files.map((file) => ({ path: `${file.package}\n${file.path}`, text: file.text })), { n: 400, seed }).map((item) => {
      const lines = (texts.get(item.path) as string).split(/\r?\n/);
      const before = lines.slice(0, item.line - 1).join("\n") + (item.line > 1 ? "\n" : "") + (lines[item.line - 1] as string).slice(0, item.column);
      const after = "\n" + lines.slice(item.line).join("\n");
      const from = before.length > 1000 ? before.indexOf("\n", before.length - 1000) + 1 : 0;
      return { language, package: item.path.split("\n")[0], path: item.path.split("\n")[1], line: item.line, column: item.column, prefix: before.slice(from), suffix: after.slice(0, 400), expected: item.expected };
    });
  });
  await writeFileAtomic(path.join(dataFolder, "heldout-fim.jsonl"), cases.map((item) => JSON.stringify(item)).join("\n") + "\n");
  console.error("held out", byLanguage, `${cases.length} masked line endings`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { bytes: { type: "string", default: "240000000" }, passes: { type: "string", default: "2" }, fim: { type: "string", default: "0.7" }, seed: { type: "string", default: "1" }, again: { type: "boolean" } } });
  const seed = Number(values.seed);
  const nPasses = Number(values.passes);
  if (!existsSync(tokenizerFile)) throw new Error(`${tokenizerFile} is missing. Run trainTokenizer.ts first.`);
  const tokenizer = new BpeTokenizer(JSON.parse(await readFile(tokenizerFile, "utf8")) as TokenizerData);
  await mkdir(dataFolder, { recursive: true });
  const train: Document[] = [];
  const heldOut: Document[] = [];
  for await (const item of readDocuments()) (item.split === "train" ? train : heldOut).push(item);

  const figures: PackFigures = { tokens: 0, samples: { plain: 0, fim: 0 }, middleTokens: 0, bytesByLanguage: {} };
  const segments: Uint16Array[] = [];
  for (let pass = 0; pass < nPasses; pass++) {
    // Each pass takes other files where a language has more than its share, and cuts all anew.
    const chosen = chooseByMixture(train, Number(values.bytes), `pass ${pass}`);
    const made = packSegments(chosen, tokenizer, seed * 1000 + pass, Number(values.fim), figures);
    // Shuffled within the pass only: a text comes back one pass later, not at once.
    for (const segment of new SeededRandom(seed * 1000 + 500 + pass).shuffle(made)) segments.push(segment);
    console.error(`pass ${pass + 1}: ${figures.tokens} tokens so far`);
  }
  await rm(path.join(dataFolder, "READY"), { force: true });
  // Held-out data stay as they are, so that figures of different runs can be compared.
  if (values.again === true || !existsSync(path.join(dataFolder, "heldout.json"))) await writeHeldOut(heldOut, tokenizer, seed);
  await writeStream(path.join(dataFolder, "train.u16"), segments);
  await writeFileAtomic(path.join(dataFolder, "READY"), JSON.stringify({ ...figures, nVocab: tokenizer.nVocab, passes: nPasses, seed, fimShare: Number(values.fim), layout: "src/engine/base/fimLayout.ts" }, null, 1) + "\n");
  console.error(figures);
}

if (process.argv[1] === import.meta.filename) await main();
