// Loads a GGUF file for the completion bench and for fitting the gate, as the engine would. Measures nothing.
import { tmpdir } from "node:os";
import path from "node:path";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import type { CompletionModel } from "../../src/engine/completion/completionModel.ts";
import { ModelRegistry } from "../../src/engine/model/registry.ts";
import { ModelRuntime } from "../../src/engine/model/runtime.ts";
import { DEFAULT_SETTINGS } from "../../src/engine/settings.ts";

/** The model in `file`, on the CPU; `threads` 0: all cores. Dispose it when done. */
export async function loadBenchModel(file: string, threads = 0): Promise<{ model: CompletionModel; dispose: () => Promise<void> }> {
  const scratch = path.join(tmpdir(), "kalactica-bench-models");
  const registry = new ModelRegistry({ embeddedDir: scratch, modelsDir: scratch, log: SILENT_LOG });
  const runtime = new ModelRuntime(SILENT_LOG);
  await runtime.load(await registry.inspect(path.resolve(file)), { ...DEFAULT_SETTINGS, "model.device": "cpu", "model.threads": threads });
  return { model: runtime, dispose: () => runtime.dispose() };
}
