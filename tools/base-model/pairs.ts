// Writes data/pairs.jsonl for the embedder's training: one line a pair, {query, code, name, path, lang, package}.
// Training packages only; held-out ones go to data/pairs-heldout.jsonl. Does not extract (pairExtraction.ts does).
//
//   node pairs.ts [--cap 4000]
import { parseArgs } from "node:util";
import path from "node:path";
import { writeFileAtomic } from "../../src/engine/base/files.ts";
import { readDocuments } from "./corpus.ts";
import { extractPairs } from "./pairExtraction.ts";
import { dataFolder } from "./trainTokenizer.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { cap: { type: "string", default: "4000" } } });
  const cap = Number(values.cap);
  const seen = new Set<string>();
  const queries = new Map<string, number>();
  const perPackage = new Map<string, number>();
  const counts = new Map<string, number>();
  const out = { train: [] as string[], heldOut: [] as string[] };
  for await (const item of readDocuments()) {
    // Test names describe the test, seldom what a developer would ask.
    if (/(^|\/)tests?\//.test(item.path)) continue;
    for (const pair of extractPairs(item.text, item.language)) {
      const nHere = perPackage.get(item.package) ?? 0;
      if (nHere >= cap) break;
      const nSame = queries.get(pair.query) ?? 0;
      const key = `${pair.query}\n${pair.name}`;
      // The same sentence over many functions ("Get the name.") cannot tell them apart.
      if (seen.has(key) || nSame >= 3) continue;
      seen.add(key);
      queries.set(pair.query, nSame + 1);
      perPackage.set(item.package, nHere + 1);
      const count = `${item.split} ${item.language}`;
      counts.set(count, (counts.get(count) ?? 0) + 1);
      out[item.split].push(JSON.stringify({ ...pair, path: item.path, lang: item.language, package: item.package }));
    }
  }
  await writeFileAtomic(path.join(dataFolder, "pairs.jsonl"), out.train.join("\n") + "\n");
  await writeFileAtomic(path.join(dataFolder, "pairs-heldout.jsonl"), out.heldOut.join("\n") + "\n");
  console.error(Object.fromEntries(counts));
}

if (process.argv[1] === import.meta.filename) await main();
