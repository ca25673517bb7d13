// A logistic model over hashed features, one signed byte a weight. It scores; what a score means is the caller's.
// Files are made by tools/screens/fit.ts.
import { readFileSync } from "node:fs";
import { mediaFile } from "../../base/paths.ts";
import { FEATURE_BITS } from "./textFeatures.ts";
import type { Features } from "./textFeatures.ts";

export interface LinearModelFile {
  readonly format: "kalactica-linear-1";
  readonly name: string;
  readonly bits: number;
  readonly bias: number;
  /** What a weight of 1 in the bytes stands for. */
  readonly scale: number;
  /** 2^bits signed bytes, base64. */
  readonly weights: string;
  readonly fitted: Readonly<Record<string, unknown>>;
}

export class LinearModel {
  readonly #weights: Int8Array;
  readonly #scale: number;
  readonly #bias: number;

  /** Errors: a RangeError where the file is not of this form. */
  constructor(file: LinearModelFile) {
    const bytes = Buffer.from(file.weights, "base64");
    if (file.format !== "kalactica-linear-1" || file.bits !== FEATURE_BITS || bytes.length !== 1 << FEATURE_BITS) throw new RangeError(`The model "${file.name}" does not have ${1 << FEATURE_BITS} weights of the known form.`);
    this.#weights = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#scale = file.scale;
    this.#bias = file.bias;
  }

  /** Log odds. */
  logit({ buckets, values }: Features): number {
    let sum = 0;
    for (let i = 0; i < buckets.length; i++) sum += (this.#weights[buckets[i] ?? 0] ?? 0) * (values[i] ?? 0);
    return this.#bias + sum * this.#scale;
  }

  /** In (0, 1). */
  probability(features: Features): number {
    return 1 / (1 + Math.exp(-this.logit(features)));
  }
}

const opened = new Map<string, LinearModel>();

/** The model `media/screens/<name>.json`, read once a process. */
export function openLinearModel(name: string): LinearModel {
  let model = opened.get(name);
  if (!model) opened.set(name, model = new LinearModel(JSON.parse(readFileSync(mediaFile("screens", `${name}.json`), "utf8")) as LinearModelFile));
  return model;
}
