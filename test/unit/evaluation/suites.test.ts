import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { runCorpusRetrieval, runLocalise } from "../../../src/engine/tasks/evaluateRetrieval.ts";

const jsonl = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const refuses = (sentence: RegExp) => (error: unknown): boolean => error instanceof EngineError && sentence.test(error.message);

describe("evaluate", () => {
  let folder: string;
  beforeEach(() => { folder = mkdtempSync(path.join(tmpdir(), "kalactica-evaluate-")); });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const writeLocalise = (): void => {
    const files = { "src/parser.py": "p", "src/server.py": "s", "src/colours.py": "c" };
    writeFileSync(path.join(folder, "blobs.jsonl.gz"), gzipSync(jsonl([
      { sha: "p", text: "def parse_header(line):\n    return line.split(':')\n" },
      { sha: "s", text: "from parser import parse_header\n\ndef serve(port):\n    listen(port)\n" },
      { sha: "c", text: "RED = '#f00'\nGREEN = '#0f0'\n" },
    ])));
    writeFileSync(path.join(folder, "instances.jsonl"), jsonl([
      { id: "1", repo: "a", query: "fix parse_header for empty lines", gold: ["src/parser.py"], files },
      { id: "2", repo: "a", query: "use a darker red and green", gold: ["src/colours.py"], files },
      { id: "3", repo: "b", query: "make purple elephants dance", gold: ["src/missing.py"], files },
    ]));
  };

  it("finds the files of changes, averages over repositories, and compares the ablations", async () => {
    writeLocalise();
    const { n, metrics, items } = await runLocalise(folder, null, {});
    assert.equal(n, 3);
    // Repository a: 1, repository b: 0 (its file is not in the tree), whatever the ranking.
    assert.equal(metrics["strictAcc@5"], 0.5);
    assert.equal((metrics["micro"] as Record<string, number>)["strictAcc@5"], 0.6667);
    assert.deepEqual(Object.keys(metrics["ablations"] as object).slice(0, 4), ["fused", "bm25", "vector", "fused+short"]);
    assert.equal((items[0] as { ranked: string[] }).ranked[0], "src/parser.py");
    // Nothing embeds: by vectors alone nothing is found.
    assert.equal(((metrics["ablations"] as Record<string, Record<string, number>>)["vector"] ?? {})["strictAcc@5"], 0);
  });

  it("ranks the documents of a corpus without knowing their ids", async () => {
    writeFileSync(path.join(folder, "corpus.jsonl"), jsonl([
      { _id: "reverse", text: "def flip(words):\n    \"\"\"Turn a list around.\"\"\"\n    return words[::-1]\n" },
      { _id: "sum", text: "def total(numbers):\n    \"\"\"Add numbers up.\"\"\"\n    return sum(numbers)\n" },
    ]));
    writeFileSync(path.join(folder, "queries.jsonl"), jsonl([{ _id: "q1", text: "add up numbers" }, { _id: "q2", text: "reverse" }, { _id: "q3", text: "not judged" }]));
    writeFileSync(path.join(folder, "qrels.tsv"), "query-id\tcorpus-id\tscore\nq1\tsum\t1\nq2\treverse\t1\nq3\tsum\t0\n");
    const { n, metrics, items } = await runCorpusRetrieval(folder, null, {});
    assert.equal(n, 2);
    // "reverse" stands only in the id, which must not be searched.
    assert.equal(metrics["recall@1"], 0.5);
    assert.deepEqual((items[0] as { ranked: string[] }).ranked[0], "sum");
  });

  it("says what a set lacks", async () => {
    await assert.rejects(runLocalise(folder, null, {}), refuses(/has no instances\.jsonl/));
    writeFileSync(path.join(folder, "instances.jsonl"), "{\"id\": 1}\n");
    await assert.rejects(runLocalise(folder, null, {}), refuses(/instances\.jsonl:1: this row lacks something; expected \{id/));
    writeFileSync(path.join(folder, "instances.jsonl"), "{\"id\"\n");
    await assert.rejects(runLocalise(folder, null, {}), refuses(/instances\.jsonl:1: this is not JSON/));
    writeFileSync(path.join(folder, "instances.jsonl"), "");
    await assert.rejects(runLocalise(folder, null, {}), refuses(/has no rows/));
    writeFileSync(path.join(folder, "corpus.jsonl"), jsonl([{ _id: "1", text: "x" }]));
    writeFileSync(path.join(folder, "queries.jsonl"), jsonl([{ _id: "1", text: "x" }]));
    await assert.rejects(runCorpusRetrieval(folder, null, {}), refuses(/neither qrels\.tsv nor/));
    writeFileSync(path.join(folder, "qrels.tsv"), "query-id\tcorpus-id\tscore\n9\t1\t1\n");
    await assert.rejects(runCorpusRetrieval(folder, null, {}), refuses(/No query .* has a relevant document/));
  });

  it("stops when told to", async () => {
    writeLocalise();
    await assert.rejects(runLocalise(folder, null, { signal: AbortSignal.abort() }), { name: "CancelledError" });
  });
});
