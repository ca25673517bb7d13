// Feedback holds completions and chat side by side: a model that knows only one of them learns from that one.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { prepareUnits } from "../../../../src/engine/training/tune/prepareUnits.ts";
import { asciiTokenizer } from "../samples/asciiTokenizer.ts";
import { splitOf } from "./support.ts";

const chat: TrainingRecord = { kind: "preference", prompt: { form: "chat", messages: [{ role: "user", content: "ask" }] }, chosen: "yes", rejected: "no", origin: { at: "applied 1" } };
const infill: TrainingRecord = { kind: "preference", prompt: { form: "infill", prefix: "a(", suffix: ")" }, chosen: "b", rejected: "c", origin: { at: "completion 1" } };

describe("data in several forms", () => {
  const prepare = async (records: readonly TrainingRecord[], name = "train") => {
    const folder = mkdtempSync(path.join(tmpdir(), "kalactica-forms-"));
    try {
      return (await prepareUnits(splitOf(records), { folder, name, method: "dpo", tokenizer: asciiTokenizer({ chat: false }), longest: 100, identity: "x" })).report;
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it("are learnt from as far as the model knows them, and the rest is counted with the reason", async () => {
    const report = await prepare([chat, infill, chat]);
    assert.deepEqual([report.samples, report.skipped], [2, 2]);
    assert.match(report.skippedReasons[0] ?? "", /applied 1: .*no chat template/);
  });

  it("are refused where the model knows none of them", async () => {
    await assert.rejects(prepare([chat, chat]), { reason: "modelIncapable" });
    assert.equal((await prepare([chat], "validation")).samples, 0);
  });
});
