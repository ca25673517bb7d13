// A new user's first steps without VS Code: what ticks a step, and which of several things the status item tells of.
import assert from "node:assert/strict";
import type { EngineTraffic } from "../../../src/extension/engineClient.ts";
import { stateOf } from "../../../src/extension/statusItemState.ts";
import type { StatusSources } from "../../../src/extension/statusItemState.ts";
import { STEPS, stepsDoneBy, walkthroughContribution } from "../../../src/extension/walkthroughSteps.ts";
import { COMMANDS } from "../../../src/extension/contributions.ts";
import type { EngineStatus } from "../../../src/engine/protocol/types.ts";

const traffic = (kind: "answered" | "sent", method: string, payload: object): EngineTraffic => ({ kind, method, ...kind === "answered" ? { params: {}, result: payload } : { params: payload } }) as unknown as EngineTraffic;

describe("the walkthrough's steps", () => {
  it("are ticked by what happened, not by what was asked for", () => {
    for (const [step, done, notYet] of [
      ["machine", traffic("answered", "engine/doctor", []), traffic("answered", "engine/status", {})],
      ["model", traffic("answered", "model/gallery", { models: [{ active: true, installed: true }] }), traffic("answered", "model/gallery", { models: [{ active: false, installed: true }] })],
      ["index", traffic("answered", "index/update", { files: 3 }), traffic("answered", "index/update", { files: 0 })],
      ["completion", traffic("sent", "completion/outcome", { outcome: "accepted" }), traffic("sent", "completion/outcome", { outcome: "shown" })],
      ["answer", traffic("answered", "answer/ask", { citations: [{ verified: true }] }), traffic("answered", "answer/ask", { citations: [{ verified: false }] })],
      ["evaluation", traffic("answered", "evaluate/run", {}), traffic("answered", "evaluate/runs", {})],
    ] as const) {
      assert.deepEqual(stepsDoneBy(done), [step]);
      assert.deepEqual(stepsDoneBy(notYet), [], step);
    }
  });

  it("have one button each, of a command that exists, and a picture", () => {
    const [{ steps }] = walkthroughContribution() as [{ steps: { description: string; media: { svg: string } }[] }];
    assert.equal(steps.length, STEPS.length);
    for (const [at, { description }] of steps.entries()) {
      assert.equal(description.match(/\]\(command:/g)?.length, 1);
      assert.ok(Object.hasOwn(COMMANDS, STEPS[at]!.button.command.replace("kalactica.", "")), STEPS[at]!.button.command);
    }
  });
});

describe("the status item", () => {
  const status = (changes: { index?: Partial<EngineStatus["index"]>; model?: Partial<EngineStatus["model"]> } = {}): EngineStatus => ({
    index: { state: "ready", files: 30, chunks: 90, pendingFiles: 0, skipped: [], ...changes.index },
    model: { state: "ready", id: "a", name: "A", device: "cpu", explanation: "", contextSize: 1, tokensPerSecond: null, capabilities: { infill: true, answer: false, embed: false }, ...changes.model },
    bytesOut: 0,
  });
  const sources = (changes: Partial<StatusSources> = {}): StatusSources => ({ engine: "ready", status: status(), training: null, download: null, measuring: false, ...changes });
  const training = { share: 0.4, secondsLeft: 60, running: true };

  it("tells of problems before work, and of work that is waited for before work that is not", () => {
    const work = { training, download: { share: 0.2 }, measuring: true };
    for (const [kind, changes] of [
      ["engineFailed", { ...work, engine: "failed", status: null }],
      ["starting", { ...work, engine: "starting", status: null }],
      ["modelFailed", { ...work, status: status({ model: { state: "failed" } }) }],
      ["indexFailed", { ...work, status: status({ index: { state: "failed" } }) }],
      ["loading", { ...work, status: status({ model: { state: "loading" } }) }],
      ["downloading", work],
      ["measuring", { ...work, download: null }],
      ["indexing", { training, status: status({ index: { state: "indexing", pendingFiles: 10 } }) }],
      ["training", { training }],
      ["leaving", { status: status({ model: { remote: { host: "h", leavesMachine: true } } }) }],
      ["idle", {}],
    ] as const) assert.equal(stateOf(sources(changes)).kind, kind);
  });

  it("says how far indexing is where it knows", () => {
    assert.deepEqual(stateOf(sources({ status: status({ index: { state: "indexing", files: 30, pendingFiles: 10 } }) })), { kind: "indexing", share: 0.75, command: "kalactica.showIndexReport" });
    assert.deepEqual(stateOf(sources({ status: status({ index: { state: "scanning" } }) })), { kind: "indexing", share: null, command: "kalactica.showIndexReport" });
  });
});
