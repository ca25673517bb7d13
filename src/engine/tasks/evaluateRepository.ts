// `evaluate repository`: loads one model after another, with each of its adapters, beside what the user works with, and measures it on
// lines of the repository's last commits. The models are loaded into a runtime of its own, so that completion and chat go on undisturbed.
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Scheduler } from "../base/scheduler.ts";
import { evaluateRepository } from "../evaluation/repository.ts";
import type { Candidate } from "../evaluation/repository.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import { ModelRuntime } from "../model/runtime.ts";
import type { ModelAdapter } from "../model/runtime.ts";
import type { ModelInfo } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";
import { openHistory } from "./evaluateCompletion.ts";
import type { CompletionHistory } from "./evaluateCompletion.ts";
import { modelForEvaluation } from "./evaluateModel.ts";

export interface RepositoryRun {
  readonly workspaceDir: string;
  readonly commits: number;
  readonly n: number;
  readonly seed: number;
  /** Ids or files; null: every installed model that fills gaps. */
  readonly models: readonly string[] | null;
  readonly installed: () => Promise<readonly ModelInfo[]>;
  readonly find: (idOrFile: string) => Promise<ModelInfo>;
  readonly adaptersOf: (model: ModelInfo) => Promise<readonly ModelAdapter[]>;
  /** What the user has now. */
  readonly current: { readonly id: string | null; readonly adapter?: string | null };
  readonly settings: Settings;
  readonly scheduler: Scheduler;
  readonly log: Log;
}

/** Most tokens of a line. */
const LINE_TOKENS = 48;

/** Errors: `notFound` without a Git history or for an unknown model, `dataInvalid`, `modelIncapable` where a named model fills no gaps. */
export async function runRepository(run: RepositoryRun, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const { models, settings } = run;
  const wanted = models === null ? (await run.installed()).filter(({ installed, capabilities }) => installed && capabilities.infill) : await Promise.all(models.map((id) => run.find(id)));
  const unable = models === null ? undefined : wanted.find(({ capabilities }) => !capabilities.infill);
  if (unable) throw new EngineError("modelIncapable", `${unable.name} fills no gaps: it was not trained to see what follows the caret. Name other models; \`kalactica models list\` tells which do.`, { model: unable.id });
  const history = await openHistory(run, hooks.signal);
  try {
    const candidates: Candidate[] = [alone(history)];
    for (const model of wanted) for (const adapter of [null, ...await run.adaptersOf(model)]) candidates.push(candidateOf(model, adapter, history, run));
    return await evaluateRepository(history.endings, candidates, { ...history.about, timeoutMs: settings["completion.timeoutMs"], maximumLines: settings["completion.maximumLines"] }, hooks);
  } finally {
    history.close();
  }
}

/** The look-up without any model: what a model must be better than. */
function alone(history: CompletionHistory): Candidate {
  const completer = history.completerOf("look-up alone", null);
  const before = process.memoryUsage.rss();
  return { name: completer.name, key: completer.name, use: null, sizeBytes: 0, current: false, with: (work) => work({ complete: (ending, signal) => completer.complete(ending, signal), fill: null, memory: () => ({ now: process.memoryUsage.rss(), before }) }) };
}

function candidateOf(model: ModelInfo, adapter: ModelAdapter | null, history: CompletionHistory, { settings, scheduler, current, log }: RepositoryRun): Candidate {
  const name = `${model.name}${model.quantisation === "" || model.name.includes(model.quantisation) ? "" : ` ${model.quantisation}`}${adapter === null ? "" : ` + adapter ${adapter.sha256.slice(0, 8)}`}`;
  return {
    name, key: `${model.sha256 ?? `${model.id} ${model.sizeBytes}`} ${adapter?.sha256 ?? ""}`, use: { model: model.id, adapter: adapter?.sha256 ?? null }, sizeBytes: model.sizeBytes,
    current: current.id === model.id && (current.adapter ?? null) === (adapter?.sha256 ?? null),
    async with(work) {
      const before = process.memoryUsage.rss();
      const runtime = new ModelRuntime(log, () => Promise.resolve(adapter));
      try {
        await runtime.load(model, settings);
        // The runtime goes on without an adapter that it cannot apply; here that would measure something else.
        if ((runtime.status().adapter ?? null) !== (adapter?.sha256 ?? null)) throw new EngineError("modelLoadFailed", `The adapter ${adapter?.sha256.slice(0, 12)} could not be applied to ${model.name}.`, { model: model.id });
        const evaluated = modelForEvaluation(model, runtime, scheduler);
        const completer = history.completerOf(name, runtime);
        return await work({
          complete: (ending, signal) => completer.complete(ending, signal),
          async fill({ path, prefix, suffix }, signal) {
            const { text, tokens, ms } = await evaluated.infill({ path, prefix, suffix, context: [] }, { maxTokens: LINE_TOKENS, temperature: 0, seed: 0, keepGoing: (soFar) => !soFar.trimStart().includes("\n"), ...(signal ? { signal } : {}) });
            return { text: /^\s*[^\n]*/.exec(text)?.[0] ?? "", tokens, ms };
          },
          memory: () => ({ now: process.memoryUsage.rss(), before }),
        });
      } finally {
        await runtime.dispose();
      }
    },
  };
}
