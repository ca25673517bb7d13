// Puts the base model's tokenizer into data/tokenizer.json: the one recorded beside this file, since the shipped weights
// depend on it, or with --again one trained anew on a part of the corpus.
//
//   node trainTokenizer.ts [--bytes 45000000] [--again]
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { writeFileAtomic } from "../../src/engine/base/files.ts";
import { BpeTokenizer } from "../../src/engine/training/tokenizer/bpeTokenizer.ts";
import { BpeTrainer } from "../../src/engine/training/tokenizer/bpeTrainer.ts";
import type { Document } from "./clean.ts";
import { chooseByMixture, readDocuments } from "./corpus.ts";
import { cacheFolder } from "./fetch.ts";

export const dataFolder = path.join(cacheFolder, "data");
export const tokenizerFile = path.join(dataFolder, "tokenizer.json");

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { bytes: { type: "string", default: "45000000" }, again: { type: "boolean" } } });
  if (values.again !== true) {
    if (existsSync(tokenizerFile)) console.error(`${tokenizerFile} is there already; --again trains another.`);
    else await writeFileAtomic(tokenizerFile, await readFile(path.join(import.meta.dirname, "tokenizer.json")));
    return;
  }
  const train: Document[] = [];
  const heldOut: Document[] = [];
  for await (const item of readDocuments()) (item.split === "train" ? train : heldOut).push(item);
  const trainer = new BpeTrainer({ nVocab: 8192, minGroups: 3 });
  for (const item of chooseByMixture(train, Number(values.bytes), "tokenizer")) trainer.add(item.text, item.package);
  const data = trainer.train();
  await writeFileAtomic(tokenizerFile, JSON.stringify(data));
  const tokenizer = new BpeTokenizer(data);
  for (const language of ["ts", "js", "py", "md"] as const) {
    const texts = heldOut.filter((item) => item.language === language).slice(0, 150).map((item) => item.text);
    const nBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    const nTokens = texts.reduce((sum, text) => sum + tokenizer.encode(text).length, 0);
    console.error(`${language}: ${(nBytes / nTokens).toFixed(3)} bytes per token on ${(nBytes / 1e6).toFixed(2)} MB held out`);
  }
}

if (process.argv[1] === import.meta.filename) await main();
