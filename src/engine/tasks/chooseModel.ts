// Which model answers: joins the registry (what there is), the hardware (what fits) and the runtime (what is loaded).
import type { Log } from "../base/log.ts";
import { probeHardware } from "../model/hardware.ts";
import type { Hardware } from "../model/hardware.ts";
import type { ModelRegistry } from "../model/registry.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import type { DownloadProgress, ModelInfo } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";

export interface ModelChoiceOptions {
  registry: ModelRegistry;
  runtime: ModelRuntime;
  log: Log;
}

export class ModelChoice {
  readonly #registry: ModelRegistry;
  readonly #runtime: ModelRuntime;
  readonly #log: Log;
  #hardware: { device: Settings["model.device"]; probed: Promise<Hardware>; known: Hardware | null } | null = null;

  constructor({ registry, runtime, log }: ModelChoiceOptions) {
    this.#registry = registry;
    this.#runtime = runtime;
    this.#log = log;
  }

  /** Installed models, then the catalogue's, each with its fit. */
  async list(settings: Settings): Promise<ModelInfo[]> {
    const loaded = this.#runtime.status().id;
    const models = await this.#registry.list({ hardware: await this.#probe(settings), modelSetting: settings["model.file"] });
    return models.map((model) => ({ ...model, active: loaded === null ? model.active : model.id === loaded }));
  }

  /** The installed model with this id, file name or path. Errors: `notFound`, those of reading a GGUF file. */
  find(idOrFile: string): Promise<ModelInfo> {
    return this.#registry.find(idOrFile);
  }

  /** Errors: those of reading a GGUF file. */
  async inspect(file: string, settings: Settings): Promise<ModelInfo> {
    return this.#registry.inspect(file, await this.#probe(settings));
  }

  /** Loads a model first and makes it the chosen one only when that worked. Errors: `notFound` and those of loading. */
  async use(idOrFile: string, settings: Settings): Promise<ModelInfo> {
    const info = await this.#registry.find(idOrFile);
    try {
      await this.#runtime.load(info, settings);
    } catch (error) {
      await this.useEmbedded(settings);
      throw error;
    }
    return this.#registry.use(idOrFile);
  }

  /** Errors: those of downloading. */
  pull(uri: string, options: { signal?: AbortSignal; onProgress?: (progress: DownloadProgress) => void }): Promise<ModelInfo> {
    return this.#registry.pull(uri, options);
  }

  /**
   * Loads what the settings say, else what was chosen last, else the embedded model. Where the wanted one cannot be
   * loaded, the embedded one is, so that completion goes on, and the failure is thrown all the same.
   * An untrusted workspace does not choose: its `model.file` is passed over.
   */
  async load(settings: Settings, trusted: boolean): Promise<void> {
    // Looked at beside loading, so that what depends on it is known by the time the model is.
    this.#probe(settings).catch(() => undefined);
    const wanted = trusted ? settings["model.file"] : "";
    try {
      const { info, note } = await this.#registry.active(wanted);
      if (note !== null) this.#log.warn(note);
      await this.#runtime.load(info, settings);
    } catch (error) {
      this.#log.warn("The wanted model could not be loaded; the embedded one is tried", { wanted, error: error instanceof Error ? error.message : String(error) });
      await this.useEmbedded(settings);
      throw error;
    }
  }

  /** The model in use, or else the one that would be; loads nothing. Errors: as {@link load}. */
  async chosen(settings: Settings, trusted: boolean): Promise<ModelInfo> {
    return this.#runtime.model ?? (await this.#registry.active(trusted ? settings["model.file"] : "")).info;
  }

  /** The same, loaded. Errors: as {@link load}. */
  async loaded(settings: Settings, trusted: boolean): Promise<ModelInfo> {
    const { state } = this.#runtime.status();
    if (state !== "ready" && state !== "unloaded") await this.load(settings, trusted);
    return this.chosen(settings, trusted);
  }

  /** Loads the model that comes with the product, without choosing it. Errors: those of loading. */
  async useEmbedded(settings: Settings): Promise<void> {
    const embedded = await this.#registry.embedded();
    if (embedded) await this.#runtime.load(embedded, settings);
  }

  /** This machine, looked at once for each setting of the device. Errors: `nativeMissing`. */
  hardware(settings: Settings): Promise<Hardware> {
    return this.#probe(settings);
  }

  /** The same where it was looked at already, else null: for what cannot wait. */
  knownHardware(settings: Settings): Hardware | null {
    return this.#hardware?.device === settings["model.device"] ? this.#hardware.known : null;
  }

  #probe(settings: Settings): Promise<Hardware> {
    const device = settings["model.device"];
    if (this.#hardware?.device === device) return this.#hardware.probed;
    const probed = probeHardware(device, this.#log);
    const entry = { device, probed, known: null as Hardware | null };
    this.#hardware = entry;
    probed.then((hardware) => { entry.known = hardware; }, () => undefined);
    return probed;
  }
}
