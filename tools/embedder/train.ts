// Trains media/models/kalactica-embed.gguf from pairs of documentation and code (README.md in this folder):
//   node tools/embedder/train.ts --pairs FILE.jsonl... [--exclude FILE.jsonl]... [--out FILE.gguf] [--epochs N] [--work FOLDER]
// Rows of the pairs are {query, code, name, path, lang}. Rows of --exclude are {text}: functions of an evaluation set, whose
// near-duplicates are kept out of training. The same pairs and options give the same file, also where a run was stopped and
// goes on from what it kept under --work.
import { parseArgs } from "node:util";
import { mediaFile } from "../../src/engine/base/paths.ts";
import { trainEncoder } from "../../src/engine/retrieval/embedder/trainEncoder.ts";

const { values } = parseArgs({
  options: {
    pairs: { type: "string", multiple: true }, exclude: { type: "string", multiple: true, default: [] }, out: { type: "string" },
    epochs: { type: "string", default: "2" }, work: { type: "string" }, help: { type: "boolean", default: false },
  },
});
if (values.help || values.pairs === undefined) {
  console.error("Usage: node tools/embedder/train.ts --pairs FILE.jsonl... [--exclude FILE.jsonl]... [--out FILE.gguf] [--epochs N] [--work FOLDER]");
  process.exitCode = values.help ? 0 : 2;
} else {
  const started = performance.now();
  const report = await trainEncoder({
    pairsFiles: values.pairs, excludeFiles: values.exclude, outFile: values.out ?? mediaFile("models", "kalactica-embed.gguf"), epochs: Number(values.epochs),
    ...(values.work === undefined ? {} : { workFolder: values.work }),
    onStep: (step, nSteps, loss) => {
      if (step % 100 === 0 || step === nSteps) console.error(`step ${step} of ${nSteps}, loss ${loss.toFixed(3)}, ${((performance.now() - started) / 1_000).toFixed(0)} s`);
    },
  });
  console.log(JSON.stringify(report));
}
