// Joins the hits of the two crops into one order. The session lifts what is relevant anyway; it never makes relevant what is not.
import type { Crop, FileRange } from "../protocol/types.ts";
import type { ScoredChunk } from "./searcher.ts";

/** How much a document that was just edited lifts its passages, as a factor of their own score. Our choice. */
const SESSION_LIFT = 0.25;
/** How much an answer to a like question lifts the passages it cited. */
const ANSWER_LIFT = 0.2;

/** Shorter passages are alike by chance. */
const COPY_CHARACTERS = 80;

export interface CropHit extends ScoredChunk {
  crop: Crop;
}

export interface Session {
  /** How much the session is at a document, in [0, 1]. */
  recency: (path: string) => number;
  /** What recent answers to like questions cited, with a weight in [0, 1]. */
  remembered: readonly { range: FileRange; weight: number; kind?: string }[];
  /** Factor on both lifts (routeCrops). */
  lift?: number;
}

/**
 * Best first. A passage that stands alike in both crops is one hit, of the crop that scores it higher; of copies of a
 * passage in several files only the best scored is kept.
 */
export function mergeCrops(long: readonly ScoredChunk[], short: readonly ScoredChunk[], session: Session): CropHit[] {
  const merged = new Map<string, CropHit>();
  const take = (hit: ScoredChunk, crop: Crop) => {
    const { path, startLine, endLine, text } = hit.chunk;
    const recency = session.recency(path);
    const met = session.remembered.filter(({ range }) => range.path === path && range.startLine <= endLine && range.endLine >= startLine);
    const remembered = met.reduce((most, { weight }) => Math.max(most, weight), 0);
    const score = hit.score * (1 + (session.lift ?? 1) * (SESSION_LIFT * recency + ANSWER_LIFT * remembered));
    const via = [...hit.via, ...(recency > 0.1 ? ["session"] : []), ...new Set(met.map(({ kind }) => kind ?? "answer"))];
    const key = `${path}\n${startLine}\n${text}`;
    const known = merged.get(key);
    if (!known || known.score < score) merged.set(key, { chunk: hit.chunk, score, via, crop });
  };
  for (const hit of short) take(hit, "short");
  for (const hit of long) take(hit, "long");
  const ordered = [...merged.values()].sort((a, b) => b.score - a.score || (a.chunk.path < b.chunk.path ? -1 : a.chunk.path > b.chunk.path ? 1 : a.chunk.startLine - b.chunk.startLine));
  const seen = new Set<string>();
  return ordered.filter(({ chunk, crop }) => {
    // The editor's and the disk's version of a file may say the same at different lines; copies in other files say nothing new.
    if (crop === "short" || chunk.text.length < COPY_CHARACTERS) return true;
    if (seen.has(chunk.text)) return false;
    seen.add(chunk.text);
    return true;
  });
}
