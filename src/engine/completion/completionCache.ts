// Remembers what was suggested where, so that typing along a suggestion shows its remainder at once. Pure memory, no clock.
import { isSubsequence } from "./placement.ts";

/** Where a suggestion was asked for. */
export interface CachePlace {
  path: string;
  prefix: string;
  suffix: string;
}

export interface CachedSuggestion extends CachePlace {
  completionId: string;
  text: string;
  /** Characters after the caret that the text replaces. */
  replacesAfter: number;
  confidence: number;
  /** Model and adapter in use when it was made; under another one it is not shown again. */
  model?: string;
}

/** What is left of a cached suggestion. */
export interface CacheHit {
  entry: CachedSuggestion;
  /** The text still to be inserted. */
  remainder: string;
  /** Characters after the caret that it replaces. */
  replacesAfter: number;
}

/** Characters around the caret that must agree; clipping moves the far ends, never these. */
const anchor = 512;
const mostEntries = 48;

export class CompletionCache {
  #entries: CachedSuggestion[] = [];

  get size(): number {
    return this.#entries.length;
  }

  add(entry: CachedSuggestion): void {
    this.#entries.unshift(entry);
    if (this.#entries.length > mostEntries) this.#entries.length = mostEntries;
  }

  /** The newest suggestion, made under `model`, that `place` is on the way of, and what remains of it. */
  find(place: CachePlace, model = ""): CacheHit | null {
    for (const entry of this.#entries) {
      if (entry.path !== place.path || (entry.model ?? "") !== model) continue;
      const hit = hitOf(entry, place);
      if (hit) return hit;
    }
    return null;
  }

  forget(path: string): void {
    this.#entries = this.#entries.filter((entry) => entry.path !== path);
  }

  clear(): void {
    this.#entries = [];
  }
}

function hitOf(entry: CachedSuggestion, place: CachePlace): CacheHit | null {
  const typedAtLeast = Math.max(0, place.prefix.length - entry.prefix.length);
  for (let typed = typedAtLeast; typed < entry.text.length; typed++) {
    if (!place.prefix.endsWith(entry.text.slice(0, typed))) continue;
    const before = place.prefix.slice(0, place.prefix.length - typed);
    if (!sameEnd(before, entry.prefix)) continue;
    const remainder = entry.text.slice(typed);
    const inserted = insertedByEditor(entry, place, remainder);
    if (inserted !== null) return { entry, remainder, replacesAfter: entry.replacesAfter + inserted };
    // Without clipping there is only one way to have come here.
    if (place.prefix.length !== entry.prefix.length) break;
  }
  return null;
}

function sameEnd(a: string, b: string): boolean {
  const length = Math.min(anchor, a.length, b.length);
  if (length < anchor && a.length !== b.length) return false;
  return a.slice(a.length - length) === b.slice(b.length - length);
}

/**
 * Closers that the editor put after the caret by itself since the suggestion was made, in characters, where the remainder
 * brings them too and so may replace them; 0 where the suffix is as it was, null where it is another one.
 */
function insertedByEditor(entry: CachedSuggestion, place: CachePlace, remainder: string): number | null {
  if (sameStart(place.suffix, entry.suffix)) return 0;
  const closers = /^[)\]}"'`>]{1,4}/.exec(place.suffix)?.[0] ?? "";
  for (let length = closers.length; length > 0; length--) {
    if (sameStart(place.suffix.slice(length), entry.suffix)) return isSubsequence(closers.slice(0, length), remainder) ? length : null;
  }
  return null;
}

function sameStart(a: string, b: string): boolean {
  return a.slice(0, anchor) === b.slice(0, anchor);
}
