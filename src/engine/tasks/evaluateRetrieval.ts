// Hands the retrieval room's rankings to the evaluation suites: the shipped one, and it without one signal at a time.
import path from "node:path";
import { gitText } from "../data/sources/gitProcess.ts";
import { evaluateLocalise, readLocaliseSet } from "../evaluation/localise.ts";
import type { LocaliseRankers } from "../evaluation/localise.ts";
import { historyCases } from "../evaluation/localiseHistory.ts";
import { evaluateRetrieval as evaluateCorpus } from "../evaluation/retrieval.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import type { Embedder } from "../retrieval/embedder.ts";
import { FILE_SIGNALS } from "../retrieval/fileRanker/rankFiles.ts";
import type { FileSignal } from "../retrieval/fileRanker/rankFiles.ts";
import { FILE_RANKER_WEIGHTS } from "../retrieval/fileRanker/weights.ts";
import { FUSION_WEIGHTS } from "../retrieval/searcher.ts";
import type { FusionWeights } from "../retrieval/searcher.ts";
import { PreparedFiles, TrialIndex } from "../retrieval/trialIndex.ts";

/** Said with the figures, so that "fused+short" is not taken for a measurement of the short-term crop. */
const SHORT_CROP = "empty: these sets tell of no session, so that fused+short is fused";

const NONE: FusionWeights = { keyword: 0, coverage: 0, vector: 0, symbol: 0, path: 0, file: 0 };

/**
 * By name, the shipped one first. "fused+short" is the fused ranking with the short-term crop; the public sets tell of no
 * session, so that crop is empty and the figure is that of "fused".
 */
const PASSAGE_RANKINGS: Readonly<Record<string, FusionWeights>> = {
  fused: FUSION_WEIGHTS,
  bm25: { ...NONE, keyword: 1 },
  vector: { ...NONE, vector: 1 },
  "fused+short": FUSION_WEIGHTS,
  "without keyword": { ...FUSION_WEIGHTS, keyword: 0, coverage: 0 },
  "without coverage": { ...FUSION_WEIGHTS, coverage: 0 },
  "without vector": { ...FUSION_WEIGHTS, vector: 0 },
  "without symbol": { ...FUSION_WEIGHTS, symbol: 0 },
  "without path": { ...FUSION_WEIGHTS, path: 0 },
  "without file": { ...FUSION_WEIGHTS, file: 0 },
};

/** Orders of files, the shipped one first: plain BM25 over whole files, BM25F over all fields, passages, and the ranker without one signal. */
const FILE_RANKINGS: Readonly<Record<string, (index: TrialIndex, query: string) => Promise<string[]> | string[]>> = {
  fused: (index, query) => index.rankFiles(query),
  bm25: (index, query) => index.filesByScore(query, "body"),
  vector: (index, query) => index.filesByPassages(query, PASSAGE_RANKINGS["vector"]),
  "fused+short": (index, query) => index.rankFiles(query),
  bm25f: (index, query) => index.filesByScore(query, "all"),
  passages: (index, query) => index.filesByPassages(query),
  ...Object.fromEntries((Object.keys(FILE_SIGNALS) as FileSignal[]).map((signal) => [`without ${signal}`, (index: TrialIndex, query: string) => index.rankFiles(query, { without: [signal] })])),
};

/** On the public set in `folder`. */
export async function runLocalise(folder: string, embedder: Embedder | null, hooks: EvaluationHooks): Promise<EvaluationResult> {
  return evaluateLocalise(await readLocaliseSet(folder), fileRankers(embedder), hooks);
}

/** On the history of the Git repository in `folder`: its own commits, most recent first. */
export async function runLocaliseHistory(folder: string, embedder: Embedder | null, mostCases: number, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const git = (args: readonly string[], signal?: AbortSignal): Promise<string> => gitText(folder, args, signal);
  const cases = await historyCases({ git, repo: path.basename(path.resolve(folder)), mostCases, ...(hooks.signal ? { signal: hooks.signal } : {}) });
  const texts = new Map<string, string>();
  const text = async (id: string): Promise<string> => {
    let known = texts.get(id);
    if (known === undefined) texts.set(id, known = await git(["cat-file", "blob", id], hooks.signal));
    return known;
  };
  return evaluateLocalise({ cases, text }, fileRankers(embedder), hooks);
}

/** Trees follow one another with few differences: only those are taken in. */
function fileRankers(embedder: Embedder | null): LocaliseRankers {
  const prepared = new PreparedFiles(embedder);
  let index = new TrialIndex(prepared);
  let held: Readonly<Record<string, string>> = {};
  return {
    ablations: Object.keys(FILE_RANKINGS),
    settings: { weights: FILE_RANKER_WEIGHTS, embedder: embedder?.id ?? null, shortCrop: SHORT_CROP },
    async tree(files, text) {
      const differing = Object.entries(files).filter(([file, id]) => held[file] !== id).length;
      if (differing > 0.3 * Object.keys(files).length) {
        index.close();
        index = new TrialIndex(prepared);
        held = {};
      }
      for (const [file, id] of Object.entries(held)) if (files[file] !== id) index.remove(file);
      for (const [file, id] of Object.entries(files)) if (held[file] !== id) await index.add(file, await text(id));
      held = files;
      return { rank: async (name, query) => (FILE_RANKINGS[name] as typeof FILE_RANKINGS[string])(index, query) };
    },
    close: () => index.close(),
  };
}

export function runCorpusRetrieval(folder: string, embedder: Embedder | null, hooks: EvaluationHooks): Promise<EvaluationResult> {
  return evaluateCorpus(folder, {
    ablations: Object.keys(PASSAGE_RANKINGS),
    settings: { weights: FUSION_WEIGHTS, embedder: embedder?.id ?? null, shortCrop: SHORT_CROP },
    corpus: async (documents, onProgress) => {
      const index = new TrialIndex(new PreparedFiles(embedder));
      // The name must tell nothing but the language: what a document is called in the set is its id.
      const idOf = new Map<string, string>();
      for (const [at, { id, text, title }] of documents.entries()) {
        const name = `d${at}${extensionOf(text)}`;
        idOf.set(name, id);
        await index.add(name, title === "" ? text : `${title}\n${text}`);
        onProgress(at + 1);
      }
      return { rank: async (name, query) => (await index.filesByPassages(query, PASSAGE_RANKINGS[name])).map((file) => idOf.get(file) ?? file), close: () => index.close() };
    },
  }, hooks);
}

/** What language a document of a corpus is in, told by how it begins. */
function extensionOf(text: string): string {
  if (/^\s*(?:@|def |class |import \w+$|from \w+ import)/m.test(text)) return ".py";
  if (/^\s*(?:export |const |let |function |import .* from )/m.test(text)) return ".ts";
  return ".txt";
}
