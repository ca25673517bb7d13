// Runs a graph: gives its intermediate tensors memory and computes it on the backend, with matrix products handed to a BLAS
// where there is one. The graph itself is the same either way, so that what is tested with ggml alone holds for both.
import { EngineError } from "../base/errors.ts";
import { openContext } from "./backend.ts";
import type { Backend } from "./backend.ts";
import type { Blas, PreparedCall } from "./blas.ts";
import type { GraphBuilder } from "./graph.ts";
import type { AllocatorPointer, ContextPointer, DataPointer, GraphPointer, TensorPointer } from "./library.ts";
import type { Tensor } from "./tensor.ts";

/** A run of ggml nodes, or one product by BLAS; in the order of computation. */
type Stage = { readonly graph: GraphPointer } | { readonly call: PreparedCall };

export class CompiledGraph {
  readonly #backend: Backend;
  readonly #builder: GraphBuilder;
  readonly #allocator: AllocatorPointer;
  readonly #stages: readonly Stage[];
  readonly #stageContext: ContextPointer | undefined;
  /** Bytes of intermediate tensors. */
  readonly computeBytes: number;
  readonly nNodes: number;
  /** Matrix products that BLAS computes. */
  readonly nBlasProducts: number;

  /** Takes over `builder`, which must not grow any more. Errors: `modelTooLarge` where memory is short. */
  constructor(backend: Backend, builder: GraphBuilder, blas?: Blas) {
    const { functions } = backend;
    this.#backend = backend;
    this.#builder = builder;
    const allocator = functions.ggml_gallocr_new(backend.bufferType);
    if (allocator === null || !functions.ggml_gallocr_alloc_graph(allocator, builder.graph)) {
      throw new EngineError("modelTooLarge", "There is not enough memory to compute with this model. Choose a smaller batch, a shorter sequence or a smaller model.");
    }
    this.#allocator = allocator;
    this.computeBytes = functions.ggml_gallocr_get_buffer_size(allocator, 0);
    this.nNodes = functions.ggml_graph_n_nodes(builder.graph);
    if (blas === undefined) {
      this.#stages = [{ graph: builder.graph }];
      this.nBlasProducts = 0;
      return;
    }
    const split = splitAtProducts(backend, builder, this.nNodes, blas);
    this.#stages = split.stages;
    this.#stageContext = split.context;
    this.nBlasProducts = split.stages.filter((stage) => "call" in stage).length;
  }

  /** Computes every node once. Blocks this thread until done. Errors: `trainingFailed` where ggml reports a failure. */
  compute(): void {
    const { functions, pointer } = this.#backend;
    for (const stage of this.#stages) {
      if ("call" in stage) {
        stage.call();
        continue;
      }
      const status = functions.ggml_backend_graph_compute(pointer, stage.graph);
      if (status !== 0) throw new EngineError("trainingFailed", `ggml could not compute (status ${status}); memory may be short.`, { status });
    }
  }

  close(): void {
    const { functions } = this.#backend;
    functions.ggml_gallocr_free(this.#allocator);
    if (this.#stageContext !== undefined) functions.ggml_free(this.#stageContext);
    this.#builder.close();
  }
}

function splitAtProducts(backend: Backend, builder: GraphBuilder, nNodes: number, blas: Blas): { stages: Stage[]; context: ContextPointer } {
  const { functions } = backend;
  const dataOf = (tensor: Tensor): DataPointer => {
    const data = functions.ggml_get_data(tensor.pointer);
    if (data === null) throw new EngineError("internal", "A tensor of the graph has no memory.");
    return data;
  };
  const placementOf = new Map([...builder.placements].map(([node, placement]) => [placement.product.result.pointer, { node, ...placement }]));

  const runs: (TensorPointer[] | PreparedCall)[] = [];
  const done = new Set<TensorPointer>();
  for (let i = 0; i < nNodes; i++) {
    const node = functions.ggml_graph_node(builder.graph, i);
    if (node === null) throw new EngineError("internal", `The graph has no node ${i}.`);
    if (done.has(node) || builder.views.has(node)) continue;
    const product = builder.products.get(node);
    const placement = placementOf.get(node);
    const call = product && blas.prepare(product, placement?.accumulate ?? false, placement?.target ?? product.result, dataOf);
    if (call !== undefined) {
      runs.push(call);
      // The library writes to the product's place itself: the node that would has nothing left to do.
      if (placement !== undefined) done.add(placement.node);
      continue;
    }
    const last = runs.at(-1);
    if (Array.isArray(last)) last.push(node);
    else runs.push([node]);
  }

  const graphBytes = runs.reduce((sum, run) => sum + (Array.isArray(run) ? functions.ggml_graph_overhead_custom(run.length, false) : 0), 0);
  const context = openContext(functions, 0, graphBytes);
  const stages = runs.map((run): Stage => {
    if (!Array.isArray(run)) return { call: run };
    const graph = functions.ggml_new_graph_custom(context, run.length, false);
    if (graph === null) throw new EngineError("internal", "ggml gave no graph.");
    for (const node of run) functions.ggml_graph_add_node(graph, node);
    return { graph };
  });
  return { stages, context };
}
