// A shared index on a Chroma server, by its REST interface: a collection is opened or made, passages are put into it and taken out, the nearest to a vector are
// found. What comes back is checked before it is believed. What is published, and how hits are weighed against local ones, is decided elsewhere.
// Source: Chroma's OpenAPI description (/openapi.json), API version 2; tried on server 1.0.0.
import { sha256 } from "../base/files.ts";
import { EngineError } from "../base/errors.ts";
import { parseEndpointAddress } from "./address.ts";
import type { EndpointAddress } from "./address.ts";
import type { Exchange } from "./exchange.ts";
import { exchangeJson, failure, record } from "./exchange.ts";

/** Where a collection is, "http://host:8000#name". */
export interface SharedIndexAddress extends EndpointAddress {
  collection: string;
  /** "name at host:8000", for people. */
  label: string;
}

export interface SharedCollection {
  id: string;
  /** Hash of the embedder that made its vectors: those of another mean nothing beside them. */
  embedder: string;
  /** That embedder's name, for people. */
  embedderName: string;
}

export interface SharedPassage {
  id: string;
  path: string;
  startLine: number;
  endLine: number;
  language: string;
  breadcrumb: string[];
  text: string;
  /** Of `text`. */
  sha256: string;
  /** Unit length. */
  vector: Float32Array;
}

export type FoundPassage = Omit<SharedPassage, "id" | "vector"> & {
  /** Cosine of its vector and that of the query. */
  similarity: number;
};

const ROOT = "/api/v2/tenants/default_tenant/databases/default_database/collections";
const PAGE = 1000;
/** Of vectors of 256 numbers, about half a megabyte of JSON. */
const BATCH = 200;
const LONGEST_PASSAGE = 100_000;
const MOST_PAGES = 10_000;

/** Errors: `badRequest` for what is no address of a collection. */
export function parseSharedIndex(text: string, defaultCollection?: string): SharedIndexAddress {
  const [address = "", name] = text.trim().split("#", 2);
  const collection = name === undefined || name === "" ? defaultCollection : name;
  // Chroma's own rule for names.
  if (collection === undefined || !/^[A-Za-z0-9](?:[A-Za-z0-9._-]{1,510})[A-Za-z0-9]$/.test(collection)) {
    throw new EngineError("badRequest", `"${text.trim().slice(0, 200)}" names no collection. Expected is a Chroma server and, behind "#", the collection of three or more letters, digits, dots, dashes and underscores: http://localhost:8000#team.`);
  }
  const parsed = parseEndpointAddress(address);
  return { ...parsed, collection, label: `${collection} at ${parsed.host}` };
}

/** The collection, or null where there is none of that name. Errors: `endpointFailed`, those of exchangeJson. */
export async function openCollection(exchange: Exchange, name: string, signal?: AbortSignal): Promise<SharedCollection | null> {
  try {
    return collectionOf(exchange, name, await exchangeJson(exchange, "GET", `${ROOT}/${encodeURIComponent(name)}`, undefined, signal));
  } catch (error) {
    if (error instanceof EngineError && error.details["status"] === 404) return null;
    throw error;
  }
}

/** Makes the collection where there is none. Errors: those of exchangeJson. */
export async function createCollection(exchange: Exchange, name: string, embedder: { hash: string; id: string }, signal?: AbortSignal): Promise<SharedCollection> {
  const made = await exchangeJson(exchange, "POST", ROOT, {
    name, get_or_create: true, configuration: { hnsw: { space: "cosine" } }, metadata: { program: "kalactica", format: 1, embedder: embedder.hash, embedderName: embedder.id },
  }, signal);
  return collectionOf(exchange, name, made);
}

function collectionOf(exchange: Exchange, name: string, value: unknown): SharedCollection {
  const fields = record(value);
  const metadata = record(fields["metadata"]);
  const { id } = fields;
  if (typeof id !== "string" || !/^[\w-]{1,64}$/.test(id)) throw failure(exchange, "answers, but not as a Chroma server does. Check the address (usually port 8000)", {});
  const { program, embedder, embedderName } = metadata;
  if (program !== "kalactica" || typeof embedder !== "string") throw failure(exchange, `has a collection "${name}" that KaLactica did not make. Choose another name`, {});
  return { id, embedder, embedderName: typeof embedderName === "string" ? embedderName : "an unnamed model" };
}

/** Ids of what `source` has published there. */
export async function publishedIds(exchange: Exchange, collection: SharedCollection, source: string, signal?: AbortSignal): Promise<Set<string>> {
  const all = new Set<string>();
  for (let page = 0; page < MOST_PAGES; page++) {
    const { ids } = record(await exchangeJson(exchange, "POST", `${ROOT}/${collection.id}/get`, { where: { source }, include: [], limit: PAGE, offset: page * PAGE }, signal));
    if (!Array.isArray(ids)) throw failure(exchange, "gives no list of what it holds", {});
    for (const id of ids) if (typeof id === "string") all.add(id);
    if (ids.length < PAGE) break;
  }
  return all;
}

/** Puts passages in, in batches; what has their ids is replaced. */
export async function putPassages(exchange: Exchange, collection: SharedCollection, source: string, passages: readonly SharedPassage[], signal?: AbortSignal): Promise<void> {
  for (let from = 0; from < passages.length; from += BATCH) {
    const batch = passages.slice(from, from + BATCH);
    await exchangeJson(exchange, "POST", `${ROOT}/${collection.id}/upsert`, {
      ids: batch.map(({ id }) => id), embeddings: batch.map(({ vector }) => Array.from(vector, (x) => Math.fround(Math.round(x * 1e6) / 1e6))), documents: batch.map(({ text }) => text),
      metadatas: batch.map(({ path, startLine, endLine, language, breadcrumb, sha256: hash }) => ({ source, path, startLine, endLine, language, breadcrumb: JSON.stringify(breadcrumb), sha256: hash, embedder: collection.embedder })),
    }, signal);
  }
}

export async function removePassages(exchange: Exchange, collection: SharedCollection, ids: readonly string[], signal?: AbortSignal): Promise<void> {
  for (let from = 0; from < ids.length; from += PAGE) await exchangeJson(exchange, "POST", `${ROOT}/${collection.id}/delete`, { ids: ids.slice(from, from + PAGE) }, signal);
}

/** The passages nearest to `vector`, nearest first. What does not hash to what it says, or is made by another embedder, is left out. */
export async function nearestPassages(exchange: Exchange, collection: SharedCollection, vector: Float32Array, k: number, signal?: AbortSignal): Promise<FoundPassage[]> {
  const answer = record(await exchangeJson(exchange, "POST", `${ROOT}/${collection.id}/query`, { query_embeddings: [Array.from(vector)], n_results: k, include: ["documents", "metadatas", "distances"] }, signal));
  const first = (name: string): unknown[] => {
    const rows = answer[name];
    return Array.isArray(rows) && Array.isArray(rows[0]) ? (rows[0] as unknown[]) : [];
  };
  const [documents, metadatas, distances] = [first("documents"), first("metadatas"), first("distances")];
  const found: FoundPassage[] = [];
  for (const [i, text] of documents.slice(0, k).entries()) {
    const { path, startLine, endLine, language, breadcrumb, sha256: hash, embedder } = record(metadatas[i]);
    const distance = distances[i];
    if (typeof text !== "string" || text.length > LONGEST_PASSAGE || typeof distance !== "number" || !isPath(path) || !isLine(startLine) || !isLine(endLine) || endLine < startLine) continue;
    if (hash !== sha256(text) || embedder !== collection.embedder) continue;
    found.push({ path, startLine, endLine, language: typeof language === "string" ? language : "plaintext", breadcrumb: breadcrumbOf(breadcrumb), text, sha256: hash, similarity: Math.max(-1, Math.min(1, 1 - distance)) });
  }
  return found.sort((a, b) => b.similarity - a.similarity);
}

/** Relative, within its workspace, in one line. */
function isPath(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length < 1000 && !/[\p{Cc}\\]|^\/|(?:^|\/)\.\.(?:\/|$)/u.test(value);
}

function isLine(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}

function breadcrumbOf(value: unknown): string[] {
  try {
    const names: unknown = JSON.parse(String(value));
    return Array.isArray(names) ? names.filter((name): name is string => typeof name === "string").slice(0, 20) : [];
  } catch {
    return [];
  }
}
