// Times an open engine for `evaluate latency`: questions about names that the folder defines, and completions in its files.
import { randomUUID } from "node:crypto";
import { evaluateLatency } from "../evaluation/latency.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import type { AskParams, AskResult, CompleteParams, CompleteResult, EngineStatus, SearchHit } from "../protocol/types.ts";

/** The part of the engine that is timed. */
export interface LatencyEngine {
  status(): EngineStatus;
  search(query: string, k: number, signal?: AbortSignal): Promise<{ results: SearchHit[] }>;
  ask(params: AskParams, options: { signal?: AbortSignal }): Promise<AskResult>;
  complete(params: CompleteParams, signal?: AbortSignal): Promise<CompleteResult>;
  /** The indexed files, and the names that they define. */
  indexedContent(): { files: { path: string; language: string; text: string }[]; names: string[] };
}

export function runLatency(engine: LatencyEngine, options: { n: number; seed: number }, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const { signal } = hooks;
  const { model, index } = engine.status();
  return evaluateLatency(engine.indexedContent(), {
    async search(query) {
      await engine.search(query, 10, signal);
    },
    async ask(question) {
      const { timings, verdict } = await engine.ask({ askId: randomUUID(), question, history: [], attachments: [], measured: true }, signal ? { signal } : {});
      return { cardMs: timings.cardMs ?? timings.totalMs, firstTokenMs: timings.firstTokenMs, checksMs: verdict.ms };
    },
    async complete({ path, language, prefix, suffix, line, column }) {
      await engine.complete({ path, language, prefix, suffix, line, column, trigger: "automatic" }, signal);
    },
  }, options, { model: model.name, device: model.device, files: index.files, chunks: index.chunks }, hooks);
}
