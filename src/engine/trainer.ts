// Entry of the trainer process: what must not run inside the engine, because a native assert ends a process.
// Today: `self-test`, which prints one JSON line. Training runs from the command line are processes of their own already.
import { gradientSelfTest } from "./ggml/selfTest.ts";

if (process.argv[2] === "self-test") {
  console.log(JSON.stringify(await gradientSelfTest()));
} else {
  console.error(`The trainer was started with "${process.argv[2] ?? ""}", but knows only "self-test". It is started by the engine, not by hand.`);
  process.exitCode = 2;
}
