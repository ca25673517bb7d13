// The store of data sets: immutable versions under names. Content lies in hashed parts that versions share; a version is its
// manifest's hash; a name is a pointer that moves atomically. Nothing is visible before it is whole, and a kill leaves at most
// a work folder that the next preparation removes. How records come about is for build.ts.
import { randomBytes } from "node:crypto";
import { access, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode, throwIfCancelled } from "../base/errors.ts";
import { syncFolder, writeFailure, writeFileAtomic } from "../base/files.ts";
import type { TrainingRecord } from "../base/trainingRecord.ts";
import type { DatasetInfo, ReviewItem } from "../protocol/training.ts";
import type { BuiltDataset } from "./build.ts";
import type { DatasetDiff, DatasetLineage, DatasetManifest, DatasetPart, DatasetRow, ExportedFile, GarbageResult, OpenDataset, VerifyResult } from "./dataset.ts";
import { recordId } from "./recordContent.ts";
import { diffVersions } from "./store/diff.ts";
import { exportDataset } from "./store/exportFiles.ts";
import type { ExportOptions } from "./store/exportFiles.ts";
import { withStoreLock } from "./store/lock.ts";
import { canonicalJson, infoOf, readManifest, writeManifest } from "./store/manifest.ts";
import type { StoredManifest } from "./store/manifest.ts";
import { partName, readPart, recordsOf } from "./store/parts.ts";
import { excludedIds, reviewItem, withoutExcluded } from "./store/review.ts";
import { readRows } from "./store/rows.ts";
import type { ReadRowsOptions } from "./store/rows.ts";
import { verifyVersions } from "./store/verify.ts";
import type { VerifyOptions } from "./store/verify.ts";

/** Letters, digits, ".", "_" and "-", at most 64; no word of 8 or more hexadecimal digits, which would be a version. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const VERSION = /^[0-9a-f]{8,64}$/;
/** Names that Windows keeps for devices. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** Error `badRequest` where `name` cannot name a data set. */
export function checkDatasetName(name: string): void {
  if (NAME.test(name) && !VERSION.test(name) && !RESERVED.test(name)) return;
  throw new EngineError("badRequest", `"${name.slice(0, 80)}" cannot name a data set. Use 1 to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit, and not only hexadecimal digits.`, { name });
}

export class DatasetStore {
  readonly #folder: string;

  /** `folder` holds everything of the store (`<storage>/data`); it is made when something is first written. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The current version of every name, newest first. Damaged ones are told to `onDamaged` and left out. */
  async list(onDamaged?: (name: string, sentence: string) => void): Promise<DatasetInfo[]> {
    const found: DatasetInfo[] = [];
    for (const name of await this.#names()) {
      try {
        const version = await this.#versionOf(name);
        if (version !== null) found.push(infoOf(name, await readManifest(this.#place("versions"), version)));
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        onDamaged?.(name, error.message);
      }
    }
    return found.sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Opens the current version of a name, or the version that begins with the given 8 or more digits. Errors: `notFound`, `dataInvalid`. */
  async open(nameOrVersion: string): Promise<OpenDataset> {
    const { name, stored } = await this.#find(nameOrVersion);
    const parts = this.#place("parts");
    const records = async function* (list: readonly DatasetPart[], signal?: AbortSignal): AsyncGenerator<TrainingRecord> {
      for (const part of list) {
        throwIfCancelled(signal);
        yield* recordsOf(await readPart(parts, part));
      }
    };
    const { manifest } = stored;
    return {
      info: infoOf(name, stored), manifest,
      train: (signal) => records(manifest.train, signal),
      validation: (signal) => records(manifest.validation, signal),
    };
  }

  /** The versions that a name stood for, newest first, as far as they are still stored. */
  async history(name: string): Promise<DatasetInfo[]> {
    const found: DatasetInfo[] = [];
    for (let version = await this.#versionOf(name); version !== null;) {
      const stored: StoredManifest | null = await readManifest(this.#place("versions"), version).catch((error: unknown) => {
        if (error instanceof EngineError && error.reason === "notFound") return null;
        throw error;
      });
      if (stored === null) break;
      found.push(infoOf(name, stored));
      version = stored.manifest.lineage.parent;
    }
    return found;
  }

  /** Some records with their ids. `offset` counts from the split's (or the training's) beginning; default 20 records of all. */
  async rows(nameOrVersion: string, { split, offset = 0, limit = 20, signal }: ReadRowsOptions = {}): Promise<DatasetRow[]> {
    const { stored } = await this.#find(nameOrVersion);
    return readRows(this.#place("parts"), stored.manifest, { ...(split ? { split } : {}), offset, limit, ...(signal ? { signal } : {}) });
  }

  async diff(from: string, to: string, signal?: AbortSignal): Promise<DatasetDiff> {
    const [a, b] = [await this.#find(from), await this.#find(to)];
    return diffVersions(this.#place("parts"), a.stored, b.stored, signal);
  }

  /** Reads everything of one version, or of all, and names what is damaged or missing. Errors: `notFound` for an unknown name. */
  async verify(nameOrVersion?: string, options: VerifyOptions = {}): Promise<VerifyResult> {
    const names = new Map<string, string>();
    const unreadable: { file: string; sentence: string }[] = [];
    if (nameOrVersion === undefined) {
      for (const name of await this.#names()) {
        try {
          const version = await this.#versionOf(name);
          if (version !== null) names.set(name, version);
        } catch (error) {
          if (!(error instanceof EngineError)) throw error;
          unreadable.push({ file: this.#nameFile(name), sentence: error.message });
        }
      }
    }
    const versions = nameOrVersion === undefined ? [...new Set([...await this.#versions(), ...names.values()])] : [await this.#resolve(nameOrVersion)];
    const result = await verifyVersions(this.#place("versions"), this.#place("parts"), versions, options);
    return { ...result, damaged: [...unreadable.map((item) => ({ ...item, versions: [] })), ...result.damaged] };
  }

  /** Writes a version to files in `folder`. Errors: see {@link exportDataset}. */
  async export(nameOrVersion: string, folder: string, options: ExportOptions): Promise<ExportedFile[]> {
    return exportDataset(await this.open(nameOrVersion), folder, options);
  }

  /** A page of the records as a person reviews them, those that an earlier review left out among them. */
  async review(nameOrVersion: string, { offset = 0, limit = 50, signal }: Omit<ReadRowsOptions, "split"> = {}): Promise<ReviewItem[]> {
    const { stored } = await this.#find(nameOrVersion);
    const excluded = new Set(excludedIds(stored.manifest));
    const base = await this.#reviewed(stored.manifest);
    const rows = await readRows(this.#place("parts"), base, { offset, limit, ...(signal ? { signal } : {}) });
    return rows.map(({ record }) => reviewItem(record, excluded));
  }

  /**
   * Leaves records out of `name` or takes them back in: a new version, to which the name then points. Ids that are not in it
   * are refused. Errors: `notFound`, `dataInvalid` where nothing would be left.
   */
  async setIncluded(name: string, changes: readonly { readonly id: string; readonly included: boolean }[], codeVersion: string, signal?: AbortSignal): Promise<DatasetInfo> {
    const version = await this.#versionOf(name);
    if (version === null) throw await this.#unknown(name);
    const { manifest } = await readManifest(this.#place("versions"), version);
    const base = await this.#reviewed(manifest);
    const excluded = new Set(excludedIds(manifest));
    for (const { id, included } of changes) {
      if (included) excluded.delete(id);
      else excluded.add(id);
    }
    await this.#checkIds(base, new Set(changes.map(({ id }) => id)), name, signal);
    return this.writeVersion(name, { ...base.lineage, codeVersion, reviewOf: manifest.lineage.reviewOf ?? version }, async (folder) => {
      const built = await withoutExcluded(this.#place("parts"), base, excluded, folder, signal ? { signal } : {});
      if (built.report.kept === 0) throw new EngineError("dataInvalid", `No record of "${name}" would be left. Keep at least one, or delete the data set.`, { name });
      return built;
    });
  }

  /**
   * Runs `build` in a fresh work folder, puts what it built into the store as a version with `lineage`, and lets `name` point
   * to it. The same content from the same lineage is the version that was there already. Safe against concurrent writers of
   * the same name: each one's version is whole, and the name points to the last. Errors: `badRequest`, `diskFull`, those of `build`.
   */
  async writeVersion(name: string, lineage: Omit<DatasetLineage, "parent" | "settings"> | (() => Omit<DatasetLineage, "parent" | "settings">), build: (folder: string) => Promise<BuiltDataset>): Promise<DatasetInfo> {
    checkDatasetName(name);
    for (const place of ["names", "versions", "parts", "work"]) {
      await mkdir(this.#place(place), { recursive: true }).catch((error: unknown) => {
        throw writeFailure(this.#place(place), error);
      });
    }
    await this.#removeAbandonedWork();
    const folder = path.join(this.#place("work"), `${process.pid}-${randomBytes(6).toString("hex")}`);
    await mkdir(folder);
    try {
      const built = await build(folder);
      return await withStoreLock(this.#folder, () => this.#publish(name, typeof lineage === "function" ? lineage() : lineage, built, folder));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Takes the name away; the version stays until garbage is collected. False where there is no such name. */
  async delete(name: string): Promise<boolean> {
    if (!NAME.test(name) || (await this.#versionOf(name)) === null) return false;
    await rm(this.#nameFile(name), { force: true });
    return true;
  }

  /** Removes versions that no name stands for (save those in `keep`), then parts that no version needs, and what kills left behind. */
  async collectGarbage({ keep = [] }: { keep?: readonly string[] } = {}): Promise<GarbageResult> {
    if (!(await exists(this.#folder))) return { versions: [], parts: 0, bytes: 0 };
    await this.#removeAbandonedWork();
    return withStoreLock(this.#folder, async () => {
      const kept = new Set<string>(keep);
      for (const name of await this.#names()) {
        const version = await this.#versionOf(name);
        if (version !== null) kept.add(version);
      }
      const parts = new Set<string>();
      // A review can be taken back as long as the version under review is there.
      for (const version of [...kept]) {
        const stored = await readManifest(this.#place("versions"), version).catch(() => null);
        if (stored?.manifest.lineage.reviewOf !== undefined) kept.add(stored.manifest.lineage.reviewOf);
      }
      for (const version of kept) {
        // Of a damaged version nothing is known: its parts cannot be told from garbage, but they are of no use either.
        const stored = await readManifest(this.#place("versions"), version).catch(() => null);
        for (const part of stored === null ? [] : [...stored.manifest.train, ...stored.manifest.validation]) parts.add(partName(part.sha256));
      }
      const removed: string[] = [];
      for (const version of await this.#versions()) {
        if (kept.has(version)) continue;
        await rm(path.join(this.#place("versions"), `${version}.json`), { force: true });
        removed.push(version);
      }
      let nParts = 0;
      let bytes = 0;
      for (const file of await entries(this.#place("parts"))) {
        if (parts.has(file)) continue;
        bytes += (await stat(path.join(this.#place("parts"), file))).size;
        await rm(path.join(this.#place("parts"), file), { force: true });
        nParts++;
      }
      return { versions: removed, parts: nParts, bytes };
    });
  }

  /** Under the lock: parts first, then the manifest, then the name, so that each only ever points to what is there. */
  async #publish(name: string, lineage: Omit<DatasetLineage, "parent" | "settings">, built: BuiltDataset, folder: string): Promise<DatasetInfo> {
    const parent = await this.#versionOf(name);
    const { settings, ...content } = built;
    const manifest: DatasetManifest = { form: 1, lineage: { ...lineage, settings, parent }, ...content };
    if (parent !== null) {
      const current = await readManifest(this.#place("versions"), parent).catch(() => null);
      const bare = (value: DatasetManifest): string => canonicalJson({ ...value, lineage: { ...value.lineage, parent: null } });
      if (current !== null && bare(current.manifest) === bare(manifest)) {
        // The content is there already; where a part was damaged or lost, this one takes its place.
        await this.#moveParts(manifest, folder);
        return infoOf(name, current);
      }
    }
    await this.#moveParts(manifest, folder);
    const stored = await writeManifest(this.#place("versions"), manifest, Date.now());
    await writeFileAtomic(this.#nameFile(name), JSON.stringify({ version: stored.version }));
    return infoOf(name, stored);
  }

  async #moveParts(manifest: DatasetManifest, folder: string): Promise<void> {
    const parts = this.#place("parts");
    // A rename replaces what is there: the same lines, or damage.
    for (const { sha256 } of [...manifest.train, ...manifest.validation]) {
      try {
        await rename(path.join(folder, partName(sha256)), path.join(parts, partName(sha256)));
      } catch (error) {
        // Moved already, where a version has the same part twice; or in use on Windows, where a file being read is not replaced.
        const code = errnoCode(error);
        if (!(code === "ENOENT" || code === "EPERM") || !(await exists(path.join(parts, partName(sha256))))) throw writeFailure(parts, error);
      }
    }
    await syncFolder(parts);
  }

  async #checkIds(manifest: DatasetManifest, ids: Set<string>, name: string, signal?: AbortSignal): Promise<void> {
    for (const part of [...manifest.train, ...manifest.validation]) {
      throwIfCancelled(signal);
      if (ids.size === 0) return;
      for (const record of recordsOf(await readPart(this.#place("parts"), part))) ids.delete(recordId(record));
    }
    if (ids.size > 0) throw new EngineError("notFound", `"${name}" has no record ${[...ids].slice(0, 3).join(", ")}. "kalactica data review" lists the ids.`, { ids: [...ids] });
  }

  /** The manifest that a review goes back to: the version under review, or the version itself. */
  async #reviewed(manifest: DatasetManifest): Promise<DatasetManifest> {
    const { reviewOf } = manifest.lineage;
    return reviewOf === undefined ? manifest : (await readManifest(this.#place("versions"), reviewOf)).manifest;
  }

  async #find(nameOrVersion: string): Promise<{ name: string; stored: StoredManifest }> {
    const version = await this.#resolve(nameOrVersion);
    return { name: nameOrVersion === version || VERSION.test(nameOrVersion) ? version.slice(0, 12) : nameOrVersion, stored: await readManifest(this.#place("versions"), version) };
  }

  async #resolve(nameOrVersion: string): Promise<string> {
    const named = NAME.test(nameOrVersion) ? await this.#versionOf(nameOrVersion) : null;
    if (named !== null) return named;
    if (VERSION.test(nameOrVersion)) {
      const matching = (await this.#versions()).filter((version) => version.startsWith(nameOrVersion));
      if (matching.length === 1) return matching[0] as string;
      if (matching.length > 1) throw new EngineError("badRequest", `Several versions begin with ${nameOrVersion}. Give more digits.`, { matching });
    }
    throw await this.#unknown(nameOrVersion);
  }

  async #unknown(name: string): Promise<EngineError> {
    const names = await this.#names();
    return new EngineError("notFound", `There is no data set "${name.slice(0, 80)}" here. ${names.length === 0 ? "None was prepared yet; \"kalactica data prepare\" makes one." : `There are: ${names.slice(0, 20).join(", ")}.`}`, { name });
  }

  /** The version that a name points to; null where there is no such name. */
  async #versionOf(name: string): Promise<string | null> {
    let text: string;
    try {
      text = await readFile(this.#nameFile(name), "utf8");
    } catch (error) {
      if (errnoCode(error) === "ENOENT") return null;
      throw error;
    }
    const version = /^\{"version":"([0-9a-f]{64})"\}$/.exec(text)?.[1];
    if (version === undefined) throw new EngineError("dataInvalid", `The stored data file ${this.#nameFile(name)} is damaged. Prepare "${name}" again.`, { name });
    return version;
  }

  async #names(): Promise<string[]> {
    return (await entries(this.#place("names"))).filter((file) => file.endsWith(".json") && !file.startsWith(".")).map((file) => file.slice(0, -5)).sort();
  }

  async #versions(): Promise<string[]> {
    return (await entries(this.#place("versions"))).filter((file) => /^[0-9a-f]{64}\.json$/.test(file)).map((file) => file.slice(0, -5)).sort();
  }

  /** Work folders of processes that are gone, as a kill leaves them. */
  async #removeAbandonedWork(): Promise<void> {
    for (const folder of await entries(this.#place("work"))) {
      const owner = Number(/^(\d+)-/.exec(folder)?.[1] ?? Number.NaN);
      if (Number.isNaN(owner) || !isAlive(owner)) await rm(path.join(this.#place("work"), folder), { recursive: true, force: true });
    }
  }

  #place(name: string): string {
    return path.join(this.#folder, name);
  }

  #nameFile(name: string): string {
    return path.join(this.#place("names"), `${name}.json`);
  }
}

async function entries(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(() => true, () => false);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoCode(error) === "EPERM";
  }
}
