import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Scheduler } from "../../../src/engine/base/scheduler.ts";
import { evaluateCompletion, lineEndings, recommend } from "../../../src/engine/evaluation/completion.ts";
import { DEFAULT_SETTINGS } from "../../../src/engine/settings.ts";
import { runCompletion } from "../../../src/engine/tasks/evaluateCompletion.ts";

describe("completion of a repository's own last lines", () => {
  it("cuts added lines of code only, the same ones for the same seed", () => {
    const text = "import os\n# a comment that is long enough\ndef compute(total):\n    return total + os.getpid()\n\nx = 1\n";
    const all = lineEndings([{ path: "a.py", text, added: [1, 2, 4, 5] }], { n: 9, seed: 1 });
    assert.deepEqual(all.map(({ line }) => line), [1, 4]);
    for (const { prefix, expected, suffix, line, column } of all) {
      assert.equal(prefix + expected + suffix, text);
      assert.equal(text.split("\n")[line - 1]?.slice(column), expected);
    }
    assert.deepEqual(lineEndings([{ path: "a.py", text, added: [1, 4] }], { n: 1, seed: 5 }), lineEndings([{ path: "a.py", text, added: [1, 4] }], { n: 1, seed: 5 }));
  });

  it("counts shown and exact ones, and compares with the ablation", async () => {
    const endings = lineEndings([{ path: "a.py", text: "alpha = beta(1)\ngamma = delta(2)\n", added: [1, 2] }], { n: 2, seed: 1 });
    const { metrics } = await evaluateCompletion(endings, [
      { name: "m", complete: ({ line, expected }) => Promise.resolve({ text: line === 1 ? `${expected}\nmore` : "wrong", ms: line }) },
      { name: "none", complete: () => Promise.resolve({ text: null, ms: 1 }) },
    ], {});
    assert.deepEqual([metrics["shown"], metrics["exactOfShown"], metrics["exact"], metrics["p95Ms"]], [1, 0.5, 0.5, 2]);
    assert.equal((metrics["by"] as { none: { exactOfShown: number | null } }).none.exactOfShown, null);
    await assert.rejects(evaluateCompletion([], [], {}), /--commits/);
  });

  it("recommends the most exact of those that come in time", () => {
    const results = [{ name: "slow", exact: 0.9, p95Ms: 900 }, { name: "good", exact: 0.5, p95Ms: 300 }, { name: "quick", exact: 0.5, p95Ms: 100 }];
    assert.equal(recommend(results, 400), "quick");
    assert.equal(recommend(results, 50), null);
  });

  it("asks about the last commits, and the look-up knows what came before them only", async function () {
    this.timeout(20_000);
    const folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-history-"));
    const git = (...args: string[]): void => { execFileSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", ...args], { stdio: "ignore" }); };
    const run = { workspaceDir: folder, commits: 1, n: 20, seed: 1, model: null, settings: DEFAULT_SETTINGS, scheduler: new Scheduler() };
    try {
      git("init", "-q");
      const lines = Array.from({ length: 12 }, (_, i) => `    registry.register_handler("event_${i}", handler_for_event_${i}, priority=10)`);
      await writeFile(path.join(folder, "a.py"), `def setup(registry):\n${lines.join("\n")}\n`);
      git("add", ".");
      git("commit", "-qm", "one");
      await assert.rejects(runCompletion(run, {}), /1 commit in its history/);
      await writeFile(path.join(folder, "b.py"), `def more(registry):\n    registry.register_handler("event_3", handler_for_event_3, priority=10)\n    unheard_of_name.never_seen_before(quux)\n`);
      git("add", ".");
      git("commit", "-qm", "two");
      const { items, settings } = await runCompletion(run, {});
      assert.deepEqual(items.map(({ id }) => id), ["b.py:1", "b.py:2", "b.py:3"]);
      assert.equal(settings["files"], 1);
      // The third line's words stand nowhere before: whatever is shown for it is not what was cut, unless the answer leaked.
      assert.equal(items[2]?.["exact"], 0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
