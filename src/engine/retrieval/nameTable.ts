// Answers by name: where it is defined, where it is used, and which known names are spelt much like it.
import type { SymbolDefinition, SymbolUsage } from "../protocol/types.ts";
import { foldIdentifier, identifierParts } from "./keyword/analyzer.ts";
import type { ChunkStore } from "./store/chunkStore.ts";

export class NameTable {
  readonly #store: ChunkStore;
  /** All names, read when first needed and again after a change. */
  #names: { name: string; folded: string }[] | null = null;

  constructor(store: ChunkStore) {
    this.#store = store;
  }

  /** The index changed: names are read again when next needed. */
  forget(): void {
    this.#names = null;
  }

  /** Exact spelling first; only where there is none, any case and separators. "Scheduler.run" means `run` inside `Scheduler`. */
  definitions(name: string, limit: number): SymbolDefinition[] {
    const parts = name.split(/\.|::|#|->/).filter((part) => part !== "");
    const last = parts[parts.length - 1];
    if (last === undefined) return [];
    const found = this.#spelt(last, limit);
    const container = parts.slice(0, -1).map(foldIdentifier);
    if (container.length === 0) return found;
    return found.filter((definition) => {
      const inside = definition.container.map(foldIdentifier);
      return container.every((part, i) => inside[inside.length - container.length + i] === part);
    });
  }

  #spelt(name: string, limit: number): SymbolDefinition[] {
    const exact = this.#store.definitions(name, limit);
    if (exact.length > 0) return exact;
    const folded = foldIdentifier(name);
    return folded === "" ? [] : this.#store.symbolsFolded(folded, limit);
  }

  similar(name: string, limit: number): string[] {
    const folded = foldIdentifier(name);
    if (folded === "") return [];
    const parts = new Set(identifierParts(name));
    const allowed = Math.max(1, Math.floor(folded.length / 4));
    const scored: { name: string; score: number }[] = [];
    this.#names ??= this.#store.symbolNames();
    for (const candidate of this.#names) {
      if (candidate.name === name || candidate.folded === "") continue;
      let score = 0;
      if (Math.abs(candidate.folded.length - folded.length) <= allowed) {
        const distance = editDistance(folded, candidate.folded, allowed);
        if (distance <= allowed) score = 1 - distance / (folded.length + 1);
      }
      if (score === 0 && parts.size > 0) {
        const theirs = identifierParts(candidate.name);
        const shared = theirs.filter((part) => part.length > 2 && parts.has(part)).length;
        const overlap = shared / (parts.size + theirs.length - shared);
        if (overlap >= 0.4 || (folded.length > 3 && candidate.folded.startsWith(folded))) score = 0.3 + overlap / 2;
      }
      if (score > 0) scored.push({ name: candidate.name, score });
    }
    scored.sort((a, b) => b.score - a.score || a.name.length - b.name.length || (a.name < b.name ? -1 : 1));
    return scored.slice(0, limit).map((entry) => entry.name);
  }

  usages(name: string, limit: number): { count: number; usages: SymbolUsage[] } {
    const usages: SymbolUsage[] = [];
    let count = 0;
    for (const { path, fileId, lines } of this.#store.usageRows(name)) {
      count += lines.length;
      for (const line of lines) {
        if (usages.length >= limit) break;
        const usage = this.#store.usageAt(path, fileId, line);
        if (usage) usages.push(usage);
      }
    }
    return { count, usages };
  }
}

/** Damerau–Levenshtein distance (adjacent transpositions count one), or more than `limit` as soon as that is certain. */
export function editDistance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let smallest = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) value = Math.min(value, (beforeLast[j - 2] as number) + 1);
      row.push(value);
      smallest = Math.min(smallest, value);
    }
    if (smallest > limit) return limit + 1;
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}
