// Lays samples side by side into batches, longest first, so that few tokens of a batch stay empty. Samples see only
// themselves (segments), and positions count anew in each. It knows no losses: how a loss spreads over the batches of a step
// is decided by its weights, so that accumulation equals one large batch exactly.
import { EngineError } from "../../base/errors.ts";
import type { PackedBatch } from "../adaptedModel.ts";
import type { TokenSample } from "./tokenSample.ts";

/** Where a sample lies in a batch. */
export interface PackedSample {
  /** Number of the unit in what was packed, and of the sample in its unit. */
  readonly unit: number;
  readonly sample: number;
  readonly offset: number;
  readonly length: number;
}

export interface Packed {
  readonly batch: PackedBatch;
  readonly samples: readonly PackedSample[];
}

/**
 * Packs units in first-fit decreasing order (Johnson 1973: at most 11/9 of the fewest batches). The samples of a unit stay
 * in one batch where they fit, so that a loss over a pair needs one pass. The same input gives the same batches.
 * Batches are filled to a multiple of `multipleOf` tokens, so that few different lengths occur.
 * Errors: `dataInvalid` where a sample is longer than `maxTokens`.
 */
export function pack(units: readonly (readonly TokenSample[])[], maxTokens: number, multipleOf = 1): Packed[] {
  const pieces: { readonly unit: number; readonly samples: readonly { readonly index: number; readonly sample: TokenSample }[]; readonly length: number }[] = [];
  for (const [unit, samples] of units.entries()) {
    const all = samples.map((sample, index) => ({ index, sample }));
    const length = samples.reduce((n, s) => n + s.tokens.length, 0);
    if (length <= maxTokens) pieces.push({ unit, samples: all, length });
    else for (const one of all) pieces.push({ unit, samples: [one], length: one.sample.tokens.length });
  }
  const bins: { room: number; pieces: typeof pieces }[] = [];
  const order = pieces.map((_, i) => i).sort((a, b) => (pieces[b]?.length ?? 0) - (pieces[a]?.length ?? 0) || a - b);
  for (const i of order) {
    const piece = pieces[i];
    if (piece === undefined || piece.length === 0) continue;
    if (piece.length > maxTokens) throw new EngineError("dataInvalid", `A sample has ${piece.length} tokens, more than the ${maxTokens} of a batch. Set batchTokens higher or sequenceLength lower.`, { length: piece.length, maxTokens });
    let bin = bins.find((b) => b.room >= piece.length);
    if (bin === undefined) {
      bin = { room: maxTokens, pieces: [] };
      bins.push(bin);
    }
    bin.pieces.push(piece);
    bin.room -= piece.length;
  }
  return bins.map((bin) => fill(bin.pieces, maxTokens, multipleOf));
}

function fill(pieces: readonly { readonly unit: number; readonly samples: readonly { readonly index: number; readonly sample: TokenSample }[] }[], maxTokens: number, multipleOf: number): Packed {
  const used = pieces.reduce((n, p) => n + p.samples.reduce((m, s) => m + s.sample.tokens.length, 0), 0);
  const nTokens = Math.min(maxTokens, Math.ceil(used / multipleOf) * multipleOf);
  const batch = {
    nTokens, tokens: new Int32Array(nTokens), labels: new Int32Array(nTokens), learnt: new Uint8Array(nTokens),
    positions: new Int32Array(nTokens), segments: new Int32Array(nTokens).fill(-1),
  };
  const samples: PackedSample[] = [];
  let offset = 0;
  for (const piece of pieces) {
    for (const { index, sample } of piece.samples) {
      const length = sample.tokens.length;
      for (let t = 0; t < length; t++) {
        batch.tokens[offset + t] = sample.tokens[t] ?? 0;
        batch.positions[offset + t] = t;
        batch.segments[offset + t] = samples.length;
        // What stands at a token is the prediction of the next one; the last predicts nothing.
        batch.labels[offset + t] = sample.tokens[t + 1] ?? 0;
        batch.learnt[offset + t] = sample.learnt[t + 1] ?? 0;
      }
      samples.push({ unit: piece.unit, sample: index, offset, length });
      offset += length;
    }
  }
  return { batch, samples };
}

/** The log-probabilities of a packed sample's learnt tokens, in order, out of those of its batch. */
export function learntOf(values: Float32Array, batch: PackedBatch, at: PackedSample): Float32Array {
  const out: number[] = [];
  for (let t = at.offset; t < at.offset + at.length; t++) if (batch.learnt[t] === 1) out.push(values[t] ?? 0);
  return Float32Array.from(out);
}

/** Writes a value for each learnt token of a packed sample into `target`, which is as long as its batch. */
export function spread(values: ArrayLike<number>, batch: PackedBatch, at: PackedSample, target: Float32Array): void {
  let i = 0;
  for (let t = at.offset; t < at.offset + at.length; t++) if (batch.learnt[t] === 1) target[t] = values[i++] ?? 0;
}
