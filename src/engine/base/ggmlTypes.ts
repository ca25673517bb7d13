// The number formats of ggml tensors, as they stand in GGUF files: id, name, elements and bytes per block.
// It does not convert between them (src/engine/ggml does).
// Source: enum ggml_type in ggml.h and the block structures in ggml-common.h of llama.cpp.

/** One tensor format: `blockElements` consecutive elements of a row take `blockBytes` bytes. */
export interface GgmlTypeInfo {
  readonly id: number;
  readonly name: string;
  readonly blockElements: number;
  readonly blockBytes: number;
}

const table: readonly (readonly [id: number, name: string, blockElements: number, blockBytes: number])[] = [
  [0, "F32", 1, 4],
  [1, "F16", 1, 2],
  [2, "Q4_0", 32, 18],
  [3, "Q4_1", 32, 20],
  [6, "Q5_0", 32, 22],
  [7, "Q5_1", 32, 24],
  [8, "Q8_0", 32, 34],
  [9, "Q8_1", 32, 36],
  [10, "Q2_K", 256, 84],
  [11, "Q3_K", 256, 110],
  [12, "Q4_K", 256, 144],
  [13, "Q5_K", 256, 176],
  [14, "Q6_K", 256, 210],
  [15, "Q8_K", 256, 292],
  [16, "IQ2_XXS", 256, 66],
  [17, "IQ2_XS", 256, 74],
  [18, "IQ3_XXS", 256, 98],
  [19, "IQ1_S", 256, 50],
  [20, "IQ4_NL", 32, 18],
  [21, "IQ3_S", 256, 110],
  [22, "IQ2_S", 256, 82],
  [23, "IQ4_XS", 256, 136],
  [24, "I8", 1, 1],
  [25, "I16", 1, 2],
  [26, "I32", 1, 4],
  [27, "I64", 1, 8],
  [28, "F64", 1, 8],
  [29, "IQ1_M", 256, 56],
  [30, "BF16", 1, 2],
  [34, "TQ1_0", 256, 54],
  [35, "TQ2_0", 256, 66],
  [39, "MXFP4", 32, 17],
];

const byId = new Map<number, GgmlTypeInfo>(
  table.map(([id, name, blockElements, blockBytes]) => [id, { id, name, blockElements, blockBytes }]),
);

/** Ids of the formats that this engine itself writes or computes with. */
export const GgmlType = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 8, Q4_K: 12, Q6_K: 14, I32: 26, BF16: 30 } as const;
export type GgmlType = (typeof GgmlType)[keyof typeof GgmlType];

/** The format with this id, or undefined where this engine does not know it. */
export function ggmlTypeInfo(id: number): GgmlTypeInfo | undefined {
  return byId.get(id);
}

/** Every format this engine knows, in order of id. */
export function ggmlTypes(): IterableIterator<GgmlTypeInfo> {
  return byId.values();
}

/**
 * Bytes that a tensor of `shape` (innermost dimension first) takes in format `type`,
 * or undefined where the rows are not whole blocks.
 */
export function tensorBytes(type: GgmlTypeInfo, shape: readonly number[]): number | undefined {
  const row = shape[0] ?? 1;
  if (row % type.blockElements !== 0) return undefined;
  return shape.reduce((product, n) => product * n, 1) / type.blockElements * type.blockBytes;
}
