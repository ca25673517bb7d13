// Reads the weights of an existing llama GGUF into trainable parameters, so that training goes on from a model that was
// exported, shipped or downloaded (without optimizer state, which checkpoints hold). The tokenizer is not read.
import { open } from "node:fs/promises";
import { EngineError } from "../../base/errors.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { readGguf } from "../../base/gguf.ts";
import { dequantise } from "../../ggml/dequantise.ts";
import { writeTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import { headSize } from "./llamaShape.ts";
import type { LlamaShape } from "./llamaShape.ts";
import type { ParameterSet } from "./parameters.ts";

/**
 * Overwrites every parameter with the weights of `file`, converted to F32 from whatever format they have.
 * Errors: `modelTooNew` where the architecture is another one, `badRequest` where the shape is; those of reading GGUF.
 */
export async function loadWeights(file: string, backend: Backend, shape: LlamaShape, parameters: ParameterSet): Promise<void> {
  const gguf = await readGguf(file);
  const architecture = gguf.metadata.get("general.architecture");
  if (architecture !== "llama") {
    throw new EngineError("modelTooNew", `${file} has the architecture "${String(architecture)}"; only "llama" can be trained so far. Choose another model.`, { file });
  }
  const wanted: [string, number][] = [
    ["llama.embedding_length", shape.dim], ["llama.block_count", shape.nLayers], ["llama.feed_forward_length", shape.feedForward],
    ["llama.attention.head_count", shape.nHeads], ["llama.attention.head_count_kv", shape.nKvHeads],
    ["llama.rope.dimension_count", headSize(shape)], ["llama.rope.freq_base", shape.ropeBase],
  ];
  for (const [key, value] of wanted) {
    const found = gguf.metadata.get(key);
    if (found !== undefined && found !== value) throw new EngineError("badRequest", `${file} has ${key} ${String(found)}, the configuration ${value}. Give the run the model's own shape.`, { file, key });
  }
  const infos = new Map(gguf.tensors.map((info) => [info.name, info]));
  const handle = await open(file, "r");
  try {
    for (const { spec, weight } of parameters) {
      const info = infos.get(spec.name);
      const fits = info !== undefined && spec.shape.every((n, axis) => info.shape[axis] === n) && info.shape.length === spec.shape.length;
      if (!fits) throw new EngineError("badRequest", `${file} has no tensor ${spec.name} of shape ${spec.shape.join(" × ")}. Give the run the model's own shape.`, { file, tensor: spec.name });
      const bytes = new Uint8Array(info.sizeBytes);
      await handle.read(bytes, 0, bytes.length, gguf.dataOffset + info.offset);
      writeTensor(backend, weight, info.type === GgmlType.F32 ? bytes : dequantise(backend, bytes, info.type, weight.shape));
    }
  } finally {
    await handle.close();
  }
}
