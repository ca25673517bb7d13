// The loop of suites whose items are costly: what is known is not computed again, an item that fails is counted as failed and never
// ends the run, and progress is told.
import { isCancelled, throwIfCancelled } from "../../base/errors.ts";
import type { EvaluationHooks } from "../suite.ts";
import { itemKey } from "./itemCache.ts";

export interface ItemWork<Item, Result extends object> {
  readonly items: readonly Item[];
  readonly idOf: (item: Item) => string;
  /** What a reader needs to see of an item beside its result. */
  readonly shown?: (item: Item) => Readonly<Record<string, unknown>>;
  /** All that a result depends on besides the item: suite, model, settings. */
  readonly dependsOn: Readonly<Record<string, unknown>>;
  readonly compute: (item: Item) => Promise<Result>;
  /** What an item counts as that could not be computed: never as passed. */
  readonly failed: (item: Item, reason: string) => Result;
  /** Whether the run must end with this error, since no item could be computed. */
  readonly ends?: (error: unknown) => boolean;
}

/** The results in the order of the items. Errors: CancelledError, and those that `ends` names. */
export async function runItems<Item, Result extends object>(work: ItemWork<Item, Result>, hooks: EvaluationHooks): Promise<(Result & { id: string })[]> {
  const results: (Result & { id: string })[] = [];
  for (const item of work.items) {
    throwIfCancelled(hooks.signal);
    const id = work.idOf(item);
    const key = itemKey({ ...work.dependsOn, item });
    const known = hooks.cache?.get(key);
    let result: Result;
    if (known !== undefined) {
      result = known as Result;
    } else {
      try {
        result = await work.compute(item);
        await hooks.cache?.put(key, result as Readonly<Record<string, unknown>>);
      } catch (error) {
        if (isCancelled(error) || hooks.signal?.aborted === true || work.ends?.(error) === true) throw error;
        result = work.failed(item, error instanceof Error ? error.message : String(error));
      }
    }
    results.push({ id, ...work.shown?.(item), ...result });
    hooks.onProgress?.(results.length, work.items.length);
  }
  return results;
}
