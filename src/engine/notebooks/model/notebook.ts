// One notebook: its cells as they stand, its executions as they happened, and what follows: which cells are out of date.
// A cell is current when running the notebook from the top in a fresh kernel would take the same steps with the same inputs
// (session.ts). Executions come in once, in the order of their starts or nearly so; nothing is run here.
import type { CellFacts, StatementFacts } from "../analysis/facts.ts";
import type { CellStatus, Execution, NotebookCell, StaleReason } from "./record.ts";
import { Session } from "./session.ts";
import type { Hash, Writer } from "./session.ts";
import { takeStep } from "./step.ts";
import type { Input, Step } from "./step.ts";

/** Reads a cell; the same text gives the same facts. */
export type ReadCell = (source: string, language: string) => CellFacts;

/** An execution with what the model found out about it. */
export interface Run {
  execution: Execution;
  facts: CellFacts;
  steps: Step[];
  /** Which kernel it ran in, counted from 0. */
  kernel: number;
  /** A mark that tells results of chance apart. */
  chance: string;
}

/** What running everything from the top would do in one cell. */
interface Imagined {
  facts: CellFacts;
  steps: Step[];
}

export class NotebookModel {
  readonly #read: ReadCell;
  #cells: NotebookCell[] = [];
  #runs: Run[] = [];
  #session = new Session();
  #kernel = 0;
  #orders = new Set<number>();
  /** By cell: its last run. */
  readonly #last = new Map<string, Run>();
  /** By hash of a step of chance: the mark of its last run. */
  readonly #chances = new Map<Hash, string>();
  #imagined: Map<string, Imagined> | null = null;

  constructor(read: ReadCell) {
    this.#read = read;
  }

  get cells(): readonly NotebookCell[] {
    return this.#cells;
  }

  /** All executions that are known, as they happened. */
  get runs(): readonly Run[] {
    return this.#runs;
  }

  get kernel(): number {
    return this.#kernel;
  }

  lastRun(cell: string): Run | null {
    return this.#last.get(cell) ?? null;
  }

  /** The code cells as they stand now, from the top. */
  setCells(cells: readonly NotebookCell[]): void {
    this.#cells = [...cells];
    this.#imagined = null;
  }

  /** An execution has ended. */
  executed(execution: Execution): Run {
    if (this.#isNewKernel(execution)) {
      this.#kernel++;
      this.#orders.clear();
      this.#startSession();
    }
    if (execution.order !== null) this.#orders.add(execution.order);
    const run: Run = { execution, facts: this.#read(execution.source, execution.language), steps: [], kernel: this.#kernel, chance: String(execution.sequence) };
    const after = this.#runs.findIndex((other) => other.kernel === this.#kernel && other.execution.sequence > execution.sequence);
    if (after >= 0) {
      // It started before others that have ended already: the session is gone through again.
      this.#runs.splice(after, 0, run);
      this.#startSession();
      for (const other of this.#runs) if (other.kernel === this.#kernel) this.#take(other);
    } else {
      this.#runs.push(run);
      this.#take(run);
    }
    this.#imagined = null;
    return run;
  }

  /** Runs of the same code with the same inputs (what the cell itself had changed aside) in the same kernel, `run` included. */
  repetitions(run: Run): Run[] {
    const key = inputsKey(run);
    return this.#runs.filter((other) => other.kernel === run.kernel && other.execution.cell === run.execution.cell && other.execution.success && sameText(other.facts.statements, run.facts.statements) && inputsKey(other) === key);
  }

  /** The state of every code cell, from the top. */
  statuses(): CellStatus[] {
    const imagined = this.#imagine();
    return this.#cells.map((cell, index): CellStatus => {
      const run = this.#last.get(cell.id) ?? null;
      if (!run) return { cell: cell.id, index, state: "notRun", reasons: [], order: null, runs: 0, results: 0 };
      const repeated = this.repetitions(run);
      const status = { cell: cell.id, index, order: run.execution.order, runs: repeated.length, results: new Set(repeated.map(({ execution }) => execution.outputHash)).size };
      const reasons = this.#reasons(cell, run, imagined.get(cell.id) as Imagined, imagined);
      return { ...status, state: reasons.length > 0 ? "stale" : run.execution.success ? "current" : "failed", reasons };
    });
  }

  /** The steps that running everything from the top would take, by cell. */
  #imagine(): Map<string, Imagined> {
    if (this.#imagined) return this.#imagined;
    const session = new Session();
    const imagined = new Map<string, Imagined>();
    for (const cell of this.#cells) imagined.set(cell.id, this.imagineCell(session, cell));
    this.#imagined = imagined;
    return imagined;
  }

  /**
   * Takes the steps of a cell as it stands on `session`, failing where its last run, with the same inputs, failed. Where
   * chance plays a part, its last outcome stands, or `again`, a mark of a new one.
   */
  imagineCell(session: Session, cell: NotebookCell, again?: string): Imagined {
    const facts = this.#read(cell.source, cell.language);
    const last = this.#last.get(cell.id);
    const writer: Writer = { cell: cell.id, execution: null };
    const chance = (hash: Hash): string => again ?? this.#chances.get(hash) ?? "none";
    const mayFail = last !== undefined && !last.execution.success && sameText(last.facts.statements, facts.statements);
    const before = mayFail ? session.copy() : null;
    const steps = facts.statements.map((statement) => takeStep(session, statement, writer, chance));
    if (!before || !last) return { facts, steps };
    const failing = this.#stepsOf(before, last, writer, chance);
    if (!sameSteps(failing, last.steps)) return { facts, steps };
    session.become(before);
    return { facts, steps: failing };
  }

  /** The session as it is now, to imagine further runs on. */
  currentSession(): Session {
    return this.#session.copy();
  }

  imaginedSteps(cell: string): readonly Step[] {
    return this.#imagine().get(cell)?.steps ?? [];
  }

  #startSession(): void {
    // What was written to disk outlasts the kernel.
    this.#session = new Session().keepFiles(this.#session);
  }

  #take(run: Run): void {
    run.steps = this.#stepsOf(this.#session, run, { cell: run.execution.cell, execution: run.execution.sequence }, (hash) => {
      this.#chances.set(hash, run.chance);
      return run.chance;
    });
    this.#last.set(run.execution.cell, run);
  }

  /** The steps of a run up to where it failed. */
  #stepsOf(session: Session, { execution, facts }: Run, writer: Writer, chance: (hash: Hash) => string): Step[] {
    if (execution.success) return facts.statements.map((statement) => takeStep(session, statement, writer, chance));
    const line = failedLine(execution);
    const steps: Step[] = [];
    for (const statement of facts.statements) {
      if (line === null || statement.endLine >= line) {
        // A statement of one line that failed has bound nothing; a longer one may have come half way.
        const partial: StatementFacts = { ...statement, text: `${statement.text} ‹failed›`, defines: statement.endLine > statement.startLine ? statement.defines.map((definition) => ({ ...definition, sure: false })) : [], deletes: [] };
        steps.push(takeStep(session, partial, writer, chance));
        break;
      }
      steps.push(takeStep(session, statement, writer, chance));
    }
    return steps;
  }

  /** A counter that was seen already, or went back after a later start, belongs to a kernel that was started anew. */
  #isNewKernel({ order, sequence }: Execution): boolean {
    if (order === null || this.#runs.length === 0) return false;
    if (this.#orders.has(order)) return true;
    const newest = this.#runs.findLast(({ kernel, execution }) => kernel === this.#kernel && execution.order !== null);
    return newest !== undefined && order < (newest.execution.order as number) && sequence > newest.execution.sequence;
  }

  #reasons(cell: NotebookCell, run: Run, imagined: Imagined, all: ReadonlyMap<string, Imagined>): StaleReason[] {
    const reasons: StaleReason[] = [];
    if (!sameText(run.facts.statements, imagined.facts.statements)) reasons.push({ kind: "edited", name: null, cell: cell.id });
    if (run.kernel !== this.#kernel && run.facts.statements.length > 0) reasons.push({ kind: "kernelRestarted", name: null, cell: null });
    if (reasons.length === 0 && !sameSteps(run.steps, imagined.steps)) {
      for (const [i, step] of imagined.steps.entries()) {
        const ran = run.steps[i];
        if (!ran || ran.hash === step.hash) continue;
        for (const reason of differences(ran, step, cell.id, (input, wanted) => this.#why(cell, run, input, wanted, all))) if (!reasons.some((known) => known.kind === reason.kind && known.cell === reason.cell && known.name === reason.name)) reasons.push(reason);
        if (reasons.length > 0) break;
      }
      if (reasons.length === 0) reasons.push({ kind: "upstreamStale", name: null, cell: null });
    }
    return reasons;
  }

  /** Why a cell read something else than it would from the top. */
  #why(cell: NotebookCell, run: Run, input: Input, wanted: Input, all: ReadonlyMap<string, Imagined>): StaleReason {
    const position = (id: string | undefined): number => (id === undefined ? -1 : this.#cells.findIndex((other) => other.id === id));
    const { name } = input;
    const here = position(cell.id);
    const gone = input.writers.find((writer) => position(writer.cell) < 0);
    if (gone) return { kind: "deletedCell", name, cell: gone.cell };
    const below = input.writers.findLast((writer) => position(writer.cell) > here);
    if (below) return { kind: "outOfOrder", name, cell: below.cell };
    if (input.writers.some((writer) => writer.cell === cell.id)) return { kind: "ranTwice", name, cell: cell.id };
    const expected = wanted.writers.map((writer) => writer.cell);
    const absent = expected.find((id) => !input.writers.some((writer) => writer.cell === id));
    if (absent !== undefined) {
      const other = this.#last.get(absent);
      const ranLater = other?.kernel === run.kernel && other.execution.sequence > run.execution.sequence;
      return { kind: ranLater ? "upstreamRerun" : "missing", name, cell: absent };
    }
    for (const id of new Set([...expected, ...input.writers.map((writer) => writer.cell)])) {
      const now = this.#cells[position(id)];
      const last = this.#last.get(id);
      if (!now || !last) continue;
      if (!sameText(last.facts.statements, this.#read(now.source, now.language).statements)) return { kind: "upstreamEdited", name, cell: id };
      const used = input.writers.find((writer) => writer.cell === id)?.execution;
      if (used !== undefined && used !== null && last.execution.sequence > used && last.kernel === run.kernel) return { kind: "upstreamRerun", name, cell: id };
    }
    const cause = expected.find((id) => {
      const other = this.#last.get(id);
      const steps = all.get(id)?.steps;
      return other !== undefined && steps !== undefined && !sameSteps(other.steps, steps);
    });
    return { kind: "upstreamStale", name, cell: cause ?? expected[0] ?? null };
  }
}

function differences(ran: Step, wanted: Step, cell: string, why: (input: Input, wanted: Input) => StaleReason): StaleReason[] {
  const found: StaleReason[] = [];
  for (const input of ran.inputs) {
    const other = wanted.inputs.find(({ name }) => name === input.name);
    if (other && other.hash !== input.hash) found.push(why(input, other));
  }
  for (const other of wanted.inputs) {
    if (!ran.inputs.some(({ name }) => name === other.name) && other.hash !== "") found.push(why({ name: other.name, hash: "", writer: null, writers: [] }, other));
  }
  if (found.length === 0) {
    const extra = ran.inputs.find(({ name, hash }) => hash !== "" && !wanted.inputs.some((other) => other.name === name));
    if (extra) found.push(why(extra, { name: extra.name, hash: "", writer: null, writers: [] }));
  }
  return found.filter(({ cell: cause, kind }) => cause !== null || kind !== "upstreamStale" || cell !== "");
}

export function sameSteps(a: readonly Step[], b: readonly Step[]): boolean {
  return a.length === b.length && a.every((step, i) => step.hash === b[i]?.hash);
}

function inputsKey({ steps, execution }: Run): string {
  return steps.map(({ inputs }) => inputs.filter(({ writers }) => !writers.some((writer) => writer.cell === execution.cell)).map(({ name, hash }) => `${name} ${hash}`).join()).join("|");
}

export function sameText(a: readonly StatementFacts[], b: readonly StatementFacts[]): boolean {
  return a.length === b.length && a.every((statement, i) => statement.text === b[i]?.text);
}

/** The line of the cell at which it failed (1-based), where the traceback tells. */
export function failedLine({ error }: Execution): number | null {
  if (!error) return null;
  const text = error.traceback.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
  // The first frame is the cell's; frames of functions that it called follow.
  const first = /(?:<ipython-input[^>]*>|Cell In\s?\[\d+\]|<cell[^>]*>|File "<(?:stdin|string|cell)[^>]*>")[^\n]{0,60}?\bline (\d+)/.exec(text) ?? /^-+> ?(\d+) /m.exec(text);
  return first ? Number(first[1]) : null;
}
