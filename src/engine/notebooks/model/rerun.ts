// The fewest cells to run again, from the top down, so that those that are out of date are current again: found by imagining
// the runs. Nothing is run here.
import type { NotebookModel } from "./notebook.ts";
import { sameSteps } from "./notebook.ts";
import { Session } from "./session.ts";
import type { Step } from "./step.ts";

export interface RerunPlan {
  /** Cells in the order in which to run them. */
  cells: string[];
  /** Of these, the ones that are not out of date themselves but make what others need. */
  helpers: string[];
  /** Running cells cannot mend it (a name lives on whose cell is gone, for example): the kernel must be started anew first. */
  needsRestart: boolean;
}

/** The plan for `targets`; without it, for every cell that is out of date. */
export function planRerun(model: NotebookModel, targets?: readonly string[]): RerunPlan {
  const statuses = model.statuses();
  const order = model.cells.map(({ id }) => id);
  const wanted = targets ?? statuses.filter(({ state }) => state === "stale").map(({ cell }) => cell);
  const current = new Set(statuses.filter(({ state }) => state === "current" || state === "failed").map(({ cell }) => cell));
  const mended = fewest(model, wanted, current, order, () => model.currentSession());
  if (mended) return planOf(mended, wanted, order, false);
  // In a fresh kernel, everything that has run and what it rests on.
  const all = order.filter((id) => model.lastRun(id) !== null || wanted.includes(id));
  const anew = fewest(model, all, new Set(), order, () => new Session()) ?? new Set(order);
  return planOf(anew, wanted, order, true);
}

function planOf(found: ReadonlySet<string>, wanted: readonly string[], order: readonly string[], needsRestart: boolean): RerunPlan {
  const cells = order.filter((id) => found.has(id));
  return { cells, helpers: cells.filter((id) => !wanted.includes(id)), needsRestart };
}

/** The fewest cells, `wanted` among them, that make these right and keep `current` right; null where none do. */
function fewest(model: NotebookModel, wanted: readonly string[], current: ReadonlySet<string>, order: readonly string[], start: () => Session): Set<string> | null {
  const found = complete(model, new Set(wanted), current, order, start);
  for (const id of [...found ?? []]) {
    if (wanted.includes(id)) continue;
    const fewer = new Set(found);
    fewer.delete(id);
    if (holds(model, fewer, current, start)) found?.delete(id);
  }
  return found;
}

/** Adds what is missing until running `cells` gives what running everything would; null where nothing more can be added. */
function complete(model: NotebookModel, cells: Set<string>, current: ReadonlySet<string>, order: readonly string[], start: () => Session): Set<string> | null {
  for (let round = 0; round <= 2 * order.length; round++) {
    const before = cells.size;
    const { expected, taken } = imagine(model, cells, start());
    let isRight = true;
    for (const { id } of model.cells) {
      const wanted = expected.get(id) ?? [];
      const steps = taken.get(id);
      if (steps) {
        if (sameSteps(steps, wanted)) continue;
        isRight = false;
        for (const cell of providers(steps, wanted)) if (order.includes(cell)) cells.add(cell);
      } else if (current.has(id) && !sameSteps(model.lastRun(id)?.steps ?? [], wanted)) {
        isRight = false;
        cells.add(id);
      }
    }
    if (isRight) return cells;
    if (cells.size === before) return null;
  }
  return null;
}

function holds(model: NotebookModel, cells: ReadonlySet<string>, current: ReadonlySet<string>, start: () => Session): boolean {
  const { expected, taken } = imagine(model, cells, start());
  return model.cells.every(({ id }) => {
    const wanted = expected.get(id) ?? [];
    const steps = taken.get(id);
    return steps ? sameSteps(steps, wanted) : !current.has(id) || sameSteps(model.lastRun(id)?.steps ?? [], wanted);
  });
}

/** `expected`: running everything from the top; `taken`: running `cells` on the session `now`. Chance falls anew in what is run. */
function imagine(model: NotebookModel, cells: ReadonlySet<string>, now: Session): { expected: Map<string, readonly Step[]>; taken: Map<string, readonly Step[]> } {
  const fresh = new Session();
  const expected = new Map<string, readonly Step[]>();
  const taken = new Map<string, readonly Step[]>();
  for (const cell of model.cells) {
    const again = cells.has(cell.id) ? `again ${cell.id}` : undefined;
    expected.set(cell.id, model.imagineCell(fresh, cell, again).steps);
    if (again !== undefined) taken.set(cell.id, model.imagineCell(now, cell, again).steps);
  }
  return { expected, taken };
}

/** Cells that make what the first step that went another way should have read. */
function providers(taken: readonly Step[], wanted: readonly Step[]): string[] {
  const found: string[] = [];
  for (const [i, step] of wanted.entries()) {
    const mine = taken[i];
    if (mine && mine.hash === step.hash) continue;
    for (const input of step.inputs) if (mine?.inputs.find(({ name }) => name === input.name)?.hash !== input.hash) found.push(...input.writers.map(({ cell }) => cell));
  }
  return found;
}
