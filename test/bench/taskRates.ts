// How often the embedded base model (or another) gets the very small tasks right by chance: what GRPO starts from.
//   node tools/node24.mjs test/bench/taskRates.ts [--model FILE] [--tasks 100] [--samples 4] [--seed 1] [--temperature 1] [--families a,b]
// Prints a table and one JSON line. Rates with a 95 % interval by bootstrap over tasks.
import path from "node:path";
import { parseArgs } from "node:util";
import { getLlama } from "node-llama-cpp";
import { mediaFile } from "../../src/engine/base/paths.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { matchReward, testsReward } from "../../src/engine/sandbox/rewards.ts";
import { Sandbox } from "../../src/engine/sandbox/sandbox.ts";
import { FAMILIES, SMALL_TASK_MATCH, smallTasks } from "../../src/engine/sandbox/tasks/smallTasks.ts";

const REPLY_TOKENS = 16;
const { values } = parseArgs({ options: { model: { type: "string" }, tasks: { type: "string", default: "100" }, samples: { type: "string", default: "4" }, seed: { type: "string", default: "1" }, temperature: { type: "string", default: "1" }, families: { type: "string", default: "" }, show: { type: "boolean", default: false } } });
const modelPath = path.resolve(values.model ?? mediaFile("models", "kalactica-base.gguf"));
const llama = await getLlama({ gpu: false, build: "never" });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: 512, threads: 1 });
const sequence = context.getSequence();
// Two ways to be right: the first line is the reference, or begins with it.
const reward = matchReward({ compare: "trimmed", firstLine: true });
const beginning = matchReward(SMALL_TASK_MATCH);
// Tasks with tests are run.
const box = await Sandbox.open();
const tests = testsReward(box.converse.bind(box), { credit: "all" });
const random = new SeededRandom(Number(values.seed));
const rows: Record<string, number | string>[] = [];
const wanted = values.families === "" ? FAMILIES : FAMILIES.filter((family) => values.families.split(",").includes(family.name));
for (const family of wanted) {
  const tasks = smallTasks({ seed: Number(values.seed), count: Number(values.tasks), families: [family.name] });
  const rates: number[] = [];
  let greedyRight = 0, begun = 0;
  for (const task of tasks) {
    if (task.prompt.form !== "text") continue;
    const prompt = model.tokenize(task.prompt.text, false);
    let right = 0;
    for (let sample = -1; sample < Number(values.samples); sample++) {
      const reply: number[] = [];
      await sequence.clearHistory();
      const bos = model.tokens.bos;
      for await (const token of sequence.evaluate([...(bos !== null && model.tokens.shouldPrependBosToken ? [bos] : []), ...prompt], sample < 0 ? { temperature: 0 } : { temperature: Number(values.temperature), topK: 0, topP: 1, minP: 0, seed: random.uint32() })) {
        reply.push(token);
        if (reply.length >= REPLY_TOKENS || model.detokenize(reply as never).trimStart().includes("\n")) break;
      }
      const text = model.detokenize(reply as never);
      const score = await (task.check === undefined ? reward : tests).score(task, text);
      if (sample < 0) greedyRight += score;
      else {
        right += score;
        begun += await beginning.score(task, text);
      }
      if (values.show && sample === 0) console.log(JSON.stringify([task.prompt.text.split("\n").at(-1), task.reference, text]));
    }
    rates.push(right / Number(values.samples));
  }
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const draws = Array.from({ length: 1000 }, () => mean(rates.map(() => rates[random.integer(rates.length)] ?? 0))).sort((a, b) => a - b);
  const row = { family: family.name, rate: mean(rates), low: draws[25] ?? 0, high: draws[974] ?? 0, begins: begun / tasks.length / Number(values.samples), greedy: greedyRight / tasks.length, tasks: tasks.length, samples: Number(values.samples) };
  rows.push(row);
  console.log(`${family.name.padEnd(12)} ${(100 * row.rate).toFixed(1).padStart(5)} %  [${(100 * row.low).toFixed(1)}, ${(100 * row.high).toFixed(1)}]  greedy ${(100 * row.greedy).toFixed(0)} %  begins ${(100 * row.begins).toFixed(1)} %`);
}
console.log(JSON.stringify({ model: path.basename(modelPath), temperature: Number(values.temperature), seed: Number(values.seed), rows }));
await box.close();
await llama.dispose();
