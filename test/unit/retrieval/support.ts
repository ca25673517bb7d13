// Temporary workspaces and a small encoder with random vectors, for the tests of the retrieval room.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { EmbeddedEmbedder } from "../../../src/engine/retrieval/embedder/embeddedEmbedder.ts";
import type { Embedder } from "../../../src/engine/retrieval/embedder.ts";
import { WorkspaceIndex } from "../../../src/engine/retrieval/workspaceIndex.ts";
import { readSettings } from "../../../src/engine/settings.ts";

const made: string[] = [];

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-retrieval-"));
  made.push(folder);
  return folder;
}

export function removeTemporaryFolders(): void {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Writes files (relative path → text or bytes) into a new workspace folder. */
export function workspaceOf(files: Record<string, string | Uint8Array>): string {
  const folder = temporaryFolder();
  writeFiles(folder, files);
  return folder;
}

export function writeFiles(folder: string, files: Record<string, string | Uint8Array>): void {
  for (const [relative, content] of Object.entries(files)) {
    const file = path.join(folder, relative);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

/** A bag of hashed character n-grams with random vectors: alike texts are near, and nothing is learned. */
export function randomEmbedder(seed = 1, dimension = 64): Embedder {
  const random = new SeededRandom(seed);
  const nBuckets = 512;
  const vectors = Float32Array.from({ length: nBuckets * dimension }, () => random.normal() / 8);
  return new EmbeddedEmbedder({ words: [], nBuckets, dimension, vectors, queryGains: new Float32Array(nBuckets).fill(1), description: "random" }, `random-${seed}-${dimension}`);
}

export async function openIndex(workspaceDir: string, options: { storageDir?: string; embedder?: Embedder | null; settings?: Record<string, unknown> } = {}): Promise<WorkspaceIndex> {
  return WorkspaceIndex.open({
    workspaceDir, storageDir: options.storageDir ?? temporaryFolder(), settings: readSettings(options.settings ?? {}).settings,
    embedder: options.embedder === undefined ? randomEmbedder() : options.embedder, log: SILENT_LOG,
  });
}
