// A short day of use against the real engine process: what test/bench/dayOfUse.ts lives through at length, by hand.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { liveThroughDay } from "../bench/dayOfUse/day.ts";
import { Repository } from "../bench/dayOfUse/repository.ts";
import { growth } from "../bench/dayOfUse/readings.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const modulePath = path.join(root, "dist", "engine.mjs");

describe("a day of use", function () {
  this.timeout(180_000);

  it("passes without an error and without losing anything, through branch switches and a reload", async () => {
    assert.ok(existsSync(modulePath), "dist/engine.mjs is missing: npm run build");
    const scratch = mkdtempSync(path.join(tmpdir(), "kalactica-day-"));
    try {
      const repository = new Repository(path.join(root, "test", "fixtures", "workspace"), path.join(scratch, "repository"));
      const { errors, lost, kept, readings, counts } = await liveThroughDay({ repository, modulePath, scratch, actions: 150, seed: 5, readings: 4, reloads: [] });
      assert.deepEqual(errors, []);
      assert.deepEqual(lost, []);
      assert.ok(kept.remembered > 0 && kept.questions > 5 && kept.executions > 3 && kept.symbols > 3 && (counts["switchBranch"] ?? 0) > 0, JSON.stringify({ kept, counts }));
      // Too short for a judgement of memory; a descriptor, timer or listener an action would show.
      for (const measure of ["files", "timers", "handles", "listeners"] as const) {
        const { first, last } = growth(readings.slice(-2), measure);
        assert.ok(last - first <= 8, `${measure}: ${first} → ${last}`);
      }
    } finally {
      rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
    }
  });
});
