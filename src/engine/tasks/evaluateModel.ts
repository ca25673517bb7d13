// Hands the loaded model and the sandbox to the suites in which a model writes.
import type { Log } from "../base/log.ts";
import { PRIORITY } from "../base/scheduler.ts";
import type { Scheduler } from "../base/scheduler.ts";
import type { EvaluatedModel, ModelSample, RunProgram } from "../evaluation/model/evaluatedModel.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import type { ModelInfo } from "../protocol/types.ts";
import { Sandbox } from "../sandbox/sandbox.ts";

/** `model` as it is loaded, with the adapter that is live. */
export function modelForEvaluation(model: ModelInfo, runtime: Pick<ModelRuntime, "status" | "infill" | "generate">, scheduler: Scheduler): EvaluatedModel {
  const { capabilities, adapter = null } = runtime.status();
  const timed = async (work: () => Promise<{ text: string; tokens: { generated: number } }>): Promise<ModelSample> => {
    const begun = performance.now();
    const { text, tokens } = await work();
    return { text, tokens: tokens.generated, ms: performance.now() - begun };
  };
  return {
    name: adapter === null ? model.name : `${model.name} with adapter ${adapter.slice(0, 8)}`,
    key: `${model.sha256 ?? `${model.id} ${model.sizeBytes}`} ${adapter ?? ""}`,
    abilities: { infill: capabilities.infill, answer: capabilities.answer },
    infill: ({ path, prefix, suffix, context, continues = false }, { maxTokens, temperature, seed, keepGoing, signal }) => scheduler.run(PRIORITY.background, signal, (lease) => timed(() => runtime.infill({
      path, prefix, suffix, continues, context: [...context], maxTokens, lease, keepGoing: keepGoing ?? (() => true), ...(temperature > 0 ? { sampling: { temperature, seed } } : {}), ...(signal ? { signal } : {}),
    }))),
    answer: (instruction, { maxTokens, temperature, seed, keepGoing, signal }) => scheduler.run(PRIORITY.background, signal, (lease) => timed(async () => {
      const enough = new AbortController();
      let soFar = "";
      return runtime.generate({
        messages: [{ role: "user", text: instruction }], maxTokens, temperature, seed, lease, signal: signal ? AbortSignal.any([signal, enough.signal]) : enough.signal,
        onText: (text) => {
          soFar += text;
          if (keepGoing?.(soFar) === false) enough.abort();
        },
      });
    })),
  };
}

/** Programs of the length that benchmarks have; a loop must not hold the run up for long. Our choice. */
const LIMITS = { wallMs: 8_000, cpuSeconds: 6, memoryBytes: 400e6, outputBytes: 1e6 };

/** Runs `work` with the sandbox. Errors: `nativeMissing` where nothing isolates here, and those of `work`. */
export async function withSandbox<T>(log: Log, work: (run: RunProgram) => Promise<T>): Promise<T> {
  const sandbox = await Sandbox.open({ log });
  try {
    return await work(async (program) => {
      const { outcome, stdout, stderr } = await sandbox.run({ ...program, limits: LIMITS });
      return { outcome, stdout, stderr };
    });
  } finally {
    await sandbox.close();
  }
}

