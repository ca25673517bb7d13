// Proof of learning 3: GRPO on tasks whose rewards are checked exactly. Held-out tasks are drawn apart from those of training; the
// share of right replies (sampled at temperature 1) rises by at least 15 points. Control: random rewards show no gain.
//   --task code      a function's last expression is cut off; the reply is right if the task's tests hold when it is run in the sandbox
//                    (the product's own rewards, from sampling to judgement), whatever comes after it
//   --task brackets  the caret stands before brackets that the editor closed; the reply is right if it opens and closes its own brackets
//                    and quotes, stays on its line and ends. Held-out tasks use words that no training task uses.
//   node test/bench/learnGrpo.ts [--task code] [--steps 24] [--seeds 1] [--rate 6e-4] [--tasks 160] [--beta 0.05] [--rewards exact,random] [--replies 8] [--folder DIR] [--threads 1] [--measure]
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "../../src/engine/base/random.ts";
import type { TrainingRecord } from "../../src/engine/base/trainingRecord.ts";
import { openRollouts } from "../../src/engine/model/rollouts.ts";
import { openSampleTokenizer } from "../../src/engine/model/sampleTokenizer.ts";
import type { Reward } from "../../src/engine/training/tune/tuningTypes.ts";
import { Renderer } from "../../src/engine/training/samples/render.ts";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { smallTasks } from "../../src/engine/sandbox/tasks/smallTasks.ts";
import { openRewards } from "../../src/engine/tasks/taskRewards.ts";
import { baseModel, change, learn, percent } from "./learnSupport.ts";

type Task = Extract<TrainingRecord, { kind: "task" }>;

const text = { type: "string" } as const;
const { values } = parseArgs({ options: { steps: text, seeds: text, rate: text, tasks: text, beta: text, rewards: text, folder: text, threads: text, task: text, replies: text, measure: { type: "boolean" } } });
const folder = values.folder ?? path.join(os.tmpdir(), "kalactica-learn-grpo");
const threads = Number(values.threads ?? 1);
const isCode = (values.task ?? "code") === "code";
/** Tokens of a reply: enough for what is missing, and few enough that most are cut off, which is learnt from too. */
const REPLY_TOKENS = isCode ? 6 : 12;

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
function bracketTasks(list: readonly string[], n: number, seed: number): Task[] {
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

/** Tasks to be run, none of which is among `without`. */
function codeTasks(n: number, seed: number, without: readonly Task[] = []): Task[] {
  const known = new Set(without.map(({ prompt }) => JSON.stringify(prompt)));
  return smallTasks({ seed, count: 2 * n, families: ["runnable"] }).filter(({ prompt }) => !known.has(JSON.stringify(prompt))).slice(0, n);
}

const heldOut = isCode ? codeTasks(48, 999) : bracketTasks(words.heldOut, 48, 99);
const trainTasks = (n: number, seed: number): Task[] => (isCode ? codeTasks(n, seed, heldOut) : bracketTasks(words.train, n, seed));
const judged = isCode ? await openRewards({ tests: 1 }, { storageDir: folder, executeCode: true, log: SILENT_LOG }) : null;
// As a run takes them where nobody names any: the tests, and a little for code that parses.
const learnt = isCode ? await openRewards({}, { storageDir: folder, executeCode: true, log: SILENT_LOG }) : null;
const exact: Reward = { name: "exact", score: async (task, reply, signal) => (learnt === null ? (closesWhatItOpens(reply) ? 1 : 0) : learnt.rewards[0]!.score(task, reply, signal)) };
const isRight = async (task: Task, reply: { readonly text: string; readonly truncated: boolean }): Promise<boolean> => (judged === null ? !reply.truncated && closesWhatItOpens(reply.text) : (await judged.rewards[0]!.score(task, reply.text)) === 1);

if (values.measure === true) {
  console.log(`at temperature 1 the base gets ${percent(await shareRight(null, 4))} of held-out replies right`);
  process.exit(0);
}

const results = [];
const before = await shareRight(null);
console.error(`before: ${(100 * before).toFixed(1)} % of held-out replies are right`);
for (const seed of (values.seeds ?? "1").split(",").map(Number)) {
  const random = new SeededRandom(seed + 7);
  const chance: Reward = { name: "random", score: () => Promise.resolve(random.integer(2)) };
  for (const reward of [exact, chance]) {
    if (!(values.rewards ?? "exact,random").split(",").includes(reward.name)) continue;
    const began = performance.now();
    const { receipt, figures, adapterFile } = await learn({
      name: `${reward.name}-${seed}`, folder, onFigures: ({ step, reward: mean, replyTokens }) => { if (mean !== undefined) console.error(`  ${reward.name}: step ${step}, reward ${mean.toFixed(2)}, ${replyTokens?.toFixed(1)} tokens; ${Math.round((performance.now() - began) / 1000)} s`); }, method: "grpo", modelFile: baseModel, train: trainTasks(Number(values.tasks ?? 160), seed), validation: heldOut.slice(0, 16), threads, rewards: [reward],
      config: {
        seed, adapter: { seed }, epochs: 100, maxSteps: Number(values.steps ?? 24), optimizer: { learningRate: Number(values.rate ?? 6e-4) }, sequenceLength: isCode ? 192 : 128, batchTokens: 768,
        validateEverySteps: 1000, checkpointEverySteps: 1000, shownSamples: 0, promotion: { generalSamples: 30 }, grpo: { groupSize: 8, promptsPerStep: 4, maxReplyTokens: REPLY_TOKENS, beta: Number(values.beta ?? 0.05) },
      },
    });
    // What random rewards taught is judged by the exact one.
    const after = await shareRight(adapterFile);
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
console.log(JSON.stringify({ settings: values, heldOutReplies: Number(values.replies ?? 8) * heldOut.length, cpuSeconds: (process.resourceUsage().userCPUTime + process.resourceUsage().systemCPUTime) / 1e6, results }));
await judged?.close();
await learnt?.close();
process.exit(0);

/** Share of right replies to held-out tasks, `n` each, drawn otherwise than in the run's own validation. */
async function shareRight(adapterFile: string | null, n = Number(values.replies ?? 8)): Promise<number> {
  const tokenizer = await openSampleTokenizer(baseModel);
  const rollouts = openRollouts({ modelFile: baseModel, threads });
  const renderer = new Renderer(tokenizer, 192);
  const prompts = heldOut.map((task) => Array.from(renderer.render(task).units[0]?.samples[0]?.tokens ?? []));
  const stops = isCode ? [] : [tokenizer.infill!.endOfMiddle];
  const replies = await rollouts.generate(prompts, { n, temperature: 1, seed: 12345, maxTokens: REPLY_TOKENS, stopTokens: stops, adapterFile });
  await rollouts.close();
  await tokenizer.close();
  let right = 0;
  for (const [i, group] of replies.entries()) for (const reply of group) if (await isRight(heldOut[i]!, reply)) right++;
  return right / (n * heldOut.length);
}
