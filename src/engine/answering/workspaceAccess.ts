// What answering needs to know of the workspace, as functions that the task hands in. Declares, does nothing.
import type { FileRange, SearchHit, SkippedFile, SymbolDefinition, SymbolUsage } from "../protocol/types.ts";

type Eventually<T> = T | Promise<T>;

/** Reading access to the workspace's index and files. Every function may answer at once or later. */
export interface WorkspaceAccess {
  search: (query: string, options: { k: number; signal?: AbortSignal; activePath?: string }) => Eventually<SearchHit[]>;
  /** Definitions of exactly this name. */
  definitions: (name: string) => Eventually<readonly SymbolDefinition[]>;
  /** Definitions whose names are nearest to `name`, nearest first. */
  similarSymbols: (name: string, limit: number) => Eventually<readonly SymbolDefinition[]>;
  usages: (name: string, limit: number) => Eventually<{ count: number; usages: readonly SymbolUsage[] }>;
  symbolsIn: (path: string) => Eventually<readonly SymbolDefinition[]>;
  /** Relative paths of the indexed files. */
  files: () => Eventually<readonly string[]>;
  /** Files left out of the index, and why: so that an answer can say that the file asked for is one of them. */
  skipped?: () => Eventually<readonly SkippedFile[]>;
  /** The lines as they stand on disk now, clipped to the file's end; null where the file cannot be read or has no such line. */
  readLines: (range: FileRange) => Eventually<{ text: string; sha256: string } | null>;
}
