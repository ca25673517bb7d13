// Places in files that a program's output names: frames of stack traces, compilers' and linters' messages.
// Text in, ranges out; whether such a file exists is the caller's to check.
import type { FileRange } from "../protocol/types.ts";

/** Lines around a named line that are taken for its passage. */
const AROUND = 6;
const MOST_PLACES = 12;

/** Paths as the output writes them (maybe absolute), forward slashes, the innermost frame of a trace last as printed; distinct. */
export function placesInOutput(text: string): FileRange[] {
  const output = text.replaceAll("file://", "");
  const found = new Map<string, FileRange>();
  const take = (path: string, line: number): void => {
    const clean = path.replaceAll("\\", "/");
    if (line >= 1) found.set(`${clean}:${line}`, { path: clean, startLine: Math.max(1, line - AROUND), endLine: line + AROUND });
  };
  for (const [, path, line] of output.matchAll(/File "([^"\n]{1,300})", line (\d{1,7})/g)) take(path as string, Number(line));
  for (const [, path, line] of output.matchAll(/((?:[A-Za-z]:)?[\w@./\\-]{1,300}\.[A-Za-z]\w{0,7})[:(](\d{1,7})\b/g)) take(path as string, Number(line));
  return [...found.values()].slice(-MOST_PLACES);
}
