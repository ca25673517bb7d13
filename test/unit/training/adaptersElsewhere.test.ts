// Runs on other machines: rows and configurations that TRL and Axolotl read, the package, and Ray's job API against a server
// that speaks it. A real cluster: test/bench/ray.ts.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { deflateSync, inflateRawSync } from "node:zlib";
import { parse } from "yaml";
import { CancelledError, EngineError } from "../../../src/engine/base/errors.ts";
import type { TrainingRecord } from "../../../src/engine/base/trainingRecord.ts";
import type { RunFigures } from "../../../src/engine/protocol/training.ts";
import { writeClusterFolder } from "../../../src/engine/training/scaleOut/clusterFolder.ts";
import type { ClusterRun } from "../../../src/engine/training/scaleOut/clusterFolder.ts";
import { followRayJob, submitToRay } from "../../../src/engine/training/scaleOut/ray.ts";
import { RayJobs } from "../../../src/engine/training/scaleOut/rayJobs.ts";
import type { ClusterMethod } from "../../../src/engine/training/scaleOut/trlRows.ts";
import { completeRunConfig } from "../../../src/engine/training/tune/runConfig.ts";

const origin = { at: "a.ts" };
const chat = { form: "chat" as const, messages: [{ role: "user" as const, content: "q" }] };
const RECORDS: readonly TrainingRecord[] = [
  { kind: "text", text: "let a;", origin },
  { kind: "conversation", messages: [{ role: "user", content: "q" }, { role: "assistant", content: "a" }], origin },
  { kind: "example", prompt: chat, completion: "a", origin },
  { kind: "example", prompt: { form: "infill", prefix: "f(", suffix: ")", path: "x.ts" }, completion: "1", origin },
  { kind: "preference", prompt: chat, chosen: "good", rejected: "bad", origin },
  { kind: "preference", prompt: { form: "text", text: "p" }, chosen: "good", rejected: "bad", origin },
  { kind: "judged", prompt: { form: "text", text: "p" }, completion: "c", good: false, origin },
  { kind: "task", prompt: chat, origin },
];

describe("training/scaleOut", () => {
  let folder: string;
  before(async () => { folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-elsewhere-")); });
  after(() => rm(folder, { recursive: true, force: true }));

  async function* stream(records: readonly TrainingRecord[]): AsyncGenerator<TrainingRecord> {
    yield* records;
  }

  function run(method: ClusterMethod, more: Partial<ClusterRun> & { settings?: Record<string, unknown> } = {}): ClusterRun {
    return {
      method, config: completeRunConfig(method, more.settings ?? {}), base: { base: "some/base", workers: 1, gpus: false },
      train: stream(RECORDS), validation: stream(RECORDS.slice(0, 1)), endOfText: "<eot>", script: "print()",
      infill: { prompt: ({ prefix, suffix }) => `<P>${prefix}<S>${suffix}<M>`, end: "<E>" }, ...more,
    };
  }

  async function refusal(work: Promise<unknown>, pattern: RegExp): Promise<void> {
    await work.then(() => assert.fail("was accepted"), (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      assert.match(error.message, pattern);
    });
  }

  const rowsOf = async (...parts: string[]): Promise<unknown[]> => (await readFile(path.join(folder, ...parts), "utf8")).trim().split("\n").map((line) => JSON.parse(line) as unknown);

  describe("TRL", () => {
    it("gets each record in one of its formats, and the run's settings under its names", async () => {
      const { rows, unused } = await writeClusterFolder(path.join(folder, "trl"), "trl", run("sft", { settings: { adapter: { rank: 8, targets: ["attn_q", "ffn_down"] }, epochs: 3 } }));
      assert.deepEqual([rows, unused], [{ train: 4, validation: 1 }, 4]);
      assert.deepEqual(await rowsOf("trl", "train.jsonl"), [
        { text: "let a;" }, { messages: [{ role: "user", content: "q" }, { role: "assistant", content: "a" }] },
        { prompt: [{ role: "user", content: "q" }], completion: [{ role: "assistant", content: "a" }] }, { prompt: "<P>f(<S>)<M>", completion: "1<E>" },
      ]);
      const config = JSON.parse(await readFile(path.join(folder, "trl", "config.json"), "utf8")) as { lora: unknown; training: Record<string, unknown>; batch: number };
      assert.deepEqual(config.lora, { r: 8, lora_alpha: 32, target_modules: ["q_proj", "down_proj"], use_rslora: false, lora_dropout: 0 });
      assert.deepEqual([config.training["num_train_epochs"], config.training["learning_rate"], config.batch], [3, 2e-4, 16]);
      assert.equal(await readFile(path.join(folder, "trl", "train_trl.py"), "utf8"), "print()");
    });

    it("gets pairs and judgements for DPO and KTO", async () => {
      await writeClusterFolder(path.join(folder, "dpo"), "trl", run("dpo", { settings: { dpo: { sftWeight: 0.5, loss: "ipo" } } }));
      assert.deepEqual((await rowsOf("dpo", "train.jsonl"))[1], { prompt: "p", chosen: "good", rejected: "bad" });
      const { training } = JSON.parse(await readFile(path.join(folder, "dpo", "config.json"), "utf8")) as { training: Record<string, unknown> };
      assert.deepEqual([training["loss_type"], training["loss_weights"], training["beta"]], [["ipo", "sft"], [1, 0.5], 0.1]);
      await writeClusterFolder(path.join(folder, "kto"), "trl", run("kto"));
      assert.deepEqual(await rowsOf("kto", "train.jsonl"), [{ prompt: "p", completion: "c", label: false }]);
    });

    it("is refused what it cannot do, and nothing is left behind", async () => {
      const to = path.join(folder, "refused");
      await refusal(writeClusterFolder(to, "trl", run("dpo", { settings: { dpo: { loss: "hinge", lengthNormalised: true } } })), /no length-normalised hinge loss/);
      await refusal(writeClusterFolder(to, "trl", run("sft", { infill: null })), /no infill markers/);
      await refusal(writeClusterFolder(to, "trl", run("kto", { train: stream(RECORDS.slice(0, 2)) })), /None of the data set's records/);
      assert.ok(!(await readdir(folder)).includes("refused"));
      await refusal(writeClusterFolder(folder, "trl", run("sft")), /exists already/);
    });
  });

  describe("Axolotl", () => {
    it("gets chat by its template and the rest as it stands, with the loss where it belongs", async () => {
      await writeClusterFolder(path.join(folder, "axolotl"), "axolotl", run("sft"));
      assert.deepEqual(await rowsOf("axolotl", "plain.jsonl"), [
        { segments: [{ label: true, text: "let a;<eot>" }] }, { segments: [{ label: false, text: "<P>f(<S>)<M>" }, { label: true, text: "1<E><eot>" }] },
      ]);
      assert.deepEqual((await rowsOf("axolotl", "chat.jsonl"))[1], { messages: [{ role: "user", content: "q", training: false }, { role: "assistant", content: "a", training: true }] });
      const config = parse(await readFile(path.join(folder, "axolotl", "axolotl.yaml"), "utf8")) as Record<string, unknown>;
      assert.deepEqual([config["base_model"], config["adapter"], config["lora_r"]], ["some/base", "lora", 16]);
      assert.deepEqual((config["datasets"] as { path: string; type: string }[]).map(({ path: file, type }) => [file, type]), [["plain.jsonl", "input_output"], ["chat.jsonl", "chat_template"]]);
      assert.deepEqual((config["test_datasets"] as { path: string }[]).map(({ path: file }) => file), ["validation-plain.jsonl"]);
      await refusal(writeClusterFolder(path.join(folder, "no"), "axolotl", run("dpo", { settings: { dpo: { loss: "robust", labelSmoothing: 0.1 } } })), /no setting for the DPO loss "robust"/);
    });
  });

  describe("Ray", () => {
    let cluster: FakeRay;
    let jobs: RayJobs;
    beforeEach(async () => {
      cluster = new FakeRay();
      jobs = new RayJobs({ url: await cluster.listen(), token: "secret" });
    });
    afterEach(() => cluster.close());

    /** What train_trl.py prints for the adapter. */
    function printed(files: Record<string, string>): string {
      return Object.entries(files).map(([name, content]) => {
        const lines = deflateSync(Buffer.from(content)).toString("base64").match(/.{1,40}/g) ?? [];
        return [`KALACTICA-FILE ${name} ${lines.length} ${createHash("sha256").update(content).digest("hex")}`, ...lines.map((line, i) => `KALACTICA-PART ${name} ${i} ${line}`)].join("\n");
      }).join("\n");
    }
    const adapter = { "adapter_config.json": '{"r": 4}', "adapter_model.safetensors": "weights ".repeat(50) };

    it("gets the folder as a package, once, and a job that runs the script in it", async () => {
      const place = path.join(folder, "package");
      await writeClusterFolder(place, "trl", run("sft"));
      const id = await submitToRay(jobs, place, { python: "python3", pip: ["trl"], gpus: 1 });
      await submitToRay(jobs, place);
      assert.equal(cluster.packages.size, 1);
      assert.equal(cluster.uploads, 1);
      const [name, archive] = [...cluster.packages][0] ?? [];
      assert.ok(archive && filesOf(archive).has("train.jsonl") && filesOf(archive).get("train_trl.py") === "print()");
      const [job] = cluster.submitted;
      assert.deepEqual(job, {
        entrypoint: "python3 -u train_trl.py --print-adapter", submission_id: id, metadata: {}, entrypoint_num_gpus: 1,
        runtime_env: { working_dir: `gcs://${name}`, env_vars: {}, pip: ["trl"] },
      });
      assert.ok(cluster.tokens.every((token) => token === "Bearer secret"));
    });

    it("streams figures and lines, and brings the adapter back out of the log", async () => {
      cluster.script(["PENDING", ""], ["RUNNING", 'begun\nKALACTICA-FIGURES {"step": 1, "steps": 4, "loss": 2.5, "grad_norm": 0.5}\nhalf a li'], ["SUCCEEDED", `ne\n(pid=7) KALACTICA-FIGURES {"step": 2, "steps": 4, "eval_loss": 2}\n${printed(adapter)}\nend`]);
      const lines: string[] = [];
      const figures: RunFigures[] = [];
      const out = path.join(folder, "back");
      const files = await followRayJob(jobs, "job-1", out, { pollMs: 10, onLog: (line) => lines.push(line), onFigures: (one) => figures.push(one) });
      assert.deepEqual(lines, ["begun", "half a line", "end"]);
      assert.deepEqual(figures.map(({ step, loss, validationLoss, gradientNorm }) => [step, loss, validationLoss, gradientNorm]), [[1, 2.5, undefined, 0.5], [2, undefined, 2, undefined]]);
      assert.deepEqual(await Promise.all(files.map((file) => readFile(file, "utf8"))), Object.values(adapter));
    });

    it("finds an adapter that came back damaged or cut, and takes no file but the adapter's", async () => {
      const out = path.join(folder, "damaged");
      cluster.script(["SUCCEEDED", printed(adapter).replace(/PART adapter_model\.safetensors 0 ..../, "PART adapter_model.safetensors 0 eJxx")]);
      await refusal(followRayJob(jobs, "j", out), /adapter_model\.safetensors is damaged.*--job j/);
      cluster.script(["SUCCEEDED", printed(adapter).split("\n").slice(0, -1).join("\n")]);
      await refusal(followRayJob(jobs, "j", out), /1 of \d+ parts of adapter_model\.safetensors are missing/);
      cluster.script(["SUCCEEDED", printed({ "../evil": "x", ".bashrc": "y" })]);
      await refusal(followRayJob(jobs, "j", out), /does not hold adapter_config\.json/);
      assert.ok(!(await readdir(folder)).includes("evil"));
    });

    it("tells why a job failed with what it printed last", async () => {
      cluster.script(["FAILED", "Traceback\nValueError: no such model\n"]);
      await refusal(followRayJob(jobs, "j", folder), /^The job j failed: Traceback \| ValueError: no such model\. See its log/);
      cluster.script(["STOPPED", ""]);
      await refusal(followRayJob(jobs, "j", folder), /was stopped on the cluster/);
    });

    it("stops the job when it is cancelled", async () => {
      cluster.script(["RUNNING", "begun\n"]);
      const abort = new AbortController();
      await assert.rejects(followRayJob(jobs, "job-9", folder, { signal: abort.signal, onLog: () => abort.abort() }), CancelledError);
      assert.deepEqual(cluster.stopped, ["job-9"]);
    });

    it("says in a sentence what is wrong with an address, a token, a package", async () => {
      assert.throws(() => new RayJobs({ url: "head-node" }), /"head-node" is no address of a Ray cluster/);
      await refusal(new RayJobs({ url: "http://127.0.0.1:9" }).version(), /cannot be reached \(ECONNREFUSED\)/);
      cluster.refuse = 401;
      await refusal(jobs.version(), /status 401.*RAY_AUTH_TOKEN/);
      cluster.refuse = 500;
      await refusal(jobs.submit({ entrypoint: "x", packageUri: "y", id: "z", environment: {}, pip: [], cpus: 0, gpus: 0, metadata: {} }), /status 500.*RuntimeError: full/);
      cluster.refuse = -1;
      await refusal(jobs.version(), /not as a Ray dashboard does/);
    });
  });
});

/** As much of a dashboard as the engine speaks to. */
class FakeRay {
  readonly packages = new Map<string, Buffer>();
  readonly submitted: unknown[] = [];
  readonly stopped: string[] = [];
  readonly tokens: (string | undefined)[] = [];
  uploads = 0;
  /** A status to answer everything with; −1 for a page that is no dashboard's; 0 for none. */
  refuse = 0;
  #states: [string, string][] = [];
  #at = 0;
  readonly #server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => this.#answer(request, Buffer.concat(parts), response));
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** States that a job goes through, one a question, each with what is printed then. */
  script(...states: [string, string][]): void {
    this.#states = states;
    this.#at = 0;
  }

  #answer(request: http.IncomingMessage, body: Buffer, response: http.ServerResponse): void {
    const url = request.url ?? "";
    this.tokens.push(request.headers.authorization);
    const json = (value: unknown): void => { response.end(JSON.stringify(value)); };
    if (this.refuse === -1) response.end("<html>");
    else if (this.refuse !== 0) {
      response.statusCode = this.refuse;
      response.end("Traceback\nRuntimeError: full");
    } else if (url === "/api/version") json({ ray_version: "2.58.0" });
    else if (url.startsWith("/api/packages/gcs/")) {
      const name = url.split("/").at(-1) ?? "";
      if (request.method === "PUT") {
        this.uploads++;
        this.packages.set(name, body);
      } else if (!this.packages.has(name)) response.statusCode = 404;
      response.end();
    } else if (url === "/api/jobs/") {
      this.submitted.push(JSON.parse(body.toString()));
      json({ submission_id: "x" });
    } else if (url.endsWith("/stop")) {
      this.stopped.push(url.split("/")[3] ?? "");
      json({ stopped: true });
    } else if (url.endsWith("/logs")) json({ logs: this.#states.slice(0, this.#at).map(([, text]) => text).join("") });
    else {
      this.#at = Math.min(this.#at + 1, this.#states.length);
      json({ status: this.#states[this.#at - 1]?.[0], message: "" });
    }
  }
}

/** Reads an archive by its central directory. */
function filesOf(archive: Buffer): Map<string, string> {
  const files = new Map<string, string>();
  let at = archive.readUInt32LE(archive.length - 6);
  while (archive.toString("latin1", at, at + 4) === "PK\x01\x02") {
    const [compressed, nameLength, offset] = [archive.readUInt32LE(at + 20), archive.readUInt16LE(at + 28), archive.readUInt32LE(at + 42)];
    const data = offset + 30 + nameLength;
    files.set(archive.toString("utf8", at + 46, at + 46 + nameLength), inflateRawSync(archive.subarray(data, data + compressed)).toString("utf8"));
    at += 46 + nameLength;
  }
  return files;
}
