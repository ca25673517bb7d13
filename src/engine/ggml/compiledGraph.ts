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

const shortOfMemory = "There is not enough memory to compute with this model. Choose a smaller batch, a shorter sequence or a smaller model.";

/**
 * Memory for the intermediate tensors of graphs that never run at the same time: as much as the largest of them needs. Every graph
 * that needs the most is reserved first, then the graphs are compiled: memory that grew later would move under their feet.
 */
export class SharedMemory {
  readonly #backend: Backend;
  readonly #allocator: AllocatorPointer;
  #inUse = false;

  /** Errors: `modelTooLarge` where memory is short. */
  constructor(backend: Backend) {
    this.#backend = backend;
    const allocator = backend.functions.ggml_gallocr_new(backend.bufferType);
    if (allocator === null) throw new EngineError("modelTooLarge", shortOfMemory);
    this.#allocator = allocator;
  }

  /** Makes room for `builder`. Errors: `modelTooLarge`. */
  reserve(builder: GraphBuilder): void {
    const before = this.sizeBytes;
    if (!this.#backend.functions.ggml_gallocr_reserve(this.#allocator, builder.graph)) throw new EngineError("modelTooLarge", shortOfMemory);
    if (this.#inUse && this.sizeBytes !== before) throw new EngineError("internal", "A graph needs more memory than those that were reserved for.");
  }

  /** Gives the tensors of `builder` their places; they keep them for good. */
  allocate(builder: GraphBuilder): void {
    // ggml plans anew only where it sees a difference in sizes, not in what lives how long.
    this.reserve(builder);
    this.#inUse = true;
    if (!this.#backend.functions.ggml_gallocr_alloc_graph(this.#allocator, builder.graph)) throw new EngineError("modelTooLarge", shortOfMemory);
  }

  get sizeBytes(): number {
    return this.#backend.functions.ggml_gallocr_get_buffer_size(this.#allocator, 0);
  }

  /** After closing the graphs that use it. */
  close(): void {
    this.#backend.functions.ggml_gallocr_free(this.#allocator);
  }
}

export class CompiledGraph {
  readonly #backend: Backend;
  readonly #builder: GraphBuilder;
  readonly #memory: SharedMemory;
  readonly #ownsMemory: boolean;
  readonly #stages: readonly Stage[];
  readonly #stageContext: ContextPointer | undefined;
  /** Bytes of intermediate tensors; those of shared memory are counted there. */
  readonly computeBytes: number;
  readonly nNodes: number;
  /** Matrix products that BLAS computes. */
  readonly nBlasProducts: number;

  /** Takes over `builder`, which must not grow any more; in memory of its own unless `memory` is given. Errors: `modelTooLarge` where memory is short. */
  constructor(backend: Backend, builder: GraphBuilder, blas?: Blas, memory?: SharedMemory) {
    const { functions } = backend;
    this.#backend = backend;
    this.#builder = builder;
    this.#memory = memory ?? new SharedMemory(backend);
    this.#ownsMemory = memory === undefined;
    if (backend.isGpu) requireComputed(backend, builder);
    this.#memory.allocate(builder);
    this.computeBytes = this.#ownsMemory ? this.#memory.sizeBytes : 0;
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
    if (this.#ownsMemory) this.#memory.close();
    if (this.#stageContext !== undefined) functions.ggml_free(this.#stageContext);
    this.#builder.close();
  }
}

/**
 * An operation that the GPU lacks would end the process when it is computed. ggml's own way out, its scheduler, is not taken: it
 * writes the places of its copies into the graph's operands and forgets them when it plans the next graph, so that graphs that are
 * computed in turns, as these are, would have to be built anew each time. graph.ts composes instead what some GPU lacks.
 */
function requireComputed(backend: Backend, { graph }: GraphBuilder): void {
  const { functions } = backend;
  for (let i = 0; i < functions.ggml_graph_n_nodes(graph); i++) {
    const node = functions.ggml_graph_node(graph, i);
    if (node !== null && !backend.computes(node)) throw new EngineError("nativeMissing", `The GPU ${backend.name} lacks the operation ${functions.ggml_op_desc(node)}.`, { operation: functions.ggml_op_desc(node) });
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
