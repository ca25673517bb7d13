// kalactica models …: what is installed, what could be, and which one is used.
import path from "node:path";
import type { ModelInfo } from "../protocol/types.ts";
import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { withEngine } from "./openEngine.ts";

function table(models: readonly ModelInfo[]): string {
  const rows = models.map((model) => [
    model.active ? "*" : " ", model.id, model.quantisation, model.sizeBytes > 0 ? `${(model.sizeBytes / 1e6).toFixed(0)} MB` : "", model.licence.replace(/ \(.*/, ""),
    model.remote ? `at ${model.remote.host}${model.remote.leavesMachine ? ", LEAVES THIS MACHINE" : ""}` : model.installed ? "installed" : "to download", model.fit === null ? "" : model.fit.fits ? "fits" : "too large",
  ]);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd()).join("\n");
}

function describe(model: ModelInfo): string {
  const lines: [string, string][] = [
    ["name", model.name], ["file", model.file ?? "not downloaded"], ["sha256", model.sha256 ?? "unknown"], ["licence", model.licence],
    ["architecture", model.architecture], ["parameters", `${(model.parameters / 1e6).toFixed(1)} M`], ["quantisation", model.quantisation],
    ["size", `${(model.sizeBytes / 1e6).toFixed(1)} MB`], ["context", `${model.contextSize} tokens`],
    ["infill tokens", model.fimTokens ? "yes" : "no"], ["chat template", model.chatTemplate ? "yes" : "no"],
    ["can", Object.entries(model.capabilities).filter(([, able]) => able).map(([name]) => name).join(", ") || "nothing KaLactica uses"],
    ["this machine", model.fit?.explanation ?? "not estimated"],
  ];
  return lines.map(([name, value]) => `${name.padEnd(14)} ${value}`).join("\n");
}

function only(positionals: readonly string[], what: string): string {
  if (positionals.length !== 1) throw new UsageError(`Expected one ${what}, got ${positionals.length}.`);
  return positionals[0]!;
}

export const MODEL_COMMANDS: readonly Command[] = [
  {
    words: ["models", "list"], usage: "", summary: "Models on this machine, and recommended ones to download.", options: {},
    run: (context) => withEngine(context, { workspace: false }, async (engine) => {
      const models = await engine.listModels();
      return { json: { models }, text: table(models) };
    }),
  },
  {
    words: ["models", "inspect"], usage: "FILE", summary: "What a GGUF file is, and whether it fits this machine.", options: {},
    run: (context) => withEngine(context, { workspace: false }, async (engine) => {
      const model = await engine.inspectModel(path.resolve(only(context.positionals, "file")));
      return { json: model, text: describe(model) };
    }),
  },
  {
    words: ["models", "use"], usage: "ID|FILE", summary: "Use this model from now on.", options: {},
    run: (context) => withEngine(context, { workspace: false }, async (engine) => {
      const wanted = only(context.positionals, "model id or file");
      const model = await engine.useModel(wanted.endsWith(".gguf") ? path.resolve(wanted) : wanted);
      return { json: model, text: `Now using ${model.name}.\n${describe(model)}` };
    }),
  },
  {
    words: ["models", "measure"], usage: "ID|FILE", summary: "How quickly a model reads and writes on this machine; kept for the gallery.", options: {},
    run: (context) => withEngine(context, { workspace: false }, async (engine) => {
      const wanted = only(context.positionals, "model id or file");
      const speed = await engine.gallery.measure(wanted.endsWith(".gguf") ? path.resolve(wanted) : wanted, context.signal);
      const says = (perSecond: number | null, n: number): string => (perSecond === null ? "too little to tell" : `${perSecond} tokens a second (over ${n})`);
      return { json: speed, text: [`reads          ${says(speed.promptPerSecond, speed.nPrompt)}`, `writes         ${speed.nGenerated === 0 ? "nothing" : says(speed.generatedPerSecond, speed.nGenerated)}`, `device         ${speed.device}`].join("\n") };
    }),
  },
  {
    words: ["models", "remove"], usage: "ID", summary: "Delete a downloaded model.", options: {},
    run: (context) => withEngine(context, { workspace: false }, async (engine) => {
      const id = only(context.positionals, "model id");
      await engine.gallery.remove(id);
      return { json: { removed: id }, text: `The model ${id} was deleted.` };
    }),
  },
  {
    words: ["models", "pull"], usage: "URI", summary: "Download a model (hf:owner/repo/file.gguf or https://…), resuming and verifying it.", options: {},
    run: (context) => withEngine(context, { workspace: false }, async (engine) => {
      const model = await engine.pullModel(only(context.positionals, "URI"), {
        signal: context.signal,
        onProgress: ({ receivedBytes, totalBytes, bytesPerSecond }) => context.progress.report(`downloading, ${(bytesPerSecond / 1e6).toFixed(1)} MB/s, MB`, Math.round(receivedBytes / 1e6), totalBytes === null ? null : Math.round(totalBytes / 1e6)),
      });
      return { json: model, text: describe(model) };
    }),
  },
];
