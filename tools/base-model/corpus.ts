// Reads documents.jsonl and chooses documents by a mixture of languages. Does not clean and does not tokenise.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { documentsFile, type Document } from "./clean.ts";
import type { Language } from "./codeLines.ts";

export async function* readDocuments(file = documentsFile): AsyncGenerator<Document> {
  for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
    if (line !== "") yield JSON.parse(line) as Document;
  }
}

/** Shares of the languages by bytes (issue 2 and design: TypeScript 35, JavaScript 20, Python 38, Markdown 7). */
export const mixture: Readonly<Record<Language, number>> = { ts: 0.35, js: 0.2, py: 0.38, md: 0.07 };

/**
 * Chooses about `totalBytes` of `documents` in the mixture's shares. A language with too much is cut by one cap for all
 * its packages, the largest that fits, so that small packages stay whole; which files of a package stay depends on
 * `salt`. A language with too little is taken whole. Keeps the order.
 */
export function chooseByMixture(documents: readonly Document[], totalBytes: number, salt: string): Document[] {
  const chosen = new Set<Document>();
  for (const language of ["ts", "js", "py", "md"] as const) {
    const byPackage = new Map<string, Document[]>();
    for (const item of documents) {
      if (item.language !== language) continue;
      const list = byPackage.get(item.package);
      if (list === undefined) byPackage.set(item.package, [item]);
      else list.push(item);
    }
    const sizes = [...byPackage.values()].map((list) => list.reduce((sum, item) => sum + item.text.length, 0));
    const cap = largestCap(sizes, totalBytes * mixture[language]);
    for (const list of byPackage.values()) {
      let left = cap;
      for (const item of list.map((d) => [order(salt + d.path), d] as const).sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
        if (left <= 0) break;
        left -= item[1].text.length;
        chosen.add(item[1]);
      }
    }
  }
  return documents.filter((item) => chosen.has(item));
}

/** The largest cap for which the capped sizes sum to at most `budget`; Infinity where all fits. */
function largestCap(sizes: readonly number[], budget: number): number {
  const ascending = sizes.slice().sort((a, b) => a - b);
  let left = budget;
  for (let i = 0; i < ascending.length; i++) {
    const share = left / (ascending.length - i);
    if ((ascending[i] as number) > share) return share;
    left -= ascending[i] as number;
  }
  return Infinity;
}

function order(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}
