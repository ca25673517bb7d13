// Cuts runs of lines into windows at the places where text breathes: blank lines and low indentation.
// Used where no structure is known, and inside definitions that are too long for one chunk.

/** Largest chunk. 60 lines fit a screen; 2,400 characters are about 700 tokens, so that eight passages fit a small context. */
export const CHUNK_LINES = 60;
export const CHUNK_CHARACTERS = 2400;

/** Inclusive 0-based line numbers. */
export interface LineRange {
  start: number;
  end: number;
}

/** Whether lines `start…end` fit one chunk. */
export function fitsChunk(lines: readonly string[], start: number, end: number): boolean {
  if (end - start + 1 > CHUNK_LINES) return false;
  let characters = 0;
  for (let i = start; i <= end; i++) characters += (lines[i] as string).length + 1;
  return characters <= CHUNK_CHARACTERS;
}

/**
 * Cuts `start…end` (0-based, inclusive) into windows that fit a chunk, preferring to begin a window after a blank line and
 * at low indentation. Blank lines at the edges of a window are left out. A single line longer than a chunk stays whole.
 */
export function lineWindows(lines: readonly string[], start: number, end: number): LineRange[] {
  const windows: LineRange[] = [];
  let from = start;
  while (from <= end) {
    while (from <= end && isBlank(lines[from] as string)) from++;
    if (from > end) break;
    const to = fitsChunk(lines, from, end) ? end : breakBefore(lines, from, furthest(lines, from, end));
    let last = to;
    while (last > from && isBlank(lines[last] as string)) last--;
    windows.push({ start: from, end: last });
    from = to + 1;
  }
  return windows;
}

/** The last line that still fits a chunk beginning at `from`. */
function furthest(lines: readonly string[], from: number, end: number): number {
  let characters = 0;
  let i = from;
  for (; i <= end && i - from < CHUNK_LINES; i++) {
    characters += (lines[i] as string).length + 1;
    if (characters > CHUNK_CHARACTERS) break;
  }
  return Math.max(from, i - 1);
}

/** The best last line in the second half of `from…limit`: what follows it is the start of something. */
function breakBefore(lines: readonly string[], from: number, limit: number): number {
  let best = limit;
  let bestScore = -Infinity;
  for (let next = limit + 1; next > from + (limit - from) / 2; next--) {
    const line = lines[next];
    if (line === undefined || isBlank(line)) continue;
    const blankBefore = isBlank(lines[next - 1] as string) ? 8 : 0;
    const closes = /^\s*[)\]}]/.test(line) ? 6 : 0;
    const score = blankBefore - indentation(line) - closes - (limit + 1 - next) / 16;
    if (score > bestScore) {
      bestScore = score;
      best = next - 1;
    }
  }
  return Math.max(from, best);
}

function indentation(line: string): number {
  let width = 0;
  for (const character of line) {
    if (character === " ") width++;
    else if (character === "\t") width += 4;
    else break;
  }
  return width;
}

export function isBlank(line: string): boolean {
  return line.trim() === "";
}
