// Looks into shared indexes beside the open workspace, within a bound of time, and merges what both found into one order. A shared index that is slow, gone
// or made with another embedding model costs a sentence and never the local results.
import { CancelledError, EngineError, isCancelled } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { EndpointAddress } from "../endpoints/address.ts";
import type { Exchange } from "../endpoints/exchange.ts";
import { nearestPassages, openCollection, parseSharedIndex } from "../endpoints/sharedIndex.ts";
import type { SharedCollection } from "../endpoints/sharedIndex.ts";
import type { SearchHit } from "../protocol/types.ts";
import type { Embedder } from "../retrieval/embedder.ts";
import { searchWords } from "../retrieval/keyword/analyzer.ts";
import { stemOf } from "../retrieval/keyword/fieldWords.ts";
import { FUSION_WEIGHTS } from "../retrieval/searcher.ts";

export interface SharedSearchOptions {
  embedder: () => Embedder | null;
  /** How to speak to it, or why not. */
  exchange: (name: string, address: EndpointAddress, what: string, stallMs: number) => Promise<Exchange>;
  log: Log;
  /** Milliseconds that a search waits for shared indexes, all together. Default: 1500. */
  patienceMs?: number;
}

export interface SharedFinds {
  hits: SearchHit[];
  /** A sentence for each index that could not be searched. */
  notes: string[];
}

const PATIENCE_MS = 1_500;
/** One that failed is not asked again for this long: every search would wait for it. */
const PAUSE_AFTER_FAILURE_MS = 30_000;
/** Collections may be made anew by others under the same name. */
const COLLECTION_LASTS_MS = 300_000;
/** Asked of a shared index for each passage that is wanted: which of them fit by their words is seen only here. */
export const SHARED_CANDIDATES = 3;
const WHAT = "the vector of each search query (numbers, no words)";

export class SharedIndexes {
  readonly #options: SharedSearchOptions;
  readonly #open = new Map<string, { collection: SharedCollection; at: number }>();
  readonly #failed = new Map<string, { sentence: string; at: number }>();

  constructor(options: SharedSearchOptions) {
    this.#options = options;
  }

  /** The passages nearest to `query` in each of `specs`. Errors: CancelledError only. */
  async search(specs: readonly string[], query: string, k: number, signal?: AbortSignal): Promise<SharedFinds> {
    const embedder = this.#options.embedder();
    if (embedder === null) return { hits: [], notes: ["Shared indexes are not searched: there is no embedding model here to ask them with."] };
    const vector = (await embedder.embed([query], "query", signal))[0];
    if (!vector?.some((x) => x !== 0)) return { hits: [], notes: [] };
    const patienceMs = this.#options.patienceMs ?? PATIENCE_MS;
    const late = AbortSignal.timeout(patienceMs);
    const bounded = signal ? AbortSignal.any([signal, late]) : late;
    const finds = await Promise.all([...new Set(specs)].map(async (spec): Promise<SharedFinds> => {
      const failed = this.#failed.get(spec);
      if (failed && performance.now() - failed.at < PAUSE_AFTER_FAILURE_MS) return { hits: [], notes: [failed.sentence] };
      this.#failed.delete(spec);
      try {
        return { hits: await this.#searchOne(spec, embedder, vector, k, bounded, patienceMs), notes: [] };
      } catch (error) {
        if (signal?.aborted === true) throw new CancelledError();
        const sentence = isCancelled(error) || late.aborted ? `The shared index ${labelOf(spec)} did not answer within ${patienceMs / 1000} s; what follows is from this workspace.`
          : `The shared index ${labelOf(spec)} was not searched: ${error instanceof EngineError ? error.message : String(error)}`;
        // What the user or this machine forbids is asked about each time; it costs nothing.
        if (!(error instanceof EngineError) || error.reason === "endpointFailed") this.#failed.set(spec, { sentence, at: performance.now() });
        this.#options.log.info("A shared index was not searched", { index: labelOf(spec), reason: error instanceof EngineError ? error.reason : "late" });
        return { hits: [], notes: [sentence] };
      }
    }));
    return { hits: finds.flatMap(({ hits }) => hits), notes: finds.flatMap(({ notes }) => notes) };
  }

  async #searchOne(spec: string, embedder: Embedder, vector: Float32Array, k: number, signal: AbortSignal, stallMs: number): Promise<SearchHit[]> {
    const address = parseSharedIndex(spec);
    const exchange = await this.#options.exchange(address.collection, address, WHAT, stallMs);
    const known = this.#open.get(spec);
    let collection = known && performance.now() - known.at < COLLECTION_LASTS_MS ? known.collection : null;
    if (collection === null) {
      collection = await openCollection(exchange, address.collection, signal);
      if (collection === null) throw new EngineError("endpointFailed", `${address.host} has no collection "${address.collection}". Publish one with \`kalactica index --share ${spec}\`.`);
      this.#open.set(spec, { collection, at: performance.now() });
    }
    if (collection.embedder !== embedder.hash) throw new EngineError("endpointFailed", `its vectors are those of ${collection.embedderName} with other weights than ${embedder.id} has here, and the two cannot be compared. Publish it again with this version.`);
    try {
      const found = await nearestPassages(exchange, collection, vector, k, signal);
      return found.map(({ similarity, ...passage }) => ({ ...passage, score: similarity, crop: "long", via: ["vector", `shared ${address.collection}`], origin: spec }));
    } catch (error) {
      this.#open.delete(spec);
      throw error;
    }
  }
}

/**
 * Merges two lists, each in its own order, by what can be said of both alike: nearness of meaning and how much of the query stands in the passage,
 * weighed as the local search weighs them. A passage that is here and there is taken from here. `k` hits at most. `vectorOf` gives a local passage's vector.
 * With half of a repository shared, the merged ten hold 86 % of the whole repository's ten best (httpx, 80 queries from comments; 76 % without the shared half;
 * 98 % could be had); chosen on litgpt (78 %, 51 %), where reciprocal ranks reach 63 %.
 */
export async function mergeShared(local: readonly SearchHit[], shared: readonly SearchHit[], query: string, k: number, embedder: Embedder | null, vectorOf: (hit: SearchHit) => Float32Array | null): Promise<SearchHit[]> {
  const here = new Set(local.map(({ sha256 }) => sha256));
  const elsewhere = shared.filter(({ sha256 }) => !here.has(sha256));
  if (elsewhere.length === 0 || embedder === null) return local.slice(0, k);
  const queryVector = (await embedder.embed([query], "query"))[0];
  const wanted = [...new Set(searchWords(query).map(stemOf))];
  const measured = (hit: SearchHit, cosine: number): { hit: SearchHit; measure: number } => {
    const words = new Set((hit.text.match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => stemOf(word.toLowerCase())));
    const coverage = wanted.length === 0 ? 0 : wanted.filter((word) => words.has(word)).length / wanted.length;
    return { hit, measure: FUSION_WEIGHTS.vector * Math.max(0, cosine) + (FUSION_WEIGHTS.coverage + FUSION_WEIGHTS.keyword) * coverage };
  };
  const ours = local.map((hit) => measured(hit, dot(queryVector, vectorOf(hit) ?? undefined)));
  const theirs = elsewhere.map((hit) => measured(hit, hit.score)).sort((a, b) => b.measure - a.measure);
  const merged: SearchHit[] = [];
  // The head of either list is next; ours where they are equal, since it can be opened and cited.
  for (let i = 0, j = 0; merged.length < k && (i < ours.length || j < theirs.length);) {
    const [a, b] = [ours[i], theirs[j]];
    if (a && (!b || a.measure >= b.measure)) {
      merged.push(a.hit);
      i++;
    } else if (b) {
      merged.push(b.hit);
      j++;
    }
  }
  return merged;
}

function dot(a: Float32Array | undefined, b: Float32Array | undefined): number {
  let sum = 0;
  if (a && b) for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}

function labelOf(spec: string): string {
  try {
    return parseSharedIndex(spec).label;
  } catch {
    return `"${spec.slice(0, 100)}"`;
  }
}
