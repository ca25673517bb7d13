// Proof of learning 3: GRPO on a task whose reward is checked exactly. The caret stands before brackets that the editor closed, and
// the reply is right if it opens and closes its own brackets and quotes, stays on its line and ends. Held-out tasks use words
// that no training task uses. The share of right replies (sampled at temperature 1) rises by at least 15 points. Control:
// random rewards show no gain.
//   node test/bench/learnGrpo.ts [--steps 40] [--seeds 1] [--rate 6e-4] [--tasks 160] [--beta 0.05] [--rewards exact,random] [--folder DIR] [--threads 1] [--measure]
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import type { TrainingRecord } from "../../src/engine/base/trainingRecord.ts";
import { openRollouts } from "../../src/engine/model/rollouts.ts";
import { openSampleTokenizer } from "../../src/engine/model/sampleTokenizer.ts";
import type { Reward } from "../../src/engine/training/tune/tuningTypes.ts";
import { baseModel, change, learn, percent } from "./learnSupport.ts";

const text = { type: "string" } as const;
const { values } = parseArgs({ options: { steps: text, seeds: text, rate: text, tasks: text, beta: text, rewards: text, folder: text, threads: text, measure: { type: "boolean" } } });
const folder = values.folder ?? path.join(os.tmpdir(), "kalactica-learn-grpo");
const threads = Number(values.threads ?? 1);

const words = {
  train: ["user", "item", "total", "index", "result", "value", "node", "count", "file", "name", "path", "token", "event", "state", "queue", "cache", "client", "buffer", "config", "parser"],
  heldOut: ["order", "price", "server", "handle", "writer", "record", "target", "width", "offset", "worker"],
};
const forms: readonly ((name: string) => { prefix: string; suffix: string; path: string })[] = [
  (name) => ({ prefix: `const ${name} = load();\nconsole.log(`, suffix: ");\n", path: "src/main.ts" }),
  (name) => ({ prefix: `  let ${name} = read(0);\n  return `, suffix: ";\n}\n", path: "src/read.js" }),
  (name) => ({ prefix: `${name} = load()\nprint(`, suffix: ")\n", path: "main.py" }),
  (name) => ({ prefix: `    ${name} = self.read()\n    return `, suffix: "\n", path: "pkg/reader.py" }),
];

/** Tasks with names of one or two words out of `list`. */
function tasks(list: readonly string[], n: number, seed: number): TrainingRecord[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: n }, (_, i) => {
    const first = list[random.integer(list.length)] ?? "";
    const second = list[random.integer(list.length)] ?? "";
    const form = i % forms.length;
    const name = random.integer(2) === 0 ? first : form >= 2 ? `${first}_${second}` : first + second.slice(0, 1).toUpperCase() + second.slice(1);
    return { kind: "task", prompt: { form: "infill", ...forms[form]!(name) }, reference: name, origin: { at: `task ${i}: ${name}` } };
  });
}

/** Whether a reply is one line of something, with its own brackets and quotes closed in order. */
function closesWhatItOpens(reply: string): boolean {
  if (reply.trim() === "" || reply.includes("\n")) return false;
  const open: string[] = [];
  let quote = "";
  for (const c of reply) {
    if (quote !== "") {
      if (c === quote) quote = "";
    } else if ("\"'`".includes(c)) quote = c;
    else if ("([{".includes(c)) open.push(")]}"["([{".indexOf(c)] ?? "");
    else if (")]}".includes(c) && open.pop() !== c) return false;
  }
  return quote === "" && open.length === 0;
}

const exact: Reward = { name: "exact", score: (_, reply) => Promise.resolve(closesWhatItOpens(reply) ? 1 : 0) };
const heldOut = tasks(words.heldOut, 48, 99);

if (values.measure === true) {
  const tokenizer = await openSampleTokenizer(baseModel);
  const rollouts = openRollouts({ modelFile: baseModel, threads });
  const prompts = heldOut.map((task) => ("prompt" in task && task.prompt.form === "infill" ? tokenizer.infill!.prompt({ ...task.prompt, path: task.prompt.path ?? "" }, 200) : []));
  for (const temperature of [0, 1]) {
    const began = performance.now();
    const replies = await rollouts.generate(prompts, { n: 4, temperature, seed: 1, maxTokens: 12, stopTokens: [tokenizer.infill!.endOfMiddle], adapterFile: null });
    const flat = replies.flatMap((r, i) => r.map((reply) => ({ reply, task: heldOut[i] as Extract<TrainingRecord, { kind: "task" }> })));
    console.log(`temperature ${temperature}: ${flat.filter(({ reply }) => !reply.truncated && closesWhatItOpens(reply.text)).length} of ${flat.length} right, ${flat.filter((r) => r.reply.truncated).length} cut off, ${Math.round(performance.now() - began)} ms`);
    for (const { reply, task } of flat.filter((_, i) => i % 17 === 0)) console.log(`  ${task.reference} ← ${JSON.stringify(reply.text)}`);
  }
  process.exit(0);
}

const results = [];
for (const seed of (values.seeds ?? "1").split(",").map(Number)) {
  const random = new SeededRandom(seed + 7);
  const chance: Reward = { name: "random", score: () => Promise.resolve(random.integer(2)) };
  for (const reward of [exact, chance]) {
    if (!(values.rewards ?? "exact,random").split(",").includes(reward.name)) continue;
    const began = performance.now();
    const { receipt, figures, adapterFile } = await learn({
      name: `${reward.name}-${seed}`, folder, method: "grpo", modelFile: baseModel, train: tasks(words.train, Number(values.tasks ?? 160), seed), validation: heldOut, threads, rewards: [reward],
      config: {
        seed, adapter: { seed }, epochs: 100, maxSteps: Number(values.steps ?? 40), optimizer: { learningRate: Number(values.rate ?? 6e-4) }, sequenceLength: 128, batchTokens: 512,
        validateEverySteps: 1000, checkpointEverySteps: 1000, shownSamples: 0, promotion: { generalSamples: 30 }, grpo: { groupSize: 8, promptsPerStep: 4, maxReplyTokens: 12, beta: Number(values.beta ?? 0.05) },
      },
    });
    // What random rewards taught is judged by the exact one.
    const [before, after] = [await shareRight(null), await shareRight(adapterFile)];
    const steps = figures.filter((f) => f.reward !== undefined);
    const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / Math.max(1, list.length);
    const result = {
      reward: reward.name, seed, steps: steps.length, heldOutBefore: before, heldOutAfter: after, trainReward: [mean(steps.slice(0, 5).map((f) => f.reward ?? 0)), mean(steps.slice(-5).map((f) => f.reward ?? 0))],
      kl: steps.at(-1)?.kl, entropy: [steps[0]?.entropy, steps.at(-1)?.entropy], zeroDeviationShare: mean(steps.map((f) => f.zeroDeviationShare ?? 0)), generalChange: change(receipt.general), seconds: (performance.now() - began) / 1000, sentence: receipt.sentence,
    };
    results.push(result);
    console.log(`${reward.name} rewards, seed ${seed}: held-out tasks right ${(100 * before).toFixed(1)} % → ${(100 * after).toFixed(1)} %, unrelated ${percent(result.generalChange)}; ${Math.round(result.seconds)} s`);
  }
}
console.log(JSON.stringify({ settings: values, results }));
process.exit(0);

/** Share of right replies to held-out tasks, eight each, drawn otherwise than in the run's own validation. */
async function shareRight(adapterFile: string | null): Promise<number> {
  const tokenizer = await openSampleTokenizer(baseModel);
  const rollouts = openRollouts({ modelFile: baseModel, threads });
  const prompts = heldOut.map((task) => ("prompt" in task && task.prompt.form === "infill" ? tokenizer.infill!.prompt({ ...task.prompt, path: task.prompt.path ?? "" }, 116) : []));
  const replies = await rollouts.generate(prompts, { n: 8, temperature: 1, seed: 12345, maxTokens: 12, stopTokens: [tokenizer.infill!.endOfMiddle], adapterFile });
  await rollouts.close();
  await tokenizer.close();
  const right = replies.map((group) => group.filter((r) => !r.truncated && closesWhatItOpens(r.text)).length);
  return right.reduce((a, b) => a + b, 0) / (8 * heldOut.length);
}
