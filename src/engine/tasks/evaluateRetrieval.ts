// Hands the retrieval room's rankings to the evaluation suites: the shipped one, and it without one signal at a time.
import { evaluateLocalise } from "../evaluation/localise.ts";
import { evaluateRetrieval as evaluateCorpus } from "../evaluation/retrieval.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import type { Embedder } from "../retrieval/embedder.ts";
import { FUSION_WEIGHTS } from "../retrieval/searcher.ts";
import type { FusionWeights } from "../retrieval/searcher.ts";
import { PreparedFiles, TrialIndex } from "../retrieval/trialIndex.ts";

/** Said with the figures, so that "fused+short" is not taken for a measurement of the short-term crop. */
const SHORT_CROP = "empty: these sets tell of no session, so that fused+short is fused";

const NONE: FusionWeights = { keyword: 0, vector: 0, symbol: 0, path: 0, file: 0 };

/**
 * By name, the shipped one first. "fused+short" is the fused ranking with the short-term crop; the public sets tell of no
 * session, so that crop is empty and the figure is that of "fused".
 */
const PASSAGE_RANKINGS: Readonly<Record<string, FusionWeights>> = {
  fused: FUSION_WEIGHTS,
  bm25: { ...NONE, keyword: 1 },
  vector: { ...NONE, vector: 1 },
  "fused+short": FUSION_WEIGHTS,
  "without keyword": { ...FUSION_WEIGHTS, keyword: 0 },
  "without vector": { ...FUSION_WEIGHTS, vector: 0 },
  "without symbol": { ...FUSION_WEIGHTS, symbol: 0 },
  "without path": { ...FUSION_WEIGHTS, path: 0 },
  "without file": { ...FUSION_WEIGHTS, file: 0 },
};

export function runLocalise(folder: string, embedder: Embedder | null, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const files = new PreparedFiles(embedder);
  return evaluateLocalise(folder, {
    ablations: Object.keys(PASSAGE_RANKINGS),
    settings: { weights: FUSION_WEIGHTS, embedder: embedder?.id ?? null, shortCrop: SHORT_CROP },
    tree: async (tree) => {
      const index = new TrialIndex(files);
      for (const { path, text } of tree) await index.add(path, text);
      return { rank: (name, query) => index.filesByPassages(query, PASSAGE_RANKINGS[name]), close: () => index.close() };
    },
  }, hooks);
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
        const path = `d${at}${extensionOf(text)}`;
        idOf.set(path, id);
        await index.add(path, title === "" ? text : `${title}\n${text}`);
        onProgress(at + 1);
      }
      return { rank: async (name, query) => (await index.filesByPassages(query, PASSAGE_RANKINGS[name])).map((path) => idOf.get(path) ?? path), close: () => index.close() };
    },
  }, hooks);
}

/** What language a document of a corpus is in, told by how it begins. */
function extensionOf(text: string): string {
  if (/^\s*(?:@|def |class |import \w+$|from \w+ import)/m.test(text)) return ".py";
  if (/^\s*(?:export |const |let |function |import .* from )/m.test(text)) return ".ts";
  return ".txt";
}
