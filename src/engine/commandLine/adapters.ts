// kalactica adapters …: what training made, which of it is live, and ways in and out.
import path from "node:path";
import type { AdapterFormat, AdapterInfo } from "../protocol/training.ts";
import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { withEngine } from "./openEngine.ts";

const FORMATS: readonly AdapterFormat[] = ["gguf", "peft", "merged"];

function only(positionals: readonly string[], what: string): string {
  if (positionals.length !== 1) throw new UsageError(`Expected one ${what}, got ${positionals.length}.`);
  return positionals[0]!;
}

function table(adapters: readonly AdapterInfo[]): string {
  if (adapters.length === 0) return "No adapter was trained or imported here yet.";
  const rows = adapters.map((adapter) => [
    adapter.active ? "*" : " ", adapter.sha256.slice(0, 12), adapter.model, `rank ${adapter.rank}`, `${(adapter.bytes / 1e6).toFixed(1)} MB`,
    new Date(adapter.createdAt).toISOString().slice(0, 16).replace("T", " "), adapter.run ?? "imported",
    adapter.problem ?? (adapter.receipt === null ? "" : `held-out perplexity ${adapter.receipt.heldOut.perplexityBefore.toFixed(2)} → ${adapter.receipt.heldOut.perplexityAfter.toFixed(2)}`),
  ]);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()).join("\n");
}

export const ADAPTER_COMMANDS: readonly Command[] = [
  {
    words: ["adapters", "list"], usage: "", summary: "Adapters of this folder; * marks the one that is active.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const adapters = await engine.adapters.list();
      return { json: { adapters }, text: table(adapters) };
    }),
  },
  {
    words: ["adapters", "activate"], usage: "ID", summary: "Use this adapter in chat and completion, after proving that it is applied.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const adapter = await engine.adapters.activate(only(context.positionals, "adapter id"));
      return { json: adapter, text: `Active: ${adapter.sha256.slice(0, 12)} on ${adapter.model}.` };
    }),
  },
  {
    words: ["adapters", "deactivate"], usage: "", summary: "Back to the base model alone.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      await engine.adapters.deactivate();
      return { json: { active: null }, text: "No adapter is active: the base model answers alone." };
    }),
  },
  {
    words: ["adapters", "rollback"], usage: "", summary: "Back to what was active before.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const adapter = await engine.adapters.rollback();
      return { json: { active: adapter }, text: adapter === null ? "Back to the base model alone." : `Back to ${adapter.sha256.slice(0, 12)}.` };
    }),
  },
  {
    words: ["adapters", "import"], usage: "FOLDER|FILE", summary: "Take in an adapter for the chosen model: a PEFT folder, or a GGUF LoRA file.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const adapter = await engine.adapters.importFrom(path.resolve(only(context.positionals, "folder or file")));
      return { json: adapter, text: `Imported ${adapter.sha256.slice(0, 12)} for ${adapter.model}. Use it with: kalactica adapters activate ${adapter.sha256.slice(0, 12)}` };
    }),
  },
  {
    words: ["adapters", "export"], usage: "ID --format gguf|peft|merged --out PATH", summary: "Write an adapter for other programs.",
    options: {
      format: { type: "value", placeholder: "FORMAT", description: "\"gguf\" (LoRA for llama.cpp), \"peft\" (a folder for Hugging Face PEFT), or \"merged\" (a whole model)." },
      out: { type: "value", placeholder: "PATH", description: "Where it goes: a folder for peft, a file otherwise. It must not exist yet." },
    },
    run: (context) => {
      const format = context.values.get("format") ?? "gguf";
      const out = context.values.get("out");
      const id = only(context.positionals, "adapter id");
      if (!(FORMATS as readonly string[]).includes(format)) throw new UsageError(`--format is "${format}", but must be one of ${FORMATS.join(", ")}.`);
      if (out === undefined) throw new UsageError("--out is missing; it needs a path.");
      return withEngine(context, { workspace: true }, async (engine) => {
        const result = await engine.adapters.export(id, format as AdapterFormat, path.resolve(out), {
          signal: context.signal, onProgress: (label, done, total) => context.progress.report(label, done, total),
        });
        const { merge } = result;
        const notes = merge === undefined ? [] : [
          `Merged ${merge.merged} matrices. Storing them in the model's number formats loses ${(100 * merge.relativeLoss).toFixed(0)} % of the size of the change.`,
          ...merge.converted.map(({ name, from, to }) => `${name} is now ${to}: ${from} cannot be written without the data that it was made with.`),
        ];
        return { json: result, text: [...result.files.map((file) => `Written: ${file}`), ...notes].join("\n") };
      });
    },
  },
  {
    words: ["adapters", "remove"], usage: "ID", summary: "Delete an adapter that is not active.", options: {},
    run: (context) => withEngine(context, { workspace: true }, async (engine) => {
      const id = only(context.positionals, "adapter id");
      await engine.adapters.remove(id);
      return { json: { removed: id }, text: `Removed ${id}.` };
    }),
  },
];
