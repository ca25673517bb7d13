import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Subwords } from "../../../src/engine/retrieval/embedder/subwords.ts";
import { BagPairs, frequentWords, tokeniseRows } from "../../../src/engine/retrieval/embedder/trainingPairs.ts";
import { commentPairs } from "../../../tools/embedder/commentPairs.ts";
import { normalisedName } from "../../../tools/embedder/wheels.ts";
import { removeTemporaryFolders, temporaryFolder } from "./support.ts";

function written(rows: readonly object[]): string {
  const file = path.join(temporaryFolder(), "rows.jsonl");
  writeFileSync(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return file;
}

const ROW = { query: "reads all lines of a file", code: "def read_lines(file):\n    return open(file).read().split()", name: "read_lines", path: "io/lines.py", lang: "py" };

describe("training pairs", () => {
  afterEach(removeTemporaryFolders);

  it("are cut into words once, near-duplicates of what is excluded left out", async () => {
    const known = "def add(first, second):\n    total = first + second\n    return total if total else zero";
    const file = written([ROW, { ...ROW, query: "adds two numbers", code: known, name: "add" }]);
    const rows = await tokeniseRows([file], [written([{ text: `def add(first, second):\n    """Adds up."""${known.slice(23)}` }])]);
    assert.deepEqual([rows.rows, rows.nearDuplicatesLeftOut, rows.groups.length], [2, 1, 1]);
    const first = [...rows.tokens.subarray(0, rows.starts[1])].map((id) => rows.words[id]);
    assert.deepEqual(first, ["reads", "all", "lines", "of", "a", "file"]);
    assert.ok(frequentWords(rows, 100, 1).includes("lines"));
  });

  it("tell comments from documentation and one language from another by their group", async () => {
    const { groups } = await tokeniseRows([written([ROW, { ...ROW, name: "" }, { ...ROW, lang: "ts" }])], []);
    assert.equal(new Set(groups).size, 3);
  });

  it("name the line that is no pair", async () => {
    await assert.rejects(tokeniseRows([written([ROW, { query: 1 }])], []), { reason: "dataInvalid", message: /Line 2 / });
  });

  it("ask by the documentation or by the name, and then the declaration does not hold the name", async () => {
    const rows = await tokeniseRows([written([ROW])], []);
    const words = frequentWords(rows, 100, 1);
    const pairs = new BagPairs(rows, new Subwords(words, 0));
    const random = new SeededRandom(3);
    const said = (bag: { rows: Int32Array }): string[] => [...bag.rows].map((row) => words[row] as string);
    let byName = 0;
    for (let i = 0; i < 200; i++) {
      const { query, passage } = pairs.pair(0, random);
      assert.ok(passage.counts.every((count) => count > 0));
      if (said(query).includes("all")) continue;
      byName++;
      assert.deepEqual(said(query).sort(), ["lines", "read"]);
      assert.ok(!said(passage).includes("lines") || said(passage).includes("reads"), said(passage).join(" "));
    }
    assert.ok(byName > 40 && byName < 120, `${byName} of 200`);
  });
});

describe("pairs from comments", () => {
  it("are a telling comment and the lines below it", () => {
    const text = "a = 1\n# wait for the lock\n# to be free\nwhile not lock.acquire(timeout=1):\n    log.debug('still waiting for the lock of another')\n";
    assert.deepEqual(commentPairs(text).map(({ query }) => query), ["wait for the lock to be free"]);
    assert.match(commentPairs(text)[0]?.code ?? "", /^while not lock/);
  });

  it("are not licences, marks for tools, or code", () => {
    const below = "\nconst value = compute(first, second, third, fourth, fifth, sixth);\n";
    for (const comment of ["// Copyright of the authors here", "// eslint-disable-next-line some rule here", "// const x = compute(a);", "// --- --- ---"]) assert.deepEqual(commentPairs(comment + below), [], comment);
  });

  it("know a package under all spellings of its name", () => {
    assert.deepEqual(["Flask_Login", "python3-flask-login", "flask.login"].map(normalisedName), ["flask-login", "flask-login", "flask-login"]);
  });
});
