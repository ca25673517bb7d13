// How alike a generated text and the expected one are: exact match and edit similarity.
// Source: Levenshtein 1966; reported as 1 − distance / longer length, as completion benchmarks do (CrossCodeEval, Ding et al. 2023, after
// stripping blanks at the ends).

/** Whether both are the same but for blanks at the ends. */
export function exactMatch(generated: string, expected: string): boolean {
  return generated.trim() === expected.trim();
}

/** 1 for the same text but for blanks at the ends, 0 for nothing in common; of the first 4,000 characters. */
export function editSimilarity(generated: string, expected: string): number {
  const [a, b] = [generated.trim().slice(0, LONGEST), expected.trim().slice(0, LONGEST)];
  const longer = Math.max(a.length, b.length);
  return longer === 0 ? 1 : 1 - levenshtein(a, b) / longer;
}

/** The work grows with the product of both lengths. */
const LONGEST = 4_000;

/** Insertions, deletions and replacements that turn `a` into `b`, in UTF-16 units. */
export function levenshtein(a: string, b: string): number {
  if (a.length < b.length) return levenshtein(b, a);
  let row = Uint32Array.from({ length: b.length + 1 }, (_, j) => j);
  let next = new Uint32Array(b.length + 1);
  for (let i = 1; i <= a.length; i++) {
    next[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a.charCodeAt(i - 1) === b.charCodeAt(j - 1) ? 0 : 1);
      next[j] = Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
    }
    [row, next] = [next, row];
  }
  return row[b.length] ?? 0;
}
