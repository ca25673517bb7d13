// What the gallery shows and does beside choosing and downloading: every model with its fit, speed and unfinished download, on this
// machine with its defaults; measuring, deleting, discarding. Which model is used is ModelChoice's business.
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Scheduler } from "../base/scheduler.ts";
import { findEntry, recommend } from "../model/catalogue.ts";
import { parseModelUri } from "../model/downloadUri.ts";
import type { ModelRegistry, UnfinishedDownload } from "../model/registry.ts";
import type { ModelRuntime } from "../model/runtime.ts";
import type { Gallery, GalleryModel, ModelSpeed } from "../protocol/machine.ts";
import type { ModelInfo, ModelStatus } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";
import type { ModelChoice } from "./chooseModel.ts";
import { ENDPOINT_PREFIX } from "./endpointDesk.ts";
import { explainDefaults, machineOf, withoutProse } from "./hardwareDefaults.ts";
import { hashOf, measureApart, ModelSpeeds } from "./measureModel.ts";

/** As much fits beside anything. */
const SMALL_BYTES = 200e6;

export interface ModelGalleryOptions {
  registry: ModelRegistry;
  models: ModelChoice;
  runtime: ModelRuntime;
  scheduler: Scheduler;
  /** Models on this machine, endpoints, and what could be downloaded. */
  list: () => Promise<ModelInfo[]>;
  modelsDir: string;
  settings: () => Settings;
  trusted: () => boolean;
  log: Log;
}

export class ModelGallery {
  readonly #options: ModelGalleryOptions;
  readonly #speeds: ModelSpeeds;
  /** Hashes of files too large to be hashed in passing, once they are known. */
  readonly #hashes = new Map<string, string>();

  constructor(options: ModelGalleryOptions) {
    this.#options = options;
    this.#speeds = new ModelSpeeds(options.modelsDir);
  }

  /** Errors: `nativeMissing`, `unreadable`. */
  async show(): Promise<Gallery> {
    const { registry, models, settings, list: listAll } = this.#options;
    const hardware = await models.hardware(settings());
    const [list, unfinished, speeds] = await Promise.all([listAll(), registry.unfinished(), this.#speeds.on(hardware)]);
    const recommended = new Set(recommend(hardware).filter((each) => each.recommended).map(({ entry }) => entry.id));
    const shown = list.map((model): GalleryModel => {
      const part = model.installed ? undefined : unfinished.find(({ url }) => url === addressOf(model));
      const hash = model.sha256 ?? this.#hashes.get(model.id);
      return {
        ...model, origin: this.#originOf(model), recommended: recommended.has(catalogueIdOf(model)), speed: (model.installed && hash !== undefined && speeds.get(hash)) || null,
        part: part === undefined ? null : { receivedBytes: part.receivedBytes, totalBytes: part.totalBytes },
      };
    });
    const known = new Set(list.map(addressOf));
    return { machine: machineOf(hardware), defaults: explainDefaults(hardware, settings()), models: [...shown, ...unfinished.filter(({ url }) => !known.has(url)).map(unfinishedModel)] };
  }

  /** Loads the model beside the one in use, which leaves memory meanwhile. Errors: `notFound`, `badRequest` (untrusted), those of loading; CancelledError. */
  async measure(id: string, signal?: AbortSignal): Promise<ModelSpeed> {
    const { registry, runtime, models, scheduler, settings, log } = this.#options;
    this.#requireTrust("measured");
    const model = await registry.find(id);
    // Both at once, or one twice, could be more than there is room for; the next request loads what was in use again.
    if ((runtime.model?.sizeBytes ?? 0) + model.sizeBytes > SMALL_BYTES) await runtime.unload();
    const hash = await hashOf(model, signal);
    this.#hashes.set(model.id, hash);
    const speed = await measureApart(model, settings(), scheduler, log, signal);
    await this.#speeds.keep(hash, await models.hardware(settings()), speed);
    return speed;
  }

  /** How a model's status reads for an answer: prose is taken out where the user wants none, or where the local model was measured to be too slow. */
  async proseFilter(): Promise<(status: ModelStatus) => ModelStatus> {
    const { runtime, models, settings } = this.#options;
    const { model } = runtime;
    const hardware = models.knownHardware(settings());
    const hash = model?.sha256 ?? this.#hashes.get(model?.id ?? "");
    const writes = hardware === null || hash === undefined ? null : (await this.#speeds.on(hardware)).get(hash)?.generatedPerSecond ?? null;
    return (status) => withoutProse(status, settings(), status.id === model?.id ? writes : null);
  }

  /** Errors: `notFound`, `badRequest` (untrusted, or a model that is not ours to delete), `unreadable`. */
  async remove(id: string): Promise<void> {
    const { registry, runtime, models, settings } = this.#options;
    this.#requireTrust("deleted");
    const model = await registry.find(id);
    registry.requireRemovable(model);
    // Windows does not delete what is open, and a runtime would ask for the file again.
    if (runtime.model?.id === model.id) await models.useEmbedded(settings());
    await registry.remove(model.id);
  }

  /** Errors: `badRequest`. */
  async discard(uri: string): Promise<void> {
    this.#requireTrust("deleted");
    await this.#options.registry.discard(findEntry(uri)?.uri ?? uri);
  }

  #originOf(model: ModelInfo): GalleryModel["origin"] {
    if (model.id.startsWith(ENDPOINT_PREFIX)) return "endpoint";
    if (!model.installed) return "catalogue";
    return this.#options.registry.placeOf(model.file ?? "");
  }

  #requireTrust(what: string): void {
    if (!this.#options.trusted()) throw new EngineError("badRequest", `Nothing is ${what} while this workspace is not trusted. Trust it first.`);
  }
}

function catalogueIdOf(model: ModelInfo): string {
  return (model.uri === null ? undefined : findEntry(model.uri))?.id ?? model.id;
}

function addressOf({ uri }: ModelInfo): string {
  return uri === null ? "" : parseModelUri(uri).url.href;
}

/** A download that was begun from an address of the user's own, of which only that and its size are known. */
function unfinishedModel({ url, fileName, receivedBytes, totalBytes }: UnfinishedDownload): GalleryModel {
  return {
    id: url, name: fileName, file: null, uri: url, sha256: null, sizeBytes: totalBytes ?? 0, licence: "unknown", architecture: "", parameters: 0, quantisation: "",
    contextSize: 0, fimTokens: false, chatTemplate: false, capabilities: { infill: false, answer: false, embed: false }, fit: null, installed: false, active: false,
    origin: "unfinished", recommended: false, speed: null, part: { receivedBytes, totalBytes },
  };
}
