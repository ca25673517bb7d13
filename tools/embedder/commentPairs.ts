// Pairs for the embedded encoder from comments: what a comment says and the lines below it, one JSON row a pair.
//   node tools/embedder/commentPairs.ts DOCUMENTS.jsonl [--most 160000] > comments.jsonl
// Rows of the documents are {text, path, language, split} as tools/base-model writes them; held-out ones are left out. Seeded:
// the same documents give the same pairs. Comments that are code, licences or marks for tools say nothing and are left out.
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { most: { type: "string", default: "160000" } } });
const file = positionals[0];
if (file === undefined) {
  console.error("Usage: node tools/embedder/commentPairs.ts DOCUMENTS.jsonl [--most N]");
  process.exit(2);
}
const LINES = 10;
const random = new SeededRandom(11);
const kept: string[] = [];
let seen = 0;
const most = Number(values.most);
const textOf = (line: string): string | null => /^\s*(?:#|\/\/)\s?(.*)$/.exec(line)?.[1]?.trim() ?? null;
const speaks = (comment: string): boolean => {
  const words = comment.match(/[A-Za-z]{2,}/g) ?? [];
  return words.length >= 4 && words.length <= 40 && !/copyright|licen[sc]e|eslint|pylint|noqa|istanbul|@ts-|type:|todo|fixme|https?:|[;{}]\s*$|=>|^\W{3}/i.test(comment) && comment.replace(/[^A-Za-z ]/g, "").length > 0.8 * comment.length;
};

for await (const row of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
  const { text, path, language, split } = JSON.parse(row) as { text: string; path: string; language: string; split: string };
  if (split === "heldOut" || language === "md") continue;
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const first = textOf(lines[i] as string);
    if (first === null) continue;
    const comment = [first];
    let next = i + 1;
    for (let more = textOf(lines[next] ?? ""); more !== null && next < lines.length; more = textOf(lines[next] ?? "")) {
      comment.push(more);
      next++;
    }
    const code = lines.slice(next, next + LINES).join("\n");
    i = next;
    const query = comment.join(" ").trim();
    if (!speaks(query) || code.trim().length < 60) continue;
    seen++;
    const made = JSON.stringify({ query, code, name: "", path, lang: language });
    // Reservoir sampling: every comment has the same chance, wherever it stands.
    if (kept.length < most) kept.push(made);
    else {
      const at = random.integer(seen);
      if (at < most) kept[at] = made;
    }
  }
}
console.error(`${seen} comments, ${kept.length} kept`);
for (const row of kept) console.log(row);
