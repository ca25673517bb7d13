// A person's review of a version: its records as they are shown, and a new version without those that were left out.
// A review never changes a version; leaving a record out and taking it back in both start from the version under review.
import { throwIfCancelled } from "../../base/errors.ts";
import type { TrainingRecord } from "../../base/trainingRecord.ts";
import type { ReviewItem } from "../../protocol/training.ts";
import type { BuiltDataset } from "../build.ts";
import { ReportBuilder } from "../cleaning/reportBuilder.ts";
import type { DatasetManifest, DatasetPart } from "../dataset.ts";
import { learntLength, promptText, recordId, recordLength } from "../recordContent.ts";
import { PartWriter, readPart, recordsOf } from "./parts.ts";
import type { WriteFile } from "./parts.ts";

/** Ids of the records that the review behind `manifest` left out. */
export function excludedIds(manifest: DatasetManifest): string[] {
  const { excluded } = manifest.lineage.settings;
  return manifest.lineage.reviewOf !== undefined && Array.isArray(excluded) ? excluded.filter((id) => typeof id === "string") : [];
}

/** The record as a person reads it. */
export function reviewItem(record: TrainingRecord, excluded: ReadonlySet<string>): ReviewItem {
  const id = recordId(record);
  const base = { id, kind: record.kind, at: record.origin.at, included: !excluded.has(id) };
  switch (record.kind) {
    case "text": return { ...base, prompt: "", chosen: record.text };
    case "conversation": {
      const last = record.messages.findLastIndex(({ role }) => role === "assistant");
      return { ...base, prompt: record.messages.slice(0, last).map(({ role, content }) => `${role}: ${content}`).join("\n"), chosen: record.messages[last]?.content ?? "" };
    }
    case "example": return { ...base, prompt: promptText(record.prompt), chosen: record.completion };
    case "preference": return { ...base, prompt: promptText(record.prompt), chosen: record.chosen, rejected: record.rejected };
    case "judged": return { ...base, prompt: promptText(record.prompt), ...(record.good ? { chosen: record.completion } : { chosen: "", rejected: record.completion }) };
    case "task": return { ...base, prompt: promptText(record.prompt), chosen: record.reference ?? record.check?.tests ?? "" };
  }
}

/** Writes the records of `base` that are not in `excluded` to parts in `folder`. `secretsRedacted` and the like stay as they were found. */
export async function withoutExcluded(partsFolder: string, base: DatasetManifest, excluded: ReadonlySet<string>, folder: string, options: { signal?: AbortSignal; write?: WriteFile } = {}): Promise<BuiltDataset> {
  const report = new ReportBuilder();
  const kinds = new Map<string, number>();
  const copy = async (parts: readonly DatasetPart[]): Promise<DatasetPart[]> => {
    const writer = new PartWriter(folder, options.write);
    for (const part of parts) {
      throwIfCancelled(options.signal);
      const content = await readPart(partsFolder, part);
      let at = 0;
      for (const record of recordsOf(content)) {
        const end = content.indexOf(10, at);
        const id = recordId(record);
        if (!excluded.has(id)) {
          kinds.set(record.kind, (kinds.get(record.kind) ?? 0) + 1);
          report.keep(recordLength(record), learntLength(record), record.origin.licence ?? "unknown", record.origin.language ?? "unknown");
          // The same border as when it was first written, so that parts without a change stay the same: see build.ts.
          await writer.add(content.subarray(at, end), Buffer.from(id, "hex").readUInt32LE(0));
        }
        at = end + 1;
      }
    }
    return writer.finish();
  };
  const [train, validation] = [await copy(base.train), await copy(base.validation)];
  const { kept, lengths, supervisedShare, lengthHistogram, licences, languages } = report.finish();
  return {
    train, validation, kinds: Object.fromEntries([...kinds].sort(([a], [b]) => (a < b ? -1 : 1))),
    report: { ...base.report, kept, lengths, supervisedShare, lengthHistogram, licences, languages }, settings: { ...base.lineage.settings, excluded: [...excluded].sort() },
  };
}
