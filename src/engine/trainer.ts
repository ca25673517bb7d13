// Entry of the trainer process: what must not run inside the engine, because a native assert ends a process.
// `run RUNS ID` trains a run; `prepare-data` makes a data set, asked over its channel; `self-test` prints one JSON line for the doctor.
import path from "node:path";
import { correlated } from "./base/log.ts";
import { startCounting, tellParent } from "./base/socketCount.ts";
import { reportSockets } from "./base/socketReport.ts";
import { gradientSelfTest } from "./ggml/selfTest.ts";
import { RunStore } from "./runs/runStore.ts";
import { liveAsTrainer } from "./runs/trainerLife.ts";

startCounting({ by: "trainer" });
reportSockets();
tellParent();

const [, , command, runsDir, id] = process.argv;
if (command === "self-test") {
  console.log(JSON.stringify(await gradientSelfTest()));
} else if (command === "prepare-data") {
  const { servePreparation } = await import("./tasks/prepareDataProcess.ts");
  await servePreparation();
  process.exit();
} else if (command === "run" && runsDir !== undefined && id !== undefined) {
  const { runTraining } = await import("./tasks/runTraining.ts");
  // The run's id is on every line, in the run's own log and in the engine's.
  process.exitCode = await correlated(id, () => liveAsTrainer(runsDir, id, (context) => runTraining(context, {
    runFolder: new RunStore(runsDir).path(id, "tuning"),
    hashNotes: path.join(context.writer.job.adaptersDir, "base-hashes.json"),
  })));
  // Native threads may outlive their work; everything is written here.
  process.exit();
} else {
  console.error(`The trainer was started with "${process.argv.slice(2).join(" ")}", but knows "self-test", "prepare-data" and "run RUNS ID". It is started by the engine, not by hand.`);
  process.exitCode = 2;
}
