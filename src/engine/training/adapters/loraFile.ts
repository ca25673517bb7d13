// Adapter files in llama.cpp's GGUF LoRA format: writes what a trainer learnt, reads what is to be converted or merged, and
// holds an adapter against the base model that it is meant for. The name of a file is the hash of its content, since
// node-llama-cpp keeps adapters by path: another content under the same path would not be seen.
// Which adapter is used is not decided here (store.ts); other formats are in peft.ts.
// Source: convert_lora_to_gguf.py and src/llama-adapter.cpp of llama.cpp.
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../../base/errors.ts";
import { sha256File, syncFolder, writeFailure } from "../../base/files.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { readGguf } from "../../base/gguf.ts";
import type { GgufFile, GgufTensorInfo, GgufValue } from "../../base/gguf.ts";
import { writeGguf } from "../../base/ggufWriter.ts";
import type { GgufEntry } from "../../base/ggufWriter.ts";
import { Backend } from "../../ggml/backend.ts";
import { dequantise } from "../../ggml/dequantise.ts";
import type { NamedTensor } from "../adaptedModel.ts";
import { bytesOfFloats, floatsOfBrain, floatsOfBytes, floatsOfHalf } from "./floatFormats.ts";

/**
 * What a fixed text is worth to the model, with the adapter and without it, as the trainer computed it: the proof by which
 * the assistant sees that an adapter is truly applied.
 */
export interface Canary {
  /** Token ids; the first is only read. */
  readonly tokens: readonly number[];
  /** log p of each token but the first, with the adapter. */
  readonly adapted: readonly number[];
  /** The same of the base model alone. */
  readonly base: readonly number[];
}

/** What an adapter file says of itself. */
export interface LoraFacts {
  /** Architecture of the base model, as GGUF files name it ("llama", "qwen2"). */
  readonly architecture: string;
  /** Largest rank of its pairs. */
  readonly rank: number;
  /** The scale of a pair is alpha / its rank. */
  readonly alpha: number;
  /** Hash of the base model's file, where the adapter was made here. */
  readonly baseSha256: string | null;
  /** "sft", "dpo", …, or "imported". */
  readonly method: string | null;
  readonly datasetVersion: string | null;
  readonly run: string | null;
  readonly canary: Canary | null;
}

/** A low-rank pair: ΔW = (alpha / rank) · B·A for the matrix `target` of `inputs` columns and `outputs` rows. */
export interface LoraPair {
  /** The base model's tensor ("blk.0.attn_q.weight"). */
  readonly target: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly rank: number;
  /** `rank` rows of `inputs`. */
  readonly a: Float32Array<ArrayBuffer>;
  /** `outputs` rows of `rank`. */
  readonly b: Float32Array<ArrayBuffer>;
}

export interface LoraAdapter {
  readonly facts: LoraFacts;
  readonly pairs: readonly LoraPair[];
}

/** An adapter's file under its final name. */
export interface WrittenLora {
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

const keys = {
  baseSha256: "kalactica.base.sha256", method: "kalactica.adapter.method", dataset: "kalactica.dataset.version", run: "kalactica.run",
  rank: "kalactica.adapter.rank", canaryTokens: "kalactica.canary.tokens", canaryAdapted: "kalactica.canary.adapted", canaryBase: "kalactica.canary.base",
} as const;

/** Pairs of the tensors that a trainer gives (`….lora_a` of [inputs, rank], `….lora_b` of [rank, outputs]). Errors: `dataInvalid`. */
export function pairsOf(tensors: readonly NamedTensor[], where: string): LoraPair[] {
  const halves = new Map<string, { a?: NamedTensor; b?: NamedTensor }>();
  for (const tensor of tensors) {
    const match = /^(.+)\.lora_([ab])$/.exec(tensor.name);
    const target = match?.[1];
    if (target === undefined || tensor.shape.length !== 2) throw new EngineError("dataInvalid", `${where} holds "${tensor.name}" of shape ${tensor.shape.join(" × ")}, which is no half of a low-rank pair (.lora_a or .lora_b). Only plain LoRA adapters are understood.`, { where, tensor: tensor.name });
    const half = halves.get(target) ?? {};
    half[match?.[2] === "a" ? "a" : "b"] = tensor;
    halves.set(target, half);
  }
  return [...halves].map(([target, { a, b }]) => {
    if (a === undefined || b === undefined) throw new EngineError("dataInvalid", `${where} holds only one half of the pair for "${target}". Save the adapter again.`, { where, target });
    const [inputs = 0, rank = 0] = a.shape;
    const [rankOfB = 0, outputs = 0] = b.shape;
    if (rank !== rankOfB || a.values.length !== inputs * rank || b.values.length !== rank * outputs) {
      throw new EngineError("dataInvalid", `In ${where} the halves for "${target}" do not fit each other: ${a.shape.join(" × ")} and ${b.shape.join(" × ")}. Save the adapter again.`, { where, target });
    }
    return { target, inputs, outputs, rank, a: a.values, b: b.values };
  });
}

/** The tensors of pairs, in the order and shapes that files have. */
export function tensorsOf(pairs: readonly LoraPair[]): NamedTensor[] {
  return pairs.flatMap(({ target, inputs, outputs, rank, a, b }) => [
    { name: `${target}.lora_a`, shape: [inputs, rank], values: a },
    { name: `${target}.lora_b`, shape: [rank, outputs], values: b },
  ]);
}

/**
 * Writes an adapter into `folder` as `<sha256 of its content>.gguf`, atomically; the same adapter is the same file.
 * Errors: `dataInvalid` (no pairs, halves that do not fit, a number that is none, alpha 0), `diskFull`, `unreadable`.
 */
export async function writeLora(folder: string, adapter: LoraAdapter): Promise<WrittenLora> {
  const { facts, pairs } = adapter;
  if (pairs.length === 0) throw new EngineError("dataInvalid", "The adapter changes no matrix, so there is nothing to write.");
  // llama.cpp takes alpha 0 for "not given" and scales by 1.
  if (!(Number.isFinite(facts.alpha) && facts.alpha !== 0)) throw new EngineError("dataInvalid", `The adapter's alpha is ${facts.alpha}; it must be a number other than 0.`);
  for (const pair of pairs) {
    if (!pair.a.every(Number.isFinite) || !pair.b.every(Number.isFinite)) throw new EngineError("dataInvalid", `The adapter for "${pair.target}" holds values that are no numbers: training diverged. Take an earlier checkpoint, or train with a lower rate.`, { target: pair.target });
  }
  return inFolder(folder, (file) => writeGguf(file, {
    metadata: metadataOf(facts),
    tensors: tensorsOf(pairs).map(({ name, shape, values }) => ({ name, type: GgmlType.F32, shape, data: bytesOfFloats(values) })),
  }));
}

/** Copies an adapter file into `folder` under the hash of its content. Errors: those of reading and writing. */
export async function copyLora(from: string, folder: string): Promise<WrittenLora> {
  return inFolder(folder, async (file) => {
    const source = await open(from, "r");
    try {
      const target = await open(file, "wx");
      try {
        for await (const chunk of source.createReadStream({ autoClose: false })) await target.writeFile(chunk as Buffer);
        await target.sync();
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  });
}

async function inFolder(folder: string, write: (file: string) => Promise<void>): Promise<WrittenLora> {
  const temporary = path.join(folder, `.incoming-${process.pid}-${randomBytes(4).toString("hex")}.tmp`);
  try {
    await mkdir(folder, { recursive: true });
    await write(temporary);
    const sha256 = await sha256File(temporary);
    const file = path.join(folder, `${sha256}.gguf`);
    const { size } = await stat(temporary);
    await rename(temporary, file);
    await syncFolder(folder);
    return { file, sha256, bytes: size };
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeFailure(folder, error);
  }
}

function metadataOf(facts: LoraFacts): Map<string, GgufEntry> {
  const metadata = new Map<string, GgufEntry>([
    ["general.type", { type: "string", value: "adapter" }],
    ["general.architecture", { type: "string", value: facts.architecture }],
    ["adapter.type", { type: "string", value: "lora" }],
    ["adapter.lora.alpha", { type: "float32", value: facts.alpha }],
    [keys.rank, { type: "uint32", value: facts.rank }],
  ]);
  const texts: [string, string | null][] = [[keys.baseSha256, facts.baseSha256], [keys.method, facts.method], [keys.dataset, facts.datasetVersion], [keys.run, facts.run]];
  for (const [key, value] of texts) if (value !== null) metadata.set(key, { type: "string", value });
  if (facts.canary !== null) {
    metadata.set(keys.canaryTokens, { type: "array", elementType: "uint32", value: [...facts.canary.tokens] });
    metadata.set(keys.canaryAdapted, { type: "array", elementType: "float32", value: [...facts.canary.adapted] });
    metadata.set(keys.canaryBase, { type: "array", elementType: "float32", value: [...facts.canary.base] });
  }
  return metadata;
}

/** The header of an adapter file, and the facts in it. Errors: those of readGguf; `dataInvalid` where it is no LoRA adapter. */
export async function readLoraHeader(file: string): Promise<{ facts: LoraFacts; gguf: GgufFile }> {
  const gguf = await readGguf(file);
  const text = (key: string): string | null => textOf(gguf.metadata.get(key));
  const architecture = text("general.architecture");
  if (text("general.type") !== "adapter" || text("adapter.type") !== "lora" || architecture === null) {
    throw new EngineError("dataInvalid", `${file} is no LoRA adapter${text("general.type") === null && architecture !== null ? ` but a model of architecture "${architecture}"` : ""}. Choose an adapter in GGUF format, or the folder of a PEFT adapter.`, { file });
  }
  const ranks = gguf.tensors.filter(({ name }) => name.endsWith(".lora_b")).map(({ shape }) => shape[0] ?? 0);
  if (ranks.length === 0) throw new EngineError("dataInvalid", `The adapter ${file} holds no low-rank pair. Save it again.`, { file });
  const alpha = gguf.metadata.get("adapter.lora.alpha");
  const rank = Math.max(...ranks);
  const numbers = (key: string): number[] | null => numbersOf(gguf.metadata.get(key));
  const [tokens, adapted, base] = [numbers(keys.canaryTokens), numbers(keys.canaryAdapted), numbers(keys.canaryBase)];
  const canary = tokens !== null && adapted?.length === tokens.length - 1 && base?.length === tokens.length - 1 ? { tokens, adapted, base } : null;
  return {
    gguf,
    facts: {
      architecture, rank, alpha: typeof alpha === "number" && alpha !== 0 ? alpha : rank,
      baseSha256: text(keys.baseSha256), method: text(keys.method), datasetVersion: text(keys.dataset), run: text(keys.run), canary,
    },
  };
}

/** A whole adapter in F32. Errors: as {@link readLoraHeader}; `dataInvalid` for tensors that are no low-rank pairs. */
export async function readLora(file: string): Promise<LoraAdapter> {
  const { facts, gguf } = await readLoraHeader(file);
  const handle = await open(file, "r");
  try {
    const tensors: NamedTensor[] = [];
    for (const info of gguf.tensors) tensors.push({ name: info.name, shape: info.shape, values: await readFloats(handle, gguf, info) });
    return { facts, pairs: pairsOf(tensors, file) };
  } finally {
    await handle.close();
  }
}

async function readFloats(handle: FileHandle, gguf: GgufFile, info: GgufTensorInfo): Promise<Float32Array<ArrayBuffer>> {
  const bytes = new Uint8Array(info.sizeBytes);
  await handle.read(bytes, 0, bytes.length, gguf.dataOffset + info.offset);
  if (info.type === GgmlType.F32) return floatsOfBytes(bytes);
  if (info.type === GgmlType.F16) return floatsOfHalf(bytes);
  if (info.type === GgmlType.BF16) return floatsOfBrain(bytes);
  const backend = Backend.cpu(1);
  try {
    return dequantise(backend, bytes, info.type, info.shape);
  } finally {
    backend.close();
  }
}

/**
 * Whether the adapter can lie on the base model whose header is `base`: same architecture, every target there, every shape
 * right. Throws `dataInvalid` with the first thing that does not fit.
 */
export function requireFit(adapter: { facts: LoraFacts; targets: readonly { target: string; inputs: number; outputs: number }[] }, base: GgufFile, baseName: string): void {
  const architecture = textOf(base.metadata.get("general.architecture"));
  if (architecture !== adapter.facts.architecture) {
    throw new EngineError("dataInvalid", `The adapter is for models of architecture "${adapter.facts.architecture}", but ${baseName} is a "${String(architecture)}". Choose the model that it was trained on.`, { expected: adapter.facts.architecture, found: architecture });
  }
  const byName = new Map(base.tensors.map((tensor) => [tensor.name, tensor]));
  for (const { target, inputs, outputs } of adapter.targets) {
    const tensor = byName.get(target);
    if (tensor === undefined) throw new EngineError("dataInvalid", `The adapter changes "${target}", which ${baseName} does not have. Choose the model that it was trained on.`, { target });
    if (tensor.shape[0] !== inputs || tensor.shape[1] !== outputs) {
      throw new EngineError("dataInvalid", `The adapter's pair for "${target}" is for a matrix of ${inputs} × ${outputs}, but that of ${baseName} is ${tensor.shape.join(" × ")}. Choose the model that it was trained on.`, { target });
    }
  }
}

/** Targets and their shapes by a file's header alone. */
export function targetsOf(gguf: GgufFile): { target: string; inputs: number; outputs: number }[] {
  const outputs = new Map(gguf.tensors.filter(({ name }) => name.endsWith(".lora_b")).map(({ name, shape }) => [name.slice(0, -7), shape[1] ?? 0]));
  return gguf.tensors.filter(({ name }) => name.endsWith(".lora_a")).map(({ name, shape }) => ({ target: name.slice(0, -7), inputs: shape[0] ?? 0, outputs: outputs.get(name.slice(0, -7)) ?? 0 }));
}

function textOf(value: GgufValue | undefined): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

function numbersOf(value: GgufValue | undefined): number[] | null {
  return Array.isArray(value) && value.length > 1 && value.every((item) => typeof item === "number") ? value : null;
}
