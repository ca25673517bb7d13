// A training run as a job on the user's Ray cluster: package, submit, follow, and bring the adapter back. The cluster and this
// machine need to see no common file system: the script prints the adapter in base64 into the job's log, which the same API
// gives out. Losing the connection does not end the job: it is followed again when the cluster answers.
// It does not know what the adapter is for: converting and importing it is up to the caller.
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, readdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { inflateSync } from "node:zlib";
import { CancelledError, EngineError, throwIfCancelled } from "../../base/errors.ts";
import { writeFileAtomic } from "../../base/files.ts";
import type { RunFigures } from "../../protocol/training.ts";
import type { RayJobs, RayState } from "./rayJobs.ts";
import { zip } from "./zip.ts";

export interface RayRunOptions {
  readonly pip?: readonly string[];
  /** Processors and GPUs that the job itself asks for; workers of Ray Train ask for their own. */
  readonly cpus?: number;
  readonly gpus?: number;
  /** Python of the cluster's machines. Default: "python". */
  readonly python?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface RayHooks {
  readonly signal?: AbortSignal;
  /** Milliseconds between two questions. Default: 2000. */
  readonly pollMs?: number;
  onState?(state: RayState): void;
  /** A line that the job printed. */
  onLog?(line: string): void;
  onFigures?(figures: RunFigures, steps: number): void;
}

/** Ray stores packages in its head node's memory and refuses larger ones (RAY_GCS_STORAGE_MAX_SIZE, 100 MB in older versions). */
const largestPackageBytes = 95 * 2 ** 20;
const defaultPollMs = 2000;
/** A cluster that does not answer for this long is given up; the job goes on there. */
const patienceMs = 10 * 60_000;
/** The adapter's two files, and no others, are taken from what the job prints. */
const adapterFiles = ["adapter_config.json", "adapter_model.safetensors"];

/**
 * Packs `folder` (clusterFolder.ts) and starts it as a job; its id, with which it can be followed, later too.
 * Errors: `badRequest` (too large for Ray), `downloadFailed` with what the cluster said, CancelledError.
 */
export async function submitToRay(jobs: RayJobs, folder: string, options: RayRunOptions = {}, signal?: AbortSignal): Promise<string> {
  await jobs.version(signal);
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile()).map(({ name }) => name).sort();
  const archive = zip(await Promise.all(names.map(async (name) => ({ name, data: await readFile(path.join(folder, name)) }))));
  if (archive.length > largestPackageBytes) {
    throw new EngineError("badRequest", `The data take ${Math.ceil(archive.length / 2 ** 20)} MB packed; a Ray job's package may have ${largestPackageBytes / 2 ** 20}. Train on fewer records, or export the run (train export --format trl) and copy it to the cluster.`, { bytes: archive.length });
  }
  const packageUri = await jobs.upload(archive, signal);
  const id = `kalactica-${randomBytes(6).toString("hex")}`;
  await jobs.submit({
    id, packageUri, entrypoint: `${options.python ?? "python"} -u train_trl.py --print-adapter`, environment: options.environment ?? {}, pip: options.pip ?? [],
    cpus: options.cpus ?? 0, gpus: options.gpus ?? 0, metadata: options.metadata ?? {},
  }, signal);
  return id;
}

/**
 * Follows a job until it ends and writes the adapter that it made into `outFolder`, in PEFT's format. Cancelling stops the job.
 * Errors: `trainingFailed` with the end of its log, `checksumMismatch`, `downloadFailed`, CancelledError.
 */
export async function followRayJob(jobs: RayJobs, id: string, outFolder: string, hooks: RayHooks = {}): Promise<string[]> {
  const reader = new LogReader(hooks);
  let state: RayState = "PENDING";
  let message = "";
  let answeredAt = performance.now();
  try {
    for (;;) {
      throwIfCancelled(hooks.signal);
      try {
        const job = await jobs.job(id, hooks.signal);
        // The state first: what is printed until then is all of what an ended job printed.
        reader.take(await jobs.logs(id, hooks.signal), job.state !== "PENDING" && job.state !== "RUNNING");
        answeredAt = performance.now();
        if (job.state !== state) hooks.onState?.(job.state);
        ({ state, message } = job);
        if (state !== "PENDING" && state !== "RUNNING") break;
      } catch (error) {
        if (!(error instanceof EngineError) || performance.now() - answeredAt > patienceMs) throw error;
        hooks.onLog?.(`${error.message} Trying again; the job goes on.`);
      }
      await sleep(hooks.pollMs ?? defaultPollMs, undefined, { signal: hooks.signal });
    }
  } catch (error) {
    if (hooks.signal?.aborted !== true) throw error;
    await jobs.stop(id);
    throw new CancelledError();
  }
  if (state !== "SUCCEEDED") {
    throw new EngineError("trainingFailed", `The job ${id} ${state === "STOPPED" ? "was stopped on the cluster" : "failed"}: ${reader.lastLines(3) || message}. See its log on the dashboard.`, { id, state, message });
  }
  return reader.writeFiles(outFolder, id);
}

/** Reads a growing log: figures, files, and lines for people. */
class LogReader {
  readonly #hooks: RayHooks;
  readonly #files = new Map<string, { parts: string[]; nParts: number; sha256: string }>();
  readonly #last: string[] = [];
  #taken = 0;

  constructor(hooks: RayHooks) {
    this.#hooks = hooks;
  }

  /** `log` is the whole log so far; a line without its end waits, unless `ended`. */
  take(log: string, ended: boolean): void {
    const end = ended ? log.length : log.lastIndexOf("\n") + 1;
    const fresh = log.slice(this.#taken, end);
    this.#taken = Math.max(this.#taken, end);
    for (const line of fresh.split(/\r?\n/)) if (line !== "") this.#line(line);
  }

  /** What the job printed last, for people. */
  lastLines(count: number): string {
    return this.#last.slice(-count).join(" | ").replace(/\.$/, "");
  }

  #line(line: string): void {
    // Ray Train's workers print through the driver, with a prefix.
    const [, kind, rest = ""] = /KALACTICA-(FIGURES|FILE|PART) (.*)$/.exec(line) ?? [];
    if (kind === "FIGURES") this.#figures(rest);
    else if (kind === "FILE") {
      const [name = "", nParts = "", sha256 = ""] = rest.split(" ");
      if (adapterFiles.includes(name)) this.#files.set(name, { parts: [], nParts: Number(nParts), sha256 });
    } else if (kind === "PART") {
      const [name = "", index = "", text = ""] = rest.split(" ");
      const file = this.#files.get(name);
      if (file !== undefined && Number(index) < file.nParts) file.parts[Number(index)] = text;
    } else {
      this.#last.push(line);
      if (this.#last.length > 20) this.#last.shift();
      this.#hooks.onLog?.(line);
    }
  }

  #figures(text: string): void {
    let values: Record<string, number>;
    try {
      values = JSON.parse(text) as Record<string, number>;
    } catch {
      return; // a line that another process wrote into
    }
    const names: Record<string, keyof RunFigures> = {
      loss: "loss", eval_loss: "validationLoss", learning_rate: "rate", grad_norm: "gradientNorm", "rewards/margins": "margin", "rewards/accuracies": "accuracy",
      "logps/chosen": "chosenLogProbability", "logps/rejected": "rejectedLogProbability", kl: "kl", entropy: "entropy",
    };
    const figures: Partial<Record<keyof RunFigures, number>> = {};
    for (const [theirs, ours] of Object.entries(names)) if (values[theirs] !== undefined) figures[ours] = values[theirs];
    this.#hooks.onFigures?.({ step: values["step"] ?? 0, at: Date.now(), ...figures }, values["steps"] ?? 0);
  }

  async writeFiles(folder: string, id: string): Promise<string[]> {
    const written: string[] = [];
    await mkdir(folder, { recursive: true });
    for (const name of adapterFiles) {
      const file = this.#files.get(name);
      const lost = (what: string): EngineError => new EngineError("checksumMismatch", `The adapter did not come back whole: ${what}. Its log on the dashboard may have been cut; follow the job again (--job ${id}).`, { id, name });
      if (file === undefined) throw lost(`the job's log does not hold ${name}`);
      if (Object.keys(file.parts).length !== file.nParts) throw lost(`${file.nParts - Object.keys(file.parts).length} of ${file.nParts} parts of ${name} are missing`);
      let data: Buffer;
      try {
        data = inflateSync(Buffer.from(file.parts.join(""), "base64"));
      } catch {
        throw lost(`${name} is damaged`);
      }
      if (createHash("sha256").update(data).digest("hex") !== file.sha256) throw lost(`${name} is damaged`);
      await writeFileAtomic(path.join(folder, name), data);
      written.push(path.join(folder, name));
    }
    return written;
  }
}
