// Where an applied change stands in a file, and what stands there later, found by the lines around it. Text in, text out.

/** Lines that a change replaced and what it put there, with the lines next to it by which the place is found again. */
export interface AppliedRegion {
  before: string;
  applied: string;
  above: readonly string[];
  below: readonly string[];
  /** 0-based first line of the region. */
  line: number;
}

/** Lines above and below by which a place is known; blank ones do not count. */
const ANCHOR_LINES = 3;

/** The region in which `original` and `content` differ, from the first changed line to the last. */
export function appliedRegion(original: string, content: string): AppliedRegion {
  const old = linesOf(original);
  const fresh = linesOf(content);
  const most = Math.min(old.length, fresh.length);
  let start = 0;
  while (start < most && old[start] === fresh[start]) start++;
  let end = 0;
  while (end < most - start && old[old.length - 1 - end] === fresh[fresh.length - 1 - end]) end++;
  return {
    before: old.slice(start, old.length - end).join("\n"), applied: fresh.slice(start, fresh.length - end).join("\n"),
    above: fresh.slice(0, start).filter((line) => line.trim() !== "").slice(-ANCHOR_LINES),
    below: fresh.slice(fresh.length - end).filter((line) => line.trim() !== "").slice(0, ANCHOR_LINES),
    line: start,
  };
}

/** What stands in the region now; null where its surroundings are not to be found any more. */
export function regionNow(region: AppliedRegion, text: string): string | null {
  const lines = linesOf(text);
  const starts = region.above.length === 0 ? [0] : placesOf(lines, region.above).map(({ end }) => end);
  // The same lines may stand in several places: the nearest to where they were.
  const start = starts.sort((a, b) => Math.abs(a - region.line) - Math.abs(b - region.line))[0];
  if (start === undefined) return null;
  if (region.below.length === 0) return trimBlankLines(lines.slice(start));
  const end = placesOf(lines, region.below).map((place) => place.start).find((at) => at >= start);
  return end === undefined ? null : trimBlankLines(lines.slice(start, end));
}

/** Where `wanted` stands in `lines`, blank lines between them left out: first line, and the line after the last. */
function placesOf(lines: readonly string[], wanted: readonly string[]): { start: number; end: number }[] {
  const filled = lines.map((line, at) => ({ line, at })).filter(({ line }) => line.trim() !== "");
  const places: { start: number; end: number }[] = [];
  for (let i = 0; i + wanted.length <= filled.length; i++) {
    if (wanted.every((line, k) => filled[i + k]?.line === line)) places.push({ start: filled[i]?.at ?? 0, end: (filled[i + wanted.length - 1]?.at ?? 0) + 1 });
  }
  return places;
}

function trimBlankLines(lines: readonly string[]): string {
  const first = lines.findIndex((line) => line.trim() !== "");
  return first < 0 ? "" : lines.slice(first, lines.findLastIndex((line) => line.trim() !== "") + 1).join("\n");
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/);
}
