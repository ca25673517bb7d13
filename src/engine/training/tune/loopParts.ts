// What the loop of a run and its helpers work with, put together once by runTuning.ts. Types only.
import type { AdaptedModel } from "../adaptedModel.ts";
import type { UnitStore } from "../samples/unitStore.ts";
import type { CheckpointIdentity } from "./checkpoint.ts";
import type { RunConfig } from "./runConfig.ts";
import type { Rehearsal } from "./rehearsal.ts";
import type { StepReferences } from "./stepReferences.ts";
import type { TuningHooks, TuningOptions } from "./tuningTypes.ts";

export interface LoopParts {
  readonly options: TuningOptions;
  readonly hooks: TuningHooks;
  readonly config: RunConfig;
  readonly model: AdaptedModel;
  readonly train: UnitStore;
  readonly validation: UnitStore | null;
  readonly references: StepReferences;
  /** Texts of the base that go into every step, where the run has some. */
  readonly rehearsal: Rehearsal | null;
  readonly identity: CheckpointIdentity;
  /** Tokens that end replies of this model. */
  readonly stopTokens: readonly number[];
  /** Aborted where the run is to pause or to be cancelled. */
  readonly stop: AbortSignal;
  /** Called after each validation, with the number of the step. */
  readonly showSamples: (step: number) => Promise<void>;
}
