// A real small instruct-format GGUF with random weights, loaded for a suite: what it writes is noise, how it is written is what counts.
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { after, before } from "mocha";
import { inspectModel } from "../../src/engine/model/inspect.ts";
import { ModelRuntime } from "../../src/engine/model/runtime.ts";
import { DEFAULT_SETTINGS } from "../../src/engine/settings.ts";
import { writeTinyModel } from "../../tools/random-model.ts";

/** Makes the hooks that load the model before the suite and take it away after it. */
export function useTinyChatModel(): ModelRuntime {
  const runtime = new ModelRuntime();
  let folder = "";
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-tiny-"));
    const file = path.join(folder, "tiny.gguf");
    await writeTinyModel(file, {});
    const details = await inspectModel(file);
    await runtime.load({
      id: "tiny", name: "tiny", file, uri: null, sha256: null, sizeBytes: 0, licence: "mit", architecture: details.architecture, parameters: details.parameters, quantisation: "Q8_0",
      contextSize: details.contextSize, fimTokens: true, chatTemplate: true, capabilities: { infill: true, answer: true, embed: false }, fit: null, installed: true, active: true,
    }, { ...DEFAULT_SETTINGS, "model.device": "cpu", "model.threads": 1 });
  });
  after(async () => {
    await runtime.dispose();
    await rm(folder, { recursive: true, force: true });
  });
  return runtime;
}
