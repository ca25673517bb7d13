// A run's settings as the configuration of the TRL script that goes along, field by field, so that training elsewhere is the
// same run as far as two programs can be. What TRL cannot say is refused, not dropped.
import { EngineError } from "../../base/errors.ts";
import type { RunConfig } from "../tune/runConfig.ts";
import { peftModule } from "../adapters/peft.ts";
import type { ClusterMethod } from "./trlRows.ts";

/** Where and on what the run happens elsewhere. */
export interface ClusterBase {
  /** Hugging Face repository of the base model, or a folder that every worker sees. */
  readonly base: string;
  readonly revision?: string;
  /** Workers of a Ray cluster; 1 runs in the job's own process. */
  readonly workers: number;
  /** Whether workers have a GPU each. */
  readonly gpus: boolean;
}

/** Samples at once on a device; larger batches are accumulated (our choice, for 16 GB and models of some billion weights). */
const perDeviceBatch = 4;

/** The content of config.json. Errors: `badRequest` for settings that TRL does not have. */
export function trlConfig(method: ClusterMethod, config: RunConfig, base: ClusterBase): Record<string, unknown> {
  const { adapter, optimizer } = config;
  if (method === "dpo" && config.dpo.lengthNormalised && config.dpo.loss !== "sigmoid") throw new EngineError("badRequest", `TRL has no length-normalised ${config.dpo.loss} loss. Use dpo.loss "sigmoid", or dpo.lengthNormalised false.`);
  return {
    method, base: base.base, ...base.revision === undefined ? {} : { revision: base.revision }, workers: base.workers, gpus: base.gpus,
    batch: config.batchSize, per_device_batch: perDeviceBatch, max_length: config.sequenceLength, warmup_share: config.warmupShare,
    lora: { r: adapter.rank, lora_alpha: adapter.alpha, target_modules: adapter.targets.map(peftModule), use_rslora: adapter.rankStabilised, lora_dropout: 0 },
    training: {
      learning_rate: optimizer.learningRate, adam_beta1: optimizer.beta1, adam_beta2: optimizer.beta2, adam_epsilon: optimizer.epsilon, weight_decay: optimizer.weightDecay,
      max_grad_norm: Number.isFinite(optimizer.clipNorm) ? optimizer.clipNorm : 0, lr_scheduler_type: config.schedule === "constant" ? "constant_with_warmup" : config.schedule,
      num_train_epochs: config.epochs, ...config.maxSteps > 0 ? { max_steps: config.maxSteps } : {}, seed: config.seed,
      ...method === "dpo" ? dpoSettings(config) : method === "kto" ? ktoSettings(config) : {},
    },
  };
}

function dpoSettings({ dpo }: RunConfig): Record<string, unknown> {
  const loss = dpo.lengthNormalised ? "sigmoid_norm" : dpo.loss;
  return {
    beta: dpo.beta, label_smoothing: dpo.labelSmoothing,
    ...dpo.sftWeight > 0 ? { loss_type: [loss, "sft"], loss_weights: [1, dpo.sftWeight] } : { loss_type: [loss] },
  };
}

function ktoSettings({ kto }: RunConfig): Record<string, unknown> {
  return { beta: kto.beta, desirable_weight: kto.desirableWeight, undesirable_weight: kto.undesirableWeight };
}
