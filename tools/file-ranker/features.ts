// What the file ranker sees of each case, written once so that fitting is quick: features of the candidates and the ties among them.
//   node tools/file-ranker/features.ts --out FILE [--set DIR]... [--history DIR]... [--cases 40]
// `--set` is a folder as `evaluate localise` reads it, `--history` a Git repository whose own commits make cases.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { serialize } from "node:v8";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { gitText } from "../../src/engine/data/sources/gitProcess.ts";
import { historyCases } from "../../src/engine/evaluation/localiseHistory.ts";
import { fileOf, hasFields, readRows } from "../../src/engine/evaluation/readSet.ts";
import { openEmbedder } from "../../src/engine/retrieval/embedder/embeddedEmbedder.ts";
import { PreparedFiles, TrialIndex } from "../../src/engine/retrieval/trialIndex.ts";

export interface CaseFeatures {
  id: string;
  repo: string;
  query: string;
  paths: string[];
  features: number[][];
  /** usesAmong of the candidates. */
  uses: Float32Array[];
  /** Positions of gold files among the candidates. */
  gold: number[];
  nGold: number;
}

interface Row { id: string; repo: string; query: string; gold: readonly string[]; files: Readonly<Record<string, string>> }

const { values } = parseArgs({ options: { set: { type: "string", multiple: true, default: [] }, history: { type: "string", multiple: true, default: [] }, cases: { type: "string", default: "40" }, out: { type: "string" }, only: { type: "string" }, embedder: { type: "string" } } });
if (values.out === undefined) {
  console.error("Usage: node tools/file-ranker/features.ts --out FILE [--set DIR]... [--history DIR]... [--cases N]");
  process.exit(2);
}
const embedder = await openEmbedder(SILENT_LOG, ...(values.embedder === undefined ? [] : [values.embedder]));
const results: CaseFeatures[] = [];

async function run(rows: readonly Row[], textOf: (sha: string) => Promise<string>): Promise<void> {
  const prepared = new PreparedFiles(embedder);
  let index = new TrialIndex(prepared);
  let held = new Map<string, string>();
  let repo = "";
  for (const [at, row] of rows.entries()) {
    if (values.only !== undefined && row.repo !== values.only) continue;
    if (row.repo !== repo || Object.keys(row.files).length < held.size / 2) {
      index.close();
      index = new TrialIndex(prepared);
      held = new Map();
      repo = row.repo;
    }
    // Only what differs from the tree of the case before is read again.
    for (const [file, sha] of held) if (row.files[file] !== sha) index.remove(file);
    for (const [file, sha] of Object.entries(row.files)) if (held.get(file) !== sha) await index.add(file, await textOf(sha));
    held = new Map(Object.entries(row.files));
    const candidates = await index.fileFeatures(row.query);
    const uses = index.usesAmong(candidates);
    results.push({
      id: row.id, repo: row.repo, query: row.query, paths: candidates.map((candidate) => candidate.path), features: candidates.map((candidate) => candidate.features),
      uses: uses.map((line) => Float32Array.from(line)), gold: candidates.flatMap((candidate, i) => (row.gold.includes(candidate.path) ? [i] : [])), nGold: row.gold.length,
    });
    if (at % 20 === 19) console.error(`${row.repo} ${at + 1}/${rows.length}`);
  }
  index.close();
}

for (const set of values.set) {
  const rows = await readRows(fileOf(set, "instances.jsonl"), (value): value is Row => hasFields(value, { id: "string", repo: "string", query: "string", gold: "array", files: "object" }), "a case");
  const blobs = new Map((await readRows(fileOf(set, "blobs.jsonl"), (value): value is { sha: string; text: string } => hasFields(value, { sha: "string", text: "string" }), "a blob")).map(({ sha, text }) => [sha, text]));
  await run(rows.toSorted((a, b) => (a.repo < b.repo ? -1 : a.repo > b.repo ? 1 : 0)), async (sha) => blobs.get(sha) ?? "");
}
for (const folder of values.history) {
  const git = (args: readonly string[]): Promise<string> => gitText(folder, args);
  const texts = new Map<string, string>();
  await run(await historyCases({ git, repo: path.basename(path.resolve(folder)), mostCases: Number(values.cases) }), async (sha) => {
    let text = texts.get(sha);
    if (text === undefined) texts.set(sha, text = await git(["cat-file", "blob", sha]));
    return text;
  });
}
writeFileSync(values.out, serialize(results));
console.log(JSON.stringify({ cases: results.length, candidatesHoldAllGold: results.filter((one) => one.gold.length === one.nGold).length }));
