// What the engine knows of the notebooks of a workspace: joins the model of executions with the store that outlasts it.
// A notebook is gone through again from the store when it is first asked about; then it follows what is told. It runs nothing.
import type { Log } from "../base/log.ts";
import type { NotebookRuns } from "../memory/notebookRuns.ts";
import { sourceHashOf } from "../memory/notebookRuns.ts";
import { judgeShell } from "../notebooks/analysis/magics.ts";
import { judgeShellWith, loadNotebookGrammars, readCell } from "../notebooks/analysis/readCell.ts";
import { NotebookModel } from "../notebooks/model/notebook.ts";
import type { Run } from "../notebooks/model/notebook.ts";
import type { Execution } from "../notebooks/model/record.ts";
import { planRerun } from "../notebooks/model/rerun.ts";
import { explainCell, reasonSentence, staleLabel } from "../notebooks/words/sentences.ts";
import type { NotebookCells, NotebookRerun, NotebookState } from "../protocol/notebooks.ts";
import { assessCommand } from "../safety/commands/assessCommand.ts";
import type { NotebookExecuted } from "../protocol/types.ts";

/** Notebooks whose models are kept; the others are read from the store again. */
const MOST_MODELS = 16;

interface Open {
  model: NotebookModel;
  /** Added to the counter of the window, so that what it tells comes after what is stored. */
  base: number;
  told: number;
}

export interface NotebookDeskOptions {
  runs: NotebookRuns;
  /** Whether executions may be written down. */
  mayRecord: () => boolean;
  log: Log;
  /** Told of each execution once it is understood. */
  onRun?: (notebook: string, run: Run, model: NotebookModel) => void;
}

export class NotebookDesk {
  readonly #options: NotebookDeskOptions;
  readonly #open = new Map<string, Open>();
  #ready: Promise<void> | null = null;

  constructor(options: NotebookDeskOptions) {
    this.#options = options;
    judgeShellWith(judgeCommand);
  }

  /** A cell has run. */
  async executed(run: NotebookExecuted): Promise<void> {
    // Written down before anything is waited for: a kill meanwhile loses nothing.
    const before = this.#open.has(run.notebook) ? undefined : this.#options.runs.executions(run.notebook);
    if (this.#options.mayRecord()) this.#options.runs.record(run);
    await this.#load();
    const open = this.#of(run.notebook, [], before);
    const sequence = open.base + (run.started ?? ++open.told);
    const understood = open.model.executed(executionOf(run, sequence));
    this.#options.onRun?.(run.notebook, understood, open.model);
  }

  async state(params: NotebookCells): Promise<NotebookState> {
    const model = await this.model(params);
    return {
      cells: model.statuses().map((status) => {
        const run = model.lastRun(status.cell);
        // A hazard is one of repetition: of the code as it stands, where it has run.
        const cell = model.cells[status.index];
        const hazards = run && cell ? readCell(cell.source, cell.language).statements.flatMap((statement) => statement.hazards) : [];
        return { cell: status.cell, state: status.state, label: staleLabel(model, status), reasons: status.reasons.map((reason) => reasonSentence(model, reason)), runs: status.runs, results: status.results, hazards: [...new Set(hazards.map(({ what }) => what))] };
      }),
      rerun: planRerun(model),
    };
  }

  async rerun({ cell, ...params }: NotebookCells & { cell: string }): Promise<NotebookRerun> {
    return planRerun(await this.model(params), [cell]);
  }

  async explain({ cell, ...params }: NotebookCells & { cell: string }): Promise<{ markdown: string }> {
    return { markdown: explainCell(await this.model(params), cell) };
  }

  /** The model of a notebook whose cells stand as told. */
  async model({ notebook, cells }: NotebookCells): Promise<NotebookModel> {
    await this.#load();
    const { model } = this.#of(notebook, cells);
    model.setCells(cells);
    return model;
  }

  /** Notebooks that something is known of, the last used first. */
  known(): string[] {
    return [...new Set([...[...this.#open.keys()].toReversed(), ...this.#options.runs.notebooks()])];
  }

  /** The model with the cells as they were last told, or as they last ran. */
  async remembered(notebook: string): Promise<NotebookModel> {
    await this.#load();
    const { model } = this.#of(notebook, []);
    if (model.cells.length === 0) {
      const cells = new Map(model.runs.map(({ execution }) => [execution.cell, { id: execution.cell, language: execution.language, source: execution.source }]));
      model.setCells([...cells.values()]);
    }
    return model;
  }

  #load(): Promise<void> {
    this.#ready ??= loadNotebookGrammars().catch((error: unknown) => {
      this.#ready = null;
      this.#options.log.warn("A grammar for notebooks could not be loaded", { error: String(error) });
    });
    return this.#ready;
  }

  /** `before`: what was stored when the model is to begin; what is stored now where absent. */
  #of(notebook: string, cells: NotebookCells["cells"], before?: ReturnType<NotebookRuns["executions"]>): Open {
    const known = this.#open.get(notebook);
    if (known) {
      // The last used is last.
      this.#open.delete(notebook);
      this.#open.set(notebook, known);
      return known;
    }
    const stored = before ?? this.#options.runs.executions(notebook);
    const model = new NotebookModel(readCell);
    // Texts are stored without secrets: where a cell is still the one that ran, its own text is taken.
    const texts = new Map(cells.map(({ source }) => [sourceHashOf(source), source]));
    for (const [i, { source, sourceHash, ...execution }] of stored.entries()) model.executed({ ...execution, success: execution.error === null, source: (sourceHash === null ? undefined : texts.get(sourceHash)) ?? source, sequence: i + 1 });
    const open = { model, base: stored.length, told: 0 };
    this.#open.set(notebook, open);
    if (this.#open.size > MOST_MODELS) this.#open.delete(this.#open.keys().next().value as string);
    return open;
  }
}

/** The short list of the room knows what kind of harm it is; the judge of commands knows many more commands. */
function judgeCommand(command: string): ReturnType<typeof judgeShell> {
  const listed = judgeShell(command);
  if (listed) return listed;
  const { action, consequence } = assessCommand(command, { shell: "posix" });
  return action === "allow" ? null : { kind: "shell", what: consequence.charAt(0).toLowerCase() + consequence.slice(1).replace(/\.$/, "") };
}

function executionOf(run: NotebookExecuted, sequence: number): Execution {
  return {
    sequence, cell: run.cell, language: run.language, source: run.source.replaceAll("\r\n", "\n"), order: run.executionOrder ?? null, at: run.at ?? Date.now(), durationMs: run.durationMs ?? null,
    success: run.error === null, output: run.output, outputHash: run.outputHash ?? run.output, shown: run.shown ?? [], error: run.error,
  };
}
