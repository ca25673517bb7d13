// What speaks for each file as the place of a change: scores by field (keyword/fieldSearch.ts), meaning, names and paths that
// the description spells out. Features only; what they are worth is in weights.ts.
import { foldIdentifier } from "../keyword/analyzer.ts";
import { FILE_SCORES } from "../keyword/fieldSearch.ts";
import type { ChunkStore } from "../store/chunkStore.ts";
import { decodeVector, dot } from "../store/vectorCodec.ts";
import type { ChangeQuery } from "./changeQuery.ts";

/** Files that are looked at: the best by all fields together. */
export const CANDIDATE_FILES = 80;

/** Scores by field, scaled by the best file's, then what is added here. */
export const FIRST_FEATURES = [...FILE_SCORES, "meaning", "meaningTop", "defines", "uses", "spelt", "folder", "mentioned", "linesUp"] as const;

export interface CandidateFile {
  fileId: number;
  path: string;
  /** Along {@link FIRST_FEATURES}. */
  features: number[];
}

/** The candidates with their features, in the order of the field index. */
export function candidateFiles(store: ChunkStore, query: ChangeQuery, queryVector: Float32Array | null): CandidateFile[] {
  const { files, largest } = store.matchFields(query.words, { chunks: 1, files: CANDIDATE_FILES });
  const known = new Set(files.map(({ fileId }) => fileId));
  const extra: typeof files = [];
  for (const path of query.paths) {
    for (const fileId of store.filesNamed(path, 4)) {
      if (known.has(fileId)) continue;
      known.add(fileId);
      extra.push({ fileId, firstChunkId: 0, chunkCount: 0, scores: new Float32Array(FILE_SCORES.length) });
    }
  }
  const named = query.identifiers.map((name) => ({ name, defining: new Set(store.filesDefining(name)), using: new Set(store.filesUsing(name)) }));
  const candidates: CandidateFile[] = [];
  for (const { fileId, scores } of [...files, ...extra]) {
    const path = store.pathOf(fileId);
    if (path === null) continue;
    const scaled = [...scores].map((score, i) => ((largest[i] as number) > 0 ? score / (largest[i] as number) : 0));
    const vectors = queryVector ? store.vectorsOfFile(fileId).map(decodeVector) : [];
    const near = vectors.map((vector) => dot(vector, queryVector as Float32Array)).sort((a, b) => b - a);
    candidates.push({
      fileId, path,
      features: [
        ...scaled, near[0] ?? 0, near.length === 0 ? 0 : near.slice(0, 3).reduce((sum, x) => sum + x, 0) / Math.min(3, near.length),
        share(named.map(({ defining }) => defining), fileId), share(named.map(({ defining, using }) => (defining.has(fileId) ? new Set<number>() : using)), fileId),
        ...speltOut(path, query),
      ],
    });
  }
  return candidates;
}

/** Names that point at this file, each the less the more files it points at. In [0, 1). */
function share(pointing: readonly ReadonlySet<number>[], fileId: number): number {
  const sum = pointing.reduce((total, files) => total + (files.has(fileId) ? 1 / files.size : 0), 0);
  return sum / (1 + sum);
}

/** Whether the description has the file's base name, one of its folders, its whole path, or its name as words in a row. */
function speltOut(path: string, { plain, flat, paths }: ChangeQuery): [spelt: number, folder: number, mentioned: number, linesUp: number] {
  const parts = path.split("/");
  const base = (parts.pop() as string).replace(/\.\w+$/, "");
  const folded = foldIdentifier(base);
  const spelt = folded.length > 2 && plain.has(base.toLowerCase()) ? 1 : 0;
  const folder = parts.some((part) => part.length > 2 && !COMMON_FOLDERS.has(part) && plain.has(part.toLowerCase())) ? 1 : 0;
  const mentioned = paths.some((mention) => path === mention || path.endsWith(`/${mention}`)) ? 1 : 0;
  return [spelt, folder, mentioned, folded.length > 5 && flat.includes(folded) ? 1 : 0];
}

const COMMON_FOLDERS = new Set(["src", "lib", "app", "pkg", "cmd", "core", "internal", "test", "tests", "source"]);
