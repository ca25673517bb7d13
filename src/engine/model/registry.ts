// Which models there are: the embedded one, downloaded ones, files the user names, and those of the catalogue that could
// be fetched; which of them is in use; what each can be asked for. It loads none of them.
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { createHash } from "node:crypto";
import path from "node:path";
import { EngineError, errnoCode } from "../base/errors.ts";
import { sha256File, writeFailure, writeFileAtomic } from "../base/files.ts";
import type { Log } from "../base/log.ts";
import type { DownloadProgress, ModelCapabilities, ModelInfo } from "../protocol/types.ts";
import { CATALOGUE, findEntry, infoOf, recommend } from "./catalogue.ts";
import type { CatalogueEntry } from "./catalogue.ts";
import { download } from "./download.ts";
import { parseModelUri } from "./downloadUri.ts";
import type { Hardware } from "./hardware.ts";
import { inspectModel } from "./inspect.ts";
import type { ModelDetails } from "./inspect.ts";
import { estimateFit } from "./memoryFit.ts";

export interface RegistryOptions {
  /** Folder of the models that come with the product. */
  embeddedDir: string;
  /** Folder of downloaded models; made when needed. */
  modelsDir: string;
  log: Log;
}

/** What is kept beside a downloaded model, as `<file>.json`. */
interface Receipt {
  uri: string;
  sha256: string;
  sizeBytes: number;
  licence: string;
  downloadedAt: string;
  verifiedAgainst: "request" | "server" | null;
  /** Overrides what is assumed of the model: written after measuring it. */
  capabilities?: Partial<ModelCapabilities>;
}

/** What has come of a download that was cut off or cancelled; asking for the same address goes on with it. */
export interface UnfinishedDownload {
  url: string;
  /** The name that the finished file will have. */
  fileName: string;
  receivedBytes: number;
  totalBytes: number | null;
}

export interface ListOptions {
  /** With it, every model says how it fits. */
  hardware?: Hardware | null;
  /** The setting `model.file`. */
  modelSetting?: string;
}

/** Instruct models below this size are not trusted to write cited prose (design/base-model.md). */
const LEAST_ANSWERING_PARAMETERS = 1e9;
const FIT_BATCH_TOKENS = 64;
/** Files up to this size are hashed when they are looked at: 64 MB take a tenth of a second. */
const HASHED_UP_TO_BYTES = 64 << 20;

export class ModelRegistry {
  readonly #options: RegistryOptions;
  /** Files that were told of as unusable. */
  readonly #leftOut = new Set<string>();
  /** Headers read so far, by path, size and time of change: that of a large vocabulary takes a second. */
  readonly #inspected = new Map<string, Promise<{ details: ModelDetails; sha256: string | null }>>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** Installed models first (the embedded one at the top), then the rest of the catalogue. Unreadable files are logged and left out. */
  async list(options: ListOptions = {}): Promise<ModelInfo[]> {
    const installed: ModelInfo[] = [];
    for (const file of await this.#installedFiles()) {
      try {
        installed.push(await this.inspect(file, options.hardware ?? null));
      } catch (error) {
        // Once: lists are asked for often. Of the product's own folder it is the embedder of search, which is no language model.
        if (!this.#leftOut.has(file)) this.#options.log[this.placeOf(file) === "embedded" ? "debug" : "warn"]("A model file was left out", { file, reason: error instanceof EngineError ? error.message : String(error) });
        this.#leftOut.add(file);
      }
    }
    // A file that the user named lies anywhere; one that cannot be used is not in use.
    const activeInfo = await this.active(options.modelSetting).then(({ info }) => info, () => null);
    if (activeInfo?.file != null && !installed.some((info) => info.id === activeInfo.id)) installed.push(await this.inspect(activeInfo.file, options.hardware ?? null));
    const here = new Set(installed.flatMap((info) => [info.id, info.uri]));
    const available = options.hardware ? recommend(options.hardware).map(({ entry, fit }) => infoOf(entry, fit)) : CATALOGUE.map((entry) => infoOf(entry, null));
    const marked = installed.map((info) => ({ ...info, active: info.id === activeInfo?.id }));
    return [...marked, ...available.filter((info) => !here.has(info.id) && !here.has(info.uri))];
  }

  /** The installed model with this id, file name or path. Errors: `notFound`, those of inspecting it. */
  async find(idOrFile: string): Promise<ModelInfo> {
    const files = await this.#installedFiles();
    const match = files.find((file) => idOf(file) === idOrFile || path.basename(file) === idOrFile || file === path.resolve(idOrFile));
    if (match !== undefined) return this.inspect(match);
    if (path.isAbsolute(idOrFile) || idOrFile.toLowerCase().endsWith(".gguf")) return this.inspect(path.resolve(idOrFile));
    const entry = findEntry(idOrFile);
    if (entry !== undefined) {
      throw new EngineError("notFound", `The model ${entry.name} is not on this machine yet. Download it with "KaLactica: Download Model" or \`kalactica models pull ${entry.id}\`.`, { id: idOrFile, uri: entry.uri });
    }
    throw new EngineError("notFound", `There is no model "${idOrFile}". See the list with "KaLactica: Choose Model" or \`kalactica models list\`.`, { id: idOrFile });
  }

  /**
   * The model in use: what the setting says, else what was chosen last, else the embedded one.
   * A chosen model that is gone or damaged gives way to the embedded one; `note` then says so. A setting is never overruled.
   * Errors: `noModel` where there is none at all; those of {@link find} for the setting's.
   */
  async active(modelSetting = ""): Promise<{ info: ModelInfo; note: string | null }> {
    // An endpoint writes beside a local model and does not replace it.
    if (modelSetting !== "" && !modelSetting.startsWith("endpoint:")) return { info: { ...(await this.find(modelSetting)), active: true }, note: null };
    const chosen = await this.#chosenId();
    let note: string | null = null;
    if (chosen !== null) {
      try {
        return { info: { ...(await this.find(chosen)), active: true }, note: null };
      } catch (error) {
        note = `The chosen model cannot be used, so the embedded one is: ${error instanceof Error ? error.message : String(error)}`;
        this.#options.log.warn("The chosen model cannot be used", { id: chosen, reason: String(error) });
      }
    }
    const embedded = await this.embedded();
    if (embedded === null) {
      throw new EngineError("noModel", `${note === null ? "" : `${note} `}There is no model on this machine. Download one with "KaLactica: Download Model" or \`kalactica models pull ${String(CATALOGUE[1]?.id)}\`.`);
    }
    return { info: { ...embedded, active: true }, note };
  }

  /** The language model that comes with the product; null in a package without one. Errors: those of inspecting it. */
  async embedded(): Promise<ModelInfo | null> {
    const file = (await ggufFiles(this.#options.embeddedDir))[0];
    return file === undefined ? null : this.inspect(file);
  }

  /** Chooses an installed model, or a file, for all workspaces. Errors: those of {@link find}; `diskFull`. */
  async use(idOrFile: string): Promise<ModelInfo> {
    const info = await this.find(idOrFile);
    await writeFileAtomic(this.#activeFile(), JSON.stringify({ id: info.id }));
    return { ...info, active: true };
  }

  /** What is known of the model file at `file`, wherever it lies; its SHA-256 where it is noted or quickly had. Errors: those of inspectModel. */
  async inspect(file: string, hardware: Hardware | null = null): Promise<ModelInfo> {
    const { details, sha256 } = await this.#details(file);
    const receipt = await readReceipt(file);
    const entry = receipt === null ? undefined : findEntry(receipt.uri);
    const embedded = path.dirname(file) === path.resolve(this.#options.embeddedDir);
    const fit = hardware === null ? null : estimateFit(details, hardware, 0, FIT_BATCH_TOKENS);
    return {
      id: this.#isOurs(file) ? idOf(file) : file,
      name: entry?.name ?? details.name, file, uri: receipt?.uri ?? null, sha256: receipt?.sha256 ?? sha256, sizeBytes: details.sizeBytes,
      licence: details.licence === "unknown" ? receipt?.licence ?? "unknown" : details.licence,
      architecture: details.architecture, parameters: details.parameters, quantisation: details.quantisation, contextSize: details.contextSize,
      fimTokens: details.infill !== null, chatTemplate: details.chatTemplate,
      capabilities: { ...assumedCapabilities(details, entry, embedded), ...receipt?.capabilities, ...(await this.#measured())[this.#isOurs(file) ? idOf(file) : file] },
      fit: fit === null ? null : { fits: fit.fits, ramBytes: fit.ramBytes, vramBytes: fit.vramBytes, contextSize: fit.contextSize, explanation: fit.explanation },
      installed: true, active: false,
    };
  }

  /**
   * Fetches a model of the catalogue (by id) or from a URI into the models folder, verified, with a receipt; one that is
   * there already is not fetched again. Errors: `badRequest` (a URI that is none), those of download and inspectModel.
   */
  async pull(idOrUri: string, options: { signal?: AbortSignal; onProgress?: (progress: DownloadProgress) => void } = {}): Promise<ModelInfo> {
    const entry = findEntry(idOrUri);
    const uri = entry?.uri ?? idOrUri;
    const source = parseModelUri(uri);
    const expected = source.sha256 ?? entry?.sha256 ?? null;
    const file = await this.#targetOf(uri, source.fileName);
    const existing = await readReceipt(file);
    if (existing !== null && existing.uri === uri && (expected === null || existing.sha256 === expected) && (await sizeOf(file)) === existing.sizeBytes) return this.inspect(file);

    await mkdir(this.#options.modelsDir, { recursive: true }).catch((error: unknown) => { throw writeFailure(this.#options.modelsDir, error); });
    this.#options.log.info("Download begins", { host: source.url.host, file: path.basename(file) });
    const result = await download({ url: source.url, uri, file, sha256: expected, signal: options.signal, onProgress: options.onProgress, inspect: async (part) => { await inspectModel(part); } });
    const receipt: Receipt = {
      uri, sha256: result.sha256, sizeBytes: result.sizeBytes, licence: entry?.licence ?? "unknown",
      downloadedAt: new Date().toISOString(), verifiedAgainst: result.verifiedAgainst,
    };
    await writeFileAtomic(`${file}.json`, JSON.stringify(receipt, null, 2));
    return this.inspect(file);
  }

  /** Downloads that were begun and not finished. */
  async unfinished(): Promise<UnfinishedDownload[]> {
    const { modelsDir } = this.#options;
    const names = await readdir(modelsDir).catch(() => []);
    const found: UnfinishedDownload[] = [];
    for (const name of names.filter((each) => each.endsWith(".part.json")).sort()) {
      const noted = await readJson(path.join(modelsDir, name));
      const receivedBytes = await sizeOf(path.join(modelsDir, name.slice(0, -".json".length)));
      if (typeof noted?.url !== "string" || receivedBytes === null) continue;
      found.push({ url: noted.url, fileName: name.slice(0, -".part.json".length), receivedBytes, totalBytes: typeof noted.totalBytes === "number" ? noted.totalBytes : null });
    }
    return found;
  }

  /** Deletes what has come of the download from `uri`. Errors: `badRequest` (no such address), `busyElsewhere` (it is going on), `unreadable`. */
  async discard(uri: string): Promise<void> {
    const { modelsDir } = this.#options;
    const { href } = parseModelUri(uri).url;
    for (const { fileName } of (await this.unfinished()).filter(({ url }) => url === href)) {
      const part = path.join(modelsDir, `${fileName}.part`);
      if ((await sizeOf(path.join(modelsDir, `${fileName}.lock`))) !== null) throw new EngineError("busyElsewhere", `The download of ${fileName} is going on. Cancel it first.`, { file: part });
      await removeFile(part);
      await removeFile(`${part}.json`);
    }
  }

  /** Where a model file lies: with the product, among the downloads, or where the user has it. */
  placeOf(file: string): "embedded" | "downloaded" | "file" {
    const folder = path.dirname(path.resolve(file));
    if (folder === path.resolve(this.#options.embeddedDir)) return "embedded";
    return folder === path.resolve(this.#options.modelsDir) ? "downloaded" : "file";
  }

  /** Errors: `badRequest` where the file is not one that was downloaded here. */
  requireRemovable(model: ModelInfo): void {
    const place = this.placeOf(model.file ?? "");
    if (place === "downloaded") return;
    throw new EngineError("badRequest", `The model ${model.name} is not deleted: ${place === "embedded" ? "it comes with KaLactica" : `its file ${model.file ?? ""} is your own. Delete it yourself`}.`, { id: model.id });
  }

  /** Deletes a downloaded model with what is noted of it; where it was the chosen one, the embedded one is. Errors: `notFound`, `badRequest`, `unreadable`. */
  async remove(id: string): Promise<void> {
    const model = await this.find(id);
    this.requireRemovable(model);
    const file = model.file ?? "";
    if ((await this.#chosenId()) === model.id) await removeFile(this.#activeFile());
    await removeFile(file);
    await removeFile(`${file}.json`);
    this.#options.log.info("A model was deleted", { file: path.basename(file) });
  }

  /** Notes what a model was measured to be able to do; overrides what is assumed of it. Errors: `diskFull`. */
  async setCapabilities(id: string, capabilities: Partial<ModelCapabilities>): Promise<void> {
    const all = await this.#measured();
    await writeFileAtomic(this.#capabilitiesFile(), JSON.stringify({ ...all, [id]: { ...all[id], ...capabilities } }, null, 2));
  }

  /** Where a download goes: its own name, unless another address's model has that already. */
  async #targetOf(uri: string, fileName: string): Promise<string> {
    const plain = path.join(this.#options.modelsDir, fileName);
    const receipt = await readReceipt(plain);
    if ((receipt === null && (await sizeOf(plain)) === null) || receipt?.uri === uri) return plain;
    const tag = createHash("sha256").update(uri).digest("hex").slice(0, 8);
    return path.join(this.#options.modelsDir, fileName.replace(/\.gguf$/i, `-${tag}.gguf`));
  }

  async #details(file: string): Promise<{ details: ModelDetails; sha256: string | null }> {
    const { size, mtimeMs } = await stat(file).catch(() => ({ size: -1, mtimeMs: -1 }));
    const key = `${file}\n${size}\n${mtimeMs}`;
    let known = this.#inspected.get(key);
    if (known === undefined) {
      known = inspectModel(file).then(async (details) => ({ details, sha256: size <= HASHED_UP_TO_BYTES ? await sha256File(file) : null }));
      this.#inspected.set(key, known);
      known.catch(() => this.#inspected.delete(key));
    }
    return known;
  }

  async #installedFiles(): Promise<string[]> {
    return [...(await ggufFiles(this.#options.embeddedDir)), ...(await ggufFiles(this.#options.modelsDir))];
  }

  #isOurs(file: string): boolean {
    return [this.#options.embeddedDir, this.#options.modelsDir].some((folder) => path.dirname(file) === path.resolve(folder));
  }

  async #chosenId(): Promise<string | null> {
    const noted = await readJson(this.#activeFile());
    return typeof noted?.id === "string" ? noted.id : null;
  }

  async #measured(): Promise<Record<string, Partial<ModelCapabilities>>> {
    return ((await readJson(this.#capabilitiesFile())) ?? {}) as Record<string, Partial<ModelCapabilities>>;
  }

  #activeFile(): string {
    return path.join(this.#options.modelsDir, "active.json");
  }

  #capabilitiesFile(): string {
    return path.join(this.#options.modelsDir, "capabilities.json");
  }
}

/** The project's own model infills; catalogue entries are known; of others the header decides. */
function assumedCapabilities(details: ModelDetails, entry: CatalogueEntry | undefined, embedded: boolean): ModelCapabilities {
  if (entry !== undefined) return entry.capabilities;
  return {
    infill: details.infill !== null,
    answer: !embedded && !details.embedding && details.chatTemplate && details.parameters >= LEAST_ANSWERING_PARAMETERS,
    embed: details.embedding,
  };
}

function idOf(file: string): string {
  return path.basename(file).replace(/\.gguf$/i, "");
}

async function ggufFiles(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names.filter((name) => name.toLowerCase().endsWith(".gguf") && !name.startsWith(".")).sort().map((name) => path.resolve(folder, name));
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw new EngineError("unreadable", `The models folder ${folder} cannot be read (${errnoCode(error) ?? "unknown error"}). Check its permissions.`, { folder }, error);
  }
}

/** Errors: `unreadable`. */
async function removeFile(file: string): Promise<void> {
  try {
    await rm(file, { force: true });
  } catch (error) {
    throw new EngineError("unreadable", `${file} cannot be deleted (${errnoCode(error) ?? "unknown error"}). Close what uses it, or allow it.`, { file }, error);
  }
}

async function readReceipt(file: string): Promise<Receipt | null> {
  const noted = await readJson(`${file}.json`);
  return typeof noted?.uri === "string" && typeof noted.sha256 === "string" ? (noted as unknown as Receipt) : null;
}

/** A JSON object, or null where the file is missing or damaged: nothing in these files is worth failing for. */
async function readJson(file: string): Promise<Record<string, unknown> | null> {
  try {
    const value: unknown = JSON.parse(await readFile(file, "utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

async function sizeOf(file: string): Promise<number | null> {
  try {
    return (await stat(file)).size;
  } catch {
    return null;
  }
}
