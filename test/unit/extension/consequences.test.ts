// What users make of applied code and of failing cells is found again, once, wherever it has moved to.
import assert from "node:assert/strict";
import { appliedRegion, regionNow } from "../../../src/extension/appliedRegion.ts";
import { CellRuns } from "../../../src/extension/cellRuns.ts";
import type { FinishedRun } from "../../../src/extension/cellRuns.ts";

const original = "import a;\n\nfunction one() {\n  return 1;\n}\n\nfunction two() {\n  return 2;\n}\n";
const content = original.replace("return 1;", "const x = 1;\n  return x;");

describe("an applied change", () => {
  const region = appliedRegion(original, content);

  it("is the lines that differ", () => {
    assert.deepEqual([region.before, region.applied], ["  return 1;", "  const x = 1;\n  return x;"]);
  });

  it("is found as it was, edited, undone, moved, and among repeated lines", () => {
    assert.equal(regionNow(region, content), "  const x = 1;\n  return x;");
    assert.equal(regionNow(region, content.replace("const x = 1", "const x = 1 + 1")), "  const x = 1 + 1;\n  return x;");
    assert.equal(regionNow(region, original), "  return 1;");
    assert.equal(regionNow(region, `// new\n\n\n${content}`), "  const x = 1;\n  return x;");
    assert.equal(regionNow(region, content.replaceAll("\n", "\r\n")), "  const x = 1;\n  return x;");
    const twice = appliedRegion("{\n}\n{\n}\n{\n}\n", "{\n}\n{\nx\n}\n{\n}\n");
    assert.equal(regionNow(twice, "{\n}\n{\ny\n}\n{\n}\n"), "y");
  });

  it("is not known any more when what stands around it is gone", () => {
    assert.equal(regionNow(region, "something else\n"), null);
  });

  it("of a whole new file is the file", () => {
    const fresh = appliedRegion("", "const a = 1;\nconst b = 2;\n");
    assert.equal(fresh.before, "");
    assert.equal(regionNow(fresh, "const a = 1;\nconst b = 3;\n"), "const a = 1;\nconst b = 3;");
  });
});

describe("runs of cells", () => {
  const watched = (): { runs: CellRuns; finished: FinishedRun[]; settle: () => Promise<void> } => {
    const finished: FinishedRun[] = [];
    return { runs: new CellRuns({ finished: (run) => finished.push(run), settled: () => true, settleMs: 1 }), finished, settle: () => new Promise((resolve) => setTimeout(resolve, 15)) };
  };
  const timing = { startTime: 1, endTime: 2 };

  it("are told once each, with what was run rather than what stands there now", async () => {
    const { runs, finished, settle } = watched();
    runs.changed("c", {}, "old text");
    runs.changed("c", {}, "print(1)");
    runs.changed("c", { executionOrder: 4 }, "print(1)");
    runs.changed("c", { executionOrder: 4 }, "print(1) # edited while it runs");
    runs.changed("c", { executionOrder: 4, success: false, timing }, "print(1) # edited while it runs");
    runs.changed("c", { executionOrder: 4, success: false, timing }, "print(1) # edited while it runs");
    await settle();
    runs.changed("c", { executionOrder: 4, success: false, timing }, "later");
    await settle();
    const [{ started, ...run } = { started: null }, ...others] = finished;
    assert.deepEqual([run, others], [{ cell: "c", source: "print(1)", executionOrder: 4, success: false, endedAt: 2, durationMs: 1 }, []]);
    assert.equal(typeof started, "number", "the order of starts is told");
  });

  it("of the same cell again, and of cells whose start was not seen, are told too", async () => {
    const { runs, finished, settle } = watched();
    runs.changed("c", { executionOrder: 4, success: false, timing }, "print(x)");
    await settle();
    runs.changed("c", { executionOrder: 5 }, "print(1)");
    runs.changed("c", { executionOrder: 5, success: true, timing: { startTime: 5, endTime: 6 } }, "print(1)");
    await settle();
    assert.deepEqual(finished.map(({ source, success }) => `${source} ${success}`), ["print(x) false", "print(1) true"]);
  });

  it("are told no more once it is disposed", async () => {
    const { runs, finished, settle } = watched();
    runs.changed("c", { success: true }, "x");
    runs.dispose();
    await settle();
    assert.deepEqual(finished, []);
  });
});
