// The suites that can be evaluated, by name. Those in DATA_SUITES need nothing but data; the others an open engine too.
// A new suite is a line here, and the command line and VS Code offer it.
import { SILENT_LOG } from "../base/log.ts";
import { evaluateCode } from "../evaluation/model/code.ts";
import type { EvaluatedModel } from "../evaluation/model/evaluatedModel.ts";
import { evaluateCrossfile, evaluateInfill } from "../evaluation/model/infill.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import { openEmbedder } from "../retrieval/embedder/embeddedEmbedder.ts";
import { runCriteria } from "./evaluateCriteria.ts";
import { runMemory } from "./evaluateMemory.ts";
import { runDialogue } from "./evaluateDialogue.ts";
import { runConsistency } from "./evaluateConsistency.ts";
import { runDrift } from "./evaluateDrift.ts";
import { runLatency } from "./evaluateLatency.ts";
import type { LatencyEngine } from "./evaluateLatency.ts";
import { withSandbox } from "./evaluateModel.ts";
import { runCorpusRetrieval, runLocalise } from "./evaluateRetrieval.ts";
import { runSafety } from "./evaluateSafety.ts";

export interface DataSuite {
  readonly summary: string;
  /** `data` is the absolute path of a file or folder. */
  run(data: string, hooks: EvaluationHooks): Promise<EvaluationResult>;
}

export const DATA_SUITES: Readonly<Record<string, DataSuite>> = {
  localise: { summary: "From the description of a change to the files it touched (folder with instances and blobs).", run: async (data, hooks) => runLocalise(data, await openEmbedder(SILENT_LOG), hooks) },
  retrieval: { summary: "From a query to the right document (folder in the layout of BEIR).", run: async (data, hooks) => runCorpusRetrieval(data, await openEmbedder(SILENT_LOG), hooks) },
  safety: { summary: "Whether each detector finds what it should, and how often it cries wolf (*.jsonl with detector, text, label).", run: runSafety },
  consistency: { summary: "Whether agreement among samples tells the right ones, run in the sandbox where there is one (rows of task_id, prompt, samples, passed).", run: (data, hooks) => runConsistency(data, hooks, SILENT_LOG) },
  drift: { summary: "Whether a project's own code is told from another's and from its own with lines shuffled (folder with folders own and other).", run: async (data, hooks) => runDrift(data, await openEmbedder(SILENT_LOG), hooks) },
  memory: { summary: "Whether recall finds the turns of long conversations that hold an answer (LoCoMo: a file or folder of conversations).", run: runMemory },
  dialogue: { summary: "Slot values of a dialogue turn by turn, by rules alone (folder of Schema-Guided Dialogue).", run: runDialogue },
};

/** The engine as the other suites need it. */
export interface SuiteEngine extends LatencyEngine {
  evaluatedModel(): Promise<EvaluatedModel>;
  evaluateRepository(options: { commits: number; n: number; seed: number; models: readonly string[] | null }, hooks: EvaluationHooks): Promise<EvaluationResult>;
  evaluateCompletion(options: { commits: number; n: number; seed: number }, hooks: EvaluationHooks): Promise<EvaluationResult>;
  /** Makes index and look-up ready. */
  prepareEvaluation(signal?: AbortSignal): Promise<void>;
}

export interface EngineSuite {
  readonly summary: string;
  /** "either": the folder, and data where it is named. */
  readonly needs: "workspace" | "data" | "either";
  /** Whether what a model wrote is run in the sandbox, which the user must have agreed to. */
  readonly runsCode: boolean;
  run(engine: SuiteEngine, data: string, hooks: EvaluationHooks, options?: SuiteOptions): Promise<EvaluationResult>;
}

/** What the command line can set; each suite has defaults. */
export interface SuiteOptions {
  readonly seed?: number;
  readonly n?: number;
  readonly commits?: number;
  /** Ids or files of models; absent: every installed one that fills gaps. */
  readonly models?: readonly string[];
  readonly maxTokens?: number;
  readonly samples?: number;
  readonly temperature?: number;
  readonly writer?: "model" | "canonical" | "mutated";
  /** False: programs are not run, where a suite can do without. */
  readonly run?: boolean;
}

export const ENGINE_SUITES: Readonly<Record<string, EngineSuite>> = {
  criteria: {
    summary: "The four criteria, each with its definition, figure, interval and verdict: the open folder, and sets in folders localise, memory and safety.", needs: "either", runsCode: false,
    run: (engine, data, hooks) => runCriteria(data, {
      data: DATA_SUITES,
      latency: async (own) => {
        await engine.prepareEvaluation(own.signal);
        return runLatency(engine, { n: 30, seed: 1 }, own);
      },
    }, hooks),
  },
  repository: {
    summary: "Which of your models is best on this repository: every installed model, quantisation and adapter on lines that its last commits added, with time and memory.", needs: "workspace", runsCode: false,
    run: (engine, _data, hooks, { commits = 50, n = 100, seed = 1, models } = {}) => engine.evaluateRepository({ commits, n, seed, models: models ?? null }, hooks),
  },
  completion: {
    summary: "Endings of lines that the folder's last commits added, with the look-up as it stood before them.", needs: "workspace", runsCode: false,
    run: (engine, _data, hooks, { commits = 50, n = 200, seed = 1 } = {}) => engine.evaluateCompletion({ commits, n, seed }, hooks),
  },
  latency: {
    summary: "How long search, answers and completions take on the folder.", needs: "workspace", runsCode: false,
    async run(engine, _data, hooks, { n = 30, seed = 1 } = {}) {
      await engine.prepareEvaluation(hooks.signal);
      return runLatency(engine, { n, seed }, hooks);
    },
  },
  code: {
    summary: "Functions written from their description, judged by their tests in the sandbox (rows of HumanEval or MBXP).", needs: "data", runsCode: true,
    run: (engine, data, hooks, { samples = 1, temperature = samples > 1 ? 0.8 : 0, maxTokens = 256, seed = 1, writer = "model" } = {}) =>
      withSandbox(SILENT_LOG, async (run) => evaluateCode(data, await engine.evaluatedModel(), run, { samples, temperature, maxTokens, seed, writer }, hooks)),
  },
  infill: {
    summary: "What belongs into a gap, judged by the tests and by likeness (rows of HumanEval-Infilling).", needs: "data", runsCode: true,
    async run(engine, data, hooks, { maxTokens = 96, run = true } = {}) {
      if (!run) return evaluateInfill(data, await engine.evaluatedModel(), { maxTokens, run: null }, hooks);
      return withSandbox(SILENT_LOG, async (program) => evaluateInfill(data, await engine.evaluatedModel(), { maxTokens, run: program }, hooks));
    },
  },
  crossfile: {
    summary: "The next statement of a file, with and without excerpts of other files (rows of CrossCodeEval).", needs: "data", runsCode: false,
    run: async (engine, data, hooks, { maxTokens = 48 } = {}) => evaluateCrossfile(data, await engine.evaluatedModel(), { maxTokens }, hooks),
  },
};
