// The figures of use, from what is recorded to what is shown, exported and really gone.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { CancelledError } from "../../../src/engine/base/errors.ts";
import { OutcomeStore } from "../../../src/engine/completion/outcomes.ts";
import type { AskParams, AskResult } from "../../../src/engine/protocol/types.ts";
import { MetricsDesk } from "../../../src/engine/tasks/metricsDesk.ts";
import { scrub, UserMemory } from "../../../src/engine/tasks/userMemory.ts";

describe("figures of use", () => {
  let folder: string;
  let memory: UserMemory;
  let completions: OutcomeStore;
  let desk: MetricsDesk;
  let recording = true;
  let loaded: { id: string | null; adapter?: string | null };
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-metrics-"));
    memory = new UserMemory(folder, () => undefined);
    completions = new OutcomeStore(memory.database, scrub);
    recording = true;
    loaded = { id: "small model.gguf", adapter: "ab".repeat(32) };
    desk = new MetricsDesk({ memory, completions, mayRecord: () => recording, model: () => loaded });
  });
  afterEach(() => {
    memory.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const day = 86_400_000;
  const noon = new Date(2026, 4, 20, 12).getTime();
  function suggest(id: string, { language = "python", model = "small model.gguf ", text = "return total" } = {}): void {
    completions.suggested({ completionId: id, path: "a.py", language, source: "model", confidence: 0.9, prefix: "def f():\n    ", suffix: "", text, model });
  }
  const asking = (askId: string, more: Partial<AskParams> = {}): AskParams => ({ askId, question: "Where is the secret garden?", history: [], attachments: [], activePath: "src/a.ts", ...more });
  const answer = (more: Partial<AskResult> = {}): AskResult => ({
    answer: "", card: null, prose: "It is here [1].", proseOmitted: null, droppedCitations: 0, verdict: { action: "allow", checks: [], ms: 0 }, tokens: { prompt: 1, reused: 0, generated: 1 }, budget: null, stopped: false,
    citations: [{ n: 1, path: "src/b.py", startLine: 1, endLine: 2, text: "", sha256: "", verified: true }], timings: { retrieveMs: 1, cardMs: null, firstTokenMs: 80, totalMs: 200 }, ...more,
  });

  it("counts suggestions by what became of them, and knows each look for itself", () => {
    for (const id of ["kept", "undone", "rejected", "later"]) suggest(id);
    completions.record({ completionId: "kept", outcome: "shown", ms: 90 }, noon);
    completions.record({ completionId: "kept", outcome: "accepted", charactersKept: 12 }, noon);
    completions.record({ completionId: "kept", outcome: "keptAfter30s", charactersKept: 11 }, noon);
    completions.record({ completionId: "kept", outcome: "undoneWithin5min", charactersKept: 3 }, noon);
    completions.record({ completionId: "undone", outcome: "shown", ms: 210 }, noon);
    completions.record({ completionId: "undone", outcome: "accepted", charactersKept: 12 }, noon);
    completions.record({ completionId: "undone", outcome: "undoneWithin30s", charactersKept: 2 }, noon);
    completions.record({ completionId: "rejected", outcome: "rejected" }, noon);
    const { total } = desk.report(1, noon).completions;
    assert.deepEqual(total, { shown: 3, accepted: 2, partiallyAccepted: 0, rejected: 1, reviewed30s: 2, kept30s: 1, reviewed5min: 1, kept5min: 0, charactersShown: 36, charactersKept: 5, p50Ms: 90, p95Ms: 210 });
    assert.equal([...completions.stored()].find(({ id }) => id === "kept")?.outcome, "keptAfter30s", "training goes by the look after 30 seconds");
  });

  it("tells models, adapters, languages and days apart", () => {
    suggest("a");
    suggest("b", { language: "typescript", model: `small model.gguf ${"cd".repeat(32)}` });
    completions.record({ completionId: "a", outcome: "shown" }, noon - day);
    completions.record({ completionId: "b", outcome: "accepted", charactersKept: 12 }, noon);
    const { byDay, byModel, byLanguage, cells } = desk.report(2, noon).completions;
    assert.deepEqual(byDay.map((row) => [row.day, row.shown, row.accepted]), [["2026-05-19", 1, 0], ["2026-05-20", 1, 1]]);
    assert.deepEqual(byModel.map(({ model, adapter }) => [model, adapter]), [["small model.gguf", ""], ["small model.gguf", "cdcdcdcdcdcd"]]);
    assert.deepEqual(byLanguage.map(({ language }) => language), ["python", "typescript"]);
    assert.equal(cells.length, 2);
    assert.equal(desk.report(1, noon).completions.total.shown, 1, "yesterday is not today");
  });

  it("follows answers from the question to the opened citation", async () => {
    await desk.answering(asking("1"), () => Promise.resolve(answer()));
    await desk.answering(asking("2", { again: true }), () => Promise.resolve(answer({ prose: "", citations: [], timings: { retrieveMs: 1, cardMs: 2, firstTokenMs: null, totalMs: 20 } })));
    await assert.rejects(desk.answering(asking("3"), () => Promise.reject(new CancelledError())));
    await assert.rejects(desk.answering(asking("4"), () => Promise.reject(new Error("broken"))));
    desk.followed("1");
    desk.followed("1");
    memory.answers.given({ askId: "1", question: "q", answer: "a", model: "m" });
    memory.answers.rate("1", "up");
    const { total, byLanguage, byModel } = desk.report(1).answers;
    assert.deepEqual([total.asked, total.written, total.stopped, total.failed, total.retried, total.up, total.down, total.citations, total.withFollowed, total.followed], [4, 1, 1, 1, 1, 1, 0, 1, 1, 2]);
    assert.deepEqual([total.firstTokenP50Ms, total.firstTokenP95Ms], [80, 80]);
    assert.deepEqual(byLanguage.map(({ language, asked }) => [language, asked]), [["typescript", 3], ["python", 1]]);
    assert.deepEqual(byModel.map(({ model, adapter }) => [model, adapter]), [["small model.gguf", "abababababab"]]);
  });

  it("writes nothing down of what a measurement asks, and nothing while recording is off", async () => {
    await desk.answering(asking("0", { measured: true }), () => Promise.resolve(answer()));
    assert.equal(desk.report(1).answers.total.asked, 0);
    recording = false;
    await desk.answering(asking("1"), () => Promise.resolve(answer()));
    assert.equal(desk.report(1).answers.total.asked, 0);
    assert.equal(desk.report(1).recording, false);
  });

  it("exports every cell, and neither texts nor paths", async () => {
    suggest("a", { language: "a,b" });
    completions.record({ completionId: "a", outcome: "shown" });
    await desk.answering(asking("1"), () => Promise.resolve(answer()));
    const csv = desk.export(1, "csv");
    assert.equal(csv.trim().split("\r\n").length, 3);
    assert.match(csv, /^kind,day,model,adapter,language,shown,/);
    assert.ok(csv.includes('"a,b"'));
    for (const document of [csv, desk.export(1, "json")]) for (const hidden of ["garden", "return total", "a.py", "src/b.py"]) assert.ok(!document.includes(hidden), hidden);
  });

  it("erases so that the file holds nothing of it", async () => {
    suggest("a", { text: "unmistakable_suggestion_text" });
    suggest("pending", { text: "not_shown_yet" });
    completions.record({ completionId: "a", outcome: "accepted", charactersKept: 5 });
    await desk.answering(asking("unmistakable-ask-id"), () => Promise.resolve(answer()));
    memory.answers.given({ askId: "unmistakable-ask-id", question: "unmistakable question", answer: "a", model: "m" });
    memory.answers.rate("unmistakable-ask-id", "down");
    assert.deepEqual(desk.erase(), { completions: 1, answers: 1, ratings: 1, clean: true });
    assert.equal(desk.report(365).completions.total.shown + desk.report(365).answers.total.asked, 0);
    assert.equal(completions.record({ completionId: "pending", outcome: "accepted" }), false, "what was about to be written is gone too");
    for (const file of ["memory.sqlite", "memory.sqlite-wal"]) {
      const bytes = readFileSync(path.join(folder, file));
      for (const word of ["unmistakable", "return total"]) assert.ok(!bytes.includes(word), `${file} still holds "${word}"`);
    }
  });
});
