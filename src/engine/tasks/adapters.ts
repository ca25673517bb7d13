// What a user does with adapters: see them, make one live or go back, bring one in or take one out. Joins the store (which
// files there are and which one is live) with the model runtime (which one is loaded).
// An adapter goes live in this order: its file is sound, it is for the loaded base, the canary shows that it is applied, and
// only then the pointer moves. Killed in between, the former one is live after the restart.
import { rename, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import { writeFailure } from "../base/files.ts";
import { readGguf } from "../base/gguf.ts";
import type { Log } from "../base/log.ts";
import type { ModelAdapter, ModelRuntime } from "../model/runtime.ts";
import type { AdapterFormat, AdapterInfo, RunReceipt } from "../protocol/training.ts";
import type { ModelInfo } from "../protocol/types.ts";
import { copyLora, readLora, readLoraHeader, requireFit, targetsOf, writeLora } from "../training/adapters/loraFile.ts";
import type { WrittenLora } from "../training/adapters/loraFile.ts";
import { mergeAdapter } from "../training/adapters/merge.ts";
import type { MergeReport } from "../training/adapters/merge.ts";
import { changesNothing, isPeftFolder, layoutOf, readPeft, repositoryOf, writePeft } from "../training/adapters/peft.ts";
import { AdapterStore, baseHash } from "../training/adapters/store.ts";
import type { BaseIdentity } from "../training/adapters/store.ts";

export interface AdaptersOptions {
  /** The store's folder. */
  folder: string;
  runtime: Pick<ModelRuntime, "useAdapter" | "status">;
  /** The model that is loaded, or else chosen; loads nothing. */
  chosenModel(): Promise<ModelInfo>;
  /** The same, loaded. */
  loadedModel(): Promise<ModelInfo>;
  /** All models on this machine: an adapter may be exported merged while another model is in use. */
  installedModels(): Promise<readonly ModelInfo[]>;
  log: Log;
  /** Told after every change. */
  onChange?: (adapters: AdapterInfo[]) => void;
}

export interface ExportResult {
  files: string[];
  /** Of a merged model: what its number formats lose. */
  merge?: MergeReport;
}

export interface WorkOptions {
  signal?: AbortSignal;
  onProgress?: (label: string, done: number, total: number) => void;
}

export class Adapters {
  readonly store: AdapterStore;
  readonly #options: AdaptersOptions;

  constructor(options: AdaptersOptions) {
    this.#options = options;
    this.store = new AdapterStore(options.folder);
  }

  list(): Promise<AdapterInfo[]> {
    return this.store.list();
  }

  /** The adapter that is live on the model that is being loaded; one that cannot be used is logged and left off. */
  async adapterFor(model: ModelInfo): Promise<ModelAdapter | null> {
    if (model.file === null || !(await this.store.hasActive())) return null;
    const base = await this.#identify(model);
    const { sha256, problem } = await this.store.active(base.sha256);
    if (problem !== undefined) this.#options.log.error(problem);
    return sha256 === null ? null : this.#modelAdapter(await this.store.requireFor(sha256, base));
  }

  /** The sound adapters of a model that is on this machine, whichever is live; loads nothing. */
  async adaptersOf(model: ModelInfo): Promise<ModelAdapter[]> {
    const { sha256 } = await this.#identify(model);
    const own = (await this.store.list()).filter((info) => info.modelSha256 === sha256 && info.problem === undefined);
    return Promise.all(own.map((info) => this.#modelAdapter(info)));
  }

  /** Errors: `notFound`, `checksumMismatch`, `badRequest` (for another base), `modelLoadFailed` (not truly applied). */
  async activate(id: string): Promise<AdapterInfo> {
    // Told before the model is loaded, which may take long.
    await this.store.requireFor(id, await this.#identify(await this.#options.chosenModel()));
    const base = await this.#identify(await this.#options.loadedModel());
    const info = await this.store.requireFor(id, base);
    await this.#options.runtime.useAdapter(await this.#modelAdapter(info));
    return this.#changed(await this.store.activate(info.sha256, base));
  }

  async deactivate(): Promise<null> {
    const base = await this.#identify(await this.#options.chosenModel());
    await this.#useIfLoaded(null);
    await this.store.deactivate(base.sha256);
    return this.#changed(null);
  }

  /** Back to what was live before; null is the base model alone. Errors: `badRequest` (nothing to go back to), as {@link activate}. */
  async rollback(): Promise<AdapterInfo | null> {
    const base = await this.#identify(await this.#options.chosenModel());
    const previous = await this.store.previous(base.sha256);
    const info = typeof previous === "string" ? await this.store.requireFor(previous, base) : null;
    // Going back must not depend on anything that may be broken: without a loaded model, the pointer alone moves.
    if (previous !== undefined) await this.#useIfLoaded(info === null ? null : await this.#modelAdapter(info));
    const now = await this.store.rollback(base.sha256);
    return this.#changed(now === null ? null : await this.store.find(now));
  }

  /**
   * Brings the loaded model in line with the pointer after another process (a trainer, the command line) moved it. An adapter
   * that turns out not to be applied is taken off again. Returns what is live now.
   */
  async refresh(): Promise<AdapterInfo | null> {
    const { state, adapter: used = null } = this.#options.runtime.status();
    const model = await this.#options.chosenModel();
    const { sha256 } = await this.store.active((await this.#identify(model)).sha256);
    if (sha256 === used || (state !== "ready" && state !== "unloaded")) return sha256 === null ? null : this.store.find(sha256);
    try {
      await this.#options.runtime.useAdapter(await this.adapterFor(model));
    } catch (error) {
      this.#options.log.error("The adapter that was made live cannot be used; the former one is used again", { sha256, error: String(error) });
      return this.rollback();
    }
    return this.#changed(sha256 === null ? null : await this.store.find(sha256));
  }

  async remove(id: string): Promise<null> {
    await this.store.remove(id);
    return this.#changed(null);
  }

  /** Takes in what a run wrote; it goes live by {@link activate} only. Errors: those of reading; `dataInvalid`; `diskFull`. */
  async publish(file: string, about: { modelSha256: string; model: string; run: string | null; receipt: RunReceipt | null }): Promise<AdapterInfo> {
    return this.#add(await copyLora(file, this.store.folder), about);
  }

  /**
   * Takes in an adapter made elsewhere for the chosen model: a GGUF LoRA file, or the folder of a PEFT adapter. `run` names what made it.
   * Errors: `notFound`, `dataInvalid` with what does not fit or cannot be represented, `diskFull`.
   */
  async importFrom(from: string, run: string | null = null): Promise<AdapterInfo> {
    const model = await this.#options.chosenModel();
    const base = await this.#identify(model);
    const header = await readGguf(fileOf(model));
    const found = await stat(from).catch(() => null);
    if (found === null) throw new EngineError("notFound", `There is no file or folder ${from}. Check the path.`, { from });
    let written: WrittenLora;
    if (found.isDirectory() || await isPeftFolder(from)) {
      const adapter = await readPeft(from, layoutOf(header, model.name));
      if (changesNothing(adapter.pairs)) throw new EngineError("dataInvalid", `The adapter in ${from} was never trained: it changes nothing. Save it after training.`, { from });
      requireFit({ facts: adapter.facts, targets: adapter.pairs }, header, model.name);
      written = await writeLora(this.store.folder, { ...adapter, facts: { ...adapter.facts, baseSha256: base.sha256, run } });
    } else {
      const { facts, gguf } = await readLoraHeader(from);
      if (facts.baseSha256 !== null && facts.baseSha256 !== base.sha256) {
        throw new EngineError("badRequest", `The adapter ${from} was made for the base model with hash ${facts.baseSha256.slice(0, 12)}, but ${base.name} (${base.sha256.slice(0, 12)}) is chosen. Choose the model that it was made for (--model).`, { expected: facts.baseSha256, found: base.sha256 });
      }
      requireFit({ facts, targets: targetsOf(gguf) }, header, model.name);
      written = await copyLora(from, this.store.folder);
    }
    return this.#add(written, { modelSha256: base.sha256, model: base.name, run, receipt: null });
  }

  /**
   * Writes an adapter as `format` to `to` (a folder for "peft", a file otherwise), which must not exist yet.
   * Errors: `notFound`, `checksumMismatch`, `badRequest` (the target exists; the base model is not here), `diskFull`, CancelledError.
   */
  async export(id: string, format: AdapterFormat, to: string, options: WorkOptions = {}): Promise<ExportResult> {
    const info = await this.store.verify(id);
    const target = path.resolve(to);
    const occupied = format === "peft" ? await isPeftFolder(target) : await stat(target).then(() => true, () => false);
    if (occupied) throw new EngineError("badRequest", `${target} exists already. Choose another name, or delete it first.`, { to: target });
    if (format === "gguf") return { files: [await copyTo(info.file, target)] };
    const model = await this.#modelOf(info);
    const adapter = await readLora(info.file);
    if (format === "peft") {
      const header = await readGguf(fileOf(model));
      return { files: await writePeft(target, adapter, layoutOf(header, model.name), repositoryOf(header) ?? model.name) };
    }
    const merge = await mergeAdapter(fileOf(model), adapter, target, {
      threads: 1, ...options.signal ? { signal: options.signal } : {},
      onProgress: (done, total) => options.onProgress?.("merging, MB", Math.round(done / 1e6), Math.round(total / 1e6)),
    });
    return { files: [target], merge };
  }

  /** The model of this machine that an adapter is for. */
  async #modelOf(info: AdapterInfo): Promise<ModelInfo> {
    const chosen = await this.#options.chosenModel();
    for (const model of [chosen, ...await this.#options.installedModels()]) {
      if (model.file !== null && (await this.#identify(model)).sha256 === info.modelSha256) return model;
    }
    throw new EngineError("badRequest", `The adapter ${info.sha256.slice(0, 12)} is for the base model ${info.model} (${info.modelSha256.slice(0, 12)}), which is not on this machine. Name its file (--model).`, { adapter: info.sha256, expected: info.modelSha256 });
  }

  async #add(written: WrittenLora, about: { modelSha256: string; model: string; run: string | null; receipt: RunReceipt | null }): Promise<AdapterInfo> {
    const { facts } = await readLoraHeader(written.file);
    return this.#changed(await this.store.add({ ...about, sha256: written.sha256, bytes: written.bytes, rank: facts.rank, alpha: facts.alpha, createdAt: Date.now() }));
  }

  async #useIfLoaded(adapter: ModelAdapter | null): Promise<void> {
    const { state } = this.#options.runtime.status();
    if (state === "ready" || state === "unloaded") await this.#options.runtime.useAdapter(adapter);
  }

  async #modelAdapter(info: AdapterInfo): Promise<ModelAdapter> {
    return { file: info.file, sha256: info.sha256, canary: (await readLoraHeader(info.file)).facts.canary };
  }

  async #identify(model: ModelInfo): Promise<BaseIdentity> {
    return { sha256: await baseHash(fileOf(model), path.join(this.store.folder, "base-hashes.json")), name: model.name };
  }

  async #changed<T>(result: T): Promise<T> {
    this.#options.onChange?.(await this.store.list());
    return result;
  }
}

function fileOf(model: ModelInfo): string {
  if (model.file === null) throw new EngineError("noModel", `The model ${model.name} is not on this machine. Download it first.`, { id: model.id });
  return model.file;
}

/** Copies through the hash-named file of copyLora, so that the copy appears whole or not at all. */
async function copyTo(from: string, to: string): Promise<string> {
  const { file } = await copyLora(from, path.dirname(to));
  try {
    await rename(file, to);
  } catch (error) {
    throw writeFailure(to, error);
  }
  return to;
}
