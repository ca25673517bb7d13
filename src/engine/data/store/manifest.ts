// Manifests of versions as files: their canonical form, the hash that is a version's identity, and what is told of one.
// Parts are read elsewhere; which versions there are is for the store.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { sha256, writeFileAtomic } from "../../base/files.ts";
import type { DatasetInfo } from "../../protocol/training.ts";
import type { DatasetManifest, DatasetPart } from "../dataset.ts";

/** The same value always gives the same text: keys in order, no spaces. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) => (typeof item === "object" && item !== null && !Array.isArray(item)
    ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
    : item));
}

/** Identity of a manifest: SHA-256 of its canonical JSON. */
export function versionOf(manifest: DatasetManifest): string {
  return sha256(canonicalJson(manifest));
}

export interface StoredManifest {
  readonly version: string;
  /** When it was made, ms since 1970; not part of its identity. */
  readonly createdAt: number;
  readonly manifest: DatasetManifest;
}

/** Writes the manifest to `folder` under its version. */
export async function writeManifest(folder: string, manifest: DatasetManifest, createdAt: number): Promise<StoredManifest> {
  const version = versionOf(manifest);
  await writeFileAtomic(path.join(folder, `${version}.json`), JSON.stringify({ createdAt, manifest }));
  return { version, createdAt, manifest };
}

/** Errors: `notFound`; `dataInvalid` where the file is damaged, with a sentence that names it; `unreadable`. */
export async function readManifest(folder: string, version: string): Promise<StoredManifest> {
  const file = path.join(folder, `${version}.json`);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (errnoCode(error) === "ENOENT") throw new EngineError("notFound", `The data set version ${version} is not stored here. Prepare it again.`, { file }, error);
    throw new EngineError("unreadable", `The stored data file ${file} cannot be read (${errnoCode(error) ?? "unknown"}). Check the disk and its permissions.`, { file }, error);
  }
  let stored: { createdAt?: unknown; manifest?: DatasetManifest } = {};
  try {
    stored = JSON.parse(text) as typeof stored;
  } catch {
    // Judged together with a wrong hash below.
  }
  const { createdAt, manifest } = stored;
  if (manifest === undefined || typeof createdAt !== "number" || versionOf(manifest) !== version) {
    throw new EngineError("dataInvalid", `The stored data file ${file} is damaged: its content is not what was written. Prepare the data set again.`, { file });
  }
  return { version, createdAt, manifest };
}

/** What clients are told of a version. */
export function infoOf(name: string, { version, createdAt, manifest }: StoredManifest): DatasetInfo {
  const records = (parts: readonly DatasetPart[]): number => parts.reduce((sum, part) => sum + part.records, 0);
  return {
    name, version, createdAt, source: manifest.lineage.source, train: records(manifest.train), validation: records(manifest.validation), kinds: { ...manifest.kinds },
    bytes: [...manifest.train, ...manifest.validation].reduce((sum, part) => sum + part.bytes, 0), report: manifest.report,
  };
}
