// Writes a version to plain files: for TRL one file a split and format, as its loaders want equal columns in a file; or the
// records as they are stored, which `data prepare` reads back. Streaming; each file appears when it is whole.
// Source of the forms: TRL's "Dataset formats and types".
import { open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { throwIfCancelled } from "../../base/errors.ts";
import { makeFolder, writeFailure } from "../../base/files.ts";
import type { TrainingMessage, TrainingPrompt, TrainingRecord } from "../../base/trainingRecord.ts";
import type { ExportedFile, OpenDataset, SplitName } from "../dataset.ts";
import { canonicalLine } from "../recordContent.ts";

export interface ExportOptions {
  readonly format: "trl" | "records";
  /**
   * Writes a fill-in-the-middle prompt as the one text that the model is given, with its own marks. Without it such records
   * go to files of their own as {prefix, suffix, middle}, which TRL cannot take.
   */
  readonly renderInfill?: (prompt: Extract<TrainingPrompt, { form: "infill" }>) => string;
  readonly signal?: AbortSignal;
}

/** A row in the form that TRL wants, with the name of the form. */
export function trlRow(record: TrainingRecord, renderInfill?: ExportOptions["renderInfill"]): { format: string; row: Record<string, unknown> } {
  if (record.kind === "text") return { format: "text", row: { text: record.text } };
  if (record.kind === "conversation") return { format: "messages", row: { messages: record.messages } };
  if (record.prompt.form === "infill" && renderInfill === undefined) {
    const { prefix, suffix, path: file } = record.prompt;
    const place = file === undefined ? {} : { path: file };
    if (record.kind === "example") return { format: "infill", row: { prefix, suffix, middle: record.completion, ...place } };
    const prompt = { prefix, suffix, ...place };
    if (record.kind === "preference") return { format: "infill-preference", row: { prompt, chosen: record.chosen, rejected: record.rejected } };
    if (record.kind === "judged") return { format: "infill-unpaired-preference", row: { prompt, completion: record.completion, label: record.good } };
    return { format: "infill-prompt-only", row: { prompt, ...check(record) } };
  }
  // A conversational row and a plain one have other column types: they may not share a file.
  const chat = record.prompt.form === "chat";
  const prompt = record.prompt.form === "chat" ? record.prompt.messages : record.prompt.form === "text" ? record.prompt.text : renderInfill!(record.prompt);
  const reply = (text: string): string | TrainingMessage[] => (chat ? [{ role: "assistant", content: text }] : text);
  const format = (name: string): string => (chat ? `conversational-${name}` : name);
  switch (record.kind) {
    case "example": return { format: format("prompt-completion"), row: { prompt, completion: reply(record.completion) } };
    case "preference": return { format: format("preference"), row: { prompt, chosen: reply(record.chosen), rejected: reply(record.rejected) } };
    case "judged": return { format: format("unpaired-preference"), row: { prompt, completion: reply(record.completion), label: record.good } };
    case "task": return { format: format("prompt-only"), row: { prompt, ...check(record) } };
  }
}

/** Columns that TRL hands on to reward functions. */
function check(record: Extract<TrainingRecord, { kind: "task" }>): Record<string, string> {
  return {
    ...(record.check === undefined ? {} : { tests: record.check.tests, language: record.check.language, preamble: record.check.preamble ?? "" }),
    ...(record.reference === undefined ? {} : { reference: record.reference }),
  };
}

/** Errors: `diskFull`, `unreadable`, `dataInvalid` for a damaged part, cancellation; no half-written file is left. */
export async function exportDataset(dataset: OpenDataset, folder: string, options: ExportOptions): Promise<ExportedFile[]> {
  await makeFolder(folder);
  const writers = new Map<string, FileWriter>();
  try {
    for (const split of ["train", "validation"] as const) {
      for await (const record of dataset[split](options.signal)) {
        const { format, row } = options.format === "trl" ? trlRow(record, options.renderInfill) : { format: "records", row: null };
        const name = format === "records" ? `${split}.jsonl` : `${split}.${format}.jsonl`;
        let writer = writers.get(name);
        if (writer === undefined) writers.set(name, writer = await FileWriter.open(path.join(folder, name), split, format));
        await writer.line(row === null ? canonicalLine(record) : JSON.stringify(row));
      }
    }
    throwIfCancelled(options.signal);
    const files: ExportedFile[] = [];
    for (const writer of writers.values()) files.push(await writer.finish());
    return files;
  } catch (error) {
    for (const writer of writers.values()) await writer.abandon();
    throw error;
  }
}

const BUFFER_CHARACTERS = 1 << 18;

class FileWriter {
  readonly #file: string;
  readonly #split: SplitName;
  readonly #format: string;
  readonly #handle: FileHandle;
  #text: string[] = [];
  #characters = 0;
  #records = 0;
  #open = true;

  private constructor(file: string, split: SplitName, format: string, handle: FileHandle) {
    this.#file = file;
    this.#split = split;
    this.#format = format;
    this.#handle = handle;
  }

  static async open(file: string, split: SplitName, format: string): Promise<FileWriter> {
    try {
      return new FileWriter(file, split, format, await open(`${file}.${process.pid}.part`, "w"));
    } catch (error) {
      throw writeFailure(file, error);
    }
  }

  async line(text: string): Promise<void> {
    this.#text.push(text, "\n");
    this.#characters += text.length + 1;
    this.#records++;
    if (this.#characters >= BUFFER_CHARACTERS) await this.#flush();
  }

  async finish(): Promise<ExportedFile> {
    try {
      await this.#flush();
      await this.#handle.sync();
      await this.#close();
      await rename(`${this.#file}.${process.pid}.part`, this.#file);
    } catch (error) {
      throw writeFailure(this.#file, error);
    }
    return { file: this.#file, split: this.#split, format: this.#format, records: this.#records };
  }

  async abandon(): Promise<void> {
    await this.#close();
    await rm(`${this.#file}.${process.pid}.part`, { force: true });
  }

  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#handle.close();
  }

  async #flush(): Promise<void> {
    const text = this.#text.join("");
    this.#text = [];
    this.#characters = 0;
    try {
      await this.#handle.writeFile(text);
    } catch (error) {
      throw writeFailure(this.#file, error);
    }
  }
}
