import assert from "node:assert/strict";
import { healthLine, sentText } from "../../../src/webview/chat/healthLine.ts";
import type { ChatTurn } from "../../../src/webview/protocol.ts";

const turn = (prose: string, passages: number, leavesMachine: boolean): ChatTurn => ({
  id: "1", question: "?", command: null, attachments: [], askedAt: 0, state: "done", status: null, card: null, citations: [], prose, failure: null, rating: null,
  checks: {
    proseOmitted: null, droppedCitations: 0, verdict: { action: "allow", checks: [], ms: 1 }, timings: { retrieveMs: 1, cardMs: 1, firstTokenMs: null, totalMs: 42 }, tokens: { prompt: 0, reused: 0, generated: 0 }, budget: null,
    sentTo: { name: "Lab", host: "gpu.example:8000", passages, leavesMachine },
  },
});

describe("webview/sentText", () => {
  it("names who wrote and what was sent, before everything else in the line", () => {
    assert.equal(healthLine(turn("It does.", 5, true)), "written by Lab at gpu.example:8000; 5 passages were sent · no sources · 42 ms");
    assert.equal(sentText(turn("It does.", 1, false)), "written by Lab at gpu.example:8000 (this machine); 1 passage was sent");
  });

  it("tells of what was sent although nothing came of it, and nothing where nothing was", () => {
    assert.equal(sentText(turn("", 3, true)), "3 passages were sent to Lab at gpu.example:8000");
    const local = turn("It does.", 0, false);
    delete local.checks!.sentTo;
    assert.equal(sentText(local), null);
  });
});
