// How a file hangs together with the files that look right by themselves: who uses whose names, whose names and folders are
// alike (a header and its source, a test and what it tests, a component and its style), what is alike in meaning, and what
// used to be changed together. A change of several files is one of files that hang together.
import { identifierParts } from "../keyword/analyzer.ts";
import type { ChunkStore } from "../store/chunkStore.ts";
import { dot } from "../store/vectorCodec.ts";
import type { CandidateFile } from "./fileFeatures.ts";

export const RELATED_FEATURES = ["usesTop", "usedByTop", "sameStem", "sameFolder", "nameOverlap", "alike", "together"] as const;

/** Names defined by more candidates than this tie nothing together (run, get, constructor). */
const COMMON_NAME = 3;

/** How often two files were changed together, as a share of the changes of the first; 0 where nothing is known. */
export type ChangedTogether = (path: string, other: string) => number;

/** `ties[k][i][j]`: the k-th of {@link RELATED_FEATURES} that ties candidate i to candidate j, in [0, 1]; 0 where i is j. */
export type Ties = readonly (readonly (readonly number[])[])[];

export function tiesAmong(store: ChunkStore, candidates: readonly CandidateFile[], together: ChangedTogether | null): Ties {
  const uses = usesAmong(store, candidates);
  const names = candidates.map(({ path }) => nameOf(path));
  const inFolder = new Map<string, number>();
  for (const { folder } of names) inFolder.set(folder, (inFolder.get(folder) ?? 0) + 1);
  const outgoing = uses.map((row) => Math.max(1, row.reduce((sum, x) => sum + x, 0)));
  const incoming = candidates.map((_, j) => Math.max(1, uses.reduce((sum, row) => sum + (row[j] as number), 0)));
  const ties = RELATED_FEATURES.map(() => candidates.map(() => candidates.map(() => 0)));
  candidates.forEach((candidate, i) => {
    const mine = names[i] as Name;
    candidates.forEach((other, j) => {
      if (i === j) return;
      const theirs = names[j] as Name;
      const shared = mine.parts.filter((part) => theirs.parts.includes(part)).length;
      [
        ((uses[i] as number[])[j] as number) / (outgoing[j] as number), ((uses[j] as number[])[i] as number) / (incoming[j] as number),
        mine.stem === theirs.stem ? 1 : 0, mine.folder === theirs.folder ? 1 / Math.sqrt(inFolder.get(mine.folder) as number) : 0,
        shared / Math.max(1, mine.parts.length + theirs.parts.length - shared), candidate.centre && other.centre ? Math.max(0, dot(candidate.centre, other.centre)) : 0,
        together ? together(other.path, candidate.path) : 0,
      ].forEach((tie, k) => { ((ties[k] as number[][])[i] as number[])[j] = tie; });
    });
  });
  return ties;
}

/** For each candidate the sums of its ties, each weighed by how right the other file looks (`shares`, which sum up to 1). */
export function relatedFeatures(ties: Ties, shares: readonly number[]): number[][] {
  return shares.map((_, i) => ties.map((tie) => shares.reduce((sum, share, j) => sum + share * ((tie[i] as readonly number[])[j] as number), 0)));
}

/** `uses[i][j]`: how many names that j defines i uses, each divided by the number of candidates that define it. */
function usesAmong(store: ChunkStore, candidates: readonly CandidateFile[]): number[][] {
  const names = candidates.map(({ fileId }) => store.namesOfFile(fileId));
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
    for (const name of used) {
      const files = definedBy.get(name);
      if (files && files.length <= COMMON_NAME && !files.includes(i)) for (const j of files) row[j] = (row[j] as number) + 1 / files.length;
    }
    return row;
  });
}

interface Name {
  folder: string;
  /** Base name without extension and without what marks tests and headers. */
  stem: string;
  parts: string[];
}

function nameOf(path: string): Name {
  const at = path.lastIndexOf("/");
  const folder = path.slice(0, Math.max(0, at));
  const base = path.slice(at + 1).replace(/\.\w+$/, "");
  const stem = base.toLowerCase().replace(/^test_|[._-](?:test|spec)s?$|_test$/g, "");
  // A file that only gathers others is known by its folder's name.
  const gathers = /^(?:index|mod|__init__|main|types|utils?)$/.test(stem);
  return { folder, stem: gathers ? `${folder}/${stem}` : stem, parts: identifierParts(base) };
}
