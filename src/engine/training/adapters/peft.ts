// Adapters of Hugging Face's PEFT (adapter_config.json, adapter_model.safetensors) to and from low-rank pairs under
// llama.cpp's names. What cannot be said in llama.cpp's format is refused with a sentence, never dropped.
//
// Three things differ between the two:
// - Names: `model.layers.3.self_attn.q_proj` is `blk.3.attn_q.weight`.
// - Order of Q and K in "llama": transformers rotates the two halves of a head (i with i + n/2), llama.cpp adjacent numbers
//   (2i with 2i + 1), so that converting such a model reorders the rows of W_q and W_k (LlamaModel.permute of
//   convert_hf_to_gguf.py). ΔW = B·A must be reordered alike: these are the rows of B. The embedded base model was trained
//   in llama.cpp's order; transformers, when it opens a GGUF file, undoes the same reordering, so the same rule holds.
//   Qwen and Gemma rotate halves in llama.cpp too (NEOX): nothing to do.
// - Scale: PEFT has alpha/r, or alpha/√r (rsLoRA, Kalajdzievski 2023), and may have another r and alpha per module;
//   llama.cpp has one alpha and divides by the rank of each pair. One alpha that is right for most is taken, and what
//   differs is multiplied into B.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import type { GgufFile, GgufValue } from "../../base/gguf.ts";
import type { LoraAdapter, LoraPair } from "./loraFile.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import type { SafeTensor } from "./safetensors.ts";

/** What of the base model the conversion needs. */
export interface BaseLayout {
  readonly architecture: string;
  readonly nHeads: number;
  readonly nKvHeads: number;
}

/** GGUF name by PEFT module; the same for all architectures below. */
const modules: readonly (readonly [peft: string, gguf: string])[] = [
  ["self_attn.q_proj", "attn_q"], ["self_attn.k_proj", "attn_k"], ["self_attn.v_proj", "attn_v"], ["self_attn.o_proj", "attn_output"],
  ["mlp.gate_proj", "ffn_gate"], ["mlp.up_proj", "ffn_up"], ["mlp.down_proj", "ffn_down"],
];
const ggufOfModule = new Map(modules);
const moduleOfGguf = new Map(modules.map(([peft, gguf]) => [gguf, peft]));

/** PEFT's name of a linear ("q_proj") by GGUF's ("attn_q"). */
export function peftModule(gguf: string): string {
  return moduleOfGguf.get(gguf)?.split(".")[1] ?? gguf;
}

const architectures: readonly string[] = ["llama", "qwen2", "qwen3", "gemma3"];

const configName = "adapter_config.json";
const weightsName = "adapter_model.safetensors";

/** Reads from a base model's header what the conversion needs. Errors: `modelIncapable` for an architecture that is not known here. */
export function layoutOf(base: GgufFile, baseName: string): BaseLayout {
  const architecture = base.metadata.get("general.architecture");
  if (typeof architecture !== "string" || !architectures.includes(architecture)) {
    throw new EngineError("modelIncapable", `${baseName} has the architecture "${String(architecture)}"; PEFT adapters are converted for ${architectures.join(", ")}. Choose such a model.`, { architecture });
  }
  const heads = sizeOf(base.metadata.get(`${architecture}.attention.head_count`));
  const kvHeads = sizeOf(base.metadata.get(`${architecture}.attention.head_count_kv`)) ?? heads;
  if (heads === null || kvHeads === null) throw new EngineError("modelForeign", `${baseName} does not say how many attention heads it has, or has another number in each layer. Choose another model.`, { architecture });
  return { architecture, nHeads: heads, nKvHeads: kvHeads };
}

/** The repository of the model in transformers' format that a GGUF file was made from, where the file says so. */
export function repositoryOf(base: GgufFile): string | null {
  for (const key of ["general.source.huggingface.repository", "general.repo_url", "general.source.url", "general.base_model.0.repo_url"]) {
    const value = base.metadata.get(key);
    const repository = typeof value === "string" ? value.replace(/^https:\/\/huggingface\.co\//, "") : "";
    if (/^[\w.-]+\/[\w.-]+$/.test(repository)) return repository;
  }
  return null;
}

/** Reads the adapter in `folder`. Errors: `notFound`, `unreadable`, `dataInvalid` with what cannot be represented. */
export async function readPeft(folder: string, layout: BaseLayout): Promise<LoraAdapter> {
  const config = await readConfig(folder);
  requireRepresentable(config, folder);
  const halves = new Map<string, { module: string; a?: SafeTensor; b?: SafeTensor }>();
  for (const tensor of await readSafetensors(path.join(folder, weightsName))) {
    const { target, module, half } = placeOf(tensor, folder);
    const entry = halves.get(target) ?? { module };
    entry[half] = tensor;
    halves.set(target, entry);
  }
  if (halves.size === 0) throw new EngineError("dataInvalid", `The adapter in ${folder} holds no weights. Save it again.`, { folder });
  const pairs = [...halves].sort(([one], [other]) => compareTargets(one, other)).map(([target, { module, a, b }]) => {
    const [rank = 0, inputs = 0] = a?.shape ?? [];
    const [outputs = 0, rankOfB = 0] = b?.shape ?? [];
    if (a === undefined || b === undefined || a.shape.length !== 2 || b.shape.length !== 2 || rank !== rankOfB || rank === 0) {
      throw new EngineError("dataInvalid", `The adapter in ${folder} holds no fitting pair lora_A and lora_B for ${module}. Save it again.`, { folder, module });
    }
    return { pair: { target, inputs, outputs, rank, a: a.values, b: reordered(b.values, target, outputs, layout, "toGguf") }, scale: scaleOf(config, module, rank) };
  });
  const rank = Math.max(...pairs.map(({ pair }) => pair.rank));
  // The alpha that makes most pairs right as they are.
  const alphas = pairs.map(({ pair, scale }) => scale * pair.rank);
  const alpha = Math.fround(mostFrequent(alphas));
  return {
    facts: { architecture: layout.architecture, rank, alpha, baseSha256: null, method: "imported", datasetVersion: null, run: null, canary: null },
    pairs: pairs.map(({ pair }, i) => (Math.fround(alphas[i] ?? alpha) === alpha ? pair : { ...pair, b: pair.b.map((value) => (value * (alphas[i] ?? alpha)) / alpha) })),
  };
}

/** Writes `folder/adapter_config.json` and `adapter_model.safetensors`. `baseName` is what PEFT will load as the base. Errors: `dataInvalid` for a matrix that PEFT has no module for; `diskFull`. */
export async function writePeft(folder: string, adapter: LoraAdapter, layout: BaseLayout, baseName: string): Promise<string[]> {
  const tensors: SafeTensor[] = [];
  const places = adapter.pairs.map((pair) => {
    const match = /^blk\.(\d+)\.(\w+)\.weight$/.exec(pair.target);
    const module = moduleOfGguf.get(match?.[2] ?? "");
    if (match === null || module === undefined) throw new EngineError("dataInvalid", `The adapter changes "${pair.target}", for which PEFT models of this architecture have no module. Export it as GGUF instead.`, { target: pair.target });
    const name = `model.layers.${match[1]}.${module}`;
    tensors.push(
      { name: `base_model.model.${name}.lora_A.weight`, shape: [pair.rank, pair.inputs], values: pair.a },
      { name: `base_model.model.${name}.lora_B.weight`, shape: [pair.outputs, pair.rank], values: reordered(pair.b, pair.target, pair.outputs, layout, "fromGguf") },
    );
    return { name, layer: Number(match[1]), suffix: module.split(".")[1] ?? module, rank: pair.rank };
  });
  const { rank, alpha } = adapter.facts;
  const odd = places.filter((place) => place.rank !== rank);
  const config = {
    peft_type: "LORA", task_type: "CAUSAL_LM", base_model_name_or_path: baseName, inference_mode: true, bias: "none", lora_dropout: 0, fan_in_fan_out: false,
    r: rank, lora_alpha: alpha, use_rslora: false, use_dora: false, modules_to_save: null, init_lora_weights: true,
    target_modules: targetModules(places),
    // Scale is alpha/rank in llama.cpp's format for every pair, so alpha is the same everywhere.
    rank_pattern: Object.fromEntries(odd.map((place) => [place.name.replaceAll(".", "\\."), place.rank])), alpha_pattern: {},
  };
  const files = [path.join(folder, configName), path.join(folder, weightsName)];
  await writeFileAtomic(files[0] as string, `${JSON.stringify(config, null, 2)}\n`);
  await writeSafetensors(files[1] as string, tensors, { format: "pt" });
  return files;
}

/** Module names alone where each stands in every layer; full paths otherwise, so that PEFT makes no pairs that are not there. */
function targetModules(places: readonly { name: string; layer: number; suffix: string }[]): string[] {
  const layers = new Set(places.map(({ layer }) => layer)).size;
  const suffixes = [...new Set(places.map(({ suffix }) => suffix))];
  return layers === Math.max(...places.map(({ layer }) => layer)) + 1 && suffixes.length * layers === places.length ? suffixes : places.map(({ name }) => name);
}

/** The rows of B in the other order, where the architecture has one. */
function reordered(b: Float32Array<ArrayBuffer>, target: string, outputs: number, layout: BaseLayout, direction: "toGguf" | "fromGguf"): Float32Array<ArrayBuffer> {
  const query = target.endsWith(".attn_q.weight");
  if (layout.architecture !== "llama" || !(query || target.endsWith(".attn_k.weight"))) return b;
  const heads = query ? layout.nHeads : layout.nKvHeads;
  const half = outputs / heads / 2;
  if (!Number.isInteger(half)) throw new EngineError("dataInvalid", `The adapter's pair for "${target}" has ${outputs} rows, which are not ${heads} heads of an even size. Choose the model that it was trained on.`, { target });
  const rank = b.length / outputs;
  const result = new Float32Array(b.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < half; i++) {
      for (const part of [0, 1]) {
        // transformers: row `part · half + i` of a head; llama.cpp: row `2i + part`.
        const split = (2 * head + part) * half + i;
        const adjacent = 2 * (head * half + i) + part;
        const [from, to] = direction === "toGguf" ? [split, adjacent] : [adjacent, split];
        result.set(b.subarray(from * rank, (from + 1) * rank), to * rank);
      }
    }
  }
  return result;
}

type Config = Readonly<Record<string, unknown>>;

async function readConfig(folder: string): Promise<Config> {
  const file = path.join(folder, configName);
  let value: unknown;
  try {
    value = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") throw new EngineError("notFound", `There is no ${configName} in ${folder}. Choose the folder of a PEFT adapter, or an adapter in GGUF format.`, { folder }, error);
    throw new EngineError("dataInvalid", `${file} cannot be read as JSON. Save the adapter again.`, { file }, error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new EngineError("dataInvalid", `${file} holds no configuration. Save the adapter again.`, { file });
  if (!(await isFile(path.join(folder, weightsName)))) {
    const pickled = await isFile(path.join(folder, "adapter_model.bin"));
    throw new EngineError("notFound", `There is no ${weightsName} in ${folder}.${pickled ? " The adapter_model.bin there is a Python pickle, which can run code and is therefore not opened." : ""} Save the adapter with safe_serialization=True.`, { folder });
  }
  return value as Config;
}

/** Initialisations that change the base model's weights too, so that the adapter fits no base that anybody else has. */
const changingInitialisations = /^(pissa|olora|corda|loftq|lora_ga)/i;

/** Throws `dataInvalid` with the first thing in the configuration that llama.cpp's format cannot say. */
function requireRepresentable(config: Config, folder: string): void {
  const refuse = (what: string, remedy: string): never => {
    throw new EngineError("dataInvalid", `The adapter in ${folder} cannot be used: ${what}. ${remedy}`, { folder });
  };
  if (config["peft_type"] !== "LORA") refuse(`its kind is ${JSON.stringify(config["peft_type"])}, and only "LORA" can be converted`, "Train a LoRA adapter.");
  if (config["use_dora"] === true) refuse("it is a DoRA adapter, which also scales every column of the base", "Train without use_dora, or merge it into the base.");
  if (isFilled(config["modules_to_save"])) refuse(`it replaces whole modules of the base (modules_to_save: ${JSON.stringify(config["modules_to_save"])})`, "Train without modules_to_save, or merge it into the base.");
  if (isFilled(config["trainable_token_indices"])) refuse("it trains single rows of the embedding (trainable_token_indices)", "Train without it, or merge it into the base.");
  if (isFilled(config["target_parameters"])) refuse("it changes parameters outside of linear layers (target_parameters)", "Train linear layers only.");
  if (isFilled(config["layer_replication"])) refuse("it replicates layers of the base (layer_replication)", "Train without it.");
  if (isFilled(config["alora_invocation_tokens"])) refuse("it is an activated LoRA, which applies only after certain tokens", "Train a plain LoRA adapter.");
  if (config["fan_in_fan_out"] === true) refuse("its matrices are transposed (fan_in_fan_out), which no supported architecture needs", "Save it from a model of a supported architecture.");
  if (config["lora_bias"] === true || (config["bias"] !== undefined && config["bias"] !== "none")) refuse(`it trains biases (bias: ${JSON.stringify(config["bias"])})`, "Train with bias \"none\".");
  const initialisation = config["init_lora_weights"];
  if (typeof initialisation === "string" && changingInitialisations.test(initialisation)) {
    refuse(`it was initialised by ${initialisation}, which changed the base model's weights as well`, "Save it converted to plain LoRA (path_initial_model_for_weight_conversion).");
  }
  if (config["lora_alpha"] === 0) refuse("its alpha is 0, so it changes nothing", "Train with another alpha.");
}

/** Where a tensor of the file belongs. Errors: `dataInvalid` for what is no half of a pair of a known linear. */
function placeOf(tensor: SafeTensor, folder: string): { target: string; module: string; half: "a" | "b" } {
  const refuse = (what: string): never => {
    throw new EngineError("dataInvalid", `The adapter in ${folder} cannot be used: it holds "${tensor.name}", ${what}. Train only the linear layers of attention and feed-forward.`, { folder, tensor: tensor.name });
  };
  // Files written with the name of the adapter in it have "lora_A.default.weight".
  const match = /^(?:base_model\.model\.)?(.+)\.lora_([AB])(?:\.\w+)?\.weight$/.exec(tensor.name);
  const module = match?.[1];
  if (module === undefined) return refuse(/embed/.test(tensor.name) ? "an embedding" : /magnitude/.test(tensor.name) ? "a magnitude of DoRA" : "which is no half of a low-rank pair");
  const place = /^(?!.*(?:vision|audio|encoder))(?:.*\.)?layers\.(\d+)\.((?:self_attn|mlp)\.\w+)$/.exec(module);
  const gguf = ggufOfModule.get(place?.[2] ?? "");
  if (place === null || gguf === undefined) return refuse(/lm_head/.test(module) ? "a change of the output layer" : "a module that is not known");
  return { target: `blk.${place[1]}.${gguf}.weight`, module, half: match?.[2] === "A" ? "a" : "b" };
}

/** The factor of B·A for this module, as PEFT computes it. */
function scaleOf(config: Config, module: string, rank: number): number {
  const alpha = patternValue(config["alpha_pattern"], module) ?? config["lora_alpha"] ?? 8;
  if (typeof alpha !== "number" || !Number.isFinite(alpha)) throw new EngineError("dataInvalid", `The adapter's lora_alpha is ${JSON.stringify(alpha)}; a number was expected.`);
  return config["use_rslora"] === true ? alpha / Math.sqrt(rank) : alpha / rank;
}

/** PEFT's rule (get_pattern_key): a key holds for modules whose path ends with what it matches, as a regular expression. */
function patternValue(patterns: unknown, module: string): unknown {
  if (typeof patterns !== "object" || patterns === null) return undefined;
  const found = Object.entries(patterns).find(([key]) => {
    try {
      return new RegExp(`^(?:.*\\.)?(?:${key})$`).test(module);
    } catch {
      throw new EngineError("dataInvalid", `The adapter's configuration has the pattern "${key}", which is no regular expression.`, { key });
    }
  });
  return found?.[1];
}

/** Layers in their order, and within one the order of {@link modules}. */
function compareTargets(one: string, other: string): number {
  const [layerOne, layerOther] = [one, other].map((name) => Number(name.split(".")[1]));
  const order = (name: string): number => modules.findIndex(([, gguf]) => gguf === name.split(".")[2]);
  return (layerOne ?? 0) - (layerOther ?? 0) || order(one) - order(other);
}

function mostFrequent(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce((best, entry) => (entry[1] > best[1] ? entry : best))[0];
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : typeof value === "object" && value !== null ? Object.keys(value).length > 0 : value !== undefined && value !== null && value !== false && value !== "";
}

function sizeOf(value: GgufValue | undefined): number | null {
  const same = Array.isArray(value) && value.every((item) => item === value[0]) ? value[0] : value;
  return typeof same === "number" && same > 0 ? same : null;
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then((found) => found.isFile(), () => false);
}

/** Whether `folder` looks like a PEFT adapter's. */
export async function isPeftFolder(folder: string): Promise<boolean> {
  return isFile(path.join(folder, configName));
}

/** Pairs whose B is all zero change nothing; an adapter of nothing else was never trained. */
export function changesNothing(pairs: readonly LoraPair[]): boolean {
  return pairs.every(({ a, b }) => b.every((value) => value === 0) || a.every((value) => value === 0));
}
