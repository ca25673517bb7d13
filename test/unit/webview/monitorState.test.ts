import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { RunInfo, RunState } from "../../../src/engine/protocol/training.ts";
import { DEFAULT_CHOICES, initialState, MAX_COMPARED, reduce, shownRuns } from "../../../src/webview/monitor/monitorState.ts";
import type { MonitorState } from "../../../src/webview/monitor/monitorState.ts";
import { actionsOf } from "../../../src/webview/monitorProtocol.ts";
import { change, duration, number, runLine } from "../../../src/webview/trainingWords.ts";
import { adapterFrom, READY, RECEIPT, run } from "../../webview/monitorScenarios.ts";

const opened = (runs: RunInfo[], choices = DEFAULT_CHOICES): MonitorState => reduce(initialState(choices), { type: "snapshot", runs, adapters: [], status: READY });
const old = run({ id: "old", createdAt: 1, state: "finished" });
const now = run({ id: "now", createdAt: 2 });
const next = run({ id: "next", createdAt: 3, state: "queued" });

describe("monitor state", () => {
  it("shows what runs, else the newest, and what was chosen before where it still exists", () => {
    assert.equal(opened([old, now, next]).choices.runId, "now");
    assert.equal(opened([old]).choices.runId, "old");
    assert.equal(opened([]).choices.runId, null);
    assert.equal(opened([old, now], { ...DEFAULT_CHOICES, runId: "old" }).choices.runId, "old");
    assert.deepEqual(opened([old, now], { ...DEFAULT_CHOICES, runId: "gone", compared: ["gone too", "old"] }).choices, { ...DEFAULT_CHOICES, runId: "now", compared: ["old"] });
    assert.deepEqual(opened([old, now, next]).runs.map(({ id }) => id), ["next", "now", "old"]);
  });

  it("adds figures to those it has, and replaces the steps that a resumed run computes again", () => {
    const figures = (...steps: number[]) => steps.map((step) => ({ step, at: step, loss: step }));
    let state = reduce(opened([now]), { type: "figures", runId: "now", figures: figures(1, 2, 3), whole: true });
    state = reduce(state, { type: "figures", runId: "now", figures: figures(4), whole: false });
    assert.deepEqual(state.figures["now"]?.map(({ step }) => step), [1, 2, 3, 4]);
    state = reduce(state, { type: "figures", runId: "now", figures: [{ step: 4, at: 5, validationLoss: 1 }], whole: false });
    assert.equal(state.figures["now"]?.length, 5, "a validation of the same step stands beside it");
    state = reduce(state, { type: "figures", runId: "now", figures: figures(2, 3), whole: false });
    assert.deepEqual(state.figures["now"]?.map(({ step }) => step), [1, 2, 2, 3]);
    assert.deepEqual(reduce(state, { type: "figures", runId: "now", figures: [], whole: false }).figures["now"], state.figures["now"]);
  });

  it("compares at most so many runs as can be told apart, and never a run with itself", () => {
    const many = Array.from({ length: 9 }, (_, i) => run({ id: `r${i}`, createdAt: 9 - i, state: "finished" }));
    let state = opened(many);
    for (const { id } of many) state = reduce(state, { type: "compare", runId: id, on: true });
    assert.equal(state.choices.compared.length, MAX_COMPARED);
    assert.ok(!state.choices.compared.includes("r0"));
    assert.equal(shownRuns(state)[0]?.id, "r0");
    state = reduce(state, { type: "chooseRun", runId: state.choices.compared[0]! });
    assert.equal(new Set(shownRuns(state)).size, shownRuns(state).length);
  });

  it("takes a run in its new state, once", () => {
    const state = reduce(opened([old, now]), { type: "run", run: { ...now, state: "paused" } });
    assert.deepEqual(state.runs.map(({ id, state: s }) => [id, s]), [["now", "paused"], ["old", "finished"]]);
  });
});

describe("what can be done with a run", () => {
  const of = (state: RunState, changes: Partial<RunInfo> = {}): string => actionsOf(run({ state, ...changes }), []).join(" ");

  it("depends on its state", () => {
    assert.equal(of("running"), "pause cancel");
    assert.equal(of("queued"), "cancel");
    assert.equal(of("paused", { resumable: true }), "resume cancel");
    assert.equal(of("interrupted", { resumable: false }), "cancel");
    assert.equal(of("failed", { resumable: true }), "resume remove");
    assert.equal(of("cancelled"), "remove");
    assert.equal(of("finished"), "remove");
  });

  it("includes its adapter, by whichever name it is found", () => {
    const made = run({ state: "finished", receipt: RECEIPT });
    assert.deepEqual(actionsOf(made, [adapterFrom(made)]), ["rollBack", "export", "remove"]);
    assert.deepEqual(actionsOf(made, [adapterFrom(made, { active: false, run: null })]), ["activate", "export", "remove"]);
    assert.deepEqual(actionsOf(made, [adapterFrom(made, { run: "other", sha256: "other" })]), ["remove"]);
  });
});

describe("training in words", () => {
  it("writes numbers with the digits that they deserve", () => {
    assert.deepEqual([2.34567, 0.00021, 1184.4, 0, -0.5, 12_345_678, NaN, Infinity, 0.0443].map((value) => number(value)), ["2.346", "2.10e−4", "1,184", "0", "−0.500", "1.23e7", "not a number", "∞", "0.0443"]);
    assert.equal(number(0.0531, 2), "0.05");
    assert.deepEqual([3, 59.6, 600, 3600, 4830].map(duration), ["3 s", "1 min", "10 min", "1 h", "1 h 21 min"]);
    assert.deepEqual([change(11.42, 8.31), change(10, 10.1), change(0, 1)], ["−27.2 %", "+1.0 %", ""]);
  });

  it("says where a run stands, or how it ended", () => {
    assert.equal(runLine(run({})), "Step 260 of 400 · 4 min left · 1,184 tokens/s".replace("4 min", duration(266)));
    assert.equal(runLine(run({ state: "finished", receipt: RECEIPT })), "Promoted · held-out perplexity −27.2 %, general text +0.6 % · in 13 min");
    const dpo = run({ state: "finished", method: "dpo", receipt: { ...RECEIPT, promoted: false, preference: { accuracy: 0.625, margin: 0.2, n: 24 } } });
    assert.equal(runLine(dpo), "Not promoted · 63 % of held-out pairs ranked right, general text +0.6 % · in 13 min");
    const grpo = run({ state: "finished", method: "grpo", receipt: { ...RECEIPT, reward: { before: 0.2, after: 0.45, n: 50 } } });
    assert.equal(runLine(grpo), "Promoted · held-out reward 0.20 → 0.45, general text +0.6 % · in 13 min");
    assert.equal(runLine(run({ state: "failed", sentence: "The disk is full." })), "Step 260 of 400 · The disk is full.");
  });
});
