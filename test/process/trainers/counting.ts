// A trainer whose work is counting: what is tested with it is how runs are queued, watched, stopped and recovered.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { RunStore } from "../../../src/engine/runs/runStore.ts";
import { liveAsTrainer } from "../../../src/engine/runs/trainerLife.ts";

const [, , , runsDir, id] = process.argv as [string, string, string, string, string];

process.exitCode = await liveAsTrainer(runsDir, id, async ({ writer, pause, cancel }) => {
  const { steps, stepMs, fault } = writer.job.config as { steps: number; stepMs: number; fault?: string };
  const checkpoint = new RunStore(runsDir).path(id, "checkpoint");
  const faulted = `${checkpoint}.faulted`;
  let step = 0;
  try {
    step = Number(readFileSync(checkpoint, "utf8"));
  } catch {
    // The run begins.
  }
  writer.begin(step);
  await writer.update({ state: "running", step, steps });
  while (step < steps) {
    if (cancel.aborted && fault !== "deaf") return { state: "cancelled", sentence: "" };
    if (pause.aborted && fault !== "deaf") {
      writeFileSync(checkpoint, String(step));
      return { state: "paused", sentence: "" };
    }
    await sleep(stepMs);
    step++;
    writer.figures({ step, at: Date.now(), loss: 1 / step });
    await writer.update({ step });
    if (step === 3 && fault !== undefined && !existsSync(faulted)) {
      writeFileSync(faulted, "");
      if (fault === "killed") process.kill(process.pid, "SIGKILL");
      if (fault === "assert") {
        console.error("ggml.c:100: GGML_ASSERT(a->ne[0] == b->ne[0]) failed");
        process.abort();
      }
      if (fault === "disk") throw new EngineError("diskFull", "There is no space left to write checkpoint.gguf.");
    }
  }
  return { state: "finished", sentence: "" };
});
process.exit();
