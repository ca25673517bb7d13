// Hands the safety room's check of drift to its evaluation suite, with the senses that the shipped check has.
import { evaluateDrift } from "../evaluation/drift.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import { languageOf } from "../retrieval/chunking/languages.ts";
import type { Embedder } from "../retrieval/embedder.ts";
import { DRIFT_WEIGHTS } from "../safety/drift/calibration.ts";
import { ASPECTS } from "../safety/drift/driftModel.ts";
import { ownSnippets, WorkspaceModel } from "../safety/drift/workspaceModel.ts";
import { ProjectTopology } from "../safety/topology/projectTopology.ts";
import { driftLanguage, driftSenses } from "./checkDriftSenses.ts";

/** Every file's snippets, each file by its own share. */
const SEED = 17;

export function runDrift(folder: string, embedder: Embedder | null, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const senses = driftSenses(embedder);
  return evaluateDrift(folder, {
    languageOf: (path) => driftLanguage(languageOf(path)),
    snippets: (files, most) => ownSnippets(files, most, SEED),
    fit: async (language, files, signal) => {
      const fitted = await WorkspaceModel.fit(language, files, senses, signal);
      const topology = fitted && embedder && await ProjectTopology.of(fitted.own.map(({ snippet }) => snippet), (texts) => embedder.embed(texts, "passage"));
      return fitted && {
        // Where no threshold can be set, nothing is judged, and nothing counts as passed.
        threshold: (rate) => fitted.calibration.ready && fitted.calibration.threshold(rate) < Infinity ? fitted.calibration.threshold(rate) : null,
        judge: async (text) => {
          const measures = await fitted.model.measure(text);
          const { score, standard } = fitted.calibration.judge(measures);
          const shape = await topology?.measure(text);
          return { score, checks: { ...Object.fromEntries(ASPECTS.map((aspect) => [aspect, standard[aspect]])), ...(topology ? { topology: shape?.distance ?? 0 } : {}) } };
        },
      };
    },
    settings: { weights: DRIFT_WEIGHTS, embedder: embedder?.id ?? null },
  }, hooks);
}
