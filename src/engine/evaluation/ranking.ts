// Measures of ranked lists against what is right. Sources: Järvelin & Kekäläinen 2002 (nDCG); Voorhees 1999 (MRR).

/** Whether all, or any, of `gold` stand among the first `k` of `ranked`. */
export function allWithin(ranked: readonly string[], gold: readonly string[], k: number): boolean {
  const top = new Set(ranked.slice(0, k));
  return gold.every((one) => top.has(one));
}

export function anyWithin(ranked: readonly string[], gold: readonly string[], k: number): boolean {
  const top = new Set(ranked.slice(0, k));
  return gold.some((one) => top.has(one));
}

/** Share of `gold` among the first `k`. */
export function recallWithin(ranked: readonly string[], gold: readonly string[], k: number): number {
  const top = new Set(ranked.slice(0, k));
  return gold.filter((one) => top.has(one)).length / gold.length;
}

/** 1 / rank of the first right one, 0 where none stands among the first `k`. */
export function reciprocalRank(ranked: readonly string[], gold: readonly string[], k = Infinity): number {
  const wanted = new Set(gold);
  const at = ranked.findIndex((one) => wanted.has(one));
  return at >= 0 && at < k ? 1 / (at + 1) : 0;
}

/** Normalised discounted cumulative gain with gains 0 and 1. */
export function ndcgWithin(ranked: readonly string[], gold: readonly string[], k: number): number {
  const wanted = new Set(gold);
  const gain = ranked.slice(0, k).reduce((sum, one, at) => sum + (wanted.has(one) ? 1 / Math.log2(at + 2) : 0), 0);
  const ideal = gold.slice(0, k).reduce((sum, _, at) => sum + 1 / Math.log2(at + 2), 0);
  return ideal === 0 ? 0 : gain / ideal;
}
