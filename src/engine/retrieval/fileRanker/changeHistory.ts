// Which files a repository's past changes touched together. Given the changes, it counts; it runs no Git, and what it is given
// must lie before the moment that is asked about.
import type { ChangedTogether } from "./related.ts";

/** Changes of more files than this are sweeps that tie nothing together. */
const MOST_FILES = 12;
/** Changes added to each file's count, so that two rare files that once met are not taken for inseparable. */
const PRIOR = 2;

/** Share of the changes of one file that touched the other too. */
export function togetherIn(past: readonly { readonly files: readonly string[] }[]): ChangedTogether {
  const changes = new Map<string, number>();
  const pairs = new Map<string, Map<string, number>>();
  for (const { files } of past) {
    if (files.length > MOST_FILES) continue;
    for (const file of files) {
      changes.set(file, (changes.get(file) ?? 0) + 1);
      let row = pairs.get(file);
      if (!row) pairs.set(file, row = new Map());
      for (const other of files) if (other !== file) row.set(other, (row.get(other) ?? 0) + 1);
    }
  }
  return (file, other) => (pairs.get(file)?.get(other) ?? 0) / ((changes.get(file) ?? 0) + PRIOR);
}
