import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { INITIAL_STATE, reduce, runningTurn } from "../../../src/webview/chat/viewState.ts";
import type { ViewAction } from "../../../src/webview/chat/viewState.ts";
import { joinProse, StreamBatch } from "../../../src/webview/chat/streamBatch.ts";
import { titleOf } from "../../../src/webview/protocol.ts";
import type { HostMessage } from "../../../src/webview/protocol.ts";
import { CARD, CITATIONS, SCENARIOS, streamed, turn } from "../../webview/scenarios.ts";

const prose = (turnId: string, text: string): HostMessage => ({ type: "turnEvent", turnId, event: { type: "prose", text } });

describe("view state", () => {
  it("shows a streamed answer the same as one opened after it ended", () => {
    const open = streamed("t9", "Hello, world. This is an answer [1].").reduce<typeof INITIAL_STATE>((state, message) => reduce(state, message), reduce(INITIAL_STATE, SCENARIOS["welcome"]!.snapshot));
    const [answered] = open.conversation.turns;
    assert.equal(answered?.prose, "Hello, world. This is an answer [1].");
    assert.equal(answered?.state, "done");
    assert.deepEqual(answered?.card, CARD);
    assert.equal(runningTurn(open), null);
  });

  it("adds prose to the turn it belongs to, and to no other", () => {
    const two: ViewAction = { type: "conversation", conversation: { id: "c", title: "", updatedAt: 0, turns: [turn({ id: "a", prose: "x" }), turn({ id: "b", state: "running" })] } };
    const state = [two, prose("b", "y"), prose("gone", "z")].reduce(reduce, INITIAL_STATE);
    assert.deepEqual(state.conversation.turns.map((t) => t.prose), ["x", "y"]);
    assert.equal(runningTurn(state)?.id, "b");
  });

  it("replaces the citations when the checks have run", () => {
    const state = [{ type: "turn", turn: turn({ id: "a", citations: CITATIONS }) } as const, { type: "turnEvent", turnId: "a", event: { type: "citations", citations: CITATIONS.slice(0, 1) } } as const].reduce(reduce, INITIAL_STATE);
    assert.equal(state.conversation.turns[0]?.citations.length, 1);
  });

  it("drops a notice when it is dismissed or another conversation opens", () => {
    const noticed = reduce(INITIAL_STATE, { type: "notice", text: "n" });
    assert.equal(noticed.notice, "n");
    assert.equal(reduce(noticed, { type: "dismissNotice" }).notice, null);
    assert.equal(reduce(noticed, { type: "conversation", conversation: INITIAL_STATE.conversation }).notice, null);
    const asked = reduce(noticed, { type: "turn", turn: turn({ id: "new" }) });
    assert.equal(asked.notice, null, "or something new is asked");
    assert.equal(reduce(reduce(asked, { type: "notice", text: "m" }), { type: "turn", turn: turn({ id: "new", state: "done" }) }).notice, "m");
  });
});

describe("stream batch", () => {
  it("joins neighbouring prose of a turn and keeps the order of the rest", () => {
    const status: HostMessage = { type: "turnEvent", turnId: "a", event: { type: "status", text: "s" } };
    assert.deepEqual(joinProse([prose("a", "1"), prose("a", "2"), status, prose("a", "3"), prose("b", "4")]), [prose("a", "12"), status, prose("a", "3"), prose("b", "4")]);
  });

  it("delivers once per frame, and again after it", () => {
    const frames: (() => void)[] = [];
    const delivered: HostMessage[][] = [];
    const batch = new StreamBatch((messages) => delivered.push(messages), (flush) => frames.push(flush));
    batch.push(prose("a", "1"));
    batch.push(prose("a", "2"));
    assert.equal(frames.length, 1);
    frames[0]!();
    batch.push(prose("a", "3"));
    assert.equal(frames.length, 2);
    frames[1]!();
    assert.deepEqual(delivered, [[prose("a", "12")], [prose("a", "3")]]);
  });
});

describe("conversation titles", () => {
  it("are one line, cut at a word", () => {
    assert.equal(titleOf("  Where is\n x? "), "Where is x?");
    const long = titleOf("How does the index skip binaries, minified files and everything else that matters");
    assert.ok(long.length <= 61 && long.endsWith("…") && !/\w…$/.test(long.replace(/\b\w+…$/, "…")));
    assert.equal(titleOf("x".repeat(100)).length, 61);
  });
});
