// How a file hangs together with the files that look right by themselves: whether it uses names that they define. A change of
// several files often goes from where a thing is defined to where it is used.
// Tried and dropped, as each left strict Acc@5 where it was (±.005, repositories left out): being used by them, same stem, same
// folder, like names, like vectors, and what past changes touched together (a history of 300 commits).
import type { ChunkStore } from "../store/chunkStore.ts";
import type { CandidateFile } from "./fileFeatures.ts";

/** Names defined by more candidates than this tie nothing together (run, get, constructor). */
const COMMON_NAME = 3;
/** The best candidates are tied to one another; the others are too far off. */
export const TIED_FILES = 40;

/**
 * `uses[i][j]`: the share of the names that candidate i uses of other candidates' which candidate j defines, names that several
 * define counting in parts. In [0, 1]; 0 where i is j.
 */
export function usesAmong(store: ChunkStore, candidates: readonly CandidateFile[]): number[][] {
  const names = candidates.map(({ fileId }, i) => (i < TIED_FILES ? store.namesOfFile(fileId) : { defined: [], used: [] }));
  const definedBy = new Map<string, number[]>();
  names.forEach(({ defined }, i) => {
    for (const name of defined) {
      if (name.length < 3) continue;
      const files = definedBy.get(name);
      if (files) files.push(i);
      else definedBy.set(name, [i]);
    }
  });
  return names.map(({ used }, i) => {
    const row = candidates.map(() => 0);
    let sum = 0;
    for (const name of used) {
      const files = definedBy.get(name);
      if (!files || files.length > COMMON_NAME || files.includes(i)) continue;
      for (const j of files) row[j] = (row[j] as number) + 1 / files.length;
      sum++;
    }
    return row.map((x) => x / Math.max(1, sum));
  });
}

/** How much each candidate uses the others, each weighed by how right that one looks (`shares`, which sum up to 1); the largest is 1. */
export function usesOfLikely(uses: readonly (readonly number[])[], shares: readonly number[]): number[] {
  const sums = uses.map((row) => row.reduce((sum, x, j) => sum + x * (shares[j] as number), 0));
  const largest = Math.max(...sums);
  return sums.map((sum) => (largest > 0 ? sum / largest : 0));
}
