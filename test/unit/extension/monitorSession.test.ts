import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { EngineClientState } from "../../../src/extension/engineClient.ts";
import { MonitorSession } from "../../../src/extension/monitorSession.ts";
import { TrainingState } from "../../../src/extension/trainingState.ts";
import type { TrainingEngine } from "../../../src/extension/trainingState.ts";
import type { RunFigures } from "../../../src/engine/protocol/training.ts";
import type { MonitorHostMessage } from "../../../src/webview/monitorProtocol.ts";
import { adapterFrom, DATASET, READY, RECEIPT, run } from "../../webview/monitorScenarios.ts";

/** An engine that answers when it is told to. */
class ScriptedEngine {
  state: EngineClientState = { name: "ready", pid: 1, engineVersion: "0" };
  readonly asked: { method: string; params: unknown }[] = [];
  readonly answers: Record<string, unknown> = { "train/list": [run({})], "adapters/list": [], "train/figures": [], "train/samples": [], "data/show": DATASET };
  /** Requests wait here while it is set. */
  gate: Promise<void> | null = null;
  readonly #listeners = new Map<string, Set<(params: never) => void>>();

  async request(method: string, params: unknown): Promise<unknown> {
    this.asked.push({ method, params });
    const answer = this.answers[method];
    if (this.gate && method === "train/figures") await this.gate;
    if (answer instanceof Error) throw answer;
    return answer;
  }

  onNotification(method: string, listener: (params: never) => void): { dispose(): void } {
    const all = this.#listeners.get(method) ?? new Set();
    this.#listeners.set(method, all.add(listener));
    return { dispose: () => all.delete(listener) };
  }

  onState(listener: (state: never) => void): { dispose(): void } {
    return this.onNotification("state", listener);
  }

  tell(method: string, params: unknown): void {
    for (const listener of this.#listeners.get(method) ?? []) listener(params as never);
  }

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, each) => sum + each.size, 0);
  }
}

const ID = run({}).id;
const figures = (...ats: number[]): RunFigures[] => ats.map((at) => ({ step: at, at, loss: 1 }));
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 15));

describe("the training monitor's session", () => {
  let engine: ScriptedEngine;
  let training: TrainingState;
  let session: MonitorSession;
  let posted: MonitorHostMessage[];
  let logged: string[];

  beforeEach(async () => {
    engine = new ScriptedEngine();
    posted = [];
    logged = [];
    const client = engine as unknown as TrainingEngine;
    training = new TrainingState(client, (line) => logged.push(line));
    await settled();
    session = new MonitorSession({ engine: client, training, post: (message) => posted.push(message), status: () => READY, log: (line) => logged.push(line), flushMs: 2 });
  });
  afterEach(() => {
    session.dispose();
    training.dispose();
  });

  const sent = <T extends MonitorHostMessage["type"]>(type: T): Extract<MonitorHostMessage, { type: T }>[] => posted.filter((message): message is Extract<MonitorHostMessage, { type: T }> => message.type === type);

  it("sends the history once, then what follows, and nothing twice", async () => {
    engine.answers["train/figures"] = figures(1, 2, 3);
    let open = (): void => undefined;
    engine.gate = new Promise((resolve) => { open = resolve; });
    session.watch([ID]);
    engine.tell("train/figures", { id: ID, figures: figures(3)[0] });
    engine.tell("train/figures", { id: ID, figures: figures(4)[0] });
    await settled();
    assert.deepEqual(sent("figures"), [], "nothing before the history");
    open();
    await settled();
    engine.tell("train/figures", { id: ID, figures: figures(5)[0] });
    engine.tell("train/figures", { id: ID, figures: figures(6)[0] });
    engine.tell("train/figures", { id: "another run", figures: figures(7)[0] });
    await settled();
    assert.deepEqual(sent("figures").map(({ whole, figures: all }) => [whole, ...all.map(({ at }) => at)]), [[true, 1, 2, 3], [false, 4], [false, 5, 6]]);
  });

  it("asks for samples and data of the chosen run only, and says when the data are gone", async () => {
    engine.answers["train/list"] = [run({}), run({ id: "b" })];
    await training.refresh();
    engine.answers["data/show"] = new Error("not found");
    session.watch([ID, "b"]);
    await settled();
    assert.deepEqual(sent("samples").map(({ runId }) => runId), [ID]);
    assert.deepEqual(sent("dataset"), [{ type: "dataset", runId: ID, dataset: null }]);
    assert.deepEqual(sent("figures").map(({ runId }) => runId), [ID, "b"]);
    assert.equal(logged.length, 1);
  });

  it("reads no history again that it is already showing", async () => {
    session.watch([ID]);
    await settled();
    session.watch([ID]);
    await settled();
    assert.equal(engine.asked.filter(({ method }) => method === "train/figures").length, 1);
  });

  it("passes on runs and adapters, and fetches the samples when the chosen run has ended", async () => {
    session.watch([ID]);
    await settled();
    engine.answers["train/samples"] = [{ step: 1, prompt: "", before: "a", after: "b" }];
    engine.answers["adapters/list"] = [adapterFrom(run({}))];
    engine.tell("train/changed", run({ state: "finished" }));
    engine.tell("adapters/changed", [adapterFrom(run({}))]);
    await settled();
    assert.equal(sent("run").at(-1)?.run.state, "finished");
    assert.equal(sent("adapters").at(-1)?.adapters.length, 1);
    assert.equal(sent("samples").at(-1)?.samples.length, 1);
    assert.equal(training.currentRun, null);
    assert.equal(training.activeAdapter?.run, ID);
  });

  it("learns of the adapter that a run left behind without going live", async () => {
    engine.answers["adapters/list"] = [adapterFrom(run({}), { active: false })];
    engine.tell("train/changed", run({ state: "finished", receipt: { ...RECEIPT, promoted: false } }));
    await settled();
    assert.deepEqual(sent("adapters").at(-1)?.adapters.map(({ active }) => active), [false]);
  });

  it("fetches what a validation wrote once it is there", async () => {
    session.watch([ID]);
    await settled();
    assert.equal(sent("samples").length, 1);
    engine.tell("train/figures", { id: ID, figures: { step: 4, at: 1, validationLoss: 2 } });
    await settled();
    assert.equal(sent("samples").length, 1, "the texts are written after the figure is told");
    engine.tell("train/figures", { id: ID, figures: figures(5)[0] });
    engine.tell("train/figures", { id: ID, figures: figures(6)[0] });
    await settled();
    assert.equal(sent("samples").length, 2);
  });

  it("reads everything anew from an engine that was restarted", async () => {
    session.watch([ID]);
    await settled();
    engine.answers["train/list"] = [run({ state: "interrupted" })];
    engine.answers["train/figures"] = figures(1, 2);
    engine.tell("state", { name: "ready" });
    await settled();
    assert.equal(sent("snapshot").at(-1)?.runs[0]?.state, "interrupted");
    assert.deepEqual(sent("figures").at(-1), { type: "figures", runId: ID, figures: figures(1, 2), whole: true });
  });

  it("knows nothing before the engine was asked, and says so when it could not answer", async () => {
    const fresh = new ScriptedEngine();
    fresh.state = { name: "starting", attempt: 1 };
    fresh.answers["train/list"] = new Error("no folder is open");
    const state = new TrainingState(fresh as unknown as TrainingEngine, (line) => logged.push(line));
    await settled();
    assert.equal(state.known, false);
    fresh.tell("state", { name: "ready" });
    await settled();
    assert.deepEqual([state.known, state.runs.length, logged.length], [true, 0, 1]);
    state.dispose();
  });

  it("is silent after its page is gone, and leaves no listener behind", async () => {
    session.watch([ID]);
    await settled();
    session.dispose();
    posted.length = 0;
    engine.tell("train/changed", run({}));
    engine.tell("train/figures", { id: ID, figures: figures(9)[0] });
    await settled();
    assert.deepEqual(posted, []);
    training.dispose();
    assert.equal(engine.listeners, 0);
  });
});
