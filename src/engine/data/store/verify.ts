// Reads every manifest and part of some versions and names what is damaged or missing, with the versions that need it.
// It repairs nothing: preparing the data again does.
import path from "node:path";
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import type { DatasetPart, VerifyResult } from "../dataset.ts";
import { readManifest } from "./manifest.ts";
import { partName, readPart } from "./parts.ts";

export interface VerifyOptions {
  readonly signal?: AbortSignal;
  /** Told the parts that were read, each once. */
  readonly onProgress?: (done: number, total: number) => void;
}

export async function verifyVersions(versionsFolder: string, partsFolder: string, versions: readonly string[], { signal, onProgress }: VerifyOptions): Promise<VerifyResult> {
  const damaged: { file: string; sentence: string; versions: string[] }[] = [];
  const users = new Map<string, { part: DatasetPart; versions: Set<string> }>();
  for (const version of versions) {
    const stored = await attempt(() => readManifest(versionsFolder, version));
    if ("sentence" in stored) {
      damaged.push({ file: path.join(versionsFolder, `${version}.json`), sentence: stored.sentence, versions: [version] });
      continue;
    }
    for (const part of [...stored.value.manifest.train, ...stored.value.manifest.validation]) {
      const user = users.get(part.sha256);
      if (user) user.versions.add(version);
      else users.set(part.sha256, { part, versions: new Set([version]) });
    }
  }
  let done = 0;
  let bytes = 0;
  for (const { part, versions: needing } of users.values()) {
    throwIfCancelled(signal);
    const read = await attempt(() => readPart(partsFolder, part));
    if ("sentence" in read) damaged.push({ file: path.join(partsFolder, partName(part.sha256)), sentence: read.sentence, versions: [...needing] });
    else bytes += read.value.length;
    onProgress?.(++done, users.size);
  }
  return { versions: versions.length, parts: users.size, bytes, damaged };
}

async function attempt<T>(work: () => Promise<T>): Promise<{ value: T } | { sentence: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (error instanceof EngineError) return { sentence: error.message };
    throw error;
  }
}
