// Which cells are stale and why, what to run again, and where results came from, on small histories written out.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { loadNotebookGrammars, readCell } from "../../../src/engine/notebooks/analysis/readCell.ts";
import { differenceOf, sourcesOf } from "../../../src/engine/notebooks/model/lineage.ts";
import { NotebookModel } from "../../../src/engine/notebooks/model/notebook.ts";
import { planRerun } from "../../../src/engine/notebooks/model/rerun.ts";
import { staleLabel } from "../../../src/engine/notebooks/words/sentences.ts";

/** A notebook whose cells are named c1, c2, … and that counts its executions. */
class Play {
  readonly model = new NotebookModel(readCell);
  cells: { id: string; language: string; source: string }[];
  #sequence = 0;
  #order = 0;

  constructor(...sources: string[]) {
    this.cells = sources.map((source, i) => ({ id: `c${i + 1}`, language: "python", source }));
    this.model.setCells(this.cells);
  }

  run(id: string, { error = null, output = "", order, sequence }: { error?: string | null; output?: string; order?: number | null; sequence?: number } = {}): this {
    const source = this.cells.find((cell) => cell.id === id)?.source ?? "";
    const number = sequence ?? ++this.#sequence;
    if (order !== null) this.#order = order ?? this.#order + 1;
    this.model.executed({ sequence: number, cell: id, language: "python", source, order: order === null ? null : this.#order, at: 0, durationMs: 0, success: error === null, output, outputHash: output, shown: [], error: error === null ? null : { name: error, message: "", traceback: "" } });
    return this;
  }

  all(): this {
    for (const { id } of this.cells) this.run(id);
    return this;
  }

  edit(id: string, source: string): this {
    this.cells = this.cells.map((cell) => (cell.id === id ? { ...cell, source } : cell));
    this.model.setCells(this.cells);
    return this;
  }

  only(...ids: string[]): this {
    this.cells = ids.flatMap((id) => this.cells.find((cell) => cell.id === id) ?? []);
    this.model.setCells(this.cells);
    return this;
  }

  /** "c2 upstreamEdited(x c1)" for each stale cell. */
  stale(): string[] {
    return this.model.statuses().filter(({ state }) => state === "stale").map(({ cell, reasons }) => `${cell} ${reasons.map(({ kind, name, cell: cause }) => `${kind}${name === null ? "" : `(${name} ${cause})`}`).join()}`);
  }
}

describe("the model of a notebook", () => {
  before(loadNotebookGrammars);

  it("says nothing of a notebook that ran from the top", () => {
    assert.deepEqual(new Play("import os", "x = 1", "y = x + 1\ny", "x += y").all().stale(), []);
  });

  it("knows an edited cell, what depends on it, and that comments and blanks are none of it", () => {
    const play = new Play("x = 1", "y = x + 1", "z = y * 2", "w = 5").all();
    assert.deepEqual(play.edit("c1", "x  =  1  # one").stale(), []);
    assert.deepEqual(play.edit("c1", "x = 2").stale(), ["c1 edited", "c2 upstreamEdited(x c1)", "c3 upstreamStale(y c2)"]);
    assert.deepEqual(play.run("c1").stale(), ["c2 upstreamRerun(x c1)", "c3 upstreamStale(y c2)"]);
    assert.deepEqual(play.run("c2").stale(), ["c3 upstreamRerun(y c2)"]);
    assert.deepEqual(play.run("c3").stale(), []);
    assert.equal(staleLabel(play.edit("c1", "x = 3").model, play.model.statuses()[1] as never), "stale: depends on cell 1, edited since");
  });

  it("looks at statements: to edit one line leaves what the others made", () => {
    const play = new Play("a = 1\nb = 2", "a + 1", "b + 1").all();
    assert.deepEqual(play.edit("c1", "a = 1\nb = 3").stale(), ["c1 edited", "c3 upstreamEdited(b c1)"]);
  });

  it("takes an unchanged run again for what it is", () => {
    const play = new Play("x = 1", "y = x", "df = load()", "df['b'] = df['a'] * 2", "df = df.dropna()", "print(df, y)").all();
    for (const id of ["c1", "c2", "c4"]) assert.deepEqual(play.run(id).stale().filter((text) => !text.startsWith("c4 outOfOrder")), [], id);
    const sorted = new Play("df = load()", "df = df.dropna()\ndf.sort_values('a', inplace=True)", "df.head()").all();
    assert.deepEqual(sorted.run("c2").run("c3").stale(), [], "transforms change nothing when repeated");
  });

  it("knows a cell that ran on its own result", () => {
    const play = new Play("n = 0", "n += 1\nn", "print(n)").all().run("c2");
    // What cell 3 shows is still what it would show.
    assert.deepEqual(play.stale(), ["c2 ranTwice(n c2)"]);
    assert.deepEqual(planRerun(play.model), { cells: ["c1", "c2"], helpers: ["c1"], needsRestart: false });
  });

  it("knows what was read from a cell further down, from one that is gone, and before it was made", () => {
    assert.deepEqual(new Play("x = 1", "x + 1", "x = 5").all().run("c2").stale(), ["c2 outOfOrder(x c3)"]);
    assert.deepEqual(new Play("k = 3", "k + 1").all().only("c2").stale(), ["c2 deletedCell(k c1)"]);
    assert.deepEqual(planRerun(new Play("k = 3", "k + 1").all().only("c2").model), { cells: ["c2"], helpers: [], needsRestart: true });
    assert.deepEqual(new Play("import json", "f = json.dumps", "f(1)").run("c1").run("c3", { error: "NameError" }).run("c2").stale(), ["c3 upstreamRerun(f c2)"]);
  });

  it("knows a kernel that was started anew by its counter, not by the clock", () => {
    const play = new Play("x = 1", "y = 2", "x + y").all().run("c2", { order: 1 });
    assert.deepEqual(play.stale(), ["c1 kernelRestarted", "c3 kernelRestarted"]);
    assert.deepEqual(planRerun(play.model).cells, ["c1", "c3"]);
    // Executions that end out of the order of their starts are no restart.
    const late = new Play("x = 1", "y = x").run("c2", { sequence: 2, order: 2 }).run("c1", { sequence: 1, order: 1 });
    assert.equal(late.model.kernel, 0);
    assert.deepEqual(late.stale(), []);
  });

  it("reads bodies of functions when they are called", () => {
    const play = new Play("rate = 2", "def price(n):\n    return n * rate", "price(3)", "rate = 3", "price(3)").all();
    assert.deepEqual(play.stale(), []);
    assert.deepEqual(play.run("c3").stale(), ["c3 outOfOrder(rate c4)"]);
    const changed = new Play("def clean(frame):\n    frame['a'] = 0", "t = load()", "clean(t)", "print(t)").all();
    assert.deepEqual(changed.edit("c3", "pass").stale(), ["c3 edited", "c4 upstreamEdited(t c3)"].filter((text) => changed.stale().includes(text)));
    assert.equal(changed.stale().length, 2);
  });

  it("follows aliases, containers, views and the notebook's own classes", () => {
    for (const [sources, edit] of [
      [["a = load()", "b = a", "b.append(1)", "print(a)"], "b.append(2)"],
      [["a = Thing()", "all_of = [a]", "a.append(3)", "print(all_of)"], "a.append(4)"],
      [["m = zeros(9)", "v = m[1:3]", "v += 1", "print(m)"], "v += 2"],
      [["class A:\n    def __init__(self): self.n = 0\n    def bump(self, by): self.n += by", "a = A()", "a.bump(1)", "a.n"], "a.bump(2)"],
    ] as const) {
      const play = new Play(...sources).all();
      assert.deepEqual(play.edit("c3", edit).model.statuses().map(({ state }) => state), ["current", "current", "stale", "stale"], sources.join("; "));
    }
  });

  it("joins cells by files, seeds and options", () => {
    assert.deepEqual(new Play("df.to_csv('a.csv')", "t = pd.read_csv('a.csv')").all().edit("c1", "df.head().to_csv('a.csv')").stale().map((text) => text.split(" ")[0]), ["c1", "c2"]);
    const seeded = new Play("import numpy as np", "np.random.seed(1)", "x = np.random.rand()", "x").all();
    assert.deepEqual(seeded.run("c3").stale().map((text) => text.split(" ")[0]), ["c3"]);
    assert.deepEqual(planRerun(seeded.model).cells, ["c2", "c3"]);
  });

  it("does not call what chance made stale, but what was made from its last outcome", () => {
    const play = new Play("import time", "t = time.time()", "u = t + 1").all();
    assert.deepEqual(play.run("c2").stale(), ["c3 upstreamRerun(t c2)"]);
    assert.deepEqual(play.run("c3").stale(), []);
    const unseeded = new Play("import random", "x = random.random()", "x").all();
    assert.deepEqual(unseeded.run("c2").run("c3").stale(), []);
  });

  it("counts different results of the same code with the same inputs", () => {
    const play = new Play("q = fetch()").run("c1", { output: "1" }).run("c1", { output: "2" });
    assert.deepEqual(play.model.statuses().map(({ runs, results }) => [runs, results]), [[2, 2]]);
    assert.deepEqual(play.edit("c1", "q = fetch(1)").run("c1", { output: "3" }).model.statuses().map(({ runs, results }) => [runs, results]), [[1, 1]]);
  });

  it("takes a failure as far as it came", () => {
    const play = new Play("x = 1", "y = 2\nz = x.nope\nw = 3", "y").run("c1");
    play.model.executed({ sequence: 50, cell: "c2", language: "python", source: play.cells[1]?.source ?? "", order: 2, at: 0, durationMs: 0, success: false, output: "", outputHash: "", shown: [], error: { name: "AttributeError", message: "", traceback: "Cell In[2], line 2\n----> 2 z = x.nope" } });
    play.run("c3", { sequence: 51, order: 3 });
    assert.deepEqual(play.model.statuses().map(({ state }) => state), ["current", "failed", "current"]);
  });

  it("tells where a result came from and what differs between two runs", () => {
    const play = new Play("a = 1", "b = a + 1", "c = 9", "b").all();
    assert.deepEqual(sourcesOf(play.model, play.model.lastRun("c4") as never).map(({ run, names }) => `${run.execution.cell} ${names.join()}`), ["c1 a", "c2 b"]);
    const before = play.model.lastRun("c4") as never;
    play.edit("c1", "a = 2").run("c1").run("c2").run("c4");
    const { names, removed } = differenceOf(play.model, before, play.model.lastRun("c4") as never);
    assert.deepEqual([names.map(({ name, is }) => `${name} ${is?.execution.cell} ${is?.execution.order}`), removed], [["b c2 6"], []]);
  });

  it("plans for random histories what leaves nothing stale, and nothing of which can be left out", () => {
    const random = new SeededRandom(5);
    const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)] as T;
    for (let round = 0; round < 40; round++) {
      const play = new Play("a = 1", "b = a + 1", "xs = [a]", "xs.append(b)", "def f(v):\n    return v + a", "c = f(b)", "b = c * 2", "print(xs, b)");
      for (let step = 0; step < 14; step++) {
        if (random.uniform() < 0.7) play.run(pick(play.cells).id);
        else play.edit(pick(["c1", "c2"]), `${pick(["a", "b"])} = ${random.integer(5)}`);
      }
      const plan = planRerun(play.model);
      if (plan.needsRestart) play.run(plan.cells[0] as string, { order: 1 });
      for (const id of plan.needsRestart ? plan.cells.slice(1) : plan.cells) play.run(id);
      assert.deepEqual(play.stale(), [], `round ${round}`);
      assert.deepEqual(planRerun(play.model).cells, []);
    }
  });

  it("reads any text without failing", () => {
    const random = new SeededRandom(9);
    const scraps = ["def f(", "x =", "%%time\n", "!ls {", "\"\"\"", "lambda:", "for i in", "\n", "  ", "[a for", "@", "é", "\0", "class A:", "f'{x", "del ", "match x:\n case", "import", "*", ")", "try:"];
    for (let round = 0; round < 150; round++) {
      const source = Array.from({ length: 1 + random.integer(8) }, () => scraps[random.integer(scraps.length)]).join("");
      const play = new Play("x = 1", source, "x").all();
      assert.equal(play.model.statuses().length, 3);
      assert.deepEqual(play.stale(), [], source);
    }
  });
});
