// Long work in the engine's one thread gives the event loop back every so often, so that requests are answered meanwhile.
import { setImmediate as nextTurn } from "node:timers/promises";

/** Longest stretch of work without giving the event loop back, in ms. */
export const SLICE_MS = 20;

/** Gives the event loop back when more than {@link SLICE_MS} passed since `started`; resolves to the new start. */
export async function pause(started: number): Promise<number> {
  if (performance.now() - started < SLICE_MS) return started;
  await nextTurn();
  return performance.now();
}
