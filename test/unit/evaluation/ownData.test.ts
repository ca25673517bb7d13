import assert from "node:assert/strict";
import { historyCases, isSourceFile } from "../../../src/engine/evaluation/localiseHistory.ts";
import { evaluateVectors, syntheticVectors } from "../../../src/engine/evaluation/vectors.ts";
import type { MeasuredIndex } from "../../../src/engine/evaluation/vectors.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { runVectors } from "../../../src/engine/tasks/evaluateRetrievalVectors.ts";

describe("cases from a folder's own history", () => {
  const log = [
    "\x01c3\0c2\0Add a menu\n\nIt opens.\0\n\nM\tsrc/a.ts\nA\tsrc/b.ts\nM\ttest/a.test.ts",
    "\x01c2\0c1\0Write the documents\0\n\nM\tREADME.md",
    "\x01c1\0\0First\0\n\nA\tsrc/a.ts",
  ].join("\n");
  const git = (args: readonly string[]): Promise<string> => Promise.resolve(args[0] === "log" ? log : "100644 blob aaa\tsrc/a.ts\x00100644 blob bbb\tREADME.md\x00120000 blob ccc\tsrc/link.ts\0");

  it("take the message for the query, what was modified for gold, and the parent's tree", async () => {
    const cases = await historyCases({ git, repo: "r", mostCases: 10 });
    assert.deepEqual(cases, [{ id: "c3", repo: "r", query: "Add a menu\n\nIt opens.", gold: ["src/a.ts"], files: { "src/a.ts": "aaa" } }]);
  });

  it("say so where no commit makes one", async () => {
    await assert.rejects(historyCases({ git: () => Promise.resolve("\x01c1\0\0First\0\n\nA\ta.ts"), repo: "r", mostCases: 5 }), { reason: "dataInvalid", message: /No commit of r makes a case/ });
  });

  it("are about code that is written by hand and ships", () => {
    assert.deepEqual(["src/a.ts", "lib/x.py", "vendor/x.go", "src/a.test.ts", "tests/x.py", "docs/conf.py", "a.min.js", "x.pb.go", "README.md"].filter(isSourceFile), ["src/a.ts", "lib/x.py"]);
  });
});

describe("evaluate vectors", () => {
  it("finds nearly what exact search finds, also with half replaced, and never a short list", async () => {
    const { metrics, n } = await runVectors({ count: 600, dimension: 32, topics: 100, queries: 20, seed: 1 }, {});
    assert.equal(n, 20);
    assert.ok((metrics["recall@10"] as number) >= 0.99);
    const stages = metrics["stages"] as Record<string, Record<string, number>>;
    for (const stage of ["fresh", "halfDeleted", "afterChurn", "compacted"]) {
      assert.ok((stages[stage]?.["recall@10"] ?? 0) >= 0.98, stage);
      assert.equal(stages[stage]?.["shortLists"], 0, stage);
    }
  });

  it("counts what an index misses and where it gives too few", async () => {
    const held = new Set<number>();
    const worthless: MeasuredIndex = {
      add: (id) => void held.add(id), remove: (id) => void held.delete(id), search: () => [...held].slice(0, 5).map((id) => ({ id })),
      compact: () => Promise.resolve(), sizeBytes: () => Promise.resolve(0), close: () => Promise.resolve(),
    };
    const random = new SeededRandom(3);
    const { metrics } = await evaluateVectors(() => Promise.resolve(worthless), { vectors: syntheticVectors(300, 16, 20, random), queries: syntheticVectors(5, 16, 20, random), seed: 1, settings: {} });
    assert.ok((metrics["recall@10"] as number) < 0.4);
    assert.equal((metrics["stages"] as Record<string, Record<string, number>>)["fresh"]?.["shortLists"], 5);
  });
});
