// How well a model predicts text it never saw: bits per byte, which compares across tokenizers.
import type { LlamaNetwork } from "../network/llamaNetwork.ts";
import type { HeldOutDocument } from "./trainingData.ts";

export interface HeldOutResult {
  /** −log₂ p of the text, per UTF-8 byte of it. */
  readonly bitsPerByte: number;
  readonly bitsPerByteByLanguage: Readonly<Record<string, number>>;
  readonly nTokens: number;
}

/** Windows of the held-out stream, spread evenly over it, that a measurement reads; the same ones every time. */
export function heldOutWindows(nTokens: number, windowLength: number, maxTokens: number): number[] {
  const available = Math.floor((nTokens - 1) / windowLength);
  const wanted = Math.min(available, Math.max(1, Math.floor(maxTokens / windowLength)));
  return Array.from({ length: wanted }, (_, i) => Math.floor((i * available) / wanted) * windowLength);
}

/**
 * Measures on `windowLength`-token windows that begin with no context; every token but each window's first is predicted.
 * `network` is a graph without backward pass. `betweenBatches` is awaited so that the process stays responsive.
 */
export async function measureHeldOut(
  network: LlamaNetwork, windowLength: number, tokens: Uint16Array, bytesOf: Uint16Array, documents: readonly HeldOutDocument[],
  maxTokens: number, betweenBatches: () => Promise<void>,
): Promise<HeldOutResult> {
  const starts = heldOutWindows(tokens.length, windowLength, maxTokens);
  const perBatch = network.nTokens / windowLength;
  const languageAt = languageLookup(documents);
  const bits = new Map<string, number>();
  const bytes = new Map<string, number>();
  let nTokens = 0;
  const input = new Int32Array(network.nTokens);
  const labels = new Int32Array(network.nTokens);
  const noWeights = new Float32Array(network.nTokens);
  for (let first = 0; first < starts.length; first += perBatch) {
    const batch = starts.slice(first, first + perBatch);
    for (const [sequence, start] of batch.entries()) {
      for (let t = 0; t < windowLength; t++) {
        input[sequence * windowLength + t] = tokens[start + t] ?? 0;
        labels[sequence * windowLength + t] = tokens[start + t + 1] ?? 0;
      }
    }
    const logProbabilities = network.run(input, labels, noWeights);
    for (const [sequence, start] of batch.entries()) {
      for (let t = 0; t < windowLength; t++) {
        const language = languageAt(start + t + 1);
        const at = sequence * windowLength + t;
        bits.set(language, (bits.get(language) ?? 0) - (logProbabilities[at] ?? 0) / Math.LN2);
        bytes.set(language, (bytes.get(language) ?? 0) + (bytesOf[labels[at] ?? 0] ?? 0));
        nTokens++;
      }
    }
    await betweenBatches();
  }
  const sum = (map: Map<string, number>): number => [...map.values()].reduce((a, b) => a + b, 0);
  return {
    bitsPerByte: sum(bits) / sum(bytes),
    bitsPerByteByLanguage: Object.fromEntries([...bits].map(([language, n]) => [language, n / (bytes.get(language) ?? NaN)])),
    nTokens,
  };
}

/** The language of the document at a position; documents are in order of their start. */
function languageLookup(documents: readonly HeldOutDocument[]): (position: number) => string {
  return (position) => {
    let low = 0;
    let high = documents.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((documents[middle]?.start ?? 0) <= position) low = middle;
      else high = middle - 1;
    }
    return documents[low]?.language ?? "all";
  };
}
