// Renders a split of a data set for a method into a store on disk, with a report of what became of it, and refuses what could
// not teach anything: no usable record, no learnt token, no reply that is learnt with its end.
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import { sha256 } from "../../base/files.ts";
import type { RecordKind, TrainingRecord } from "../../base/trainingRecord.ts";
import type { TrainingMethod } from "../../protocol/training.ts";
import { Renderer } from "../samples/render.ts";
import type { Rendered } from "../samples/render.ts";
import type { SampleTokenizer } from "../samples/sampleTokenizer.ts";
import { describeSample, learntCount } from "../samples/tokenSample.ts";
import type { TokenSample } from "../samples/tokenSample.ts";
import { UnitStore, UnitWriter } from "../samples/unitStore.ts";
import type { RecordSplit, RenderReport } from "./tuningTypes.ts";

export interface PreparedSplit {
  readonly store: UnitStore;
  readonly report: RenderReport;
}

export interface PrepareOptions {
  readonly folder: string;
  /** "train", "validation" or "general": the store's name, and what sentences call it. */
  readonly name: string;
  readonly method: TrainingMethod;
  readonly tokenizer: SampleTokenizer;
  /** Longest sample in tokens. */
  readonly longest: number;
  /** Identifies split, vocabulary and settings: a store of the same one is used again. */
  readonly identity: string;
  /** Records that are read at most. */
  readonly most?: number;
  readonly signal?: AbortSignal;
}

/** Kinds of records that a method learns from. KTO takes a pair as a good and a bad reply. */
const KINDS: Readonly<Record<TrainingMethod, readonly RecordKind[]>> = {
  sft: ["text", "conversation", "example"], dpo: ["preference"], kto: ["judged", "preference"], grpo: ["task"],
};
const REASONS_KEPT = 5;
/** Changes when rendering does, so that stores of an older version are not used. */
const RENDERING_VERSION = 1;

/** Errors: `dataInvalid` with a sentence on what is missing; `modelIncapable`; `diskFull`; CancelledError. */
export async function prepareUnits(split: RecordSplit, options: PrepareOptions): Promise<PreparedSplit> {
  const { folder, name, method, tokenizer, longest, signal } = options;
  const fingerprint = sha256(JSON.stringify([RENDERING_VERSION, options.identity, method, longest, options.most ?? null]));
  const kept = await UnitStore.open<RenderReport>(folder, name, fingerprint);
  if (kept !== null) return kept;
  const renderer = new Renderer(tokenizer, longest);
  const writer = await UnitWriter.create(folder, name);
  const tally = { records: 0, samples: 0, tokens: 0, learntTokens: 0, truncatedPrompts: 0, truncatedCompletions: 0, skipped: 0, replies: 0, ended: 0 };
  const unused: Record<string, number> = {};
  const skippedReasons: string[] = [];
  let shown: TokenSample | undefined;
  let incapable: EngineError | null = null;
  try {
    for await (const record of split.read()) {
      throwIfCancelled(signal);
      if (options.most !== undefined && writer.count >= options.most) break;
      tally.records++;
      if (!KINDS[method].includes(record.kind)) {
        unused[record.kind] = (unused[record.kind] ?? 0) + 1;
        continue;
      }
      let rendered: Rendered;
      try {
        rendered = renderFor(method, renderer, record);
      } catch (error) {
        // Feedback holds completions and chat side by side: a model that knows only one of them learns from that.
        if (!(error instanceof EngineError) || error.reason !== "modelIncapable") throw error;
        incapable ??= error;
        rendered = { units: [], truncatedPrompts: 0, truncatedCompletions: 0, skipped: error.message };
      }
      if (rendered.skipped !== "") {
        tally.skipped++;
        if (skippedReasons.length < REASONS_KEPT) skippedReasons.push(`${record.origin.at}: ${rendered.skipped}`);
        continue;
      }
      tally.truncatedPrompts += rendered.truncatedPrompts;
      tally.truncatedCompletions += rendered.truncatedCompletions;
      const end = endTokenOf(record, renderer, tokenizer);
      for (const unit of rendered.units) {
        await writer.add({ ...unit, extra: record.kind === "task" ? JSON.stringify(record) : "" });
        for (const sample of unit.samples) {
          shown ??= sample;
          tally.samples++;
          tally.tokens += sample.tokens.length;
          tally.learntTokens += learntCount(sample);
          if (record.kind === "text" || record.kind === "task") continue;
          tally.replies++;
          const last = sample.tokens.length - 1;
          if (end !== null && sample.tokens[last] === end && sample.learnt[last] === 1) tally.ended++;
        }
      }
    }
    if (name === "train" && tally.samples === 0 && incapable !== null) throw incapable;
    const report: RenderReport = {
      records: tally.records, samples: tally.samples, tokens: tally.tokens, learntTokens: tally.learntTokens,
      truncatedPrompts: tally.truncatedPrompts, truncatedCompletions: tally.truncatedCompletions,
      unused, skipped: tally.skipped, skippedReasons, shown: shown === undefined ? [] : describeSample(shown, tokenizer),
    };
    if (name === "train") refuseUseless(method, report, tally.replies, tally.ended, longest);
    await writer.finish(fingerprint, report);
  } catch (error) {
    await writer.discard();
    throw error;
  }
  const opened = await UnitStore.open<RenderReport>(folder, name, fingerprint);
  if (opened === null) throw new EngineError("internal", `The rendered samples of "${name}" in ${folder} could not be read back. Start the run again.`, { folder, name });
  return opened;
}

function renderFor(method: TrainingMethod, renderer: Renderer, record: TrainingRecord): Rendered {
  const rendered = renderer.render(record);
  if (method !== "kto" || record.kind !== "preference") return rendered;
  return { ...rendered, units: rendered.units.flatMap(({ at, samples }) => samples.map((sample, i) => ({ at, samples: [sample], good: i === 0 }))) };
}

function endTokenOf(record: TrainingRecord, renderer: Renderer, tokenizer: SampleTokenizer): number | null {
  switch (record.kind) {
    case "text": case "task": return null;
    case "conversation": return tokenizer.chat?.endOfTurn ?? null;
    default: return renderer.endOf(record.prompt);
  }
}

function refuseUseless(method: TrainingMethod, report: RenderReport, replies: number, ended: number, longest: number): void {
  const method_ = method.toUpperCase();
  if (report.records === 0) throw new EngineError("dataInvalid", "The data set has no training record. Prepare one from sources that hold text.");
  if (report.samples === 0) {
    const others = Object.entries(report.unused).map(([kind, n]) => `${n} of kind "${kind}"`);
    const found = [...others, ...report.skipped > 0 ? [`${report.skipped} with nothing to learn (${report.skippedReasons.join("; ")})`] : []].join(", ");
    throw new EngineError("dataInvalid", `${method_} learns from records of kind ${KINDS[method].map((k) => `"${k}"`).join(" or ")}, and the data set has none that can be used: ${found}. Choose another method or other data.`, { unused: report.unused });
  }
  if (method === "grpo") return;
  if (report.learntTokens === 0) throw new EngineError("dataInvalid", `Not one of the ${report.tokens} tokens would be learnt: every sample is masked whole. Check that the data hold completions or turns of the assistant.`, { samples: report.samples });
  if (replies > 0 && ended === 0) {
    throw new EngineError("dataInvalid", `None of the ${replies} replies would be learnt with its end, so the model would never stop. ${report.truncatedCompletions > 0 ? `All are longer than the ${longest} tokens of a sample: set sequenceLength higher, or take shorter replies.` : "The model's vocabulary has no token that ends a reply: choose another model."}`, { replies, longest });
  }
}
