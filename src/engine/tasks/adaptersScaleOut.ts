// A run on other machines: a folder for any cluster, or a job on the user's Ray cluster whose adapter comes back and is taken
// in like any other. It joins the data sets with the packaging (training/scaleOut/) and the adapters of this workspace.
// The adapter is never made live here: what it is worth was not measured on this machine.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import { readGguf } from "../base/gguf.ts";
import type { Log } from "../base/log.ts";
import { mediaFile } from "../base/paths.ts";
import type { DatasetStore } from "../data/versions.ts";
import { openSampleTokenizer } from "../model/sampleTokenizer.ts";
import type { AdapterInfo, RunFigures, TrainingMethod } from "../protocol/training.ts";
import type { ModelInfo } from "../protocol/types.ts";
import { repositoryOf } from "../training/adapters/peft.ts";
import { writeClusterFolder } from "../training/scaleOut/clusterFolder.ts";
import type { ClusterFolder, ClusterFormat } from "../training/scaleOut/clusterFolder.ts";
import { followRayJob, submitToRay } from "../training/scaleOut/ray.ts";
import { RayJobs } from "../training/scaleOut/rayJobs.ts";
import type { ClusterMethod, InfillText } from "../training/scaleOut/trlRows.ts";
import { completeRunConfig } from "../training/tune/runConfig.ts";
import type { Adapters } from "./adapters.ts";

export interface ClusterTrainingOptions {
  data: DatasetStore;
  adapters: Adapters;
  chosenModel(): Promise<ModelInfo>;
  trusted(): boolean;
  log: Log;
}

export interface ClusterRunParams {
  method: TrainingMethod;
  /** Name or version of a prepared data set. */
  dataset: string;
  /** Values over the defaults, by their names. */
  config?: Record<string, unknown>;
  /** The base model as transformers finds it there: a repository, or a folder. Default: what the GGUF file says it was made from. */
  base?: string;
  revision?: string;
  workers?: number;
  gpus?: boolean;
}

export interface RayParams {
  /** "http://HOST:8265". */
  url: string;
  token?: string;
  pip?: string[];
  python?: string;
}

export interface ClusterHooks {
  signal?: AbortSignal;
  onLog?: (line: string) => void;
  onFigures?: (figures: RunFigures, steps: number) => void;
  onJob?: (job: string) => void;
}

export class ClusterTraining {
  readonly #options: ClusterTrainingOptions;

  constructor(options: ClusterTrainingOptions) {
    this.#options = options;
  }

  /** Writes a run as a folder for another cluster. Errors: those of writeClusterFolder; `notFound`, `badRequest`. */
  async export(params: ClusterRunParams, format: ClusterFormat, folder: string, signal?: AbortSignal): Promise<ClusterFolder> {
    this.#requireTrust();
    const { method } = params;
    // Its rewards are functions of this engine: sandbox, tests, what the user liked.
    if (method === "grpo") throw new EngineError("badRequest", "GRPO runs on this machine only, since its rewards do. Train it here, or choose sft, dpo or kto.", { method });
    const model = await this.#options.chosenModel();
    const config = completeRunConfig(method, params.config ?? {});
    const dataset = await this.#options.data.open(params.dataset);
    const base = params.base ?? await this.#repositoryOf(model);
    const tokenizer = await openSampleTokenizer(fileOf(model), this.#options.log);
    try {
      const { infill, endOfText } = tokenizer;
      const text: InfillText | null = infill === null ? null : {
        prompt: (parts) => tokenizer.decode(infill.prompt(parts, Math.floor((config.sequenceLength || 2048) * 0.75))),
        end: tokenizer.decode([infill.endOfMiddle]),
      };
      return await writeClusterFolder(folder, format, {
        method: method satisfies ClusterMethod, config, infill: text, endOfText: endOfText === null ? "" : tokenizer.decode([endOfText]),
        base: { base, ...params.revision === undefined ? {} : { revision: params.revision }, workers: params.workers ?? 1, gpus: params.gpus ?? false },
        train: dataset.train(signal), validation: dataset.validation(signal), script: await readFile(mediaFile("training", "train_trl.py"), "utf8"),
      }, signal);
    } finally {
      await tokenizer.close();
    }
  }

  /** Runs on a Ray cluster and takes the adapter in. Cancelling stops the job. Errors: those of export, ray.ts and importing. */
  async trainOnRay(params: ClusterRunParams, ray: RayParams, hooks: ClusterHooks = {}): Promise<{ job: string; adapter: AdapterInfo }> {
    const jobs = jobsOf(ray);
    // A wrong address is told before gigabytes are packed.
    const version = await jobs.version(hooks.signal);
    hooks.onLog?.(`Ray ${version} at ${new URL(ray.url).host}.`);
    const place = await mkdtemp(path.join(os.tmpdir(), "kalactica-ray-"));
    try {
      const folder = path.join(place, "run");
      const { rows, unused } = await this.export(params, "trl", folder, hooks.signal);
      hooks.onLog?.(`Packed ${rows.train} training and ${rows.validation} validation records${unused > 0 ? `; ${unused} are of kinds that ${params.method} does not learn from` : ""}.`);
      const job = await submitToRay(jobs, folder, {
        ...ray.pip === undefined ? {} : { pip: ray.pip }, ...ray.python === undefined ? {} : { python: ray.python },
        gpus: params.gpus === true && (params.workers ?? 1) === 1 ? 1 : 0, metadata: { program: "kalactica", method: params.method, dataset: params.dataset },
      }, hooks.signal);
      hooks.onJob?.(job);
      return { job, adapter: await this.#bringBack(jobs, job, place, hooks) };
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }

  /** Follows a job that was started earlier, and takes its adapter in. */
  async fetchFromRay(job: string, ray: RayParams, hooks: ClusterHooks = {}): Promise<{ job: string; adapter: AdapterInfo }> {
    this.#requireTrust();
    const place = await mkdtemp(path.join(os.tmpdir(), "kalactica-ray-"));
    try {
      return { job, adapter: await this.#bringBack(jobsOf(ray), job, place, hooks) };
    } finally {
      await rm(place, { recursive: true, force: true });
    }
  }

  async #bringBack(jobs: RayJobs, job: string, place: string, hooks: ClusterHooks): Promise<AdapterInfo> {
    const folder = path.join(place, "adapter");
    await followRayJob(jobs, job, folder, {
      ...hooks.signal ? { signal: hooks.signal } : {}, ...hooks.onLog ? { onLog: hooks.onLog } : {}, ...hooks.onFigures ? { onFigures: hooks.onFigures } : {},
      onState: (state) => hooks.onLog?.(`Job ${job} is ${state.toLowerCase()}.`),
    });
    return this.#options.adapters.importFrom(folder, job);
  }

  async #repositoryOf(model: ModelInfo): Promise<string> {
    const repository = repositoryOf(await readGguf(fileOf(model)));
    if (repository !== null) return repository;
    throw new EngineError("badRequest", `The file of ${model.name} does not say which model in transformers' format it was made from. Name it with --base (a Hugging Face repository, or a folder on the cluster).`, { model: model.id });
  }

  #requireTrust(): void {
    if (!this.#options.trusted()) throw new EngineError("badRequest", "Nothing is trained or sent anywhere while this workspace is not trusted. Trust it first.");
  }
}

function jobsOf({ url, token }: RayParams): RayJobs {
  return new RayJobs({ url, ...token === undefined ? {} : { token } });
}

function fileOf(model: ModelInfo): string {
  if (model.file === null) throw new EngineError("noModel", `The model ${model.name} is not on this machine. Download it first.`, { id: model.id });
  return model.file;
}
