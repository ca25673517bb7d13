// Questions about what a notebook ran are answered from the record, with the cells as sources.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { loadNotebookGrammars, readCell } from "../../../src/engine/notebooks/analysis/readCell.ts";
import { NotebookModel } from "../../../src/engine/notebooks/model/notebook.ts";
import { notebookQuestion } from "../../../src/engine/notebooks/words/question.ts";
import { answerFromNotebooks } from "../../../src/engine/tasks/notebookAnswers.ts";

const cells = [["load", "rows = [3, 4, 5]"], ["sum", "total = sum(rows)\nprint(total)"], ["share", "share = total / n\nprint(share)"]] as const;
const file = JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: {}, cells: cells.map(([id, source]) => ({ id, cell_type: "code", source: source.split(/(?<=\n)/), metadata: {}, outputs: [] })) }, null, 1);

describe("answers from notebooks", () => {
  let model: NotebookModel;
  let sequence = 0;
  const run = (cell: string, source: string, output: string, error: string | null = null): void => {
    sequence++;
    model.executed({ sequence, cell, language: "python", source, order: sequence, at: sequence, durationMs: 1, success: error === null, outputHash: output, output, shown: [], error: error === null ? null : { name: error.split(": ")[0] as string, message: error.split(": ")[1] ?? "", traceback: "" } });
  };
  const ask = async (question: string, cell?: string, command?: "fix") => {
    const attachments = cell === undefined ? [] : [{ kind: "cell" as const, path: "n.ipynb", startLine: 1, endLine: 1, cell: { id: cell, number: 1 } }];
    const composed = await answerFromNotebooks({ question, attachments, activePath: "n.ipynb", ...(command ? { command } : {}) }, { known: () => ["n.ipynb"], remembered: () => Promise.resolve(model) }, (range) => {
      const text = file.split("\n").slice(range.startLine - 1, range.endLine).join("\n");
      return Promise.resolve({ text, sha256: createHash("sha256").update(text).digest("hex") });
    });
    return composed && { summary: composed.card.summary, cited: composed.citations.map(({ text }) => text.trim()), titles: composed.card.items.map(({ title }) => title) };
  };

  before(loadNotebookGrammars);
  beforeEach(() => {
    sequence = 0;
    model = new NotebookModel(readCell);
    model.setCells(cells.map(([id, source]) => ({ id, language: "python", source })));
    run("load", cells[0][1], "");
    run("sum", "total = sum(row)\nprint(total)", "", "NameError: name 'row' is not defined");
    run("sum", cells[1][1], "12");
  });

  it("say why a cell failed and which change of its code mended it", async () => {
    const answer = await ask("why did it fail before and what fixed it?");
    assert.match(answer?.summary ?? "", /^Cell 2 failed \(run 2\) with `NameError: name 'row' is not defined`\. \[1\] It then ran well \(run 3\)\. Its code was changed: `total = sum\(row\)` became `total = sum\(rows\)`\. \[1\]$/);
    assert.match(answer?.cited[0] ?? "", /total = sum\(rows\)/);
    assert.deepEqual(answer?.titles, ["Cell 2 (run 2)", "Cell 2 (run 3)"]);
  });

  it("say that another cell mended it", async () => {
    run("share", cells[2][1], "", "NameError: name 'n' is not defined");
    run("load", "rows = [3, 4, 5]\nn = 3", "");
    run("share", cells[2][1], "4.0");
    assert.match((await ask("what fixed cell 3?"))?.summary ?? "", /`n` was made by cell 1 \(run 5\) in between/);
  });

  it("say what produced a number, back to where it came from", async () => {
    const answer = await ask("what produced 12?");
    assert.match(answer?.summary ?? "", /^`12` was shown by cell 2 \(run 3\)\. \[1\] `rows` came from cell 1 \(run 1\)\. \[2\]$/);
    assert.equal(await ask("what produced 1?"), null, "a part of a number is another number");
  });

  it("say of an attached cell what it shows and where that came from", async () => {
    const answer = await ask("Explain the output of cell 2.", "sum");
    assert.match(answer?.summary ?? "", /^Cell 2 \(run 3\) shows `12`\. \[1\] `rows` came from cell 1 \(run 1\)\. \[2\]$/);
    assert.equal(await ask("Explain the output of cell 3.", "share"), null, "it has not run");
  });

  it("say of an attached cell that fails how, and what changed since it ran well", async () => {
    run("sum", "total = sum(lines)", "", "NameError: name 'lines' is not defined");
    const answer = await ask("Cell 2 fails. Why, and what fixes it?", "sum", "fix");
    assert.match(answer?.summary ?? "", /^Cell 2 fails \(run 4\) with `NameError: name 'lines' is not defined`\. \[1\] It last ran well \(run 3\)\. Since then: .*`total = sum\(lines\)`/);
  });

  it("say which cells are stale, and what to run", async () => {
    assert.match((await ask("which cells are stale?"))?.summary ?? "", /^No cell that has run is out of date/);
    model.setCells(cells.map(([id, source]) => ({ id, language: "python", source: id === "load" ? "rows = [1]" : source })));
    assert.match((await ask("which cells are stale?"))?.summary ?? "", /^2 cells are out of date\. Cell 1: its code was changed after it ran\. \[1\] Cell 2: it uses `rows` from cell 1, whose code was changed since\. \[2\] To bring them up to date, run cell 1, cell 2\.$/);
  });

  it("say what changed since a cell last worked", async () => {
    run("load", "rows = None", "");
    run("sum", cells[1][1], "", "TypeError: 'NoneType' object is not iterable");
    assert.match((await ask("what changed since the cell last worked?"))?.summary ?? "", /^Cell 2 fails \(run 5\) with `TypeError: .*` *\. \[1\] It last ran well \(run 3\)\. Since then: `rows` was made anew by cell 1 \(run 4\)\. \[1\]\[?/);
  });

  it("leave other questions alone", () => {
    for (const question of ["where is the config loaded?", "what fixed-width font is used?", "why did the build fail?", "how does the worker fix broken rows?", "what produced this error: ENOENT at main.ts:12"]) {
      const asked = notebookQuestion(question, ["n.ipynb"]);
      assert.ok(asked === null || asked.isVague, `${question}: ${JSON.stringify(asked)}`);
    }
  });
});
