// Measures how well a model of ours fills in the rest of a line, on masked line endings of packages never trained on:
// greedy decoding through node-llama-cpp, exact match of the completed line.
//   node tools/base-model/evaluateInfill.ts MODEL.gguf [--cases heldout-fim.jsonl] [--limit N] [--threads N] [--show N]
// Prints one JSON object: exact match, first token right, by language. `--show N` prints N cases as they came out.
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import type { Token } from "node-llama-cpp";
import { fimPromptTokens } from "../../src/engine/base/fimLayout.ts";
import type { FimTokenIds } from "../../src/engine/base/fimLayout.ts";

interface Case {
  readonly language: string;
  readonly path: string;
  readonly prefix: string;
  readonly suffix: string;
  readonly expected: string;
}

const maxPrefixTokens = 300;
const maxSuffixTokens = 130;
const maxNewTokens = 48;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { cases: { type: "string" }, limit: { type: "string", default: "300" }, threads: { type: "string", default: "1" }, show: { type: "string", default: "0" } },
});
const modelPath = positionals[0];
if (modelPath === undefined) {
  console.error("Name the model file.");
  process.exit(2);
}
const casesFile = values.cases ?? path.join(os.homedir(), ".cache/kalactica/base-model/data/heldout-fim.jsonl");
const all = (await readFile(casesFile, "utf8")).trim().split("\n").map((line) => JSON.parse(line) as Case);
// Spread over the file, whose cases are ordered by package.
const limit = Math.min(Number(values.limit), all.length);
const cases = Array.from({ length: limit }, (_, i) => all[Math.floor((i * all.length) / limit)]!);

const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.error, maxThreads: Number(values.threads) });
const model = await llama.loadModel({ modelPath });
const context = await model.createContext({ contextSize: 768, threads: Number(values.threads) });
const sequence = context.getSequence();
const encode = (text: string): number[] => [...model.tokenize(text, false)].map(Number);
const id = (text: string): number => Number(model.tokenize(text, true)[0]);
const ids: FimTokenIds = { fileSeparator: id("<|file_sep|>"), prefix: id("<|fim_prefix|>"), suffix: id("<|fim_suffix|>"), middle: id("<|fim_middle|>") };
const stops = new Set([id("<|end|>"), id("<|endoftext|>")]);

const tally = new Map<string, { cases: number; exact: number; firstToken: number }>();
let shown = 0;
let promptTokens = 0;
let newTokens = 0;
const began = performance.now();
for (const item of cases) {
  const keepLast = (text: string): string => model.detokenize(model.tokenize(text, false).slice(-maxPrefixTokens));
  const keepFirst = (text: string): string => model.detokenize(model.tokenize(text, false).slice(0, maxSuffixTokens));
  const prompt = fimPromptTokens({ path: item.path, prefix: keepLast(item.prefix), suffix: keepFirst(item.suffix) }, ids, encode);
  await sequence.clearHistory();
  const produced: Token[] = [];
  for await (const token of sequence.evaluate(prompt as Token[], { temperature: 0 })) {
    if (stops.has(Number(token))) break;
    produced.push(token);
    if (produced.length >= maxNewTokens || model.detokenize(produced).includes("\n")) break;
  }
  promptTokens += prompt.length;
  newTokens += produced.length;
  const completed = model.detokenize(produced).split("\n")[0]!;
  const exact = completed.trimEnd() === item.expected.trimEnd();
  for (const language of [item.language, "all"]) {
    const sums = tally.get(language) ?? { cases: 0, exact: 0, firstToken: 0 };
    sums.cases++;
    if (exact) sums.exact++;
    if (Number(produced[0]) === encode(item.expected)[0]) sums.firstToken++;
    tally.set(language, sums);
  }
  if (shown++ < Number(values.show)) console.log(`${exact ? "✔" : "✘"} ${item.path}: ${JSON.stringify(item.prefix.split("\n").at(-1))} → ${JSON.stringify(completed)}, expected ${JSON.stringify(item.expected)}`);
}
const seconds = (performance.now() - began) / 1000;
const share = (n: number, of: number): number => Math.round((1000 * n) / of) / 1000;
console.log(JSON.stringify({
  model: path.basename(modelPath), cases: cases.length, seconds: Math.round(seconds), promptTokens, newTokens,
  results: Object.fromEntries([...tally].map(([language, s]) => [language, { cases: s.cases, exactMatch: share(s.exact, s.cases), firstTokenRight: share(s.firstToken, s.cases) }])),
}));
await llama.dispose();
