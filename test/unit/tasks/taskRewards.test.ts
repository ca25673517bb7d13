import assert from "node:assert/strict";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import type { TaskRecord } from "../../../src/engine/base/reward.ts";
import { openRewards } from "../../../src/engine/tasks/taskRewards.ts";

const options = { storageDir: "/nowhere", executeCode: false, log: SILENT_LOG };
const referenced: TaskRecord = { kind: "task", prompt: { form: "text", text: "p" }, reference: "abcd", origin: { at: "a" } };
const tested: TaskRecord = { kind: "task", prompt: { form: "text", text: "p" }, check: { language: "python", tests: "assert f() == 1" }, origin: { at: "b" } };

describe("tasks/taskRewards", () => {
  it("judges each task by what it holds, and runs nothing that nobody agreed to", async () => {
    const opened = await openRewards({}, options);
    const [reward] = opened.rewards;
    assert.equal(await reward?.score(referenced, "abcd and on"), 1);
    assert.equal(await reward?.score(referenced, "abX"), 0.25);
    await assert.rejects(async () => reward?.score(tested, "x"), /nobody agreed/);
    await opened.close();
  });

  it("weighs the rewards that the run names, alike for all its tasks", async () => {
    const { rewards: [reward] } = await openRewards({ match: 2 }, options);
    assert.equal(await reward?.score(referenced, "abcd"), 2);
    await assert.rejects(async () => reward?.score(tested, "x"), /no a `reference`|`reference`/);
    await assert.rejects(async () => (await openRewards({ beauty: 1 }, options)).rewards[0]?.score(referenced, "x"), /no reward "beauty"/);
  });
});
