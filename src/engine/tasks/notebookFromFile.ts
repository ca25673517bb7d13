// What a saved notebook tells of itself without a kernel: its dependency graph, and, by the numbers of its executions, which
// cells are out of date and what to run again. Joins the reader of notebook files with the model.
import type { NotebookCell as FileCell } from "../data/sources/notebookFile.ts";
import { parseNotebook } from "../data/sources/notebookFile.ts";
import { EngineError } from "../base/errors.ts";
import { cellNames } from "../notebooks/analysis/cellNames.ts";
import { isBuiltin } from "../notebooks/analysis/python/methods.ts";
import { loadNotebookGrammars, readCell } from "../notebooks/analysis/readCell.ts";
import { NotebookModel } from "../notebooks/model/notebook.ts";
import { planRerun } from "../notebooks/model/rerun.ts";
import type { RerunPlan } from "../notebooks/model/rerun.ts";
import { dependenciesOf } from "../notebooks/model/dependencies.ts";
import { consequencesOf, reasonSentence, staleLabel } from "../notebooks/words/sentences.ts";

export interface NotebookReport {
  language: string;
  cells: {
    /** Position among the code cells, from 1. */
    n: number;
    id: string;
    firstLine: string;
    executionCount: number | null;
    state: "notRun" | "current" | "stale" | "failed";
    label: string | null;
    reasons: string[];
    uses: string[];
    defines: string[];
    changes: string[];
    /** Where the names that it uses come from when everything runs from the top. */
    dependsOn: { n: number; names: string[] }[];
    filesRead: string[];
    filesWritten: string[];
    packages: string[];
    hazards: { kind: string; what: string; line: number }[];
    problem: string | null;
  }[];
  rerun: { cells: number[]; helpers: number[]; needsRestart: boolean };
}

/** Errors: `badRequest` where the text is no notebook. */
export async function reportOnNotebook(text: string, name: string): Promise<NotebookReport> {
  const notebook = parseNotebook(text);
  if ("reason" in notebook) throw new EngineError("badRequest", `${name} could not be read as a notebook: ${notebook.reason}. Give the path of an .ipynb file.`);
  await loadNotebookGrammars();
  const code = notebook.cells.filter(({ kind, source }) => kind === "code" && source.trim() !== "");
  const model = modelOf(code, notebook.language);
  const position = new Map(model.cells.map(({ id }, i) => [id, i + 1]));
  const statuses = model.statuses();
  const numbers = (ids: readonly string[]): number[] => ids.map((id) => position.get(id) ?? 0);
  const plan: RerunPlan = planRerun(model);
  return {
    language: notebook.language,
    cells: model.cells.map((cell, i) => {
      const facts = readCell(cell.source, cell.language);
      const names = cellNames(facts);
      const notes = consequencesOf(facts.statements, cell.language);
      const status = statuses[i];
      const shown = (list: readonly string[]): string[] => list.filter((one) => !one.startsWith("‹") && !isBuiltin(one));
      return {
        n: i + 1, id: cell.id, firstLine: cell.source.split("\n").find((line) => line.trim() !== "")?.trim() ?? "", executionCount: code[i]?.executionCount ?? null,
        state: status?.state ?? "notRun", label: status ? staleLabel(model, status) : null, reasons: status?.reasons.map((reason) => reasonSentence(model, reason)) ?? [],
        uses: shown(names.uses), defines: shown(names.defines), changes: shown(names.changes),
        dependsOn: dependenciesOf(model, cell.id).map(({ cell: from, names: through }) => ({ n: position.get(from) ?? 0, names: through })),
        filesRead: notes.filesRead, filesWritten: notes.filesWritten, packages: notes.packages, hazards: notes.hazards, problem: facts.problem,
      };
    }),
    rerun: { cells: numbers(plan.cells), helpers: numbers(plan.helpers), needsRestart: plan.needsRestart },
  };
}

/** The executions that the file remembers: of each cell the last one, in the order of their numbers, with the code as it is saved. */
function modelOf(code: readonly FileCell[], language: string): NotebookModel {
  const model = new NotebookModel(readCell);
  const cells = code.map((cell, i) => ({ id: `${i + 1}:${cell.id}`, language, source: cell.source }));
  const runs = code.map((cell, i) => ({ cell, id: cells[i]?.id ?? "" })).filter(({ cell }) => cell.executionCount !== null).sort((a, b) => (a.cell.executionCount as number) - (b.cell.executionCount as number));
  for (const [i, { cell, id }] of runs.entries()) {
    const before = runs[i - 1]?.cell.executionCount;
    model.executed({
      sequence: i + 1, cell: id, language, source: cell.source, at: i, durationMs: null, success: cell.error === null, output: cell.output, outputHash: cell.output, shown: [],
      // The same number twice is what two kernels left in one file: which ran first is not known, so the order of the file stands.
      order: before === cell.executionCount ? null : cell.executionCount,
      error: cell.error && { name: cell.error.name, message: cell.error.message, traceback: cell.error.line === null ? "" : `Cell In[${cell.executionCount}], line ${cell.error.line}` },
    });
  }
  model.setCells(cells);
  return model;
}
