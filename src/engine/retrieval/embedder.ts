// What a maker of embeddings must offer: the embedded subword encoder (embedder/) and any GGUF embedder satisfy it.
// How vectors are stored and searched is decided elsewhere.

/** Whether a text is asked for or searched in; models trained on asymmetric pairs treat them differently. */
export type EmbeddingKind = "query" | "passage";

/** Turns texts into unit vectors whose inner product is their similarity. */
export interface Embedder {
  /** Human-readable name, for example "kalactica-embed". */
  readonly id: string;
  /** Identifies weights and preprocessing: vectors of different hashes are never compared. */
  readonly hash: string;
  /** Length of every vector. */
  readonly dimension: number;
  /** One unit vector per text, in order; a text without any known piece gives the zero vector. */
  embed(texts: readonly string[], kind: EmbeddingKind, signal?: AbortSignal): Promise<Float32Array[]>;
}
