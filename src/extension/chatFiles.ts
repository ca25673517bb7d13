// Ranks the files that `@` may stand for. Pure; the list of files comes from the caller.
import type { FileSuggestion } from "../webview/protocol.ts";

/** Files whose path holds the letters of `query` in order, best first; open files and names before folders. */
export function rankFiles(files: readonly string[], open: ReadonlySet<string>, query: string, limit: number): FileSuggestion[] {
  const wanted = query.toLowerCase();
  const scored: { path: string; score: number }[] = [];
  for (const path of files) {
    const score = matchScore(path.toLowerCase(), wanted);
    if (score > 0) scored.push({ path, score: score + (open.has(path) ? 5 : 0) });
  }
  scored.sort((a, b) => b.score - a.score || a.path.length - b.path.length || a.path.localeCompare(b.path));
  return scored.slice(0, limit).map(({ path }) => ({ path, open: open.has(path) }));
}

/** 0 where the letters do not occur in order; otherwise the better the nearer to the start of the name. */
function matchScore(path: string, query: string): number {
  if (query === "") return 1;
  const name = path.slice(path.lastIndexOf("/") + 1);
  if (name === query) return 100;
  if (name.startsWith(query)) return 80;
  const inName = name.indexOf(query);
  if (inName >= 0) return /[^a-z0-9]/.test(name[inName - 1] ?? "-") ? 70 : 60;
  if (path.includes(query)) return 50;
  let at = 0;
  for (const letter of query) {
    at = path.indexOf(letter, at) + 1;
    if (at === 0) return 0;
  }
  return 10;
}
