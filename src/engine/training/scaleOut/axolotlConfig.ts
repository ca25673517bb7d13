// The same run for Axolotl: its YAML, and rows in the data formats that it knows. Axolotl is another way to TRL's trainers,
// popular on rented clusters; nothing here runs it. What its formats cannot say is refused.
// Source: docs/dataset-formats and docs/rlhf.qmd of Axolotl.
import { stringify } from "yaml";
import { EngineError } from "../../base/errors.ts";
import type { TrainingMessage } from "../../base/trainingRecord.ts";
import { peftModule } from "../adapters/peft.ts";
import type { RunConfig } from "../tune/runConfig.ts";
import type { ClusterMethod, TrlRow, TrlText } from "./trlRows.ts";

/** Rows of one format go to one file: "chat" is rendered by the model's template, "plain" stands as it is. */
export type AxolotlForm = "chat" | "plain";

/** The row as Axolotl reads it. `end` is put after what ends without a marker of its own. Errors: `badRequest`. */
export function axolotlRow(row: TrlRow, end: string): { form: AxolotlForm; row: unknown } {
  if ("text" in row) return { form: "plain", row: { segments: [{ label: true, text: row.text + end }] } };
  if ("messages" in row) return { form: "chat", row: { messages: row.messages.map((message) => ({ ...message, training: message.role === "assistant" })) } };
  if ("chosen" in row) {
    if (typeof row.prompt === "string") return { form: "plain", row: { prompt: row.prompt, chosen: plain(row.chosen, end), rejected: plain(row.rejected, end) } };
    return { form: "chat", row: { messages: row.prompt, chosen: only(row.chosen), rejected: only(row.rejected) } };
  }
  if ("label" in row) {
    if (typeof row.prompt !== "string") throw new EngineError("badRequest", "Axolotl's KTO has no format for conversations in the model's own template. Export for TRL (--format trl), or train with DPO.");
    return { form: "plain", row: { prompt: row.prompt, completion: plain(row.completion, end), label: row.label } };
  }
  if (typeof row.prompt === "string") return { form: "plain", row: { segments: [{ label: false, text: row.prompt }, { label: true, text: plain(row.completion, end) }] } };
  return { form: "chat", row: { messages: [...row.prompt.map((message) => ({ ...message, training: false })), { ...only(row.completion), training: true }] } };
}

/** The content of axolotl.yaml. `forms` are those that the rows of each split came in; files are `<form>.jsonl` and `validation-<form>.jsonl`. */
export function axolotlYaml(method: ClusterMethod, config: RunConfig, base: string, forms: { readonly train: readonly AxolotlForm[]; readonly validation: readonly AxolotlForm[] }): string {
  const { adapter, optimizer } = config;
  const microBatch = Math.min(4, config.batchSize);
  const data = (present: readonly AxolotlForm[], prefix: string): unknown[] => present.map((form) => ({ path: `${prefix}${form}.jsonl`, ds_type: "json", split: "train", ...typeOf(method, form) }));
  return stringify({
    base_model: base,
    ...method === "sft" ? {} : { rl: method === "dpo" && config.dpo.loss === "ipo" ? "ipo" : method, rl_beta: method === "dpo" ? config.dpo.beta : config.kto.beta },
    ...method === "dpo" ? dpoSettings(config) : {},
    ...method === "kto" ? { kto_desirable_weight: config.kto.desirableWeight, kto_undesirable_weight: config.kto.undesirableWeight, remove_unused_columns: false } : {},
    datasets: data(forms.train, ""),
    ...forms.validation.length > 0 ? { test_datasets: data(forms.validation, "validation-") } : { val_set_size: 0 },
    ...forms.train.includes("chat") ? { chat_template: "tokenizer_default" } : {},
    adapter: "lora", lora_r: adapter.rank, lora_alpha: adapter.alpha, lora_dropout: 0, lora_target_modules: adapter.targets.map(peftModule),
    ...adapter.rankStabilised ? { peft_use_rslora: true } : {},
    sequence_len: config.sequenceLength > 0 ? config.sequenceLength : 2048, sample_packing: method === "sft", train_on_inputs: false,
    micro_batch_size: microBatch, gradient_accumulation_steps: Math.max(1, Math.round(config.batchSize / microBatch)), num_epochs: config.epochs,
    ...config.maxSteps > 0 ? { max_steps: config.maxSteps } : {},
    learning_rate: optimizer.learningRate, lr_scheduler: config.schedule === "constant" ? "constant_with_warmup" : config.schedule, warmup_ratio: config.warmupShare,
    optimizer: "adamw_torch", adam_beta1: optimizer.beta1, adam_beta2: optimizer.beta2, adam_epsilon: optimizer.epsilon, weight_decay: optimizer.weightDecay,
    ...Number.isFinite(optimizer.clipNorm) ? { max_grad_norm: optimizer.clipNorm } : {},
    bf16: "auto", gradient_checkpointing: true, seed: config.seed, output_dir: "./adapter", logging_steps: 1,
  });
}

function dpoSettings({ dpo }: RunConfig): Record<string, unknown> {
  if (dpo.loss === "hinge" || dpo.loss === "robust" || dpo.lengthNormalised) throw new EngineError("badRequest", `Axolotl has no setting for ${dpo.lengthNormalised ? "length-normalised DPO" : `the DPO loss "${dpo.loss}"`}. Export for TRL (--format trl), or use dpo.loss "sigmoid" or "ipo".`);
  return { ...dpo.labelSmoothing > 0 ? { dpo_label_smoothing: dpo.labelSmoothing } : {}, ...dpo.sftWeight > 0 ? { rpo_alpha: dpo.sftWeight } : {} };
}

function typeOf(method: ClusterMethod, form: AxolotlForm): Record<string, unknown> {
  if (method === "sft") return form === "plain" ? { type: "input_output" } : { type: "chat_template", field_messages: "messages", message_field_training: "training" };
  if (method === "kto") return { type: { field_prompt: "prompt", field_completion: "completion", field_label: "label", prompt_format: "{prompt}", completion_format: "{completion}" } };
  return form === "chat" ? { type: "chat_template.default", field_messages: "messages", field_chosen: "chosen", field_rejected: "rejected" }
    : { type: { field_prompt: "prompt", field_chosen: "chosen", field_rejected: "rejected", prompt_format: "{prompt}", chosen_format: "{chosen}", rejected_format: "{rejected}" } };
}

function plain(text: TrlText, end: string): string {
  const content = typeof text === "string" ? text : only(text).content;
  return content.endsWith(end) ? content : content + end;
}

function only(text: TrlText): TrainingMessage {
  const message = typeof text === "string" ? { role: "assistant" as const, content: text } : text[0];
  if (message === undefined) throw new EngineError("dataInvalid", "A record has an empty reply. Prepare the data set again.");
  return message;
}
