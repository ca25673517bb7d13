// Executions as the editor tells of them, in every order that a kernel can make of them.
import assert from "node:assert/strict";
import { CellRuns } from "../../../src/extension/cellRuns.ts";
import type { FinishedRun } from "../../../src/extension/cellRuns.ts";
import { errorIn, hashOf, shownBy, textOf } from "../../../src/extension/notebookOutputs.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const output = (mime: string, data: Uint8Array) => ({ items: [{ mime, data }] });

describe("executions of cells", () => {
  let told: FinishedRun[];
  let runs: CellRuns;
  /** Whether what a run must have left is there. */
  let complete: boolean;
  const settled = (ms = 15) => new Promise((resolve) => setTimeout(resolve, ms));
  beforeEach(() => {
    told = [];
    complete = true;
    runs = new CellRuns({ finished: (run) => told.push(run), settled: () => complete, settleMs: 5 });
  });
  afterEach(() => runs.dispose());

  it("are what was run, though the cell is edited meanwhile, and told once", async () => {
    runs.changed("a", {}, "x = 1");
    runs.changed("a", { executionOrder: 1 }, "x = 1");
    runs.changed("a", { executionOrder: 1 }, "x = 2");
    const end = { executionOrder: 1, success: true, timing: { startTime: 10, endTime: 35 } };
    runs.changed("a", end, "x = 2");
    runs.changed("a", end, "x = 3");
    await settled();
    assert.deepEqual(told.map(({ source, durationMs, started }) => ({ source, durationMs, started })), [{ source: "x = 1", durationMs: 25, started: 1 }]);
  });

  it("keep the order of their starts when they end in another, and when the clock goes back", async () => {
    runs.changed("a", { executionOrder: 1 }, "a");
    runs.changed("b", { executionOrder: 2 }, "b");
    runs.changed("b", { executionOrder: 2, success: true, timing: { startTime: 50, endTime: 20 } }, "b");
    runs.changed("a", { executionOrder: 1, success: true, timing: { startTime: 10, endTime: 90 } }, "a");
    await settled();
    const order = new Map(told.map(({ cell, started }) => [cell, started]));
    assert.ok((order.get("a") as number) < (order.get("b") as number));
    assert.ok(told.every(({ durationMs }) => durationMs >= 0));
  });

  it("that failed wait for their error, which a busy machine shows late", async () => {
    complete = false;
    runs.changed("a", { executionOrder: 1 }, "a");
    runs.changed("a", { executionOrder: 1, success: false, timing: { startTime: 1, endTime: 2 } }, "a");
    await settled(40);
    assert.equal(told.length, 0);
    complete = true;
    await settled();
    assert.deepEqual(told.map(({ cell, success }) => [cell, success]), [["a", false]]);
  });

  it("are read before the next one of the same cell replaces what they left", () => {
    runs.changed("a", { executionOrder: 1 }, "a");
    runs.changed("a", { executionOrder: 1, success: false, timing: { startTime: 1, endTime: 2 } }, "a");
    runs.changed("a", {}, "b");
    assert.deepEqual(told.map(({ source }) => source), ["a"], "told at the start of the next, not after it");
  });

  it("are not swallowed by the next one of the same cell, nor by the cell's end", async () => {
    for (const n of [1, 2]) {
      runs.changed("a", { executionOrder: n }, `run ${n}`);
      runs.changed("a", { executionOrder: n, success: n === 1, timing: { startTime: n, endTime: n } }, `run ${n}`);
    }
    runs.removed("a");
    assert.deepEqual(told.map(({ source, success }) => [source, success]), [["run 1", true], ["run 2", false]]);
    runs.changed("b", { executionOrder: 3 }, "never ends");
    runs.removed("b");
    await settled();
    assert.equal(told.length, 2);
  });
});

describe("outputs of cells", () => {
  it("of any size and kind are read within bounds", () => {
    const huge = new Uint8Array(200_000_000).fill(120);
    const begun = performance.now();
    const outputs = [output("application/vnd.code.notebook.stdout", huge), output("image/png", new Uint8Array([137, 80, 255, 0])), output("text/html", bytes("<table><tr><th>a<th>b</tr><tr><td>1<td>2</tr></table>"))];
    assert.equal(textOf(outputs).length, 2_000);
    assert.deepEqual(shownBy(outputs), ["figure (image/png, 4 B)", "table of 2 rows × 2 columns"]);
    assert.match(hashOf(outputs), /^[0-9a-f]{64}$/);
    assert.ok(performance.now() - begun < 500, `${performance.now() - begun} ms`);
  });

  it("hash alike where only addresses differ, and differ where the end does", () => {
    const hash = (text: string): string => hashOf([output("text/plain", bytes(text))]);
    assert.equal(hash("<Line2D at 0x7f12ab34cd>"), hash("<Line2D at 0x7fffffffff>"));
    assert.notEqual(hash("a"), hash("b"));
    assert.notEqual(hash(`${"x".repeat(300_000)}1`), hash(`${"x".repeat(300_000)}2`));
  });

  it("tell errors, and that something failed where they do not say how", () => {
    const error = output("application/vnd.code.notebook.error", bytes(JSON.stringify({ name: "KeyError", message: "'a'", stack: `\u001b[0;31mCell In[3], line 2\u001b[0m${"\n  frame".repeat(2_000)}\nKeyError: 'a'` })));
    const { name, traceback } = errorIn([error]);
    assert.equal(name, "KeyError");
    assert.ok(traceback.startsWith("Cell In[3], line 2") && traceback.endsWith("KeyError: 'a'") && traceback.length <= 4_010);
    assert.deepEqual(errorIn([output("application/vnd.code.notebook.error", bytes("not json"))]), { name: "", message: "", traceback: "" });
  });
});
