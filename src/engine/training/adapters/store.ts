// The adapters of a workspace and which one is live: a folder of immutable files under the hash of their content, a card
// beside each, and one small pointer per base model that says what is live and what was before. It loads nothing into a
// model (model/runtime.ts does) and knows no other formats (peft.ts).
//
// What makes it hold against being killed at any moment: every file appears whole or not at all; a card is written after
// its adapter and removed before it, so that an adapter is there exactly when its card is; and being live is one pointer.
import { open, readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { sha256File, writeFileAtomic } from "../../base/files.ts";
import type { AdapterInfo } from "../../protocol/training.ts";

/** What is known of an adapter beside what follows from its file and the pointer. */
export type AdapterCard = Omit<AdapterInfo, "file" | "active" | "problem">;

/** The base model that is loaded, or meant. */
export interface BaseIdentity {
  readonly sha256: string;
  readonly name: string;
}

interface Pointer {
  readonly modelSha256: string;
  /** The live adapter; null for the base model alone. */
  readonly active: string | null;
  /** What was live before, oldest first. */
  readonly history: readonly (string | null)[];
}

/** More steps back than anyone takes. */
const longestHistory = 100;
/** Leftovers of a killed process are removed when they are this old: until then they may be somebody's who is still writing. */
const leftoverAgeMs = 24 * 3600 * 1000;
const hashPattern = /^[0-9a-f]{64}$/;

export class AdapterStore {
  readonly folder: string;

  /** `folder` need not exist yet. */
  constructor(folder: string) {
    this.folder = folder;
  }

  /** All adapters, newest first; what is damaged or missing is named in `problem`. Reads no whole adapter ({@link verify} does). */
  async list(): Promise<AdapterInfo[]> {
    const cards = (await this.#names()).filter((name) => name.endsWith(".json") && hashPattern.test(name.slice(0, -5)));
    const live = new Set((await this.#pointers()).map(({ active }) => active));
    const infos = await Promise.all(cards.map(async (name): Promise<AdapterInfo> => {
      const sha256 = name.slice(0, -5);
      const file = this.fileOf(sha256);
      const card = await this.#card(sha256).catch((error: unknown) => error as Error);
      const info = { ...(card instanceof Error ? emptyCard(sha256) : card), file, active: live.has(sha256) };
      const size = await stat(file).then((found) => found.size, () => null);
      const problem = card instanceof Error ? card.message
        : size === null ? `The adapter file ${file} is missing. Restore it, or remove the adapter.`
        : size !== card.bytes ? `The adapter file ${file} is damaged: it has ${size} bytes instead of ${card.bytes}. Restore it, or remove the adapter.` : undefined;
      return problem === undefined ? info : { ...info, problem };
    }));
    return infos.sort((one, other) => other.createdAt - one.createdAt);
  }

  /** The adapter whose hash begins with `id` (at least 4 digits). Errors: `notFound` (none, or several). */
  async find(id: string): Promise<AdapterInfo> {
    const all = await this.list();
    const found = all.filter(({ sha256 }) => sha256.startsWith(id.toLowerCase()));
    const [only] = found;
    if (found.length === 1 && only !== undefined && id.length >= 4) return only;
    const listed = all.map(({ sha256 }) => sha256.slice(0, 12)).join(", ");
    if (found.length > 1) throw new EngineError("notFound", `"${id}" is the beginning of ${found.length} adapters. Give more digits: ${found.map(({ sha256 }) => sha256.slice(0, 12)).join(", ")}.`, { id });
    throw new EngineError("notFound", `There is no adapter "${id}". ${listed === "" ? "None was trained or imported here yet." : `There are: ${listed} (give at least 4 digits).`}`, { id });
  }

  fileOf(sha256: string): string {
    return path.join(this.folder, `${sha256}.gguf`);
  }

  /**
   * Takes in the adapter that lies at {@link fileOf} already (loraFile.ts writes it there). Adding it again renews its card.
   * Errors: `checksumMismatch`, `notFound`, `diskFull`.
   */
  async add(card: AdapterCard): Promise<AdapterInfo> {
    await this.#requireSound(card.sha256);
    await writeFileAtomic(this.#cardFile(card.sha256), `${JSON.stringify(card, null, 2)}\n`);
    await this.#sweep();
    return this.find(card.sha256);
  }

  /** Reads the whole file and compares its hash. Errors: `checksumMismatch` and `notFound`, each naming the file. */
  async verify(id: string): Promise<AdapterInfo> {
    const info = await this.find(id);
    await this.#requireSound(info.sha256);
    if (info.problem !== undefined) throw new EngineError("dataInvalid", info.problem, { file: info.file });
    return info;
  }

  /** What is live on this base: the adapter's hash, or null. A pointer that cannot be read counts as none and is named in `problem`. */
  async active(modelSha256: string): Promise<{ sha256: string | null; problem?: string }> {
    try {
      return { sha256: (await this.#pointer(modelSha256)).active };
    } catch (error) {
      return { sha256: null, problem: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Whether any adapter is live on any base: if not, nobody needs to know the hash of the base. */
  async hasActive(): Promise<boolean> {
    return (await this.#pointers()).some(({ active }) => active !== null);
  }

  /**
   * Makes an adapter the live one, after reading all of it.
   * Errors: `notFound`, `checksumMismatch`, `badRequest` where it is for another base than `base`, `diskFull`.
   */
  async activate(id: string, base: BaseIdentity): Promise<AdapterInfo> {
    const info = await this.requireFor(id, base);
    await this.#point(base.sha256, info.sha256);
    return { ...info, active: true };
  }

  /** The sound adapter `id`, if it is for `base`. Errors: as {@link activate}. */
  async requireFor(id: string, base: BaseIdentity): Promise<AdapterInfo> {
    const info = await this.verify(id);
    if (info.modelSha256 !== base.sha256) {
      throw new EngineError("badRequest", `The adapter ${info.sha256.slice(0, 12)} is for the base model ${info.model} (${info.modelSha256.slice(0, 12)}), but ${base.name} (${base.sha256.slice(0, 12)}) is loaded. Choose that model first, or train an adapter for this one.`, { adapter: info.sha256, expected: info.modelSha256, found: base.sha256 });
    }
    return info;
  }

  /** Back to the base model alone; the way back is kept. */
  async deactivate(modelSha256: string): Promise<void> {
    if ((await this.#pointer(modelSha256)).active !== null) await this.#point(modelSha256, null);
  }

  /** What a rollback would make live: an adapter's hash, null for the base model alone, undefined where there is no way back. */
  async previous(modelSha256: string): Promise<string | null | undefined> {
    const { active, history } = await this.#pointer(modelSha256);
    for (const before of [...history].reverse()) {
      // Adapters that were removed since are passed over, and what would change nothing is no way back.
      if (before !== active && (before === null || await this.#has(before))) return before;
    }
    return active === null ? undefined : null;
  }

  /**
   * Back to what was live before the last change: an adapter, or null for the base model alone.
   * Errors: `badRequest` where there is nothing to go back to; `checksumMismatch` where the former adapter is damaged.
   */
  async rollback(modelSha256: string): Promise<string | null> {
    const target = await this.previous(modelSha256);
    if (target === undefined) throw new EngineError("badRequest", "No adapter is active and none was before, so there is nothing to go back to.");
    if (target !== null) await this.#requireSound(target);
    const { history } = await this.#pointer(modelSha256);
    await this.#write({ modelSha256, active: target, history: history.slice(0, Math.max(0, history.lastIndexOf(target))) });
    return target;
  }

  /** Deletes an adapter. Errors: `notFound`, `badRequest` where it is live. */
  async remove(id: string): Promise<void> {
    const info = await this.find(id);
    if (info.active) throw new EngineError("badRequest", `The adapter ${info.sha256.slice(0, 12)} is active. Deactivate it or roll back first.`, { sha256: info.sha256 });
    await rm(this.#cardFile(info.sha256), { force: true });
    await rm(info.file, { force: true });
    await this.#sweep();
  }

  async #point(modelSha256: string, next: string | null): Promise<void> {
    // A damaged pointer gives way to a new one; what was live before it is then not known.
    const before = await this.#pointer(modelSha256).catch((): Pointer => ({ modelSha256, active: null, history: [] }));
    if (before.active === next) return;
    await this.#write({ modelSha256, active: next, history: [...before.history, before.active].slice(-longestHistory) });
  }

  async #write(pointer: Pointer): Promise<void> {
    await writeFileAtomic(this.#pointerFile(pointer.modelSha256), `${JSON.stringify(pointer, null, 2)}\n`);
  }

  async #pointer(modelSha256: string): Promise<Pointer> {
    const file = this.#pointerFile(modelSha256);
    const value = await readJson(file);
    if (value === null) return { modelSha256, active: null, history: [] };
    const { active, history } = value;
    if (!isTarget(active) || !Array.isArray(history) || !history.every(isTarget)) {
      throw new EngineError("dataInvalid", `The file ${file}, which says which adapter is active, is damaged, so none is. Activate one again.`, { file });
    }
    return { modelSha256, active, history };
  }

  async #pointers(): Promise<Pointer[]> {
    const hashes = (await this.#names()).map((name) => /^active-([0-9a-f]{64})\.json$/.exec(name)?.[1]).filter((hash) => hash !== undefined);
    const read = await Promise.all(hashes.map((hash) => this.#pointer(hash).catch(() => null)));
    return read.filter((pointer) => pointer !== null);
  }

  async #card(sha256: string): Promise<AdapterCard> {
    const file = this.#cardFile(sha256);
    const value = await readJson(file);
    const text = (key: string): boolean => typeof value?.[key] === "string";
    const number = (key: string): boolean => typeof value?.[key] === "number";
    if (value === null || value["sha256"] !== sha256 || !["modelSha256", "model"].every(text) || !["createdAt", "bytes", "rank", "alpha"].every(number)) {
      throw new EngineError("dataInvalid", `The file ${file}, which describes an adapter, is damaged. Remove the adapter, and import its .gguf file again.`, { file });
    }
    return value as unknown as AdapterCard;
  }

  async #requireSound(sha256: string): Promise<void> {
    const file = this.fileOf(sha256);
    const found = await sha256File(file).catch((error: unknown) => {
      throw new EngineError("notFound", `The adapter file ${file} cannot be read (${errnoCode(error) ?? "unknown error"}). Restore it, or remove the adapter.`, { file }, error);
    });
    if (found !== sha256) throw new EngineError("checksumMismatch", `The adapter file ${file} is damaged: the hash of its content is ${found}. Restore it from a copy, or remove the adapter and train it again.`, { file, expected: sha256, found });
  }

  async #has(sha256: string): Promise<boolean> {
    return stat(this.#cardFile(sha256)).then(() => true, () => false);
  }

  /** Removes what a killed process left: unfinished files, and adapters without a card. */
  async #sweep(): Promise<void> {
    const names = new Set(await this.#names());
    const leftovers = [...names].filter((name) => name.endsWith(".tmp") || (name.endsWith(".gguf") && !names.has(`${name.slice(0, -5)}.json`)));
    for (const name of leftovers) {
      const file = path.join(this.folder, name);
      const found = await stat(file).catch(() => null);
      if (found !== null && Date.now() - found.mtimeMs > leftoverAgeMs) await rm(file, { force: true });
    }
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.folder);
    } catch (error) {
      if (errnoCode(error) === "ENOENT") return [];
      throw new EngineError("unreadable", `The folder ${this.folder} cannot be read (${errnoCode(error) ?? "unknown error"}). Check its permissions.`, { folder: this.folder }, error);
    }
  }

  #cardFile(sha256: string): string {
    return path.join(this.folder, `${sha256}.json`);
  }

  #pointerFile(modelSha256: string): string {
    return path.join(this.folder, `active-${modelSha256}.json`);
  }
}

/**
 * SHA-256 of a base model's file, remembered in `noteFile` by path, size and time of change, since hashing some gigabytes
 * at every start would take longer than loading them. Errors: those of reading.
 */
export async function baseHash(file: string, noteFile: string): Promise<string> {
  const handle = await open(file, "r").catch((error: unknown) => {
    throw new EngineError("modelNotFound", `The model file ${file} cannot be opened (${errnoCode(error) ?? "unknown error"}). Check the path.`, { file }, error);
  });
  const { size, mtimeMs, ino } = await handle.stat().finally(() => handle.close());
  const stamp = `${size}:${mtimeMs}:${ino}`;
  const notes = (await readJson(noteFile).catch(() => null)) ?? {};
  const known = notes[file] as { stamp?: unknown; sha256?: unknown } | undefined;
  if (known?.stamp === stamp && typeof known.sha256 === "string") return known.sha256;
  const sha256 = await sha256File(file);
  await writeFileAtomic(noteFile, JSON.stringify({ ...notes, [file]: { stamp, sha256 } }, null, 2));
  return sha256;
}

function emptyCard(sha256: string): AdapterCard {
  return { sha256, modelSha256: "", model: "", createdAt: 0, bytes: 0, rank: 0, alpha: 0, run: null, receipt: null };
}

function isTarget(value: unknown): value is string | null {
  return value === null || (typeof value === "string" && hashPattern.test(value));
}

/** A JSON object; null where there is no file; `{}` stands for one that is no object. */
async function readJson(file: string): Promise<Record<string, unknown> | null> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return null;
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
