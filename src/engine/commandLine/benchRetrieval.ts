// The suites of `kalactica evaluate` for retrieval that take a folder instead of a set: its own history, its own vectors.
// What is measured is in evaluation/ and tasks/.
import { SILENT_LOG } from "../base/log.ts";
import { openEmbedder } from "../retrieval/embedder/embeddedEmbedder.ts";
import { runLocalise, runLocaliseHistory } from "../tasks/evaluateRetrieval.ts";
import { runVectors } from "../tasks/evaluateRetrievalVectors.ts";
import { integerOption } from "./command.ts";
import type { Suite } from "./evaluateSuite.ts";
import { storageOf, workspaceOf } from "./openEngine.ts";

export const RETRIEVAL_SUITES: Readonly<Record<string, Suite>> = {
  localise: {
    summary: "From the description of a change to the files it touched: a public set (--data), or the history of the folder itself (--workspace).",
    data: "optional",
    options: { cases: { type: "value", placeholder: "N", description: "Most commits of the folder's history that are cases. Default: 100." } },
    run: async (data, hooks, context) => data === ""
      ? runLocaliseHistory(workspaceOf(context), await openEmbedder(SILENT_LOG), integerOption(context.values, "cases", 100), hooks)
      : runLocalise(data, await openEmbedder(SILENT_LOG), hooks),
  },
  vectors: {
    summary: "How much of exact search the vector index finds and how quickly, fresh and after half was replaced: drawn vectors, or the folder's own (--workspace).",
    data: "none",
    options: {
      count: { type: "value", short: "n", placeholder: "N", description: "How many vectors are drawn. Default: 100000." },
      dimension: { type: "value", placeholder: "N", description: "Length of drawn vectors. Default: 128." },
      topics: { type: "value", placeholder: "N", description: "Directions that drawn vectors are sums of; 0: no structure at all. Default: 2000." },
      queries: { type: "value", placeholder: "N", description: "How many are looked for. Default: 200." },
    },
    run: (_data, hooks, context) => runVectors({
      count: integerOption(context.values, "count", 100_000, 100), dimension: integerOption(context.values, "dimension", 128, 2), topics: integerOption(context.values, "topics", 2_000, 0),
      queries: integerOption(context.values, "queries", 200), seed: integerOption(context.values, "seed", 1, 0),
      ...context.values.has("workspace") ? { storageDir: storageOf(context) } : {},
    }, hooks),
  },
};
