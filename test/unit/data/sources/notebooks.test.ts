// Notebooks become next cells, repairs and pairs; what repairs nothing becomes none.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { isErrorOfCode, isRepair } from "../../../../src/engine/data/sources/cellRepair.ts";
import { cellError, parseNotebook } from "../../../../src/engine/data/sources/notebookFile.ts";
import type { Notebook } from "../../../../src/engine/data/sources/notebookFile.ts";
import { notebooks, recordsOfNotebook, recordsOfRuns } from "../../../../src/engine/data/sources/notebooks.ts";
import type { RecordedRun } from "../../../../src/engine/data/sources/notebooks.ts";
import { isProblem } from "../../../../src/engine/data/sources/source.ts";

const traceback = [
  "\u001b[0;31m---------------------------------------------------------------------------\u001b[0m", "\u001b[0;31mKeyError\u001b[0m   Traceback (most recent call last)",
  "Cell \u001b[0;32mIn[3], line 2\u001b[0m\n\u001b[1;32m      1\u001b[0m total \u001b[38;5;241m=\u001b[39m 0\n\u001b[0;32m----> 2\u001b[0m table[\u001b[38;5;124m'units'\u001b[39m].sum()\n", "\u001b[0;31mKeyError\u001b[0m: 'units'",
];
const code = (source: string, count: number | null, outputs: unknown[] = [], id?: string) => ({ cell_type: "code", source: source.split(/(?<=\n)/), execution_count: count, outputs, metadata: {}, ...(id === undefined ? {} : { id }) });
const failing = (ename: string, evalue: string) => ({ output_type: "error", ename, evalue, traceback });
const notebook = (cells: unknown[]): Notebook => {
  const parsed = parseNotebook(JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { language_info: { name: "python" } }, cells }));
  assert.ok(!("reason" in parsed));
  return parsed;
};
const shop = [
  { cell_type: "markdown", source: ["# Shop\n", "![logo](data:image/png;base64,AAAA)"], metadata: {} },
  code("import pandas as pd\ntable = pd.read_csv('shop.csv')\ntable.head()", 1, [{ output_type: "execute_result", data: { "text/plain": ["   Units\n", "0      3"], "text/html": "<table>" } }]),
  code("total = 0\ntable['units'].sum()", 3, [failing("KeyError", "'units'")], "bad"),
  code("total = 0\ntable['Units'].sum()", 4, [{ output_type: "execute_result", data: { "text/plain": "41" } }], "good"),
];
const records = (cells: unknown[]) => [...recordsOfNotebook(notebook(cells), "shop.ipynb", { language: "python" })];
const promptOf = (record: TrainingRecord | undefined): string => (record && "prompt" in record && record.prompt.form === "text" ? record.prompt.text : "");

describe("notebook files", () => {
  it("give the repaired cell, the pair and the next cells", () => {
    const found = records(shop);
    assert.deepEqual(found.map(({ kind, origin }) => `${kind} ${origin.at}`), ["example shop.ipynb#1", "preference shop.ipynb#bad (pair)", "example shop.ipynb#bad (repair)", "example shop.ipynb#good"]);
    const [, pair, repair, next] = found;
    assert.ok(pair?.kind === "preference");
    assert.equal(pair.chosen, "total = 0\ntable['Units'].sum()\n");
    assert.equal(pair.rejected, "total = 0\ntable['units'].sum()\n");
    assert.equal(promptOf(pair), "# %% [markdown]\n# # Shop\n\n# %%\nimport pandas as pd\ntable = pd.read_csv('shop.csv')\ntable.head()\n# Out:    Units\n#      0      3\n\n# %%\n");
    assert.ok(promptOf(repair).endsWith("# %%\ntotal = 0\ntable['units'].sum()\n# Error: KeyError: 'units'\n#   at line 2: table['units'].sum()\n\n# %% The same cell, repaired\n"), promptOf(repair));
    // The cell that failed is no context for the next.
    assert.ok(!promptOf(next).includes("table['units']"));
  });

  it("give no pair where nothing was repaired", () => {
    const pairs = (bad: [string, string], good: string, count: number | null = 4) => records([shop[1], code(bad[0], 3, [failing(bad[1], "x")]), code(good, count)]).filter(({ kind }) => kind === "preference").length;
    assert.equal(pairs(["rows = table['units'].sum()", "KeyError"], "rows = table['Units'].sum()"), 1);
    assert.equal(pairs(["rows = table['units'].sum()", "KeyError"], "rows = table['Units'].sum()", 2), 0, "run before");
    assert.equal(pairs(["rows = table['units'].sum()", "KeyboardInterrupt"], "rows = table['Units'].sum()"), 0, "stopped by hand");
    assert.equal(pairs(["rows = table['units'].sum()", "KeyError"], "rows  =  table['units'].sum()  # again"), 0, "the same");
    assert.equal(pairs(["rows = table['units'].sum()", "KeyError"], "figure = plot(other, of='something else')"), 0, "another cell");
    assert.equal(pairs(["import seaborn\nseaborn.plot(table)", "ModuleNotFoundError"], "!pip install seaborn\nimport seaborn\nseaborn.plot(table)"), 0, "installed");
    assert.equal(pairs(["rows = table['units'].sum()", "KeyError"], "try:\n    rows = table['units'].sum()\nexcept KeyError:\n    pass"), 0, "swallowed");
    assert.equal(pairs(["rows = table['units'].sum()\nprint(rows)\nsave(rows, 'rows.csv')\nsend(rows)", "KeyError"], "print(rows)"), 0, "left out");
  });

  it("leave out what is no code to learn: commands, imports alone, other languages' cells", () => {
    for (const source of ["!ls -la /tmp/data", "%matplotlib inline\n%load_ext autoreload", "import numpy as np\nimport pandas as pd", "%%bash\necho hello there", "x", "y = 1\n".repeat(600)]) {
      assert.deepEqual(records([shop[1], code(source, 2)]).filter(({ origin }) => origin.at.endsWith("#1")), [], source.slice(0, 20));
    }
  });

  it("of version 3, without outputs and with cells of other kinds are read", () => {
    const old = parseNotebook(JSON.stringify({ nbformat: 3, metadata: {}, worksheets: [{ cells: [{ cell_type: "code", input: ["a = 1\n", "b = a + 1"], prompt_number: 7, outputs: [{ output_type: "pyerr", ename: "NameError", evalue: "x", traceback: [] }] }, { cell_type: "raw", source: "raw" }] }] }));
    assert.ok(!("reason" in old));
    assert.deepEqual(old.cells.map(({ kind, source, executionCount, error }) => ({ kind, source, executionCount, error: error?.name })), [{ kind: "code", source: "a = 1\nb = a + 1", executionCount: 7, error: "NameError" }, { kind: "raw", source: "raw", executionCount: null, error: undefined }]);
  });

  it("that are none are named with what is wrong", async () => {
    const contents: Record<string, { text: string } | { reason: string }> = { "a.ipynb": { text: "" }, "b.ipynb": { text: "{\"cells\": [" }, "c.ipynb": { text: "[1]" }, "d.ipynb": { reason: "it is gone, or cannot be read" }, "e.ipynb": { text: JSON.stringify({ nbformat: 4, metadata: null, cells: [null, 3, { cell_type: "code" }] }) } };
    const sentences: string[] = [];
    const source = notebooks({ files: { folder: "/nowhere", async *list() { yield* Object.keys(contents); }, read: (name) => Promise.resolve(contents[name] ?? { reason: "" }) } });
    for await (const item of source.records()) if (isProblem(item)) sentences.push(`${item.at}: ${item.sentence}`);
    assert.equal(sentences.length, 4);
    assert.match(sentences.join("\n"), /a\.ipynb: .*empty[^]*b\.ipynb: .*not valid JSON[^]*c\.ipynb: .*not a Jupyter notebook[^]*d\.ipynb: .*gone/);
  });
});

describe("recorded runs", () => {
  const above = [{ kind: "code" as const, source: "import math", output: "" }];
  let id = 0;
  const run = (cell: string, source: string, error: string | null): RecordedRun => ({ id: ++id, at: 1_000 * id, notebook: "n.ipynb", cell, language: "python", source, above, error: error === null ? null : { name: error, message: "m", traceback: "" } });

  it("pair the last failure of a cell with the run that then went well, whatever ran in between", () => {
    id = 0;
    const found = [...recordsOfRuns([
      run("a", "print(math.squareroot(16))", "AttributeError"), run("b", "values = [1, 2, 3]", null), run("a", "print(math.sqroot(16))", "AttributeError"),
      run("a", "print(math.sqrt(16))", null), run("a", "print(math.sqrt(25))", null), run("c", "print(maths.pi * 2.0)", "NameError"),
    ])];
    assert.deepEqual(found.map(({ kind, origin }) => `${kind} ${origin.at} ${origin.time}`), ["preference n.ipynb#run-3-4 (pair) 4000", "example n.ipynb#run-3-4 (repair) 4000"]);
    assert.ok(found[0]?.kind === "preference" && found[0].rejected === "print(math.sqroot(16))\n" && found[0].chosen === "print(math.sqrt(16))\n");
  });

  it("are left out when a person took them out", async () => {
    id = 0;
    const runs = [run("a", "print(math.sqroot(16))", "AttributeError"), run("a", "print(math.sqrt(16))", null)];
    const kinds: string[] = [];
    for await (const item of notebooks({ files: null, runs, excluded: new Set(["n.ipynb#run-1-2 (pair)"]) }).records()) kinds.push(isProblem(item) ? item.sentence.slice(0, 22) : item.kind);
    assert.deepEqual(kinds, ["example", "1 record was left out,"]);
  });
});

describe("repairs", () => {
  it("are alike enough, and errors of the code", () => {
    assert.equal(isRepair("x = foo(1)", "x = foo(2)", 0.6), true);
    assert.equal(isRepair("x = foo(1)", "", 0), false);
    assert.equal(isRepair("if x:\ny = foo(1)", "if x:\n    y = foo(1)", 0.6), true, "indentation");
    assert.equal(isErrorOfCode(""), false);
    assert.equal(isErrorOfCode("ReadTimeoutError"), false);
    assert.equal(isErrorOfCode("ValueError"), true);
  });

  it("know the line of the cell that failed", () => {
    assert.deepEqual(cellError("KeyError", "'units'", traceback.join("\n")), { name: "KeyError", message: "'units'", line: 2, lineText: "table['units'].sum()" });
    assert.equal(cellError("E", "m", "no place").line, null);
  });
});
