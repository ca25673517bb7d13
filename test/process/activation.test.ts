// What activation costs the extension host: processor time, which a busy machine stretches less than the clock. VS Code's own
// figure is read in test/e2e/installed/question.test.ts.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "../../esbuild.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("activation", function () {
  this.timeout(60_000);
  let folder: string;

  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-activation-"));
    await build({ outdir: folder, production: true });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("takes at most 100 ms of the extension host's processor time", () => {
    const used = new Set(globSync("src/extension/**/*.ts", { cwd: root }).flatMap((file) => [...readFileSync(path.join(root, file), "utf8").matchAll(/\bvscode\.(\w+)/g)].map(([, name]) => name!)));
    const times = Array.from({ length: 5 }, () =>
      JSON.parse(execFileSync(process.execPath, [path.join(root, "test/process/hosts/activate.cjs"), path.join(folder, "extension.cjs"), [...used].join(",")], { encoding: "utf8" })) as { loadMs: number; activateMs: number });
    // The quickest of five: the others were disturbed.
    const best = times.reduce((a, b) => (a.loadMs + a.activateMs <= b.loadMs + b.activateMs ? a : b));
    console.log(`      loading ${best.loadMs.toFixed(0)} ms, activating ${best.activateMs.toFixed(0)} ms of processor time`);
    assert.ok(best.loadMs + best.activateMs <= 100, `${(best.loadMs + best.activateMs).toFixed(0)} ms`);
  });
});
