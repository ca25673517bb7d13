// Which tokens attend to which in a packed batch, as the additive masks that attention takes, block of queries by block.
// Source of packing with attention reset between samples: Krell et al. 2021.
import type { PackedBatch } from "../adaptedModel.ts";

/** A run of queries and where its mask begins in the flat tensor of masks. */
export interface MaskBlock {
  readonly start: number;
  readonly nQueries: number;
  readonly offset: number;
}

/** Cuts `nTokens` queries into blocks of `size`, the last one shorter where it does not divide. */
export function maskBlocks(nTokens: number, size: number): MaskBlock[] {
  let offset = 0;
  return Array.from({ length: Math.ceil(nTokens / size) }, (_, i) => {
    const start = i * size;
    const block = { start, nQueries: Math.min(size, nTokens - start), offset };
    offset += (start + block.nQueries) * block.nQueries;
    return block;
  });
}

/** Numbers of all masks of {@link maskBlocks}. */
export function maskElements(blocks: readonly MaskBlock[]): number {
  return blocks.reduce((sum, { start, nQueries }) => sum + (start + nQueries) * nQueries, 0);
}

/**
 * Writes 0 where a query may attend to a key and −∞ where not into `masks`, one [start + nQueries, nQueries] matrix per block.
 * A token attends to itself and to earlier ones of its segment, with a `window` only to those fewer than `window` positions before;
 * padding (and tokens beyond the batch) attends to itself alone, because a row without any key would give NaN.
 */
export function fillMasks(masks: Float32Array, blocks: readonly MaskBlock[], batch: PackedBatch, window: number | undefined): void {
  masks.fill(-Infinity);
  for (const { start, nQueries, offset } of blocks) {
    const nKeys = start + nQueries;
    for (let i = 0; i < nQueries; i++) {
      const query = start + i;
      const row = offset + i * nKeys;
      masks[row + query] = 0;
      const segment = batch.segments[query] ?? -1;
      if (query >= batch.nTokens || segment < 0) continue;
      const first = (batch.positions[query] ?? 0) - (window ?? Infinity);
      for (let key = query - 1; key >= 0; key--) {
        if (batch.segments[key] === segment && (batch.positions[key] ?? 0) > first) masks[row + key] = 0;
      }
    }
  }
}
