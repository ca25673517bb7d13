// Adapters small enough for unit tests: random pairs for the linears of a model that writeTinyModel wrote.
import { readGguf } from "../../../src/engine/base/gguf.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { writeLora } from "../../../src/engine/training/adapters/loraFile.ts";
import type { Canary, LoraAdapter, WrittenLora } from "../../../src/engine/training/adapters/loraFile.ts";

export interface TestAdapter {
  seed?: number;
  rank?: number;
  alpha?: number;
  /** Size of the numbers in B; 0 changes nothing. */
  size?: number;
  baseSha256?: string | null;
  canary?: Canary | null;
}

/** A random adapter for every linear of the model at `modelFile`. */
export async function randomAdapter(modelFile: string, { seed = 1, rank = 4, alpha = 8, size = 0.3, baseSha256 = null, canary = null }: TestAdapter = {}): Promise<LoraAdapter> {
  const gguf = await readGguf(modelFile);
  const random = new SeededRandom(seed);
  const draw = (n: number, scale: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: n }, () => scale * random.normal());
  return {
    facts: { architecture: String(gguf.metadata.get("general.architecture")), rank, alpha, baseSha256, method: "sft", datasetVersion: "d1", run: "r1", canary },
    pairs: gguf.tensors.filter(({ name }) => /\.(attn_[qkv]|attn_output|ffn_(gate|up|down))\.weight$/.test(name)).map(({ name, shape }) => {
      const [inputs = 0, outputs = 0] = shape;
      return { target: name, inputs, outputs, rank, a: draw(rank * inputs, 1 / Math.sqrt(inputs)), b: draw(rank * outputs, size) };
    }),
  };
}

export async function writeRandomAdapter(modelFile: string, folder: string, options: TestAdapter = {}): Promise<WrittenLora> {
  return writeLora(folder, await randomAdapter(modelFile, options));
}
