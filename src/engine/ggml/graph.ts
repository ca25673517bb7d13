// Builds computation graphs out of ggml operations: shapes are checked here, in TypeScript, because a wrong one would end
// the process (GGML_ASSERT). What the operations compute: ggml.h. Running a graph: compiledGraph.ts.
// Every method is one ggml operation, or where a GPU lacks that the same out of operations that every GPU has, so that a step
// never leaves the GPU. The composition of layers belongs to training/.
import { EngineError } from "../base/errors.ts";
import { GgmlType, ggmlTypeInfo } from "../base/ggmlTypes.ts";
import { openContext } from "./backend.ts";
import type { Backend } from "./backend.ts";
import type { ContextPointer, GgmlFunctions, GraphPointer, TensorPointer } from "./library.ts";
import { shapeOf, Tensor } from "./tensor.ts";
import type { FullShape, Shape } from "./tensor.ts";

/** Rotary position embedding (Su et al. 2021). */
export interface RopeSettings {
  /** Rotated dimensions of a head. */
  readonly nDimensions: number;
  readonly frequencyBase: number;
  /** Which dimensions rotate together: neighbours (ggml's NORM; llama in GGUF files, the default) or i and i + n/2 (NEOX). */
  readonly pairs?: "neighbours" | "halves";
  /** Factor on positions (linear scaling), 1 by default. */
  readonly frequencyScale?: number;
  /** Divisors of the frequencies, F32 [nDimensions / 2] (Llama 3's "rope_freqs"). */
  readonly frequencyFactors?: Tensor;
}

/** A matrix product as compiledGraph.ts may hand it to a BLAS: `mul_mat` is aᵀ·b, `out_prod` is a·bᵀ, per matrix of the batch. */
export interface Product {
  readonly kind: "mulMat" | "outProd";
  readonly a: Tensor;
  readonly b: Tensor;
  readonly result: Tensor;
}

export class GraphBuilder {
  readonly backend: Backend;
  readonly maxNodes: number;
  readonly graph: GraphPointer;
  /** Matrix products of F32 tensors in this graph, by the pointer of their result. */
  readonly products = new Map<TensorPointer, Product>();
  /** Nodes that do nothing but add a product to another tensor, or copy it there, by the node's pointer. */
  readonly placements = new Map<TensorPointer, { readonly product: Product; readonly target: Tensor; readonly accumulate: boolean }>();
  /** Nodes that only look at another tensor's memory: nothing is computed for them. */
  readonly views = new Set<TensorPointer>();
  /** Whether products run at full speed on strided and transposed operands (a BLAS), or want contiguous copies first (ggml). */
  readonly stridedProducts: boolean;
  readonly #context: ContextPointer;
  readonly #f: GgmlFunctions;

  /** `maxNodes` bounds the operations of the graph; `stridedProducts` says that a BLAS will compute the products. */
  constructor(backend: Backend, maxNodes: number, stridedProducts: boolean) {
    this.backend = backend;
    this.maxNodes = maxNodes;
    this.stridedProducts = stridedProducts;
    this.#f = backend.functions;
    // On a GPU operations are tried and may be replaced by some others.
    this.#context = openContext(this.#f, (backend.isGpu ? 4 : 2) * maxNodes, this.#f.ggml_graph_overhead_custom(maxNodes, false));
    const graph = this.#f.ggml_new_graph_custom(this.#context, maxNodes, false);
    if (graph === null) throw new EngineError("internal", "ggml gave no graph.");
    this.graph = graph;
  }

  /** Adds `tensor`, and everything that it is computed from, to the graph. The order of calls is the order of computation. */
  expand(tensor: Tensor): void {
    this.#f.ggml_build_forward_expand(this.graph, tensor.pointer);
  }

  /** Like {@link expand}, and keeps the result in memory of its own, so that it can be read after computing. */
  output(tensor: Tensor): Tensor {
    this.#f.ggml_set_output(tensor.pointer);
    this.expand(tensor);
    return tensor;
  }

  /** Frees the descriptions. The graph cannot run afterwards. */
  close(): void {
    this.#f.ggml_free(this.#context);
  }

  #like(pointer: TensorPointer | null, a: Tensor, operation: string): Tensor {
    return Tensor.of(pointer, a.type, a.shape, operation);
  }

  #view(pointer: TensorPointer | null, a: Tensor, operation: string): Tensor {
    return Tensor.of(pointer, a.type, a.shape, operation, a.strides, a.owner);
  }

  #window(view: Tensor): Tensor {
    this.views.add(view.pointer);
    return view;
  }

  /** Whether the backend computes the operation behind `pointer`. */
  #computes(pointer: TensorPointer | null): boolean {
    return !this.backend.isGpu || (pointer !== null && this.backend.computes(pointer));
  }

  /** a + b; b may be smaller and is repeated. */
  add(a: Tensor, b: Tensor): Tensor {
    requireRepeats(b, a, "add");
    return this.#like(this.#f.ggml_add(this.#context, a.pointer, b.pointer), a, "add");
  }

  /** a += b; the result is a view of `a`. */
  addInPlace(a: Tensor, b: Tensor): Tensor {
    requireRepeats(b, a, "addInPlace");
    return this.#view(this.#f.ggml_add_inplace(this.#context, a.pointer, b.pointer), a, "add_inplace");
  }

  /** Element by element; b may be smaller and is repeated. */
  mul(a: Tensor, b: Tensor): Tensor {
    requireRepeats(b, a, "mul");
    return this.#like(this.#f.ggml_mul(this.#context, a.pointer, b.pointer), a, "mul");
  }

  div(a: Tensor, b: Tensor): Tensor {
    requireRepeats(b, a, "div");
    return this.#like(this.#f.ggml_div(this.#context, a.pointer, b.pointer), a, "div");
  }

  scale(a: Tensor, factor: number): Tensor {
    return this.#like(this.#f.ggml_scale(this.#context, a.pointer, factor), a, "scale");
  }

  /** a · factor + bias. */
  scaleBias(a: Tensor, factor: number, bias: number): Tensor {
    return this.#like(this.#f.ggml_scale_bias(this.#context, a.pointer, factor, bias), a, "scale_bias");
  }

  squareRoot(a: Tensor): Tensor {
    return this.#like(this.#f.ggml_sqrt(this.#context, a.pointer), a, "sqrt");
  }

  log(a: Tensor): Tensor {
    return this.#like(this.#f.ggml_log(this.#context, a.pointer), a, "log");
  }

  /** Sums blocks of `a` down to the shape of `like`: the gradient of repeating. */
  repeatBack(a: Tensor, like: Tensor): Tensor {
    requireRepeats(like, a, "repeatBack");
    return Tensor.of(this.#f.ggml_repeat_back(this.#context, a.pointer, like.pointer), a.type, like.shape, "repeat_back");
  }

  silu(a: Tensor): Tensor {
    return this.#like(this.#f.ggml_silu(this.#context, a.pointer), a, "silu");
  }

  /** Gradient of silu at `a`, times `gradient`. */
  siluBack(gradient: Tensor, a: Tensor): Tensor {
    requireSame(gradient, a, "siluBack");
    const pointer = this.#f.ggml_silu_back(this.#context, gradient.pointer, a.pointer);
    if (this.#computes(pointer)) return this.#like(pointer, a, "silu_back");
    // s·(1 + x·(1 − s)) with s = sigmoid x.
    const s = this.#like(this.#f.ggml_sigmoid(this.#context, a.pointer), a, "sigmoid");
    return this.mul(gradient, this.mul(s, this.scaleBias(this.mul(a, this.scaleBias(s, -1, 1)), 1, 1)));
  }

  /** The sum of each row: [n, m …] → [1, m …]. */
  sumRows(a: Tensor): Tensor {
    return Tensor.of(this.#f.ggml_sum_rows(this.#context, a.pointer), a.type, [1, a.shape[1], a.shape[2], a.shape[3]], "sum_rows");
  }

  /** silu(gate) · up. */
  swiglu(gate: Tensor, up: Tensor): Tensor {
    requireSame(gate, up, "swiglu");
    return this.#like(this.#f.ggml_swiglu_split(this.#context, gate.pointer, up.pointer), gate, "swiglu_split");
  }

  /** gelu(gate) · up, with gelu by its tanh form (Hendrycks & Gimpel 2016) out of a table of half-precision numbers, as in llama.cpp. */
  geglu(gate: Tensor, up: Tensor): Tensor {
    requireSame(gate, up, "geglu");
    return this.#like(this.#f.ggml_geglu_split(this.#context, gate.pointer, up.pointer), gate, "geglu_split");
  }

  tanh(a: Tensor): Tensor {
    return this.#like(this.#f.ggml_tanh(this.#context, a.pointer), a, "tanh");
  }

  /** Each row divided by its root mean square. */
  rmsNorm(a: Tensor, epsilon: number): Tensor {
    return this.#like(this.#f.ggml_rms_norm(this.#context, a.pointer, epsilon), a, "rms_norm");
  }

  rmsNormBack(gradient: Tensor, a: Tensor, epsilon: number): Tensor {
    requireSame(gradient, a, "rmsNormBack");
    const pointer = this.#f.ggml_rms_norm_back(this.#context, gradient.pointer, a.pointer, epsilon);
    if (this.#computes(pointer)) return this.#like(pointer, a, "rms_norm_back");
    // With n = a/r and r = √(mean a² + ε): (gradient − n·mean(gradient·n))/r.
    const n = this.rmsNorm(a, epsilon);
    const meanOf = (t: Tensor, bias: number): Tensor => this.scaleBias(this.sumRows(t), 1 / a.shape[0], bias);
    const across = this.mul(n, meanOf(this.mul(gradient, n), 0));
    return this.div(this.add(gradient, this.scale(across, -1)), this.squareRoot(meanOf(this.mul(a, a), epsilon)));
  }

  /** aᵀ·b: a [k, m], b [k, n] → [m, n]; outer dimensions of `a` are repeated to those of `b`. `a` may be quantised. */
  mulMat(a: Tensor, b: Tensor): Tensor {
    if (a.shape[0] !== b.shape[0] || b.shape[2] % a.shape[2] !== 0 || b.shape[3] % a.shape[3] !== 0) throw mismatch("mulMat", a, b);
    const result = Tensor.of(this.#f.ggml_mul_mat(this.#context, a.pointer, b.pointer), GgmlType.F32, [a.shape[1], b.shape[1], b.shape[2], b.shape[3]], "mul_mat");
    this.#remember({ kind: "mulMat", a, b, result });
    return result;
  }

  /** a·bᵀ: a [m, k], b [n, k] → [m, n]; outer dimensions of `a` are repeated to those of `b`. Both F32. */
  outProd(a: Tensor, b: Tensor): Tensor {
    if (a.shape[1] !== b.shape[1] || b.shape[2] % a.shape[2] !== 0 || b.shape[3] % a.shape[3] !== 0) throw mismatch("outProd", a, b);
    const pointer = this.#f.ggml_out_prod(this.#context, a.pointer, b.pointer);
    if (!this.#computes(pointer)) return this.mulMat(this.cont(this.transpose(a)), this.cont(this.transpose(b)));
    const result = Tensor.of(pointer, GgmlType.F32, [a.shape[0], b.shape[0], b.shape[2], b.shape[3]], "out_prod");
    this.#remember({ kind: "outProd", a, b, result });
    return result;
  }

  /** a·b: a [m, k], b [k, n] → [m, n], F32, by whichever ggml product is fastest here. */
  matMul(a: Tensor, b: Tensor): Tensor {
    return this.stridedProducts ? this.outProd(a, this.transpose(b)) : this.mulMat(this.cont(this.transpose(a)), this.#dense(b));
  }

  /** aᵀ·b, like {@link mulMat}, by whichever form is fastest here. */
  transposedMatMul(a: Tensor, b: Tensor): Tensor {
    return this.stridedProducts ? this.mulMat(a, b) : this.mulMat(a, this.#dense(b));
  }

  /** a·bᵀ: a [m, k], b [n, k] → [m, n], F32, by whichever ggml product is fastest here. */
  matMulTransposed(a: Tensor, b: Tensor): Tensor {
    // Two transposed copies and a mul_mat take less time than ggml's out_prod (33 against 20 GFLOP/s).
    return this.stridedProducts ? this.outProd(a, b) : this.mulMat(this.cont(this.transpose(a)), this.cont(this.transpose(b)));
  }

  /** accumulator + product, overwriting `accumulator`; `product` must be the fresh result of a product method, used nowhere else. */
  addProduct(accumulator: Tensor, product: Tensor): Tensor {
    requireSame(accumulator, product, "addProduct");
    const node = this.addInPlace(accumulator, product);
    const known = this.products.get(product.pointer);
    if (known !== undefined) this.placements.set(node.pointer, { product: known, target: accumulator, accumulate: true });
    return node;
  }

  /** Writes a product into `target`, for example a window of a larger tensor; `product` as for {@link addProduct}. */
  placeProduct(target: Tensor, product: Tensor): Tensor {
    requireSame(target, product, "placeProduct");
    const node = this.copy(product, target);
    const known = this.products.get(product.pointer);
    if (known !== undefined) this.placements.set(node.pointer, { product: known, target, accumulate: false });
    return node;
  }

  /** A tensor without a value: room for what {@link placeProduct} and {@link copy} write. */
  empty(type: number, shape: Shape): Tensor {
    const full = shapeOf(shape);
    return Tensor.of(this.#f.ggml_new_tensor_4d(this.#context, type, ...full), type, full, "ggml_new_tensor");
  }

  #dense(a: Tensor): Tensor {
    return a.isContiguous ? a : this.cont(a);
  }

  #remember(product: Product): void {
    if (product.a.type === GgmlType.F32 && product.b.type === GgmlType.F32) this.products.set(product.result.pointer, product);
  }

  /** Every element of `a` [n, m] as F32, in whatever format it is; itself where it is F32. `rowNumbers` (I32) holds 0, 1, 2 … at least to m − 1. */
  toFloats(a: Tensor, rowNumbers: Tensor): Tensor {
    if (a.type === GgmlType.F32) return a;
    // Copying shares the work among threads, but takes a call per block: worth it only for blocks as long as those of K formats.
    if ((ggmlTypeInfo(a.type)?.blockElements ?? 1) >= 256) return this.copy(a, this.empty(GgmlType.F32, a.shape));
    return this.getRows(a, this.view(rowNumbers, [a.shape[1]], 0));
  }

  /** A contiguous copy. */
  cont(a: Tensor): Tensor {
    return this.#like(this.#f.ggml_cont(this.#context, a.pointer), a, "cont");
  }

  /** Copies `from` into `to`, converting its type; the result is a view of `to`. */
  copy(from: Tensor, to: Tensor): Tensor {
    if (from.nElements !== to.nElements) throw mismatch("copy", from, to);
    return this.#view(this.#f.ggml_cpy(this.#context, from.pointer, to.pointer), to, "cpy");
  }

  /** Swaps the two innermost dimensions, without copying. */
  transpose(a: Tensor): Tensor {
    const [n0, n1, n2, n3] = a.shape;
    const [s0, s1, s2, s3] = a.strides;
    return this.#window(Tensor.of(this.#f.ggml_transpose(this.#context, a.pointer), a.type, [n1, n0, n2, n3], "transpose", [s1, s0, s2, s3], a.owner));
  }

  /** Dimension i becomes dimension `axes[i]`, without copying. */
  permute(a: Tensor, axes: FullShape): Tensor {
    const shape: [number, number, number, number] = [1, 1, 1, 1];
    const strides: [number, number, number, number] = [0, 0, 0, 0];
    for (const [from, to] of axes.entries()) {
      shape[to] = a.shape[from as 0 | 1 | 2 | 3];
      strides[to] = a.strides[from as 0 | 1 | 2 | 3];
    }
    if (new Set(axes).size !== 4) throw new EngineError("internal", `permute was given the axes ${axes.join(", ")}.`);
    return this.#window(Tensor.of(this.#f.ggml_permute(this.#context, a.pointer, ...axes), a.type, shape, "permute", strides, a.owner));
  }

  /** The same elements in another shape; `a` must be contiguous. */
  reshape(a: Tensor, shape: Shape): Tensor {
    const full = shapeOf(shape);
    if (!a.isContiguous || full.reduce((product, n) => product * n, 1) !== a.nElements) throw new EngineError("internal", `reshape cannot turn ${a.shape.join(" × ")} into ${full.join(" × ")}.`);
    return this.#window(Tensor.of(this.#f.ggml_reshape_4d(this.#context, a.pointer, ...full), a.type, full, "reshape", undefined, a.owner));
  }

  /** A window of `a`, without copying: `shape` elements from `offsetBytes`, with the strides of `a` unless given. */
  view(a: Tensor, shape: Shape, offsetBytes: number, strides: FullShape = a.strides): Tensor {
    const full = shapeOf(shape);
    const pointer = this.#f.ggml_view_4d(this.#context, a.pointer, ...full, strides[1], strides[2], strides[3], offsetBytes);
    return this.#window(Tensor.of(pointer, a.type, full, "view", strides, a.owner));
  }

  /** Rows of `a` [n, m] at indices `rows` (I32) [k] → F32 [n, k]. `a` may be quantised. */
  getRows(a: Tensor, rows: Tensor): Tensor {
    return Tensor.of(this.#f.ggml_get_rows(this.#context, a.pointer, rows.pointer), GgmlType.F32, [a.shape[0], rows.shape[0], rows.shape[1], rows.shape[2]], "get_rows");
  }

  /** Adds the columns of `gradient` [n, k] into zeros of the shape of `like` [n, m], at indices `rows`. */
  getRowsBack(gradient: Tensor, rows: Tensor, like: Tensor): Tensor {
    return Tensor.of(this.#f.ggml_get_rows_back(this.#context, gradient.pointer, rows.pointer, like.pointer), GgmlType.F32, like.shape, "get_rows_back");
  }

  /** Overwrites rows of `a` at indices `rows` with `values`; the result is a view of `a`. */
  setRows(a: Tensor, values: Tensor, rows: Tensor): Tensor {
    if (a.shape[0] !== values.shape[0] || values.shape[1] !== rows.shape[0]) throw mismatch("setRows", a, values);
    return this.#view(this.#f.ggml_set_rows(this.#context, a.pointer, values.pointer, rows.pointer), a, "set_rows");
  }

  /** softmax along dimension 0, overwriting `a`. */
  softMaxInPlace(a: Tensor): Tensor {
    return this.#view(this.#f.ggml_soft_max_inplace(this.#context, a.pointer), a, "soft_max_inplace");
  }

  /** softmax(a · scale + mask) along dimension 0, overwriting `a`; `mask` [n, m] is repeated over the outer dimensions. */
  maskedSoftMaxInPlace(a: Tensor, mask: Tensor | null, scale: number): Tensor {
    return this.#view(this.#f.ggml_soft_max_ext_inplace(this.#context, a.pointer, mask?.pointer ?? null, scale, 0), a, "soft_max_ext_inplace");
  }

  /** Gradient of softmax(x · scale) where `softMax` is its result, overwriting `gradient`. */
  softMaxBackInPlace(gradient: Tensor, softMax: Tensor, scale: number): Tensor {
    requireSame(gradient, softMax, "softMaxBack");
    const pointer = this.#f.ggml_soft_max_ext_back_inplace(this.#context, gradient.pointer, softMax.pointer, scale, 0);
    if (this.#computes(pointer)) return this.#view(pointer, gradient, "soft_max_ext_back_inplace");
    const centre = this.sumRows(this.mul(softMax, gradient));
    return this.scale(this.mul(softMax, this.add(gradient, this.scale(centre, -1))), scale);
  }

  /** Rotates `a` [headSize, nHeads, nTokens] by `positions` (I32) [nTokens]. Source: Su et al. 2021 (RoFormer). */
  rope(a: Tensor, positions: Tensor, settings: RopeSettings): Tensor {
    return this.#like(this.#f.ggml_rope_ext(...this.#ropeArguments(a, positions, settings)), a, "rope_ext");
  }

  /** The gradient of {@link rope}: rotates back. */
  ropeBack(a: Tensor, positions: Tensor, settings: RopeSettings): Tensor {
    const pointer = this.#f.ggml_rope_ext_back(...this.#ropeArguments(a, positions, settings));
    if (this.#computes(pointer)) return this.#like(pointer, a, "rope_ext_back");
    return this.rope(a, positions, { ...settings, frequencyScale: -(settings.frequencyScale ?? 1) });
  }

  #ropeArguments(a: Tensor, positions: Tensor, { nDimensions, frequencyBase, pairs, frequencyScale, frequencyFactors }: RopeSettings): Parameters<GgmlFunctions["ggml_rope_ext"]> {
    if (positions.shape[0] !== a.shape[2]) throw mismatch("rope", a, positions);
    if (frequencyFactors !== undefined && frequencyFactors.shape[0] !== nDimensions / 2) throw mismatch("rope", a, frequencyFactors);
    // Modes of ggml: 0 NORM, 2 NEOX. The last four numbers are YaRN's, off.
    return [this.#context, a.pointer, positions.pointer, frequencyFactors?.pointer ?? null, nDimensions, pairs === "halves" ? 2 : 0, 0, frequencyBase, frequencyScale ?? 1, 0, 1, 32, 1];
  }

  /** One AdamW step in place. `parameters`: [rate, β1, β2, ε, decay, 1/(1−β1ᵗ), 1/(1−β2ᵗ)]. */
  adamw(weights: Tensor, gradient: Tensor, mean: Tensor, variance: Tensor, parameters: Tensor): Tensor {
    for (const other of [gradient, mean, variance]) requireSame(weights, other, "adamw");
    return this.#view(this.#f.ggml_opt_step_adamw(this.#context, weights.pointer, gradient.pointer, mean.pointer, variance.pointer, parameters.pointer), weights, "opt_step_adamw");
  }
}

function mismatch(operation: string, a: Tensor, b: Tensor): EngineError {
  return new EngineError("internal", `${operation} cannot join ${a.shape.join(" × ")} and ${b.shape.join(" × ")}.`);
}

function requireSame(a: Tensor, b: Tensor, operation: string): void {
  if (a.shape.some((n, axis) => n !== b.shape[axis])) throw mismatch(operation, a, b);
}

function requireRepeats(small: Tensor, large: Tensor, operation: string): void {
  if (small.shape.some((n, axis) => (large.shape[axis] ?? 1) % n !== 0)) throw mismatch(operation, large, small);
}
