// The model in use, as answering, completion, chat and evaluation see it: the endpoint that was chosen, or the local one. There is one way of asking for
// each of them; which of the two answers is decided here, at each request. It loads nothing.
import type { ModelRuntime } from "../model/runtime.ts";
import type { RemoteModel } from "../endpoints/remoteModel.ts";
import type { ModelStatus } from "../protocol/types.ts";

type Used = Pick<ModelRuntime, "status" | "countTokens" | "generate" | "infill" | "scoreContinuation">;

export class ModelInUse implements Used {
  readonly #local: ModelRuntime;
  readonly #endpoints: { inUse(): RemoteModel | null; passedOver(): string | null };

  constructor(local: ModelRuntime, endpoints: { inUse(): RemoteModel | null; passedOver(): string | null }) {
    this.#local = local;
    this.#endpoints = endpoints;
  }

  /** That of the endpoint where one writes; what completes is then told in `capabilities` and in the explanation. */
  status(): ModelStatus {
    const local = this.#local.status();
    const remote = this.#endpoints.inUse()?.status();
    if (remote === undefined) {
      const passedOver = this.#endpoints.passedOver();
      return passedOver === null ? local : { ...local, explanation: `${local.explanation} ${passedOver}` };
    }
    if (remote.capabilities.infill) return remote;
    const completes = local.capabilities.infill ? `${remote.explanation} Completion stays on this machine, with ${local.name ?? "the local model"}.` : remote.explanation;
    return { ...remote, capabilities: { ...remote.capabilities, infill: local.capabilities.infill }, explanation: completes };
  }

  async countTokens(text: string): Promise<number> {
    return this.#endpoints.inUse()?.countTokens(text) ?? this.#local.countTokens(text);
  }

  generate(request: Parameters<ModelRuntime["generate"]>[0]): ReturnType<ModelRuntime["generate"]> {
    // A grammar is kept to by the local model only; who gives one asks that one.
    const remote = request.schema === undefined ? this.#endpoints.inUse() : null;
    return remote === null ? this.#local.generate(request) : remote.generate(request);
  }

  infill(request: Parameters<ModelRuntime["infill"]>[0]): ReturnType<ModelRuntime["infill"]> {
    return this.#completing()?.infill(request) ?? this.#local.infill(request);
  }

  scoreContinuation(request: Parameters<ModelRuntime["scoreContinuation"]>[0]): ReturnType<ModelRuntime["scoreContinuation"]> {
    return this.#completing()?.scoreContinuation() ?? this.#local.scoreContinuation(request);
  }

  /** Whether completion can ask now: the local model may be loading or have failed. */
  get completes(): boolean {
    if (this.#completing() !== null) return true;
    const { state, capabilities } = this.#local.status();
    return capabilities.infill && (state === "ready" || state === "unloaded");
  }

  /** Names model and adapter that complete: what was suggested by another one is not shown again. */
  get completionKey(): string {
    const { id, adapter } = (this.#completing() ?? this.#local).status();
    return `${id ?? ""} ${adapter ?? ""}`;
  }

  #completing(): RemoteModel | null {
    const remote = this.#endpoints.inUse();
    return remote?.status().capabilities.infill === true ? remote : null;
  }
}
