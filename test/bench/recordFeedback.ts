// A simulated user writes line endings of a repository while the real engine and model suggest: what is right is accepted,
// anything else is typed over. The extension's own logic infers the outcomes and the engine stores them, as in the editor,
// in FOLDER/.kalactica; then they are prepared as data, ready for `kalactica train dpo --data feedback --workspace FOLDER`.
//   node test/bench/recordFeedback.ts --repo FOLDER [--n 300] [--seed 1] [--gate 0.05]
import { mkdirSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { Engine } from "../../src/engine/engine.ts";
import { homeDir } from "../../src/engine/commandLine/openEngine.ts";
import { CompletionFates } from "../../src/extension/completionFate.ts";
import { completionCases } from "./completionCases.ts";

const { values } = parseArgs({ options: { repo: { type: "string" }, n: { type: "string", default: "300" }, seed: { type: "string", default: "1" }, gate: { type: "string", default: "0.05" } } });
if (values.repo === undefined) {
  console.error("Name a repository with --repo.");
  process.exit(2);
}
const workspaceDir = path.resolve(values.repo);
const storageDir = path.join(workspaceDir, ".kalactica");
mkdirSync(storageDir, { recursive: true });
// Without the index: the look-up would find the masked line itself, and every suggestion is the model's own.
const settings = { "index.enabled": false, "completion.gate": Number(values.gate), "completion.timeoutMs": 5_000 };
const engine = await Engine.open({ client: "simulated user", workspaceDir, storageDir, modelsDir: path.join(homeDir(), "models"), settings, trusted: true, background: false, log: SILENT_LOG });
try {
  const failure = await engine.loadModel();
  if (failure !== null) throw new Error(failure);
  const outcomes: Record<string, number> = {};
  const fates = new CompletionFates((report) => {
    const name = report.instead === undefined ? report.outcome : `${report.outcome}, written otherwise`;
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    engine.recordOutcome(report);
  });
  const { cases } = completionCases(workspaceDir, Number(values.n), Number(values.seed));
  let shown = 0;
  for (const [i, { path: file, language, line, column, prefix, suffix, expected }] of cases.entries()) {
    const { completionId, text } = await engine.complete({ path: file, language, prefix, suffix, line, column, trigger: "automatic" });
    if (text === null) continue;
    shown++;
    engine.recordOutcome({ completionId, outcome: "shown" });
    const document = `${file}#${i}`;
    let written = prefix + suffix;
    const type = (offset: number, inserted: string): void => {
      written = written.slice(0, offset) + inserted + written.slice(offset);
      fates.edited(document, [{ offset, removed: 0, text: inserted }]);
    };
    fates.show({ completionId, document, offset: prefix.length, text });
    if (text.split("\n")[0] === expected) {
      type(prefix.length, text);
      fates.accept(completionId, document, prefix.length, text);
    } else {
      for (let k = 0; k < expected.length; k++) type(prefix.length + k, expected.charAt(k));
      fates.dismiss();
    }
    fates.reviewAfter30s(completionId, (_, offset, length) => written.slice(offset, offset + length));
  }
  const { name, version, kinds, train, validation } = await engine.training.prepareData({ source: "feedback", name: "feedback" });
  console.log(JSON.stringify({ cases: cases.length, shown, outcomes, dataset: { name, version: version.slice(0, 12), kinds, train, validation } }, null, 2));
} finally {
  await engine.close();
}
