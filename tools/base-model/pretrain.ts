// Runs `train pretrain` by itself: a thin script over src/engine/training/pretrainCommand.ts, for long runs beside other work.
//   node tools/base-model/pretrain.ts --data FOLDER --run FOLDER [--config run.json] [--resume] [--threads N] [--blas auto|ggml|FILE] [--max-steps N]
// SIGINT and SIGTERM pause: a checkpoint is written, and --resume goes on from it.
import { parseArgs } from "node:util";
import { EngineError } from "../../src/engine/base/errors.ts";
import { runPretrain } from "../../src/engine/training/pretrain/pretrainCommand.ts";

const { values } = parseArgs({
  options: {
    data: { type: "string" }, run: { type: "string" }, config: { type: "string" }, resume: { type: "boolean", default: false },
    threads: { type: "string", default: "1" }, blas: { type: "string", default: "auto" }, "max-steps": { type: "string" },
  },
});
const { data, run, config, resume, threads, blas } = values;
if (data === undefined || run === undefined) {
  console.error("Name the data folder with --data and the run's folder with --run.");
  process.exit(2);
}
const pause = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => pause.abort());
try {
  const result = await runPretrain(
    { data, run, config, resume, threads: Number(threads), blas, maxSteps: values["max-steps"] === undefined ? undefined : Number(values["max-steps"]) },
    {
      signal: pause.signal,
      onProgress: ({ step, loss, tokensSeen, tokensPerSecond, gradientNorm, rate, heldOut }) => {
        const measured = heldOut === undefined ? "" : `  held-out ${heldOut.bitsPerByte.toFixed(4)} bits/byte ${JSON.stringify(heldOut.bitsPerByteByLanguage, (_, v: unknown) => (typeof v === "number" ? Number(v.toFixed(3)) : v))}`;
        if (step % 10 === 0 || heldOut !== undefined) console.log(`step ${step}  ${(tokensSeen / 1e6).toFixed(2)}M tokens  loss ${loss.toFixed(3)}  |g| ${gradientNorm.toFixed(3)}  rate ${rate.toFixed(3)}  ${tokensPerSecond.toFixed(0)} tokens/s${measured}`);
      },
    },
  );
  console.log(JSON.stringify(result));
} catch (error) {
  if (!(error instanceof EngineError)) throw error;
  console.error(error.message);
  process.exit(1);
}
