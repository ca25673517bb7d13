// A notebook worked through: a cell fails, is mended, runs out of order; its cells say what is stale, the plan mends it, and
// the chat tells why it failed and what fixed it. The cells run in a real Jupyter kernel where this machine has ipykernel
// (KALACTICA_PYTHON names its Python), else in one lasting Python; where there is neither, the suite is skipped.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import * as vscode from "vscode";
import { openRange } from "../../../src/extension/chatActions.ts";
import { explainCellOutput, fixCellError } from "../../../src/extension/notebookActions.ts";
import { cellsOf } from "../../../src/extension/notebookCells.ts";
import { itemsOf } from "../../../src/extension/notebookStates.ts";
import { folder, product, until } from "./product.ts";

const candidates = [process.env["KALACTICA_PYTHON"], "python3", "python"].filter((name) => name !== undefined);
const python = candidates.find((name) => spawnSync(name, ["--version"]).status === 0);
const hasKernel = python !== undefined && spawnSync(python, ["-c", "import ipykernel, jupyter_client"]).status === 0;

interface Ran { output: string; error: [string, string] | null; traceback: string; order: number | null }

/** Answers lines of JSON with what a cell printed and how it failed, in one lasting namespace. */
const LASTING = `
import contextlib, io, json, sys, traceback
space, order = {}, 0
for line in sys.stdin:
    code, order, error, out = json.loads(line)["code"], order + 1, None, io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(code, "<cell>", "exec"), space)
    except BaseException as problem:
        error = [type(problem).__name__, str(problem)]
    print(json.dumps({"output": out.getvalue(), "error": error, "traceback": traceback.format_exc() if error else "", "order": order}), flush=True)
`;

class Kernel {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly controller: vscode.NotebookController;

  constructor(repository: string) {
    this.#process = spawn(python as string, hasKernel ? [path.join(repository, "test/bench/notebookKernel.py")] : ["-c", LASTING], { stdio: ["pipe", "pipe", "ignore"] });
    this.#lines = createInterface({ input: this.#process.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
    this.controller = Object.assign(vscode.notebooks.createNotebookController("kalactica-test-kernel", "jupyter-notebook", "Test Kernel"), {
      supportedLanguages: ["python"],
      supportsExecutionOrder: true,
      executeHandler: async (cells: vscode.NotebookCell[], _: vscode.NotebookDocument, controller: vscode.NotebookController) => {
        for (const cell of cells) {
          const execution = controller.createNotebookCellExecution(cell);
          execution.start(Date.now());
          const { output, error, traceback, order } = await this.#run(cell.document.getText());
          if (order !== null) execution.executionOrder = order;
          const item = error ? vscode.NotebookCellOutputItem.error({ name: error[0], message: error[1], stack: traceback }) : vscode.NotebookCellOutputItem.stdout(output);
          await execution.replaceOutput([new vscode.NotebookCellOutput([item])]);
          execution.end(error === null, Date.now());
        }
      },
    });
  }

  async #run(code: string): Promise<Ran> {
    this.#process.stdin?.write(`${JSON.stringify({ op: "run", code })}\n`);
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error("The kernel has ended.");
    return JSON.parse(value) as Ran;
  }

  dispose(): void {
    this.#process.stdin?.end();
    this.controller.dispose();
  }
}

describe("a notebook", () => {
  let kernel: Kernel;
  before(async function () {
    if (python === undefined) this.skip();
    await (await product()).engine.whenReady();
    kernel = new Kernel(vscode.extensions.getExtension("kalactica.kalactica")?.extensionPath ?? "");
  });
  after(async () => {
    kernel.dispose();
    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
  });

  it("that failed and was mended says what is stale, is brought up to date, and is asked about", async () => {
    const { engine } = await product();
    const file = path.join(folder(), "story.ipynb");
    const cell = (id: string, source: string) => ({ id, cell_type: "code", source: source.split(/(?<=\n)/), metadata: {}, outputs: [], execution_count: null });
    writeFileSync(file, JSON.stringify({ nbformat: 4, nbformat_minor: 5, metadata: { language_info: { name: "python" } }, cells: [cell("load", "rows = [3, 4, 5]"), cell("sum", "total = sum(row)\nprint(total)"), cell("twice", "print(total * 2)")] }, null, 1));
    const document = await vscode.workspace.openNotebookDocument(vscode.Uri.file(file));
    await vscode.window.showNotebookDocument(document);
    kernel.controller.updateNotebookAffinity(document, vscode.NotebookControllerAffinity.Preferred);
    await vscode.commands.executeCommand("notebook.selectKernel", { id: "kalactica-test-kernel", extension: "kalactica.kalactica" });
    const execute = async (index: number, success: boolean): Promise<void> => {
      await vscode.commands.executeCommand("notebook.cell.execute", { ranges: [{ start: index, end: index + 1 }], document: document.uri });
      await until(`cell ${index} has ended`, () => document.cellAt(index).executionSummary?.success === success);
    };
    const edit = async (index: number, text: string): Promise<void> => {
      const change = new vscode.WorkspaceEdit();
      const { document: source } = document.cellAt(index);
      change.replace(source.uri, new vscode.Range(0, 0, source.lineCount, 0), text);
      await vscode.workspace.applyEdit(change);
    };
    const states = () => engine.request("notebook/state", { notebook: "story.ipynb", cells: document.getCells().map((one, i) => ({ id: ["load", "sum", "twice"][i] ?? "", language: "python", source: one.document.getText() })) });

    /** Asks as an action of a cell's toolbar does, and answers what it asks. */
    const answerTo = async (action: typeof fixCellError, index: number): Promise<{ question: string; attached: string; answer: string }> => {
      let asked: { question: string; attached: string; answer: string } | undefined;
      await action({
        notebooks: { refresh: (notebook) => engine.request("notebook/state", cellsOf(notebook)) },
        chat: {
          askAbout: async (question, command, attachments, activePath) => {
            const params = { askId: question, question, history: [], attachments, ...(command ? { command } : {}), ...(activePath === null ? {} : { activePath }) };
            // The engine hears of a run when its outputs have settled.
            const { answer } = await until("the run is known", async () => {
              const result = await engine.request("answer/ask", params);
              return result.card?.items[0]?.kind === "cell" ? result : null;
            });
            asked = { question, attached: attachments[0]?.text ?? "", answer };
          },
        },
      }, document.cellAt(index));
      assert.ok(asked);
      return asked;
    };

    await execute(0, true);
    await execute(1, false);
    const failure = await answerTo(fixCellError, 1);
    assert.equal(failure.question, "Cell 2 fails with `NameError: name 'row' is not defined`. Why, and how is it fixed?");
    assert.match(failure.attached, /^total = sum\(row\)\nprint\(total\)[^]*how it failed[^]*NameError: name 'row' is not defined/);
    assert.match(failure.answer, /^Cell 2 fails \(run 2\) with `NameError: name 'row' is not defined`\. \[1\]/);
    await assert.rejects(answerTo(fixCellError, 0), /has not failed/);
    await edit(1, "total = sum(rows)\nprint(total)");
    await execute(1, true);
    await execute(2, true);
    await until("everything is up to date", async () => (await states()).cells.every(({ state }) => state === "current"));

    // Out of order: the first cell is edited and run, the others are not.
    await edit(0, "rows = [3, 4, 5, 6]");
    await execute(0, true);
    const stale = await until("the others are stale", async () => {
      const { cells } = await states();
      // The engine hears of a run when its outputs have settled; until then, the edit is what it knows.
      return cells[1]?.label?.includes("run again") === true && cells[2]?.state === "stale" ? cells : null;
    });
    assert.deepEqual(itemsOf(stale[1] as never, document.cellAt(1)).map(({ text, command }) => [text, typeof command === "object" ? command.command : command]), [["$(history) stale: depends on cell 1, run again since", "kalactica.rerunStaleCells"]]);

    const mending = vscode.commands.executeCommand("kalactica.rerunStaleCells");
    const accepted = setInterval(() => void vscode.commands.executeCommand("workbench.action.acceptSelectedQuickOpenItem"), 300);
    try {
      await until("the plan has run", async () => (await states()).cells.every(({ state }) => state === "current"));
    } finally {
      clearInterval(accepted);
    }
    await mending;
    assert.match(new TextDecoder().decode(document.cellAt(2).outputs[0]?.items[0]?.data), /^36\s*$/);

    await document.save();
    const { answer, citations } = await engine.request("answer/ask", { askId: "story", question: "Why did it fail before and what fixed it?", history: [], attachments: [], activePath: "story.ipynb" });
    assert.match(answer, /Cell 2 failed \(run 2\) with `NameError: name 'row' is not defined`/);
    assert.match(answer, /`total = sum\(row\)` became `total = sum\(rows\)`/);
    assert.deepEqual(citations.map(({ path: cited, verified }) => [cited, verified]), [["story.ipynb", true]]);

    const shown = await answerTo(explainCellOutput, 2);
    assert.match(shown.answer, /^Cell 3 \(run \d+\) shows `36`\. \[1\][^]*`total` came from cell 2/);

    await vscode.commands.executeCommand("workbench.action.closeAllEditors");
    assert.equal(await openRange({ path: "story.ipynb", startLine: citations[0]?.startLine ?? 0, endLine: citations[0]?.endLine ?? 0 }), null);
    assert.equal(vscode.window.activeNotebookEditor?.selection.start, 1, "a citation opens the notebook at the cell, not its file");
  });
});
