// Compares two versions record by record. Parts that both have are not read; memory grows with the parts that differ.
import { throwIfCancelled } from "../../base/errors.ts";
import type { DatasetDiff, DatasetManifest, DatasetPart, SplitName } from "../dataset.ts";
import { recordId } from "../recordContent.ts";
import { readPart, recordsOf } from "./parts.ts";
import type { StoredManifest } from "./manifest.ts";

const EXAMPLES_EACH = 20;

interface Entry {
  readonly split: SplitName;
  readonly at: string;
}

/** Errors: `dataInvalid` for a damaged part. */
export async function diffVersions(partsFolder: string, from: StoredManifest, to: StoredManifest, signal?: AbortSignal): Promise<DatasetDiff> {
  const shared = sharedParts(from.manifest, to.manifest);
  const entries = async (manifest: DatasetManifest, visit: (id: string, entry: Entry) => void): Promise<number> => {
    let same = 0;
    for (const split of ["train", "validation"] as const) {
      for (const part of manifest[split]) {
        throwIfCancelled(signal);
        if (shared.has(keyOf(split, part))) same += part.records;
        else for (const record of recordsOf(await readPart(partsFolder, part))) visit(recordId(record), { split, at: record.origin.at });
      }
    }
    return same;
  };
  const old = new Map<string, Entry>();
  await entries(from.manifest, (id, entry) => old.set(id, entry));
  const added: (Entry & { id: string })[] = [];
  const examples: DatasetDiff["examples"][number][] = [];
  let moved = 0;
  let same = 0;
  const inSharedParts = await entries(to.manifest, (id, entry) => {
    const before = old.get(id);
    if (before === undefined) added.push({ id, ...entry });
    else {
      old.delete(id);
      if (before.split === entry.split) same++;
      else {
        moved++;
        if (moved <= EXAMPLES_EACH) examples.push({ change: "moved", id, at: entry.at });
      }
    }
  });
  same += inSharedParts;
  // What is left over was removed, or has another content at the same place.
  const removedAt = new Map<string, number>();
  for (const { at } of old.values()) removedAt.set(at, (removedAt.get(at) ?? 0) + 1);
  let changed = 0;
  let nAdded = 0;
  for (const { id, at } of added) {
    const left = removedAt.get(at) ?? 0;
    if (left > 0) {
      removedAt.set(at, left - 1);
      changed++;
      if (changed <= EXAMPLES_EACH) examples.push({ change: "changed", id, at });
    } else {
      nAdded++;
      if (nAdded <= EXAMPLES_EACH) examples.push({ change: "added", id, at });
    }
  }
  let removed = 0;
  for (const [id, { at }] of old) {
    const left = removedAt.get(at) ?? 0;
    if (left === 0) continue;
    removedAt.set(at, left - 1);
    removed++;
    if (removed <= EXAMPLES_EACH) examples.push({ change: "removed", id, at });
  }
  return { from: from.version, to: to.version, same, added: nAdded, removed, changed, moved, examples };
}

function keyOf(split: SplitName, { sha256 }: DatasetPart): string {
  return `${split} ${sha256}`;
}

function sharedParts(a: DatasetManifest, b: DatasetManifest): Set<string> {
  const keys = (manifest: DatasetManifest): Set<string> => new Set((["train", "validation"] as const).flatMap((split) => manifest[split].map((part) => keyOf(split, part))));
  const other = keys(b);
  return new Set([...keys(a)].filter((key) => other.has(key)));
}
