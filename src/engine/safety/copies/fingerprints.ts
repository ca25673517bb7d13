// Fingerprints of code by winnowing (Schleimer, Wilkerson, Aiken, SIGMOD 2003): of every window of w hashes of k tokens the
// smallest is kept, so that any copy of w + k - 1 tokens or more shares one, however it is indented or its comments read.

/** Tokens in a hash. Our choice: about three lines of code. */
export const K = 24;
/** Hashes in a window. A copy of {@link K} + {@link W} - 1 tokens is always found. */
export const W = 12;

export interface Fingerprint {
  hash: number;
  /** UTF-16 offsets of the tokens hashed. */
  start: number;
  end: number;
}

const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|(?<=^|\s)#[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[A-Za-z_$][\w$]*|\d[\w.]*|[^\s\w]/g;
/** Text beyond this is not looked at: generated and minified files. */
const LONGEST = 400_000;

/** The fingerprints of `code`, by place. Names, literals and operators count as they stand; white space and comments do not. */
export function fingerprintsOf(code: string): Fingerprint[] {
  if (code.length > LONGEST) return [];
  const starts: number[] = [];
  const ends: number[] = [];
  const hashes: number[] = [];
  for (const match of code.matchAll(TOKEN)) {
    const text = match[0];
    if (text.startsWith("//") || text.startsWith("/*") || (text.startsWith("#") && text.length > 1)) continue;
    starts.push(match.index);
    ends.push(match.index + text.length);
    hashes.push(hashText(text));
  }
  const grams: number[] = [];
  for (let i = 0; i + K <= hashes.length; i++) {
    let hash = 0x811c9dc5;
    for (let j = 0; j < K; j++) hash = Math.imul(hash ^ (hashes[i + j] as number), 0x01000193);
    hash ^= hash >>> 15;
    grams.push((Math.imul(hash, 0x85ebca6b) ^ hash) >>> 0);
  }
  const kept: Fingerprint[] = [];
  let last = -1;
  for (let from = 0; from < grams.length && (from === 0 || from + W <= grams.length); from++) {
    let at = from;
    // The rightmost of equal minima, so that neighbours share it.
    for (let j = from; j < Math.min(from + W, grams.length); j++) if ((grams[j] as number) <= (grams[at] as number)) at = j;
    if (at === last) continue;
    last = at;
    kept.push({ hash: grams[at] as number, start: starts[at] as number, end: ends[at + K - 1] as number });
  }
  return kept;
}

function hashText(text: string): number {
  let hash = 0x9747b28c;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x5bd1e995);
  return hash ^ (hash >>> 13);
}
