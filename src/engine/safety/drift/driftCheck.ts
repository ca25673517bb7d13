// The check of drift of one snippet, in words: whether it reads unlike the project, and by what. Style warns, it never blocks.
import type { Check } from "../../protocol/types.ts";
import { makeCheck } from "../verdict.ts";
import type { DriftScore } from "./calibration.ts";
import type { Measures } from "./driftModel.ts";
import { SNIPPET_LINES } from "./snippets.ts";
import type { WorkspaceModel } from "./workspaceModel.ts";

/** Share of the project's own snippets that would be flagged. */
export const DEFAULT_RATE = 0.05;
/** An aspect this far from usual, in standard deviations, is worth telling. */
const TELLING = 1.5;

export interface JudgedDrift {
  readonly check: Check;
  readonly flagged: boolean;
  /** What `accept` needs, should the user say that it is fine. */
  readonly measures: Measures;
}

/** Whether a snippet is long enough to be judged: lines that hold anything. */
export function isJudgeable(code: string): boolean {
  return code.split("\n").filter((line) => line.trim() !== "").length >= SNIPPET_LINES.least;
}

/** Judges `code`; null where the project has too few snippets to say what is usual. */
export async function judgeDrift(code: string, workspace: WorkspaceModel, rate = DEFAULT_RATE): Promise<JudgedDrift | null> {
  const { model, calibration } = workspace;
  const threshold = calibration.threshold(rate);
  if (!calibration.ready || threshold === Infinity) return null;
  const measures = await model.measure(code);
  const score = calibration.judge(measures);
  const flagged = score.score > threshold;
  const round = (value: number): number => Number(value.toFixed(3));
  return {
    measures, flagged,
    check: makeCheck("drift", {
      score: round(score.score), threshold: round(threshold), action: flagged ? "warn" : "allow",
      reason: flagged ? `This reads unlike your project: ${whyUnlike(score, code, workspace)}. ${share(score.p)} of your own snippets are as far off.` : `Reads like your project: ${share(score.p)} of your own snippets are as far off or farther.`,
    }),
  };
}

function share(p: number): string {
  return p < 0.01 ? "Less than 1 %" : `${Math.round(p * 100)} %`;
}

/** The most telling aspects in plain words. */
function whyUnlike({ view, standard }: DriftScore, code: string, { model }: WorkspaceModel): string {
  if (view === "order") return standard.structure > standard.lineOrder ? "its statements stand in an order and nesting that none of your files has" : "its lines follow one another as in none of your files; some may be out of order";
  const names = model.unknownNamesIn(code).slice(0, 3).map((name) => `\`${name}\``);
  const reasons: [number, string][] = [
    [Math.max(standard.unknownNames, standard.unknownWords), names.length === 0 ? "it speaks of things that no file of yours does" : `no file of yours uses ${names.length === 1 ? names[0]! : `${names.slice(0, -1).join(", ")} or ${names.at(-1)!}`}`],
    [Math.max(standard.cloud, standard.lexical), "nothing in your files is about the same"],
    [standard.layout, "it is laid out differently (indentation, spaces, quotes)"],
    [standard.marks, "it uses other quotes, operators or keywords than yours do"],
  ];
  const telling = reasons.sort((a, b) => b[0] - a[0]).filter(([size], at) => at === 0 || size >= TELLING).slice(0, 2);
  return telling.map(([, text]) => text).join(", and ");
}
