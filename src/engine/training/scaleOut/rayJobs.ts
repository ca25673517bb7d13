// Ray's REST API for jobs, as far as a training run needs it: version, packages, submit, status, logs, stop. It opens sockets
// only to the address that the user gave, and follows no redirects. What a job is, is in ray.ts.
// Source: "Ray Jobs REST API" of Ray's documentation, and ray/dashboard/modules/job/job_head.py.
import { createHash } from "node:crypto";
import { networkFailure, openConnection } from "../../base/connection.ts";
import { CancelledError, EngineError } from "../../base/errors.ts";

/** Where a cluster is, and how to be let in. */
export interface RayAddress {
  /** The dashboard's address, "http://HOST:8265". */
  readonly url: string;
  /** Sent as a bearer token where the cluster wants one (RAY_AUTH_MODE=token). */
  readonly token?: string;
}

/** Ray's names of what becomes of a job. */
export type RayState = "PENDING" | "RUNNING" | "STOPPED" | "SUCCEEDED" | "FAILED";

export interface RayJob {
  readonly state: RayState;
  /** Ray's own explanation, or "". */
  readonly message: string;
}

export interface RaySubmission {
  readonly entrypoint: string;
  /** From {@link RayJobs.upload}. */
  readonly packageUri: string;
  readonly id: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Python packages that the cluster installs for the job; none for what its machines have already. */
  readonly pip: readonly string[];
  readonly cpus: number;
  readonly gpus: number;
  readonly metadata: Readonly<Record<string, string>>;
}

const stallMs = 60_000;

export class RayJobs {
  readonly #address: URL;
  readonly #token: string | undefined;

  /** Errors: `badRequest` for an address that is none. */
  constructor(address: RayAddress) {
    const url = URL.parse(address.url);
    if (url === null || !/^https?:$/.test(url.protocol)) throw new EngineError("badRequest", `"${address.url}" is no address of a Ray cluster. Expected is that of its dashboard, like http://head-node:8265.`, { url: address.url });
    this.#address = url;
    this.#token = address.token;
  }

  /** Ray's version, which shows that there is a Ray. Errors: those of every request here. */
  async version(signal?: AbortSignal): Promise<string> {
    const { ray_version: version } = await this.#json("GET", "/api/version", undefined, signal) as { ray_version?: unknown };
    if (typeof version !== "string") throw new EngineError("downloadFailed", `${this.#address.origin} answers, but not as a Ray dashboard does. Check the address (usually port 8265).`, { url: this.#address.origin });
    return version;
  }

  /** Stores a ZIP archive in the cluster under the hash of its content, where it is not there yet; its URI. */
  async upload(archive: Uint8Array, signal?: AbortSignal): Promise<string> {
    const name = `_ray_pkg_${createHash("sha256").update(archive).digest("hex").slice(0, 32)}.zip`;
    const { status } = await this.#request("GET", `/api/packages/gcs/${name}`, undefined, signal);
    if (status !== 200) await this.#send("PUT", `/api/packages/gcs/${name}`, archive, signal);
    return `gcs://${name}`;
  }

  async submit(submission: RaySubmission, signal?: AbortSignal): Promise<void> {
    const { pip, environment } = submission;
    await this.#json("POST", "/api/jobs/", {
      entrypoint: submission.entrypoint, submission_id: submission.id, metadata: submission.metadata,
      runtime_env: { working_dir: submission.packageUri, env_vars: environment, ...pip.length > 0 ? { pip: [...pip] } : {} },
      ...submission.cpus > 0 ? { entrypoint_num_cpus: submission.cpus } : {}, ...submission.gpus > 0 ? { entrypoint_num_gpus: submission.gpus } : {},
    }, signal);
  }

  async job(id: string, signal?: AbortSignal): Promise<RayJob> {
    const { status, message } = await this.#json("GET", `/api/jobs/${encodeURIComponent(id)}`, undefined, signal) as { status?: RayState; message?: string | null };
    if (status === undefined) throw new EngineError("downloadFailed", `The Ray cluster at ${this.#address.origin} does not say how job ${id} stands. Look at its dashboard.`, { id });
    return { state: status, message: message ?? "" };
  }

  /** Everything that the job has printed so far. */
  async logs(id: string, signal?: AbortSignal): Promise<string> {
    const { logs } = await this.#json("GET", `/api/jobs/${encodeURIComponent(id)}/logs`, undefined, signal) as { logs?: unknown };
    return typeof logs === "string" ? logs : "";
  }

  async stop(id: string): Promise<void> {
    await this.#send("POST", `/api/jobs/${encodeURIComponent(id)}/stop`);
  }

  async #json(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<unknown> {
    const text = await this.#send(method, path, body === undefined ? undefined : Buffer.from(JSON.stringify(body)), signal);
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new EngineError("downloadFailed", `${this.#address.origin} answers, but not as a Ray dashboard does. Check the address (usually port 8265).`, { url: this.#address.origin }, error);
    }
  }

  async #send(method: string, path: string, body?: Uint8Array, signal?: AbortSignal): Promise<string> {
    const { status, text } = await this.#request(method, path, body, signal);
    if (status >= 200 && status < 300) return text;
    const hint = status === 401 || status === 403 ? "It wants a token: set RAY_AUTH_TOKEN." : "Look at its dashboard.";
    throw new EngineError("downloadFailed", `The Ray cluster at ${this.#address.origin} refused ${method} ${path} (status ${status}): ${lastLine(text)} ${hint}`, { url: this.#address.origin, status });
  }

  async #request(method: string, path: string, body: Uint8Array | undefined, signal: AbortSignal | undefined): Promise<{ status: number; text: string }> {
    const url = new URL(path, this.#address);
    try {
      const response = await openConnection({
        url, method, signal, stallMs, ...body === undefined ? {} : { body },
        headers: { ...body === undefined ? {} : { "content-type": "application/json" }, ...this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` } },
      });
      const parts: Buffer[] = [];
      for await (const part of response as AsyncIterable<Buffer>) parts.push(part);
      return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString("utf8") };
    } catch (error) {
      if (signal?.aborted === true) throw new CancelledError();
      const { reason, details: { code } } = networkFailure(url, error);
      if (reason !== "networkFailed") throw error;
      throw new EngineError("downloadFailed", `The Ray cluster at ${this.#address.origin} cannot be reached (${typeof code === "string" && code !== "" ? code : "no answer"}). Check the address and that the dashboard runs.`, { url: this.#address.origin }, error);
    }
  }
}

function lastLine(text: string): string {
  const line = text.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
  return line === "" || /[.!?]$/.test(line) ? line : `${line}.`;
}
