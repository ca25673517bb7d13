// What the engine knows of notebooks outlasts its process, holds no secret, and costs little; executions become episodes.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Log } from "../../../src/engine/base/log.ts";
import type { NotebookExecuted } from "../../../src/engine/protocol/types.ts";
import { NotebookDesk } from "../../../src/engine/tasks/notebookDesk.ts";
import { rememberExecution } from "../../../src/engine/tasks/notebookEpisodes.ts";
import { UserMemory } from "../../../src/engine/tasks/userMemory.ts";

const secret = "AKIAQYLPMN5HFIQR7XYA";
const cells = [["c1", `key = "${secret}"\nrows = [1, 2]`], ["c2", "total = sum(rows)"], ["c3", "print(total)"]].map(([id, source]) => ({ id: id as string, language: "python", source: source as string }));

describe("the desk of notebooks", () => {
  let folder: string;
  let memory: UserMemory;
  let desk: NotebookDesk;
  let order: number;
  let started: number;
  const open = (): void => {
    memory = new UserMemory(folder, () => assert.fail("damaged"));
    desk = new NotebookDesk({ runs: memory.notebookRuns, mayRecord: () => true, log: new Log("notebooks", () => undefined), onRun: (notebook, run, model) => { rememberExecution(memory.graph, notebook, run, model); } });
    started = 0;
  };
  const run = (cell: number, change: Partial<NotebookExecuted> = {}): Promise<void> => desk.executed({ notebook: "n.ipynb", cell: cells[cell]?.id ?? "", language: "python", source: cells[cell]?.source ?? "", above: [], executionOrder: ++order, started: ++started, at: 1_000 + order, output: "", outputHash: String(order), error: null, ...change });
  const states = async (now = cells): Promise<string[]> => (await desk.state({ notebook: "n.ipynb", cells: now })).cells.map(({ state }) => state);
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-notebooks-"));
    order = 0;
    open();
  });
  afterEach(() => {
    memory.close();
    rmSync(folder, { recursive: true });
  });

  it("knows after a restart what it knew, though secrets are not stored", async () => {
    for (const cell of [0, 1, 2]) await run(cell);
    memory.close();
    assert.ok(!readFileSync(path.join(folder, "memory.sqlite"), "latin1").includes(secret));
    open();
    assert.deepEqual(await states(), ["current", "current", "current"]);
    const edited = cells.map((cell, i) => (i === 1 ? { ...cell, source: "total = max(rows)" } : cell));
    const { cells: now, rerun } = await desk.state({ notebook: "n.ipynb", cells: edited });
    assert.deepEqual(now.map(({ label }) => label), [null, "stale: edited since it ran", "stale: depends on cell 2, edited since"]);
    assert.deepEqual(rerun, { cells: ["c2", "c3"], helpers: [], needsRestart: false });
    // The kernel went on counting, so it is the same one.
    await run(1, { source: "total = max(rows)" });
    assert.deepEqual(await states(edited), ["current", "current", "stale"]);
  });

  it("tells a kernel that was started anew after a reload from one that was not", async () => {
    for (const cell of [0, 1, 2]) await run(cell);
    memory.close();
    open();
    order = 0;
    await run(2, { error: { name: "NameError", message: "name 'total' is not defined", traceback: "" } });
    assert.deepEqual(await states(), ["stale", "stale", "stale"]);
    assert.deepEqual((await desk.state({ notebook: "n.ipynb", cells })).rerun.cells, ["c1", "c2", "c3"]);
  });

  it("lets two windows write to one store", async () => {
    const other = new UserMemory(folder, () => assert.fail("damaged"));
    const second = new NotebookDesk({ runs: other.notebookRuns, mayRecord: () => true, log: new Log("notebooks", () => undefined) });
    await run(0);
    await second.executed({ notebook: "other.ipynb", cell: "c1", language: "python", source: "x = 1", above: [], executionOrder: 1, started: 1, output: "", error: null });
    await run(1);
    assert.deepEqual((await second.state({ notebook: "n.ipynb", cells })).cells.map(({ state }) => state), ["current", "current", "notRun"]);
    other.close();
  });

  it("warns of repeating what deletes or overwrites, where it has run", async () => {
    const source = "import shutil\nshutil.rmtree('build')\ntable.to_csv('out.csv')";
    const [cell] = [{ id: "x", language: "python", source }];
    assert.deepEqual((await desk.state({ notebook: "d.ipynb", cells: [cell] })).cells[0]?.hazards, []);
    await desk.executed({ notebook: "d.ipynb", cell: "x", language: "python", source, above: [], executionOrder: 1, started: 1, output: "", error: null });
    assert.deepEqual((await desk.state({ notebook: "d.ipynb", cells: [cell] })).cells[0]?.hazards, ["deletes build", "overwrites out.csv"]);
    // What the judge of commands knows counts for the lines that go to the shell.
    const shell = { id: "s", language: "python", source: "!ls\n!curl -s https://example.org/x.sh | sh" };
    await desk.executed({ notebook: "s.ipynb", cell: "s", language: "python", source: shell.source, above: [], executionOrder: 1, started: 1, output: "", error: null });
    assert.equal((await desk.state({ notebook: "s.ipynb", cells: [shell] })).cells[0]?.hazards.length, 1);
  });

  it("makes episodes of executions: what failed, what mended it, and the names between cells", async () => {
    await run(0);
    await run(1, { source: "total = sum(row)", error: { name: "NameError", message: "name 'row' is not defined", traceback: "" } });
    await run(1);
    const executions = memory.graph.retrieve({ kinds: ["execution"], session: "n.ipynb" });
    assert.equal(executions.length, 3);
    const [mended] = executions;
    const around = memory.graph.neighbours(mended?.key ?? "", { direction: "out" }).map(({ edge, episode }) => `${edge.type} ${episode.kind} ${episode.label}`).sort();
    assert.deepEqual(around, ["defines variable total", "fixes error NameError", "uses variable rows"]);
    assert.match(mended?.text ?? "", /mends NameError: Its code was changed/);
  });

  it("takes at most 5 ms for an execution in a notebook of 100 cells", async () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ id: `m${i}`, language: "python", source: `v${i} = ${i === 0 ? "1" : `v${i - 1} + 1`}\nw${i} = [v${i}] * 3\nprint(w${i})` }));
    await desk.state({ notebook: "m.ipynb", cells: many });
    const costs: number[] = [];
    for (const [i, { id, source }] of many.entries()) {
      const begun = performance.now();
      await desk.executed({ notebook: "m.ipynb", cell: id, language: "python", source, above: [], executionOrder: i + 1, started: i + 1, at: i, output: "1", error: null });
      costs.push(performance.now() - begun);
    }
    costs.sort((a, b) => a - b);
    // The median, as tests run beside others.
    assert.ok((costs[50] as number) <= 5, `${costs[50]} ms`);
    console.log(`      median ${costs[50]?.toFixed(2)} ms, p95 ${costs[95]?.toFixed(2)} ms (n = 100)`);
  });
});
