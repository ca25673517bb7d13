// Notebooks as training data: the next cell from those above it, the repaired cell from the failing one and its error, and
// "failed, then ran" as preference pairs. From files, and from executions that were recorded in the editor.
import { throwIfCancelled } from "../../base/errors.ts";
import type { RecordOrigin, TrainingRecord } from "../../base/trainingRecord.ts";
import type { DatasetProblem } from "../../protocol/training.ts";
import { isErrorOfCode, isRepair } from "./cellRepair.ts";
import { lastCommits } from "./gitFileTimes.ts";
import { LicenceFinder } from "./licence.ts";
import { cellError, parseNotebook } from "./notebookFile.ts";
import type { CellError, Notebook, NotebookCell } from "./notebookFile.ts";
import { cellStart, contextText, errorText } from "./notebookText.ts";
import type { ContextCell } from "./notebookText.ts";
import { takenOut } from "./source.ts";
import type { RecordSource, SourceHooks } from "./source.ts";

export interface NotebookFiles {
  /** Absolute path of the folder. */
  readonly folder: string;
  /** The notebooks of the folder, not ignored by rule, in a fixed order; relative paths with forward slashes. */
  list(signal?: AbortSignal): AsyncIterable<string>;
  read(path: string): Promise<{ text: string } | { reason: string }>;
}

/** One recorded execution of a cell, in the order in which they happened. */
export interface RecordedRun {
  readonly id: number;
  readonly notebook: string;
  readonly cell: string;
  /** ms since 1970. */
  readonly at: number;
  readonly language: string;
  readonly source: string;
  /** Cells above it at that time, first to last. */
  readonly above: readonly ContextCell[];
  readonly error: { readonly name: string; readonly message: string; readonly traceback: string } | null;
}

export interface NotebooksOptions {
  /** Null where only recorded executions are wanted. */
  readonly files: NotebookFiles | null;
  readonly runs?: Iterable<RecordedRun>;
  /** Ids (`origin.at`) of records that a person took out. */
  readonly excluded?: ReadonlySet<string>;
  /** Most characters of the cells above; default 2,400. */
  readonly contextCharacters?: number;
}

const LEAST_CELL = 16;
const LONGEST_CELL = 3_000;
/** A copied cell must be this alike to count as the repair of the one above it; the same cell edited, this. Our choice. */
const COPY_LIKENESS = 0.6;
const EDIT_LIKENESS = 0.4;
/** A repair is looked for in so many code cells below. */
const CELLS_BELOW = 3;

export function notebooks(options: NotebooksOptions): RecordSource {
  return { source: "notebooks", records: (hooks = {}) => records(options, hooks) };
}

async function* records(options: NotebooksOptions, { signal, onProgress }: SourceHooks): AsyncGenerator<TrainingRecord | DatasetProblem> {
  let nOut = 0;
  const wanted = (record: TrainingRecord): boolean => {
    const isOut = options.excluded?.has(record.origin.at) === true;
    if (isOut) nOut++;
    return !isOut;
  };
  const { files } = options;
  if (files) {
    const paths: string[] = [];
    for await (const path of files.list(signal)) paths.push(path);
    const commits = paths.length > 0 ? await lastCommits(files.folder, paths, signal) : null;
    const licences = new LicenceFinder(files.folder);
    for (const [done, path] of paths.entries()) {
      throwIfCancelled(signal);
      onProgress?.({ done, total: paths.length, unit: "notebooks" });
      const contents = await files.read(path);
      const notebook = "reason" in contents ? contents : parseNotebook(contents.text);
      if ("reason" in notebook) {
        yield { severity: "warning", at: path, sentence: `The notebook was left out: ${notebook.reason}.` };
        continue;
      }
      const licence = await licences.of(path, "");
      const origin = { language: notebook.language, ...(commits?.get(path) ?? {}), ...(licence === undefined ? {} : { licence }) };
      for (const record of recordsOfNotebook(notebook, path, origin, options)) if (wanted(record)) yield record;
    }
    onProgress?.({ done: paths.length, total: paths.length, unit: "notebooks" });
  }
  for (const record of recordsOfRuns(options.runs ?? [], options)) {
    throwIfCancelled(signal);
    if (wanted(record)) yield record;
  }
  yield* takenOut(nOut);
}

/** The records of a notebook as it was saved. */
export function* recordsOfNotebook(notebook: Notebook, path: string, origin: Omit<RecordOrigin, "at">, options: Pick<NotebooksOptions, "contextCharacters"> = {}): Generator<TrainingRecord> {
  const { cells, language } = notebook;
  for (const [i, cell] of cells.entries()) {
    if (cell.kind !== "code" || !isLearnable(cell.source)) continue;
    const above = cells.slice(0, i).filter(({ error }) => error === null);
    const at = `${path}#${cell.id}`;
    if (cell.error) {
      const repair = cells.slice(i + 1).filter(({ kind }) => kind === "code").slice(0, CELLS_BELOW).find((later) => ranAfter(cell, later) && isRepair(cell.source, later.source, COPY_LIKENESS));
      if (repair && isErrorOfCode(cell.error.name)) yield* repaired({ above, language, failed: cell.source, error: cell.error, ran: repair.source, at, origin, options });
      continue;
    }
    const context = contextText(above, language, options.contextCharacters ?? 2_400);
    if (context === "") continue;
    yield { kind: "example", prompt: { form: "text", text: context + cellStart(language) }, completion: `${cell.source.trim()}\n`, origin: { ...origin, at } };
  }
}

/** Records of recorded executions: each cell's failures and the execution that then went well. */
export function* recordsOfRuns(runs: Iterable<RecordedRun>, options: Pick<NotebooksOptions, "contextCharacters"> = {}): Generator<TrainingRecord> {
  /** The failure that waits for its repair, by notebook and cell. */
  const failing = new Map<string, RecordedRun>();
  for (const run of runs) {
    const key = `${run.notebook}\0${run.cell}`;
    const failed = failing.get(key);
    if (run.error) {
      if (isErrorOfCode(run.error.name) && isLearnable(run.source)) failing.set(key, run);
      continue;
    }
    failing.delete(key);
    if (!failed?.error || !isLearnable(run.source) || !isRepair(failed.source, run.source, EDIT_LIKENESS)) continue;
    yield* repaired({
      above: failed.above, language: failed.language, failed: failed.source, error: cellError(failed.error.name, failed.error.message, failed.error.traceback), ran: run.source,
      at: `${run.notebook}#run-${failed.id}-${run.id}`, origin: { time: run.at, language: run.language }, options,
    });
  }
}

interface Repair {
  above: readonly ContextCell[];
  language: string;
  failed: string;
  error: CellError;
  ran: string;
  at: string;
  origin: Omit<RecordOrigin, "at">;
  options: Pick<NotebooksOptions, "contextCharacters">;
}

function* repaired({ above, language, failed, error, ran, at, origin, options }: Repair): Generator<TrainingRecord> {
  const context = contextText(above, language, options.contextCharacters ?? 2_400);
  const start = cellStart(language);
  yield { kind: "preference", prompt: { form: "text", text: context + start }, chosen: `${ran.trim()}\n`, rejected: `${failed.trim()}\n`, origin: { ...origin, at: `${at} (pair)` } };
  const text = `${context}${start}${failed.trim()}\n${errorText(error, language)}\n${cellStart(language, "The same cell, repaired")}`;
  yield { kind: "example", prompt: { form: "text", text }, completion: `${ran.trim()}\n`, origin: { ...origin, at: `${at} (repair)` } };
}

/** Long enough to say something, short enough to be a cell, and more than commands to the machine. */
function isLearnable(source: string): boolean {
  const body = source.trim();
  if (body.length < LEAST_CELL || body.length > LONGEST_CELL || /^%%(?:bash|sh|html|javascript|latex|svg|writefile|cmd|script|capture\s*$)/.test(body)) return false;
  return body.split("\n").some((line) => line.trim() !== "" && !/^\s*(?:[!%#]|\/\/|(?:import|from)\s)/.test(line));
}

function ranAfter(failed: NotebookCell, later: NotebookCell): boolean {
  if (later.error !== null || later.source.trim() === "") return false;
  return failed.executionCount === null || later.executionCount === null ? later.executionCount !== null || failed.executionCount === null : later.executionCount > failed.executionCount;
}
