// Reads a page of a version's records, passing over parts that do not touch it.
import { throwIfCancelled } from "../../base/errors.ts";
import type { DatasetManifest, DatasetRow, SplitName } from "../dataset.ts";
import { recordId } from "../recordContent.ts";
import { readPart, recordsOf } from "./parts.ts";

export interface ReadRowsOptions {
  /** One split only; otherwise training and then validation. */
  readonly split?: SplitName;
  /** Records passed over; default 0. */
  readonly offset?: number;
  /** Most records; default 20. */
  readonly limit?: number;
  readonly signal?: AbortSignal;
}

/** Error: `dataInvalid` for a damaged part. */
export async function readRows(partsFolder: string, manifest: DatasetManifest, { split, offset = 0, limit = 20, signal }: ReadRowsOptions): Promise<DatasetRow[]> {
  const rows: DatasetRow[] = [];
  let before = 0;
  for (const name of ["train", "validation"] as const) {
    if (split !== undefined && split !== name) continue;
    for (const part of manifest[name]) {
      throwIfCancelled(signal);
      if (rows.length >= limit) return rows;
      if (before + part.records > offset) {
        let index = before;
        for (const record of recordsOf(await readPart(partsFolder, part))) {
          if (index++ < offset) continue;
          if (rows.length >= limit) return rows;
          rows.push({ id: recordId(record), split: name, record });
        }
      }
      before += part.records;
    }
  }
  return rows;
}
