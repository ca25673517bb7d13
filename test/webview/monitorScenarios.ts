// States of the training monitor for the preview and the browser tests: what its host would send. The figures of the
// `recorded` scenario are those of real runs with the embedded base (recordedRuns.json, without their sample texts, which
// quote other people's code); the others are drawn with a seed, to show every chart and state.
import type { AdapterInfo, DatasetInfo, RunFigures, RunInfo, RunReceipt, RunSample, TrainingMethod } from "../../src/engine/protocol/training.ts";
import type { MonitorHostMessage, MonitorStatus } from "../../src/webview/monitorProtocol.ts";
import recordedRuns from "./recordedRuns.json" with { type: "json" };

export interface MonitorScenario {
  snapshot: Extract<MonitorHostMessage, { type: "snapshot" }>;
  figures: Record<string, RunFigures[]>;
  samples: Record<string, RunSample[]>;
  datasets: Record<string, DatasetInfo | null>;
}

export const READY: MonitorStatus = { engine: "ready", engineFailure: null, folderOpen: true, trusted: true };
const BEGUN = Date.UTC(2026, 10, 22, 9, 30);

/** Uniform in [0, 1), the same each time (mulberry32). */
function uniform(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Figures that look like those of a run: falling loss with noise, warm-up and cosine, validation every `steps / 10`. */
export function drawnFigures(method: TrainingMethod, steps: number, total: number, seed = 1): RunFigures[] {
  const next = uniform(seed);
  const noise = (): number => next() + next() + next() - 1.5;
  return Array.from({ length: steps }, (_, i): RunFigures => {
    const step = i + 1;
    const done = step / total;
    const loss = (method === "sft" ? 2.35 * Math.exp(-2.2 * done) + 1.2 : 0.69 - 0.4 * done) + 0.09 * noise();
    const common: RunFigures = {
      step, at: BEGUN + step * 1_900 + Math.round(200 * noise()), loss,
      rate: 2e-4 * Math.min(1, done / 0.06) * (0.5 + 0.5 * Math.cos(Math.PI * done)),
      gradientNorm: 0.8 + 0.6 * Math.exp(-6 * done) + 0.15 * noise(), tokensPerSecond: 1180 + 90 * noise(), residentMb: 412 + 40 * Math.min(1, done * 4),
      ...(step % Math.max(1, Math.round(total / 10)) === 0 || step === 1 ? { validationLoss: 2.42 * Math.exp(-1.5 * done) + 1.28 + 0.01 * noise() } : {}),
    };
    if (method === "dpo" || method === "kto") {
      const margin = 1.4 * done + 0.12 * noise();
      return { ...common, margin, ...(common.validationLoss === undefined ? {} : { validationAccuracy: 0.5 + 0.3 * done }), accuracy: Math.min(1, 0.5 + 0.35 * done + 0.05 * noise()), chosenLogProbability: -42 + 3 * done + noise(), rejectedLogProbability: -44 - 9 * done + noise() };
    }
    if (method === "grpo") {
      return {
        ...common, ...(common.validationLoss === undefined ? {} : { validationReward: 0.14 + 0.5 * done }), reward: 0.15 + 0.55 * done + 0.04 * noise(), rewardDeviation: 0.28 - 0.1 * done, zeroDeviationShare: Math.min(1, 0.2 + 0.3 * done + 0.02 * Math.abs(noise())), kl: 0.04 * done + 0.002 * Math.abs(noise()),
        entropy: 1.7 - 0.6 * done + 0.05 * noise(), clippedShare: Math.max(0, 0.02 + 0.01 * noise()), replyTokens: 60 + 30 * done + 4 * noise(),
      };
    }
    return common;
  });
}

export const RECEIPT: RunReceipt = {
  modelSha256: "4be7a1c09f3d27b8a5e1".padEnd(64, "0"), datasetVersion: "9c2f51d0e7ab34c18f60".padEnd(64, "1"), adapterSha256: "e03b7719aa52fd6c4488".padEnd(64, "2"), method: "sft",
  config: { adapter: { rank: 16, alpha: 32 }, optimizer: { learningRate: 2e-4 }, epochs: 2, batchSize: 16, seed: 1, promotion: { generalMargin: 0.02 } },
  heldOut: { perplexityBefore: 11.42, perplexityAfter: 8.31, nTokens: 18_432 }, general: { perplexityBefore: 14.07, perplexityAfter: 14.16, nTokens: 8_192 },
  exactMatch: { before: 0.31, after: 0.42, n: 100 }, tokensPerSecond: 1_184, peakRssMb: 463, seconds: 788, promoted: true,
  sentence: "Promoted: held-out perplexity fell by 27.2 % and general text changed by 0.6 %, within the margin of 2 %.",
};

export function run(changes: Partial<RunInfo>): RunInfo {
  return {
    id: "20261122-093000-a1b2", method: "sft", state: "running", sentence: "", model: "KaLactica Base", modelFile: "/models/kalactica-base.gguf", modelSha256: RECEIPT.modelSha256,
    dataset: "workspace", datasetVersion: RECEIPT.datasetVersion, config: RECEIPT.config, createdAt: BEGUN, endedAt: null, step: 260, steps: 400, epoch: 1.3, secondsLeft: 266,
    last: { step: 260, at: BEGUN + 500_000, loss: 1.71, tokensPerSecond: 1184 }, receipt: null, resumable: false, ...changes,
  };
}

export const DATASET: DatasetInfo = {
  name: "workspace", version: RECEIPT.datasetVersion, createdAt: BEGUN - 60_000, source: "workspace", train: 3_204, validation: 356, kinds: { example: 2_410, text: 1_150 }, bytes: 4_812_330,
  report: {
    read: 3_911, kept: 3_560, invalid: 2, exactDuplicates: 121, nearDuplicates: 214, leaked: 14, secretsRedacted: 3, personalDataRedacted: 11,
    lengths: { p50: 612, p90: 1_844, p99: 3_902, longest: 7_918 },
    lengthHistogram: [64, 128, 256, 512, 1024, 2048, 4096, 8192].map((upTo, i) => ({ upTo, count: [88, 240, 512, 830, 1_020, 640, 204, 26][i]! })),
    encodings: { "utf-8": 410, "utf-16le": 1 }, licences: { MIT: 409, unknown: 2 }, languages: { typescript: 2_711, python: 590, markdown: 259 },
    problems: [
      { severity: "error", at: "data/broken.jsonl:9999", sentence: "The line is no JSON: a comma or a brace is missing at column 41. Correct the line or leave it out; it was not used." },
      { severity: "warning", at: "src/generated/api.ts", sentence: "The file looks generated (its first comment says so) and was left out. Name it in .kalacticaignore to silence this." },
    ],
    problemsLeftOut: 0,
  },
};

const SAMPLES: RunSample[] = [
  {
    step: 400, prompt: "export class RateLimiter {\n  readonly #capacity: number;\n  #tokens: number;\n\n  /** Takes a token, or says how long to wait for one. */\n  take(now: number): number {\n",
    before: "    return this.#tokens;\n  }\n}\n", after: "    this.#refill(now);\n    if (this.#tokens >= 1) {\n      this.#tokens -= 1;\n      return 0;\n    }\n    return this.#waitMs(now);\n  }\n",
    reference: "    this.#refill(now);\n    if (this.#tokens < 1) return this.#msUntilToken(now);\n    this.#tokens -= 1;\n    return 0;\n  }\n",
  },
  { step: 400, prompt: "import assert from \"node:assert/strict\";\nimport { backoffDelayMs } from \"../src/retryPolicy.ts\";\n\ndescribe(\"", before: "test", after: "backoffDelayMs\", () => {\n  it(\"grows with every attempt\", () => {", reference: "backoff\", () => {" },
];

export function adapterFrom(made: RunInfo, changes: Partial<AdapterInfo> = {}): AdapterInfo {
  return {
    sha256: RECEIPT.adapterSha256, file: "/adapters/e03b.gguf", modelSha256: RECEIPT.modelSha256, model: made.model, createdAt: made.createdAt + 800_000, bytes: 1_310_720, rank: 16, alpha: 32,
    active: true, run: made.id, receipt: made.receipt, ...changes,
  };
}

function scenario(runs: RunInfo[], parts: Partial<Omit<MonitorScenario, "snapshot">> & { status?: Partial<MonitorStatus>; adapters?: AdapterInfo[] } = {}): MonitorScenario {
  const { status, adapters = [], ...rest } = parts;
  return { snapshot: { type: "snapshot", runs, adapters, status: { ...READY, ...status } }, figures: {}, samples: {}, datasets: {}, ...rest };
}

const RUNNING = run({});
const FINISHED = run({ id: "20261121-174200-c3d4", createdAt: BEGUN - 57_000_000, state: "finished", step: 400, secondsLeft: null, endedAt: BEGUN - 56_000_000, receipt: RECEIPT });
const OTHER = run({
  id: "20261121-101500-e5f6", createdAt: BEGUN - 83_000_000, state: "finished", dataset: "workspace", step: 400, secondsLeft: null,
  receipt: { ...RECEIPT, promoted: false, adapterSha256: "77aa".padEnd(64, "3"), general: { ...RECEIPT.general, perplexityAfter: 15.9 }, sentence: "Not promoted: held-out perplexity fell by 18.0 %, but general text rose by 13.0 %, more than the margin of 2 %; the adapter stays inactive." },
});
const DPO = run({ id: "20261120-120000-dd01", createdAt: BEGUN - 170_000_000, method: "dpo", dataset: "feedback", state: "paused", sentence: "Paused by you.", step: 90, steps: 180, secondsLeft: null, resumable: true });
const GRPO = run({ id: "20261119-120000-9901", createdAt: BEGUN - 260_000_000, method: "grpo", dataset: "exercises", state: "failed", sentence: "The loss was not a number at step 61 (batch 61, records 976–991). The checkpoint of step 60 was kept; lower the learning rate and resume.", step: 60, steps: 120, secondsLeft: null, resumable: true });
const ALL = [RUNNING, FINISHED, OTHER, DPO, GRPO];
const FIGURES = {
  [RUNNING.id]: drawnFigures("sft", 260, 400, 1), [FINISHED.id]: drawnFigures("sft", 400, 400, 2), [OTHER.id]: drawnFigures("sft", 400, 400, 3),
  [DPO.id]: drawnFigures("dpo", 90, 180, 4), [GRPO.id]: drawnFigures("grpo", 60, 120, 5),
};
const common = { figures: FIGURES, samples: { [FINISHED.id]: SAMPLES }, datasets: { [RUNNING.id]: DATASET, [FINISHED.id]: DATASET, [OTHER.id]: DATASET, [DPO.id]: { ...DATASET, name: "feedback", source: "feedback" as const } }, adapters: [adapterFrom(FINISHED)] };

/** Names and texts that try to be more than text. */
const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=2</script>\u202e$(alert) \`${"x".repeat(400)}`;
const HOSTILE_RUN = run({ id: `h"><script>window.hacked=3</script>`, dataset: HOSTILE, model: HOSTILE, state: "failed", sentence: HOSTILE, config: { [HOSTILE]: HOSTILE }, receipt: { ...RECEIPT, sentence: HOSTILE, config: { [HOSTILE]: HOSTILE } } });

interface RecordedRun { run: RunInfo; figures: RunFigures[]; samples: RunSample[]; dataset: DatasetInfo | null }

/** Real runs of SFT (promoted, and not), DPO, KTO and GRPO, as an engine told of them. */
export const RECORDED = recordedRuns as unknown as RecordedRun[];
const byRun = <T>(pick: (recorded: RecordedRun) => T): Record<string, T> => Object.fromEntries(RECORDED.map((recorded) => [recorded.run.id, pick(recorded)]));

export const MONITOR_SCENARIOS: Record<string, MonitorScenario> = {
  empty: scenario([]),
  noFolder: scenario([], { status: { folderOpen: false } }),
  starting: scenario([], { status: { engine: "starting" } }),
  untrusted: scenario([], { status: { trusted: false } }),
  engineFailed: scenario([FINISHED], { ...common, status: { engine: "failed", engineFailure: "The engine ended five times in a row. Restart it, or look into the log." } }),
  sft: scenario(ALL, common),
  queued: scenario([run({ id: "q", state: "queued", step: 0, steps: 0, createdAt: BEGUN + 1, secondsLeft: null, last: null, sentence: "Waits for “SFT · workspace”." }), ...ALL], common),
  preparing: scenario([run({ id: "p", state: "preparing", step: 0, steps: 0, secondsLeft: null, last: null })]),
  finished: scenario([FINISHED, OTHER, DPO, GRPO], common),
  notPromoted: scenario([OTHER], { ...common, adapters: [adapterFrom(OTHER, { active: false, sha256: OTHER.receipt!.adapterSha256, run: OTHER.id, receipt: OTHER.receipt })] }),
  dpo: scenario([DPO], common),
  grpo: scenario([GRPO], common),
  hostile: scenario([HOSTILE_RUN], {
    figures: { [HOSTILE_RUN.id]: [{ step: 1, at: 1, loss: NaN }, { step: 2, at: 2, loss: Infinity }, { step: 3, at: 3, loss: 1e300 }, { step: 4, at: 4, loss: -1e300 }] },
    samples: { [HOSTILE_RUN.id]: [{ step: 1, prompt: HOSTILE, before: HOSTILE, after: HOSTILE, reference: HOSTILE }] },
    datasets: { [HOSTILE_RUN.id]: { ...DATASET, name: HOSTILE, kinds: { [HOSTILE]: 1 }, report: { ...DATASET.report, languages: { [HOSTILE]: 2 }, problems: [{ severity: "error", at: HOSTILE, sentence: HOSTILE }] } } },
  }),
  recorded: scenario(RECORDED.map((recorded) => recorded.run), {
    figures: byRun(({ figures }) => figures), samples: byRun(({ samples }) => samples), datasets: byRun(({ dataset }) => dataset),
    adapters: RECORDED.filter(({ run: { receipt } }) => receipt?.promoted).map(({ run: made }) => adapterFrom(made, { sha256: made.receipt!.adapterSha256, receipt: made.receipt })),
  }),
  long: scenario([run({ id: "long", step: 20_000, steps: 20_000, state: "evaluating" })], { figures: { long: drawnFigures("sft", 20_000, 20_000, 6) } }),
};
