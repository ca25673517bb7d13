// The figures of use: writes down how each answer ended, and joins that with what completion and the thumbs have recorded already.
// Local only: nothing here opens a connection, and nothing of it is in any prompt. Erasing empties the log of the database too.
import type { DatabaseSync } from "../base/database.ts";
import { inTransaction } from "../base/database.ts";
import { isCancelled } from "../base/errors.ts";
import type { OutcomeStore } from "../completion/outcomes.ts";
import { answerUse, completionUse, dayOf, startOf } from "../evaluation/online/useFigures.ts";
import type { AnswerUseStore } from "../memory/answerUse.ts";
import type { UseErased, UseReport } from "../protocol/metrics.ts";
import type { AskParams, AskResult } from "../protocol/types.ts";
import { languageOf } from "../retrieval/chunking/languages.ts";

export interface MetricsDeskOptions {
  readonly memory: { readonly database: DatabaseSync; readonly answerUse: AnswerUseStore };
  readonly completions: OutcomeStore | null;
  readonly mayRecord: () => boolean;
  /** What is loaded now. */
  readonly model: () => { readonly id: string | null; readonly adapter?: string | null };
}

/** Characters of an adapter's hash that tell it from others. */
const ADAPTER_CHARACTERS = 12;

export class MetricsDesk {
  readonly #options: MetricsDeskOptions;

  constructor(options: MetricsDeskOptions) {
    this.#options = options;
  }

  /** Runs `answer` and writes down how it ended, unless a measurement asked and not the user. Errors: those of `answer`. */
  async answering(params: AskParams, answer: () => Promise<AskResult>): Promise<AskResult> {
    if (params.measured) return answer();
    if (params.measured === true) return answer();
    const started = performance.now();
    const ended = { askId: params.askId, again: params.again === true };
    try {
      const result = await answer();
      this.#record({
        ...ended, written: result.prose !== "", stopped: result.stopped, failed: false, citations: result.citations.length,
        language: languageOfAnswer(result, params), firstTokenMs: result.timings.firstTokenMs, totalMs: result.timings.totalMs,
      });
      return result;
    } catch (error) {
      const stopped = isCancelled(error);
      this.#record({ ...ended, written: false, stopped, failed: !stopped, citations: 0, language: languageOfAnswer(null, params), firstTokenMs: null, totalMs: performance.now() - started });
      throw error;
    }
  }

  /** A citation of an answer was opened. */
  followed(askId: string): void {
    if (this.#options.mayRecord()) this.#options.memory.answerUse.followed(askId);
  }

  /** `days`: today counts as one. */
  report(days: number, now = Date.now()): UseReport {
    const from = startOf(days, now);
    const { completions, memory, mayRecord } = this.#options;
    return {
      from: dayOf(from), to: dayOf(now), days, recording: mayRecord(), file: fileOf(memory.database),
      completions: completionUse(completions?.since(from) ?? []), answers: answerUse(memory.answerUse.since(from)),
    };
  }

  export(days: number, format: "json" | "csv", now = Date.now()): string {
    const report = this.report(days, now);
    return format === "json" ? `${JSON.stringify(report, null, 1)}\n` : csvOf(report);
  }

  /** Deletes every row that figures come from, whatever its age, and with it what training could have learnt from them. */
  erase(): UseErased {
    const { memory: { database, answerUse: answers }, completions } = this.#options;
    const erased = inTransaction(database, () => ({
      completions: completions?.erase() ?? 0, answers: answers.erase(), ratings: Number(database.prepare("DELETE FROM answerFeedback").run().changes),
    }));
    // Deleted cells are overwritten (secure_delete); the write-ahead log may still hold their earlier pages.
    const row = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number } | undefined;
    return { ...erased, clean: row?.busy !== 1 };
  }

  #record(ended: Omit<Parameters<AnswerUseStore["record"]>[0], "model" | "adapter">): void {
    if (!this.#options.mayRecord()) return;
    const { id, adapter } = this.#options.model();
    this.#options.memory.answerUse.record({ ...ended, model: id ?? "", adapter: (adapter ?? "").slice(0, ADAPTER_CHARACTERS) });
  }
}

/** That of the source that is cited first, else of the open file. */
function languageOfAnswer(result: AskResult | null, params: AskParams): string {
  const path = result?.citations[0]?.path ?? params.activePath;
  return path === undefined ? "" : languageOf(path);
}

function fileOf(database: DatabaseSync): string {
  return (database.prepare("PRAGMA database_list").all() as { name: string; file: string }[]).find(({ name }) => name === "main")?.file ?? "";
}

/** One table: a line a cell, completions first, then answers; a column that a kind does not have is empty. */
function csvOf({ completions, answers }: UseReport): string {
  const rows: Readonly<Record<string, string | number | null>>[] = [...completions.cells.map((cell) => ({ kind: "completion", ...cell })), ...answers.cells.map((cell) => ({ kind: "answer", ...cell }))];
  const columns = ["kind", "day", "model", "adapter", "language", ...Object.keys(completions.total), ...Object.keys(answers.total)];
  const cell = (value: string | number | null | undefined): string => {
    const text = String(value ?? "");
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.join(","), ...rows.map((row) => columns.map((column) => cell(row[column])).join(","))].map((line) => `${line}\r\n`).join("");
}
