// Decides how much of a search's hits the session may fill, and says why. It orders nothing: mergeCrops does.
import { identifiersIn } from "./keyword/analyzer.ts";

export interface CropBudget {
  /** Most of the hits that the short-term crop fills, as a share; what it leaves goes to the long-term crop, and the other way round. */
  shortShare: number;
  /** How much being at a document, or having just met a passage, lifts it: 1 as measured, more where the question is about the session. */
  lift: number;
  /** "asks about the session" | "names code elsewhere" | "session beside workspace": shown with `via`. */
  why: "asksAboutSession" | "namesCode" | "balanced";
}

/** Words that point at what is in front of the user instead of naming it. */
const POINTING = /\b(?:this|that|these|those|here|above|below|just|my (?:change|edit|code|file|selection)|current(?:ly)?|open(?:ed)? (?:file|tab)|last (?:cell|output|error|run|answer)|the (?:error|traceback|exception|output|failure|cell|terminal)|again|again\?|it)\b/i;

/**
 * The session is asked about where the query points at it and names nothing itself; a query that names code is answered from
 * wherever that stands. Our choice of shares; there is no public set that tells of sessions.
 */
export function routeCrops(query: string): CropBudget {
  const names = identifiersIn(query).length > 0 || /[\w-]+\/[\w./-]+|\w+\.(?:[cm]?[jt]sx?|py|go|rs|java|md|json)\b/.test(query);
  if (names) return { shortShare: 0.5, lift: 1, why: "namesCode" };
  if (POINTING.test(query)) return { shortShare: 0.8, lift: 2, why: "asksAboutSession" };
  return { shortShare: 0.6, lift: 1, why: "balanced" };
}

/** Keeps `hits` in order but lets each crop have no more than its share of the first `k`, unless the other has no more to give. */
export function withinBudget<T extends { readonly crop: "short" | "long" }>(hits: readonly T[], k: number, { shortShare }: Pick<CropBudget, "shortShare">): T[] {
  const most = Math.ceil(shortShare * k);
  const kept: T[] = [];
  const over: T[] = [];
  let short = 0;
  for (const hit of hits) {
    if (kept.length >= k) break;
    if (hit.crop === "short" && short >= most) {
      over.push(hit);
      continue;
    }
    if (hit.crop === "short") short++;
    kept.push(hit);
  }
  return [...kept, ...over].slice(0, k);
}
