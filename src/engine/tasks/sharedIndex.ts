// Publishes the passages of a workspace to a shared index: those of files without a secret, with their vectors, and nothing else. Joins retrieval, safety and
// the endpoints' room. What was published before and is gone here is taken out there.
import path from "node:path";
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { sha256 } from "../base/files.ts";
import type { Exchange } from "../endpoints/exchange.ts";
import { createCollection, openCollection, publishedIds, putPassages, removePassages } from "../endpoints/sharedIndex.ts";
import type { SharedIndexAddress, SharedPassage } from "../endpoints/sharedIndex.ts";
import type { WorkspaceIndex } from "../retrieval/workspaceIndex.ts";
import { findSecrets, redactSecrets } from "../safety/secrets.ts";

export interface PublishReport {
  collection: string;
  host: string;
  files: number;
  /** Passages that are there now. */
  passages: number;
  /** Of these, sent just now. */
  sent: number;
  removed: number;
  /** Files that were left out, since something in them looks like a secret. */
  withSecrets: string[];
  /** Passages without a vector as yet: the index is still being made. */
  pending: number;
  seconds: number;
}

export interface PublishOptions {
  index: WorkspaceIndex;
  workspaceDir: string;
  address: SharedIndexAddress;
  exchange: Exchange;
  signal?: AbortSignal | undefined;
  onProgress?: ((files: number, total: number) => void) | undefined;
}

/** What a collection of this folder is called where nobody says: its name, in the characters that Chroma takes. */
export function collectionName(workspaceDir: string): string {
  const plain = path.basename(path.resolve(workspaceDir)).replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, "");
  return plain.length >= 3 ? plain.slice(0, 100).replace(/[^A-Za-z0-9]+$/, "") : `workspace-${plain === "" ? "shared" : plain}`;
}

/** Passages sent in one go while files are read. */
const GROUP = 400;

/** Errors: `noWorkspace` where nothing embeds here; `endpointFailed` where the collection has vectors of another model; those of the exchange; CancelledError. */
export async function publishIndex({ index, workspaceDir, address, exchange, signal, onProgress }: PublishOptions): Promise<PublishReport> {
  const begun = performance.now();
  const { embedder } = index;
  if (embedder === null) throw new EngineError("noWorkspace", "This index has no vectors, which a shared index needs: the embedding model could not be loaded. `kalactica doctor` says why.");
  const collection = await openCollection(exchange, address.collection, signal) ?? await createCollection(exchange, address.collection, embedder, signal);
  if (collection.embedder !== embedder.hash) throw new EngineError("endpointFailed", `${address.label} holds vectors of ${collection.embedderName}, and this version makes those of ${embedder.id} with other weights; the two cannot be compared. Publish under another name.`, { host: address.host });
  const source = path.basename(path.resolve(workspaceDir));
  const before = await publishedIds(exchange, collection, source, signal);
  const kept = new Set<string>();
  const withSecrets: string[] = [];
  const files = index.files();
  let waiting: SharedPassage[] = [];
  let sent = 0;
  let pending = 0;
  let nFiles = 0;
  const flush = async (): Promise<void> => {
    await putPassages(exchange, collection, source, waiting, signal);
    sent += waiting.length;
    waiting = [];
  };
  for (const [at, file] of files.entries()) {
    throwIfCancelled(signal);
    onProgress?.(at, files.length);
    const passages = index.passagesOf(file.path);
    // A secret may begin in one passage and end in the next: the file is looked at whole.
    const { spans, complete } = findSecrets(passages.map(({ text }) => text).join("\n"));
    if (spans.length > 0 || !complete || passages.some(({ text }) => redactSecrets(text).spans.length > 0)) {
      withSecrets.push(file.path);
      continue;
    }
    nFiles++;
    for (const { vector, ...passage } of passages) {
      if (vector === null) {
        pending++;
        continue;
      }
      const hash = sha256(passage.text);
      const id = sha256(`${source}\n${passage.path}\n${passage.startLine}\n${hash}`).slice(0, 40);
      kept.add(id);
      if (!before.has(id)) waiting.push({ id, ...passage, sha256: hash, vector });
    }
    if (waiting.length >= GROUP) await flush();
    // The index is asked and text is scanned in this process: others come to their turn between files.
    else await new Promise((resolve) => setImmediate(resolve));
  }
  await flush();
  const gone = [...before].filter((id) => !kept.has(id));
  await removePassages(exchange, collection, gone, signal);
  return { collection: address.collection, host: address.host, files: nFiles, passages: kept.size, sent, removed: gone.length, withSecrets, pending, seconds: (performance.now() - begun) / 1000 };
}
