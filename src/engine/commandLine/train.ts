// kalactica train …: training runs from the command line. The runs themselves are in training/.
import path from "node:path";
import { trainEncoder } from "../retrieval/embedder/trainEncoder.ts";
import { runPretrain } from "../training/pretrain/pretrainCommand.ts";
import { integerOption, UsageError } from "./command.ts";
import type { Command } from "./command.ts";

export const pretrainCommand: Command = {
  words: ["train", "pretrain"],
  usage: "--data FOLDER --run FOLDER [--config run.json] [--resume]",
  summary: "Train a small model from scratch (see tools/base-model/README.md for the data).",
  options: {
    data: { type: "value", placeholder: "FOLDER", description: "Tokenizer, training and held-out tokens, as tools/base-model/pack.ts writes them." },
    run: { type: "value", placeholder: "FOLDER", description: "Where checkpoints, log and the model go." },
    config: { type: "value", placeholder: "FILE", description: "Shape, batch, optimizer, schedule and seed, as JSON over the defaults." },
    resume: { type: "flag", description: "Go on from the run's last checkpoint." },
    blas: { type: "value", placeholder: "FILE", description: "Matrix products: \"ggml\", a BLAS library's file, or \"auto\" for one of this system. Default: auto." },
    threads: { type: "value", placeholder: "N", description: "Processor threads. Default: 1." },
  },
  async run(context) {
    const folder = (name: string): string => {
      const value = context.values.get(name);
      if (value === undefined) throw new UsageError(`--${name} is missing; it needs a folder.`);
      return path.resolve(value);
    };
    const config = context.values.get("config");
    const blas = context.values.get("blas");
    const result = await runPretrain(
      { data: folder("data"), run: folder("run"), resume: context.flags.has("resume"), threads: integerOption(context.values, "threads", 1), ...(config === undefined ? {} : { config: path.resolve(config) }), ...(blas === undefined ? {} : { blas }) },
      {
        signal: context.signal,
        onProgress: ({ step, loss, tokensPerSecond, heldOut }) => {
          context.progress.report(`step ${step}, loss ${loss.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s, step`, step, null);
          if (heldOut) context.progress.say(`step ${step}: held-out ${heldOut.bitsPerByte.toFixed(3)} bits per byte`);
        },
      },
    );
    const text = `${result.state === "finished" ? "Finished" : "Paused; add --resume to go on"}: ${result.step} steps, ${result.tokensSeen} tokens, ${(result.nParameters / 1e6).toFixed(1)} M parameters.\nModel: ${result.model}`;
    return { json: result, text };
  },
};

export const trainEmbedCommand: Command = {
  words: ["train", "embed"],
  usage: "--data PAIRS.jsonl --out FILE.gguf [--epochs N] [--work FOLDER]",
  summary: "Train an encoder for search from pairs of documentation and code ({query, code, name, path, lang} a line).",
  options: {
    data: { type: "value", placeholder: "FILE", description: "The pairs, as tools/embedder/pairs.ts writes them; several files separated by commas." },
    out: { type: "value", placeholder: "FILE", description: "Where the encoder goes (GGUF)." },
    exclude: { type: "value", placeholder: "FILE", description: "Texts ({text} a line) whose near-duplicates are kept out of training." },
    epochs: { type: "value", placeholder: "N", description: "Passes over the pairs. Default: 2." },
    work: { type: "value", placeholder: "FOLDER", description: "Keep words and states here, so that a stopped run goes on." },
  },
  async run({ values, progress, signal }) {
    const data = values.get("data");
    const out = values.get("out");
    if (data === undefined || out === undefined) throw new UsageError(`--${data === undefined ? "data" : "out"} is missing; it needs a file.`);
    const exclude = values.get("exclude");
    const report = await trainEncoder({
      pairsFiles: data.split(",").map((file) => path.resolve(file)), outFile: path.resolve(out), excludeFiles: exclude === undefined ? [] : [path.resolve(exclude)], epochs: integerOption(values, "epochs", 2), signal,
      ...(values.has("work") ? { workFolder: path.resolve(values.get("work") as string) } : {}),
      onStep: (step, nSteps, loss) => progress.report(`loss ${loss.toFixed(3)}, step`, step, nSteps),
    });
    return { json: report, text: `Written: ${path.resolve(out)}\n${JSON.stringify(report)}` };
  },
};
