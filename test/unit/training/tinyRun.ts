// A pretraining run small enough for unit tests: a byte-level tokenizer without merges, a repetitive text, a llama of some
// thousand weights.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import type { TokenizerFile } from "../../../src/engine/training/pretrain/exportGguf.ts";
import { bytesToAlphabet } from "../../../src/engine/training/tokenizer/byteAlphabet.ts";

const specialNames = ["<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|end|>", "<|pad|>"];

export const tinyTokenizer: TokenizerFile = {
  tokens: [...specialNames, ...Array.from({ length: 256 }, (_, byte) => bytesToAlphabet(Uint8Array.of(byte)))],
  merges: [],
  special: Object.fromEntries(specialNames.map((name, id) => [name, id])),
};

/** Token ids of ASCII text. */
export function encodeAscii(text: string): number[] {
  return [...Buffer.from(text)].map((byte) => byte + specialNames.length);
}

export const tinyConfig = {
  name: "tiny",
  shape: { dim: 32, nLayers: 2, nHeads: 4, nKvHeads: 2, feedForward: 64, ropeBase: 10_000 },
  batch: { sequenceLength: 32, sequencesPerMicroBatch: 2, microBatchesPerStep: 2, headChunk: 24, queryBlock: 16 },
  schedule: { steps: 12, warmupSteps: 2, decaySteps: 4 },
  initialisation: { kind: "plain" },
  optimizer: { muonRate: 0.05, embeddingRate: 0.02, adamRate: 0.02 },
  evaluateEverySteps: 6,
  checkpointEverySteps: 3,
  evaluateTokens: 128,
};

/** Writes a data folder and run.json into `folder`; gives their paths. */
export async function writeTinyRun(folder: string, config: object = tinyConfig): Promise<{ data: string; config: string }> {
  const data = path.join(folder, "data");
  await mkdir(data, { recursive: true });
  const random = new SeededRandom(9);
  const words = ["const ", "value ", "= ", "add(", "a, ", "b);\n"];
  const text = (length: number): number[] => {
    const tokens: number[] = [];
    while (tokens.length < length) {
      tokens.push(...encodeAscii(words[random.integer(words.length)] ?? ""));
      if (random.integer(12) === 0) tokens.push(3, ...encodeAscii("a+b"), 4, 0);
    }
    return tokens.slice(0, length);
  };
  const file = (name: string, content: string | Uint8Array): Promise<void> => writeFile(path.join(data, name), content);
  await file("tokenizer.json", JSON.stringify(tinyTokenizer));
  await file("train.u16", new Uint8Array(Uint16Array.from(text(6000)).buffer));
  await file("heldout.u16", new Uint8Array(Uint16Array.from(text(600)).buffer));
  await file("heldout.json", JSON.stringify({ documents: [{ language: "ts", start: 0, tokens: 300 }, { language: "py", start: 300, tokens: 300 }] }));
  const configFile = path.join(folder, "run.json");
  await writeFile(configFile, JSON.stringify(config));
  return { data, config: configFile };
}
