// A run that is killed with SIGKILL again and again, at moments that nobody chose, comes to the adapter of an undisturbed one.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { SeededRandom } from "../../../../src/engine/base/random.ts";

const program = fileURLToPath(new URL("killedRun.ts", import.meta.url));

/** Runs the program; kills it some `delayMs` after it has made `killAfterSteps` steps, if that is given. */
function run(folder: string, killAfterSteps?: number, delayMs = 0): Promise<{ killed: boolean; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, folder], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    let timer: NodeJS.Timeout | undefined;
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const steps = output.split("step made").length - 1;
      if (killAfterSteps !== undefined && steps >= killAfterSteps) timer ??= setTimeout(() => child.kill("SIGKILL"), delayMs);
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code !== 0 && signal !== "SIGKILL") reject(new Error(`It ended with ${code}.`));
      else resolve({ killed: signal === "SIGKILL", output });
    });
  });
}

const lastLine = (output: string): string | undefined => output.trim().split("\n").at(-1);

describe("tune, killed", function () {
  this.timeout(120_000);
  let folder: string;
  before(async () => { folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-killed-")); });
  after(() => rm(folder, { recursive: true, force: true }));

  it("loses nothing to SIGKILL", async () => {
    const undisturbed = await run(path.join(folder, "whole"));
    const random = new SeededRandom(Date.now());
    let kills = 0;
    let resumptions = 0;
    for (;;) {
      // Somewhere within the first quarter of what is left of 60 steps; after three kills it may finish.
      const { killed, output } = await run(path.join(folder, "killed"), kills < 3 ? 2 + random.integer(10) : undefined, 4 * random.uniform());
      if (/Goes on from the checkpoint of step [1-9]/.test(output)) resumptions++;
      if (!killed) {
        assert.equal(lastLine(output), lastLine(undisturbed.output));
        break;
      }
      kills++;
    }
    assert.ok(kills > 0 && resumptions > 0, `${kills} kills, ${resumptions} resumptions`);
  });
});
