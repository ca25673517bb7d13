// Keeps the latest results of a costly pure function of a string: while an answer streams, all blocks but the last
// are the same as in the frame before, and sanitising or highlighting them anew was most of a frame's cost.

/** `compute`, remembering up to `limit` results; the oldest is forgotten first. */
export function remember(limit: number, compute: (key: string) => string): (key: string) => string {
  const results = new Map<string, string>();
  return (key) => {
    const known = results.get(key);
    if (known !== undefined) return known;
    const result = compute(key);
    if (results.size >= limit) results.delete(results.keys().next().value ?? "");
    results.set(key, result);
    return result;
  };
}
