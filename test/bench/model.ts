// Measures the model runtime: first token, tokens/s, reuse while typing, time to stop; and beside it, in the same run,
// node-llama-cpp called bare on the same file, to see what the runtime costs. Prints one JSON object per model.
//
//   node test/bench/model.ts [0.5B] [1.5B] [FILE.gguf …] [--cache DIR] [--prompt 256] [--generate 24] [--rounds 5] [--threads 0]
//
// Random-weight models of the Qwen2.5-Coder shapes are written into the cache folder when they are not there yet: speed
// does not depend on what the weights are. Processor time is reported beside wall time: on a machine that is busy with
// other things, only the former says what the code costs.
import os from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { PRIORITY, Scheduler } from "../../src/engine/base/scheduler.ts";
import { inspectModel } from "../../src/engine/model/inspect.ts";
import { ModelRuntime } from "../../src/engine/model/runtime.ts";
import type { InfillResult } from "../../src/engine/model/runtime.ts";
import type { ModelInfo } from "../../src/engine/protocol/types.ts";
import { DEFAULT_SETTINGS } from "../../src/engine/settings.ts";
import { randomQwenCoder } from "../../tools/random-model.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    cache: { type: "string", default: path.join(os.homedir(), ".cache", "kalactica", "bench") },
    prompt: { type: "string", default: "256" }, generate: { type: "string", default: "24" },
    rounds: { type: "string", default: "5" }, threads: { type: "string", default: "0" },
  },
});
const nPrompt = Number(values.prompt);
const nGenerate = Number(values.generate);
const nRounds = Number(values.rounds);

interface Sample { wallMs: number; cpuMs: number }
interface Run { prompt: Sample; decode: Sample }

/** Wall and processor time between its creation and `take`. */
class Watch {
  #wall = performance.now();
  #cpu = process.cpuUsage();

  take(): Sample {
    const cpu = process.cpuUsage(this.#cpu);
    const sample = { wallMs: performance.now() - this.#wall, cpuMs: (cpu.user + cpu.system) / 1000 };
    this.#wall = performance.now();
    this.#cpu = process.cpuUsage();
    return sample;
  }
}

function median(numbers: number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] ?? NaN : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

function percentile(numbers: number[], p: number): number {
  return numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(p * numbers.length))] ?? NaN;
}

const round = (x: number, digits = 1): number => Math.round(x * 10 ** digits) / 10 ** digits;

/** Distinct text of about `nTokens` tokens, and the same for the same seed. */
function sourceText(nTokens: number, seed: number): string {
  let text = "";
  for (let i = 0; text.length < nTokens * 6; i++) text += `const item${seed}_${i} = await load(${i * 7 + seed}, options.path);\n`;
  return text;
}

async function measure(file: string): Promise<object> {
  const details = await inspectModel(file);
  const info: ModelInfo = {
    id: path.basename(file), name: details.name, file, uri: null, sha256: null, sizeBytes: details.sizeBytes, licence: details.licence, architecture: details.architecture,
    parameters: details.parameters, quantisation: details.quantisation, contextSize: details.contextSize, fimTokens: details.infill !== null, chatTemplate: details.chatTemplate,
    capabilities: { infill: true, answer: true, embed: false }, fit: null, installed: true, active: true,
  };
  const runtime = new ModelRuntime();
  const loadWatch = new Watch();
  const status = await runtime.load(info, { ...DEFAULT_SETTINGS, "model.threads": Number(values.threads), "model.unloadAfterMinutes": 0 });
  const load = loadWatch.take();
  const scheduler = new Scheduler();
  const infill = (prefix: string, more: { maxTokens?: number; signal?: AbortSignal; onToken?: () => void } = {}): Promise<InfillResult> =>
    scheduler.run(PRIORITY.keystroke, more.signal, (lease) => runtime.infill({
      prefix, suffix: "", path: "src/a.ts", context: [], maxTokens: more.maxTokens ?? nGenerate, lease,
      keepGoing: () => { more.onToken?.(); return true; }, ...more.signal === undefined ? {} : { signal: more.signal },
    }));

  /** A prefix whose prompt has about `nPrompt` tokens. */
  const prefixOf = async (seed: number): Promise<string> => {
    const text = sourceText(nPrompt, seed);
    const perToken = text.length / await runtime.countTokens(text);
    return text.slice(-Math.floor(perToken * (nPrompt - 8)));
  };

  const ours = async (seed: number): Promise<Run & { tokens: number; generated: number }> => {
    const prefix = await prefixOf(seed);
    const watch = new Watch();
    let prompt: Sample | null = null;
    const result = await infill(prefix, { onToken: () => { prompt ??= watch.take(); } });
    const decode = watch.take();
    return { prompt: prompt ?? decode, decode, tokens: result.tokens.prompt - result.tokens.reused, generated: result.tokens.generated };
  };

  // The peer: the same library, file, threads and context size, called as its own documentation does.
  const { getLlama } = await import("node-llama-cpp");
  const llama = await getLlama({ gpu: status.device === "cpu" ? false : "auto", build: "never", maxThreads: 0 });
  const model = await llama.loadModel({ modelPath: file });
  const cores = Math.max(1, Math.min(llama.cpuMathCores, os.availableParallelism()));
  const threads = Number(values.threads) || (details.parameters < 100e6 ? (cores > 2 ? 2 : 1) : cores >= 4 ? cores - 1 : cores);
  const context = await model.createContext({ contextSize: 2048, threads });
  // And with the options that the runtime chooses, so that what they change is told from what the runtime costs.
  const small = details.parameters < 100e6 && status.device === "cpu";
  const alikeContext = await model.createContext({ contextSize: 2048, threads, ...small ? { flashAttention: false } : {}, batchSize: small ? 256 : 64 });
  const [plain, alike] = [context.getSequence(), alikeContext.getSequence()];
  const bare = async (sequence: typeof plain, seed: number, nTokens: number): Promise<Run> => {
    const tokens = model.tokenize(sourceText(nPrompt, seed)).slice(0, nTokens);
    await sequence.clearHistory();
    const watch = new Watch();
    let prompt: Sample | null = null;
    let n = 0;
    const generation = sequence.evaluate(tokens, { temperature: 0, yieldEogToken: true });
    while (n++ < nGenerate && (await generation.next()).done !== true) prompt ??= watch.take();
    await generation.return();
    const decode = watch.take();
    return { prompt: prompt ?? decode, decode };
  };

  const oursRuns: Awaited<ReturnType<typeof ours>>[] = [];
  const bareRuns: Run[] = [];
  const alikeRuns: Run[] = [];
  const warm = await ours(0);
  await bare(plain, 0, warm.tokens);
  await bare(alike, 0, warm.tokens);
  for (let i = 1; i <= nRounds; i++) {
    // Alternating, and each going first in turn, so that neither has the quieter machine.
    const mine = i % 2 === 0 ? await ours(i) : null;
    bareRuns.push(await bare(plain, i, warm.tokens));
    alikeRuns.push(await bare(alike, i, warm.tokens));
    oursRuns.push(mine ?? await ours(i));
  }
  await context.dispose();
  await alikeContext.dispose();
  await model.dispose();

  // Typing along: every keystroke a request.
  const line = "  const result = await fetchAll(items, { retries: 3 });\n  return result.filter(Boolean);\n";
  const start = await prefixOf(99);
  await infill(start, { maxTokens: 1 });
  const typing: { reused: number; firstMs: number }[] = [];
  for (let n = 1; n <= Math.min(line.length, 60); n++) {
    const result = await infill(start + line.slice(0, n), { maxTokens: 1 });
    typing.push({ reused: result.tokens.reused / result.tokens.prompt, firstMs: result.firstTokenMs });
  }

  // Cancelling, in the prompt and between tokens.
  const stops: number[] = [];
  for (let i = 0; i < 8; i++) {
    const controller = new AbortController();
    let at = 0;
    const when = i % 2 === 0 ? 0.5 * median(oursRuns.map((run) => run.prompt.wallMs)) : 1.2 * median(oursRuns.map((run) => run.prompt.wallMs));
    setTimeout(() => { at = performance.now(); controller.abort(); }, when);
    const result = await infill(await prefixOf(200 + i), { maxTokens: 400, signal: controller.signal });
    if (result.ended === "cancelled") stops.push(performance.now() - at);
  }

  const usage = process.memoryUsage.rss();
  await runtime.dispose();
  const of = (runs: Run[], part: "prompt" | "decode", kind: "wallMs" | "cpuMs"): number => median(runs.map((run) => run[part][kind]));
  const generated = median(oursRuns.map((run) => run.generated)) - 1;
  const overhead = (peer: Run[]): object => {
    const percent = (part: "prompt" | "decode", kind: "wallMs" | "cpuMs"): number => {
      const [nOurs, nPeer] = part === "prompt" ? [warm.tokens, warm.tokens] : [Math.max(1, generated), nGenerate - 1];
      return round((of(oursRuns, part, kind) / nOurs / (of(peer, part, kind) / nPeer) - 1) * 100);
    };
    return { promptWall: percent("prompt", "wallMs"), promptCpu: percent("prompt", "cpuMs"), decodeWall: percent("decode", "wallMs"), decodeCpu: percent("decode", "cpuMs") };
  };
  return {
    model: details.name, sizeMb: round(details.sizeBytes / 1e6), device: status.device, threads, promptTokens: warm.tokens, generateTokens: nGenerate, rounds: nRounds,
    loadAverage: os.loadavg().map((x) => round(x)),
    loadMs: round(load.wallMs), rssMb: round(usage / 1e6),
    firstTokenMs: round(of(oursRuns, "prompt", "wallMs")), promptTokensPerSecond: round(warm.tokens / of(oursRuns, "prompt", "wallMs") * 1000),
    tokensPerSecond: round(generated / of(oursRuns, "decode", "wallMs") * 1000),
    bare: { firstTokenMs: round(of(bareRuns, "prompt", "wallMs")), tokensPerSecond: round((nGenerate - 1) / of(bareRuns, "decode", "wallMs") * 1000) },
    overheadPercent: overhead(bareRuns), overheadPercentAtSameOptions: overhead(alikeRuns),
    typing: { keystrokes: typing.length, reusedShare: round(typing.reduce((sum, t) => sum + t.reused, 0) / typing.length, 4), firstTokenMsMedian: round(median(typing.map((t) => t.firstMs))), firstTokenMsP95: round(percentile(typing.map((t) => t.firstMs), 0.95)) },
    cancel: { n: stops.length, msMedian: round(median(stops)), msMax: round(Math.max(...stops)) },
  };
}

for (const wanted of positionals.length > 0 ? positionals : ["0.5B", "1.5B"]) {
  const file = wanted === "0.5B" || wanted === "1.5B" ? await randomQwenCoder(values.cache, wanted) : path.resolve(wanted);
  console.log(JSON.stringify(await measure(file), null, 1));
}
