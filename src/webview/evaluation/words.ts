// Figures of evaluations and of use in words. Pure; knows neither VS Code nor the DOM.
import type { EvaluationRunInfo } from "../../engine/protocol/evaluation.ts";
import { dateTime } from "../trainingWords.ts";
import { t } from "../shared/l10n.ts";

/** "0.412", "1,204", "12.5": three decimals below 100. */
export function figure(value: number): string {
  return value.toLocaleString("en", Math.abs(value) >= 100 ? { maximumFractionDigits: 0 } : { maximumFractionDigits: 3 }).replace("-", "−");
}

export function interval(low: number, high: number): string {
  return `[${figure(low)}, ${figure(high)}]`;
}

/** "37 %", "–" of nothing. */
export function share(part: number, whole: number): string {
  return whole === 0 ? "–" : `${((100 * part) / whole).toFixed(0)} %`;
}

/** "120 ms", "1.4 s", "–" where nothing was timed. */
export function time(ms: number | null): string {
  return ms === null ? "–" : ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

export function runTitle({ suite, at }: Pick<EvaluationRunInfo, "suite" | "at">): string {
  return `${suite}, ${dateTime(Date.parse(at))}`;
}

export function itemCount(n: number): string {
  return n === 1 ? t("1 item") : t("{0} items", n.toLocaleString("en"));
}

/** "p = 0.012", "p < 0.0001". */
export function pValue(p: number): string {
  return p < 0.0001 ? "p < 0.0001" : `p = ${Number(p.toPrecision(2))}`;
}
