// The trained weights of a model with their gradients and optimizer state, as ggml tensors.
// It does not compute with them (llamaLayers.ts, optimizer.ts) nor store them (checkpoint.ts).
import { EngineError } from "../../base/errors.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { TensorStore, zeroTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { WeightSpec } from "./llamaShape.ts";

/** How a parameter is updated; see optimizer.ts. */
export type UpdateRule = "muon" | "adamw";

export interface Parameter {
  readonly spec: WeightSpec;
  readonly rule: UpdateRule;
  readonly weight: Tensor;
  readonly gradient: Tensor;
  /** First moment (AdamW) or momentum (Muon). */
  readonly mean: Tensor;
  /** Second moment; Muon has none. */
  readonly variance: Tensor | undefined;
}

export class ParameterSet {
  readonly #backend: Backend;
  readonly #store: TensorStore;
  readonly #byName: ReadonlyMap<string, Parameter>;

  /** Allocates F32 weights, gradients and state for `specs`, all zero. Errors: `modelTooLarge`. */
  constructor(backend: Backend, specs: readonly WeightSpec[], ruleOf: (spec: WeightSpec) => UpdateRule) {
    this.#backend = backend;
    this.#store = new TensorStore(backend, 4 * specs.length);
    this.#byName = new Map(
      specs.map((spec) => {
        const declare = (): Tensor => this.#store.declare(GgmlType.F32, spec.shape);
        const rule = ruleOf(spec);
        return [spec.name, { spec, rule, weight: declare(), gradient: declare(), mean: declare(), variance: rule === "adamw" ? declare() : undefined }];
      }),
    );
    this.#store.allocate();
    // ggml refuses to update a tensor that is not marked as a parameter.
    for (const { weight } of this) backend.functions.ggml_set_param(weight.pointer);
  }

  get(name: string): Parameter {
    const parameter = this.#byName.get(name);
    if (parameter === undefined) throw new EngineError("internal", `The model has no weight ${name}.`);
    return parameter;
  }

  [Symbol.iterator](): IterableIterator<Parameter> {
    return this.#byName.values();
  }

  get sizeBytes(): number {
    return this.#store.sizeBytes;
  }

  zeroGradients(): void {
    for (const { gradient } of this) zeroTensor(this.#backend, gradient);
  }

  close(): void {
    this.#store.close();
  }
}
