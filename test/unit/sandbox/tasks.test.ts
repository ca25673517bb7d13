// The tasks that come along: solvable, not solvable by nothing, different from each other, the same for the same seed.
import assert from "node:assert/strict";
import { judgeReply } from "../../../src/engine/sandbox/judge/judgeReply.ts";
import { programOf } from "../../../src/engine/sandbox/judge/replyCode.ts";
import { matchReward } from "../../../src/engine/sandbox/rewards.ts";
import { functionTaskRecord, functionTasks } from "../../../src/engine/sandbox/tasks/functionTasks.ts";
import { FAMILIES, SMALL_TASK_MATCH, smallTasks } from "../../../src/engine/sandbox/tasks/smallTasks.ts";
import { openSandbox } from "./openSandbox.ts";

describe("programming tasks", function () {
  this.timeout(120_000);

  it("are at least sixty, with names of their own, in both forms", () => {
    const tasks = functionTasks();
    assert.ok(tasks.length >= 60);
    assert.equal(new Set(tasks.map((task) => `${task.language} ${task.name}`)).size, tasks.length);
    for (const task of tasks) {
      const text = functionTaskRecord(task, "text");
      assert.ok(text.prompt.form === "text" && text.prompt.text.endsWith(`${task.signature}\n`));
      assert.equal(functionTaskRecord(task, "chat").prompt.form, "chat");
    }
  });

  // All tasks take a while: a sample here, all of them with KALACTICA_ALL_TASKS=1.
  it("are solved by their solutions and not by an empty or a mutated one", async function () {
    const box = await openSandbox(this, { parallel: 2 });
    const all = functionTasks();
    const chosen = process.env.KALACTICA_ALL_TASKS === "1" ? all : all.filter((_, i) => i % 13 === 3);
    try {
      await Promise.all(chosen.map(async (task) => {
        const record = functionTaskRecord(task, "text");
        const { check } = record;
        assert.ok(check);
        const judge = (reply: string) => judgeReply(box.converse.bind(box), { check, program: programOf(record, check, reply), reply });
        const right = await judge(task.solution);
        assert.deepEqual([right.passed, right.error], [right.total, null], task.name);
        const nothing = task.language === "python" ? "    pass\n" : "}\n";
        const empty = await judge(nothing);
        assert.ok(empty.passed < empty.total, `${task.name} is solved by nothing`);
      }));
    } finally {
      await box.close();
    }
  });
});

describe("very small tasks", () => {
  it("are all different, the same for the same seed, and right by their reference", async () => {
    const match = matchReward(SMALL_TASK_MATCH);
    for (const family of FAMILIES) {
      const tasks = smallTasks({ seed: 3, count: 40, families: [family.name] });
      assert.equal(new Set(tasks.map((task) => task.prompt.form === "text" ? task.prompt.text : "")).size, 40);
      assert.deepEqual(tasks, smallTasks({ seed: 3, count: 40, families: [family.name] }));
      for (const task of tasks) {
        assert.equal(await match.score(task, ` ${task.reference ?? ""}\nand more`), 1);
        assert.equal(await match.score(task, "\n"), 0);
        assert.ok(task.prompt.form === "text" && task.prompt.text.length < 400 && !task.prompt.text.endsWith(" "));
      }
    }
    assert.notDeepEqual(smallTasks({ seed: 1, count: 5, families: ["close"] }), smallTasks({ seed: 2, count: 5, families: ["close"] }));
  });

  it("close the brackets that are open", () => {
    for (const task of smallTasks({ seed: 5, count: 60, families: ["close", "closeTwo", "brackets"] })) {
      const line = `${task.prompt.form === "text" ? task.prompt.text.split("\n").at(-1) ?? "" : ""}${task.reference ?? ""}`;
      let left = line.replace(/[^()[\]{}]/g, "");
      for (let before = ""; before !== left;) {
        before = left;
        left = left.replace(/\(\)|\[\]|\{\}/g, "");
      }
      assert.equal(left, "", line);
    }
  });

  it("are refused for families that are not known and for more than there are", () => {
    assert.throws(() => smallTasks({ seed: 1, count: 1, families: ["none"] }), { reason: "badRequest" });
    assert.throws(() => smallTasks({ seed: 1, count: 1, families: [] }), { reason: "badRequest" });
    assert.throws(() => smallTasks({ seed: 1, count: 5000, families: ["progression"] }), { reason: "badRequest" });
  });
});
