// Rewards that need no trained model: tests that hold, form, and agreement with a reference; and their combination.
// Everything that runs code is injected (`Converse`, `Parses`), so that this file only scores.
import { EngineError } from "../base/errors.ts";
import type { Reward, TaskRecord } from "../base/reward.ts";
import type { TaskCheck } from "../base/trainingRecord.ts";
import { judgeReply } from "./judge/judgeReply.ts";
import type { Converse, Verdict } from "./judge/judgeReply.ts";
import { fencedCode, programOf } from "./judge/replyCode.ts";
import type { SandboxLimits } from "./limits.ts";

export interface TestsRewardOptions {
  /** 1 only where all tests hold, or the share of the asserts that hold. */
  readonly credit: "all" | "share";
  readonly limits?: Partial<SandboxLimits>;
  /** Told of every verdict, for logs and reports. */
  readonly onVerdict?: (task: TaskRecord, verdict: Verdict) => void;
}

/** Execution of a reply's code with the task's tests, in the sandbox. Tasks without a check are refused (`dataInvalid`). */
export function testsReward(converse: Converse, options: TestsRewardOptions): Reward {
  return {
    name: "tests",
    async score(task, reply, signal) {
      const { check } = task;
      if (check === undefined) throw lacking(task, "tests (`check`)");
      const verdict = await judgeReply(converse, { check, program: programOf(task, check, reply), reply }, options.limits, signal);
      options.onVerdict?.(task, verdict);
      if (options.credit === "all") return verdict.passed === verdict.total ? 1 : 0;
      return verdict.passed / verdict.total;
    },
  };
}

/** Whether `code` parses in `language`; `parsesIn` (judge/parses.ts) asks the interpreter itself. */
export type Parses = (language: TaskCheck["language"], code: string, signal?: AbortSignal) => Promise<boolean>;

export interface FormatRewardOptions {
  /** The reply must hold a closed or open fenced block. */
  readonly fence?: boolean;
  /** The code must parse in the task's language. */
  readonly parses?: Parses;
  /** Language where the task has no check. */
  readonly language?: TaskCheck["language"];
  /** Longest reply in characters that counts in full; the score falls linearly to 0 at twice that. */
  readonly longest?: number;
}

/** The share of the wished forms that a reply has. An empty reply has none. */
export function formatReward(options: FormatRewardOptions): Reward {
  return {
    name: "format",
    async score(task, reply, signal) {
      if (reply.trim() === "") return 0;
      const language = task.check?.language ?? options.language;
      const parts: number[] = [];
      if (options.fence === true) parts.push(/^[ \t]*```[\w+-]*[ \t]*\n[\s\S]*?^[ \t]*```[ \t]*$/m.test(reply) ? 1 : 0);
      if (options.parses !== undefined) {
        if (language === undefined) throw lacking(task, "a language to parse it in");
        const code = task.check === undefined ? fencedCode(reply, language) ?? reply : programOf(task, task.check, reply);
        parts.push(await options.parses(language, code, signal) ? 1 : 0);
      }
      if (options.longest !== undefined) parts.push(Math.min(1, Math.max(0, 2 - reply.length / options.longest)));
      return parts.length === 0 ? 1 : parts.reduce((sum, part) => sum + part, 0) / parts.length;
    },
  };
}

export interface MatchRewardOptions {
  /** How alike is alike: to the character; but for blanks at the ends; or also for case, runs of blanks and quotes. */
  readonly compare: "exact" | "trimmed" | "normalised";
  /** Only the first line of the reply counts: a model that is not told when to stop goes on. */
  readonly firstLine?: boolean;
  /** A reply that goes on after the reference on the same line matches too. */
  readonly startsWith?: boolean;
  /** Besides 1 for a match, less for its beginning: the share of the reference that the reply starts with, halved. */
  readonly partial?: boolean;
}

/** Agreement with the task's reference. Tasks without one are refused (`dataInvalid`). */
export function matchReward(options: MatchRewardOptions): Reward {
  const shape = (text: string): string => {
    const line = options.firstLine === true ? text.replace(/^\n+/, "").split("\n", 1)[0] ?? "" : text;
    if (options.compare === "exact") return line;
    return options.compare === "trimmed" ? line.trim() : line.trim().replace(/\s+/g, " ").replace(/["'`]/g, "'").toLowerCase();
  };
  return {
    name: "match",
    score(task, reply) {
      if (task.reference === undefined) return Promise.reject(lacking(task, "a `reference`"));
      const wanted = shape(task.reference), given = shape(reply);
      if (wanted === given || (options.startsWith === true && wanted !== "" && given.startsWith(wanted))) return Promise.resolve(1);
      if (options.partial !== true || wanted.length === 0) return Promise.resolve(0);
      let common = 0;
      while (common < wanted.length && wanted[common] === given[common]) common++;
      return Promise.resolve(0.5 * common / wanted.length);
    },
  };
}

/** The weighted mean of rewards. Weights are positive; errors of any part end the whole. */
export function weightedReward(parts: readonly { readonly reward: Reward; readonly weight: number }[]): Reward {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  if (parts.length === 0 || parts.some(({ weight }) => !(weight > 0 && Number.isFinite(weight)))) {
    throw new EngineError("badRequest", "Combined rewards need at least one part, and each part a positive weight.", { weights: parts.map(({ weight }) => weight) });
  }
  return {
    name: parts.map(({ reward }) => reward.name).join("+"),
    async score(task, reply, signal) {
      const scores = await Promise.all(parts.map(({ reward }) => reward.score(task, reply, signal)));
      return scores.reduce((sum, score, i) => sum + score * (parts[i]?.weight ?? 0), 0) / total;
    },
  };
}

function lacking(task: TaskRecord, what: string): EngineError {
  return new EngineError("dataInvalid", `The task from ${task.origin.at} has no ${what}, which this reward needs. Choose another reward or add it to the data.`, { at: task.origin.at });
}
