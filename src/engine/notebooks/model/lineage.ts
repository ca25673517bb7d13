// Where a result came from, and what lay between a failure and the run that went well: read off the record, never guessed.
import type { NotebookModel, Run } from "./notebook.ts";
import { sameText } from "./notebook.ts";

/** One run on the way to a result, with the names that were taken from it. */
export interface Source {
  run: Run;
  names: string[];
}

/** The runs that made what `run` read, the oldest first; `run` itself is not among them. */
export function sourcesOf(model: NotebookModel, run: Run): Source[] {
  const bySequence = new Map(model.runs.map((other) => [other.execution.sequence, other]));
  const found = new Map<number, Set<string>>();
  const waiting = [run];
  const seen = new Set<Run>();
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    for (const { inputs } of next.steps) {
      for (const { name, writers } of inputs) {
        for (const { execution } of writers) {
          const from = execution === null ? undefined : bySequence.get(execution);
          if (!from || from === run || from === next) continue;
          const names = found.get(from.execution.sequence) ?? new Set();
          names.add(name);
          found.set(from.execution.sequence, names);
          waiting.push(from);
        }
      }
    }
  }
  return [...found].sort(([a], [b]) => a - b).map(([sequence, names]) => ({ run: bySequence.get(sequence) as Run, names: [...names] }));
}

/** The newest run whose output shows `text` as a word or number of its own. */
export function runThatShowed(model: NotebookModel, text: string): Run | null {
  const wanted = text.trim();
  if (wanted === "") return null;
  const variants = new Set([wanted, wanted.replaceAll(",", "")]);
  const shows = (output: string): boolean => [...variants].some((variant) => {
    const pattern = new RegExp(`(?<![\\w.])${variant.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?!\\w|\\.\\d)`);
    return pattern.test(output) || pattern.test(output.replaceAll(/(?<=\d),(?=\d{3})/g, ""));
  });
  return model.runs.findLast(({ execution }) => shows(execution.output)) ?? null;
}

/** What differs between two runs of the same cell. */
export interface Difference {
  /** Lines that the later run no longer had and that it had anew; empty where the code was the same. */
  removed: string[];
  added: string[];
  /** Names that held something else, with the run that made what the later one read (null: nothing did). */
  names: { name: string; was: Run | null; is: Run | null }[];
  /** Packages installed and files written by runs in between. */
  packages: string[];
  files: string[];
  restarted: boolean;
}

export function differenceOf(model: NotebookModel, before: Run, after: Run): Difference {
  const bySequence = new Map(model.runs.map((run) => [run.execution.sequence, run]));
  const writerOf = (sequence: number | null | undefined): Run | null => (sequence === null || sequence === undefined ? null : bySequence.get(sequence) ?? null);
  const names = new Map<string, { name: string; was: Run | null; is: Run | null }>();
  const inputs = (run: Run): Map<string, { hash: string; writer: Run | null }> => {
    const found = new Map<string, { hash: string; writer: Run | null }>();
    for (const step of run.steps) for (const { name, hash, writer } of step.inputs) if (!found.has(name) && writer?.execution !== run.execution.sequence) found.set(name, { hash, writer: hash === "" ? null : writerOf(writer?.execution) });
    return found;
  };
  const earlier = inputs(before);
  for (const [name, { hash, writer }] of inputs(after)) {
    const known = earlier.get(name);
    if (known ? known.hash !== hash : false) names.set(name, { name, was: known?.writer ?? null, is: writer });
  }
  const between = model.runs.filter(({ execution }) => execution.sequence > before.execution.sequence && execution.sequence <= after.execution.sequence);
  const same = sameText(before.facts.statements, after.facts.statements);
  const { removed, added } = same ? { removed: [], added: [] } : changedLines(before.execution.source, after.execution.source);
  const others = between.filter((run) => run !== before);
  return {
    removed, added, names: [...names.values()],
    packages: [...new Set(others.flatMap(({ facts }) => facts.statements.flatMap((statement) => statement.packages)))],
    files: [...new Set(others.filter((run) => run !== after).flatMap(({ facts }) => facts.statements.flatMap((statement) => statement.filesWritten)))],
    restarted: before.kernel !== after.kernel,
  };
}

/** A failure and the run of the same cell that then went well, the newest of the notebook or of `cell`; null: there is none. */
export function lastRepair(model: NotebookModel, cell?: string): { failed: Run; mended: Run } | null {
  for (const mended of model.runs.toReversed()) {
    if (!mended.execution.success || (cell !== undefined && mended.execution.cell !== cell)) continue;
    const failed = failureBefore(model, mended);
    if (failed) return { failed, mended };
  }
  return null;
}

/** The run of the same cell right before `run`, where it failed. */
function failureBefore(model: NotebookModel, run: Run): Run | null {
  const earlier = model.runs.filter(({ execution }) => execution.cell === run.execution.cell && execution.sequence < run.execution.sequence).at(-1);
  return earlier && !earlier.execution.success ? earlier : null;
}

/** For a cell that fails now: its last run that went well. */
export function lastGoodRun(model: NotebookModel, cell: string): Run | null {
  return model.runs.findLast(({ execution }) => execution.cell === cell && execution.success) ?? null;
}

/** Lines that only one of the texts has, in order (longest common subsequence; long texts by what they share). */
export function changedLines(before: string, after: string): { removed: string[]; added: string[] } {
  const a = before.split("\n").map((line) => line.trimEnd());
  const b = after.split("\n").map((line) => line.trimEnd());
  if (a.length * b.length > 250_000) return { removed: a.filter((line) => !b.includes(line)), added: b.filter((line) => !a.includes(line)) };
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) for (let j = b.length - 1; j >= 0; j--) (lengths[i] as Uint32Array)[j] = a[i] === b[j] ? (lengths[i + 1]?.[j + 1] ?? 0) + 1 : Math.max(lengths[i + 1]?.[j] ?? 0, lengths[i]?.[j + 1] ?? 0);
  const removed: string[] = [];
  const added: string[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && (lengths[i + 1]?.[j] ?? 0) >= (lengths[i]?.[j + 1] ?? 0))) removed.push(a[i++] as string);
    else added.push(b[j++] as string);
  }
  return { removed: removed.filter((line) => line.trim() !== ""), added: added.filter((line) => line.trim() !== "") };
}
