// Numbers, times and states of training in words, for the monitor's page and for its host. Pure; knows neither VS Code nor the DOM.
import type { RunInfo, RunReceipt, RunState, TrainingMethod } from "../engine/protocol/training.ts";
import { mark, t, translated } from "./shared/l10n.ts";

export const METHOD_NAMES: Record<TrainingMethod, string> = { sft: "SFT", dpo: "DPO", kto: "KTO", grpo: "GRPO" };

const STATE_NAMES: Record<RunState, string> = {
  queued: mark("Queued"), preparing: mark("Preparing"), running: mark("Training"), pausing: mark("Pausing"), paused: mark("Paused"), interrupted: mark("Interrupted"),
  evaluating: mark("Evaluating"), finished: mark("Finished"), cancelled: mark("Cancelled"), failed: mark("Failed"),
};

export function stateName(state: RunState): string {
  return translated(STATE_NAMES[state]);
}

/** A codicon per state, so that states differ by shape and not by colour alone. */
export const STATE_ICONS: Record<RunState, string> = {
  queued: "history", preparing: "loading", running: "loading", pausing: "loading", paused: "debug-pause", interrupted: "debug-disconnect",
  evaluating: "loading", finished: "pass", cancelled: "circle-slash", failed: "error",
};

/** "SFT · workspace". */
export function runTitle(run: Pick<RunInfo, "method" | "dataset">): string {
  return `${METHOD_NAMES[run.method]} · ${run.dataset}`;
}

/** The name of a run among others of the same kind: with the time at which it was made. */
export function runLabel(run: Pick<RunInfo, "method" | "dataset" | "createdAt">): string {
  return `${runTitle(run)}, ${dateTime(run.createdAt)}`;
}

/** Share of the run that is done, in [0, 1]. */
export function progressOf(run: Pick<RunInfo, "step" | "steps" | "state">): number {
  if (run.state === "finished" || run.state === "evaluating") return 1;
  return run.steps > 0 ? Math.min(1, run.step / run.steps) : 0;
}

/** About `digits` significant digits, thousands separated, very small and very large ones with an exponent. */
export function number(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? t("not a number") : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e7) return value.toExponential(Math.max(0, Math.min(2, digits - 1))).replace("e+", "e").replaceAll("-", "−");
  const power = Math.floor(Math.log10(size));
  const decimals = power < -1 ? digits - 2 - power : Math.max(0, Math.min(digits - 1, digits - 1 - power));
  return value.toLocaleString("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).replace("-", "−");
}

export function percent(share: number, decimals = 0): string {
  return `${(100 * share).toFixed(decimals)} %`.replace("-", "−");
}

/** With its sign, also where it is above zero. */
export function signed(value: number, digits = 4): string {
  return `${value > 0 ? "+" : ""}${number(value, digits)}`;
}

/** What a receipt says first: the figure that the method is about. */
export function headline({ heldOut, general, preference, reward }: RunReceipt): string {
  const parts = [
    reward ? t("held-out reward {0} → {1}", number(reward.before, 3), number(reward.after, 3)) : "",
    preference ? t("{0} of held-out pairs ranked right", percent(preference.accuracy)) : "",
    !reward && !preference ? t("held-out perplexity {0}", change(heldOut.perplexityBefore, heldOut.perplexityAfter)) : "",
    general.nTokens > 0 ? t("general text {0}", change(general.perplexityBefore, general.perplexityAfter)) : "",
  ];
  return parts.filter((part) => part !== "").join(", ");
}

/** "−18.3 %": how `after` differs from `before`. */
export function change(before: number, after: number): string {
  if (before === 0 || !Number.isFinite(before) || !Number.isFinite(after)) return "";
  const relative = (after - before) / before;
  return `${relative > 0 ? "+" : ""}${percent(relative, 1)}`;
}

/** "42 s", "3 min", "1 h 20 min". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return t("{0} s", whole);
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return t("{0} min", minutes);
  const hours = Math.floor(minutes / 60);
  return minutes % 60 === 0 ? t("{0} h", hours) : t("{0} h {1} min", hours, minutes % 60);
}

export function megabytes(mb: number): string {
  return mb >= 10_000 ? `${number(mb / 1_000, 3)} GB` : `${number(mb, 3)} MB`;
}

export function bytes(size: number): string {
  if (size < 1_000) return t("{0} bytes", size);
  if (size < 1e6) return `${number(size / 1e3, 3)} kB`;
  return size < 1e9 ? `${number(size / 1e6, 3)} MB` : `${number(size / 1e9, 3)} GB`;
}

export function dateTime(at: number): string {
  return new Date(at).toLocaleString(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

/** The time of today, the day of others. */
export function dayOrTime(at: number, now: number): string {
  const when = new Date(at);
  return when.toDateString() === new Date(now).toDateString()
    ? when.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" })
    : when.toLocaleDateString(undefined, { month: "short", day: "numeric" });
}

/** One line below the title: where a run stands, or how it ended. */
export function runLine(run: RunInfo): string {
  const position = run.steps > 0 ? t("Step {0} of {1}", run.step.toLocaleString("en"), run.steps.toLocaleString("en")) : "";
  const speed = run.last?.tokensPerSecond === undefined ? "" : t("{0} tokens/s", number(run.last.tokensPerSecond, 3));
  const parts = ((): string[] => {
    switch (run.state) {
      case "running":
        return [position, run.secondsLeft === null ? "" : t("{0} left", duration(run.secondsLeft)), speed];
      case "queued":
        return [run.sentence || t("Waits until the run before it has ended.")];
      case "preparing":
        return [run.sentence || t("Loads the model and the data.")];
      case "pausing":
        return [position, t("Pauses after this step.")];
      case "evaluating":
        return [run.sentence || t("Compares the model before and after on held-out data.")];
      case "finished":
        if (!run.receipt) return [run.sentence, position];
        return [
          run.receipt.promoted ? t("Promoted") : t("Not promoted"),
          headline(run.receipt),
          t("in {0}", duration(run.receipt.seconds)),
        ];
      case "paused":
      case "interrupted":
      case "cancelled":
      case "failed":
        return [position, run.sentence];
    }
  })();
  return parts.filter((part) => part !== "").join(" · ");
}

/** The few words beside a run in the list. */
export function runDetail(run: RunInfo): string {
  const done = percent(progressOf(run));
  switch (run.state) {
    case "running":
      return [done, run.secondsLeft === null ? "" : t("{0} left", duration(run.secondsLeft))].filter(Boolean).join(" · ");
    case "paused":
    case "pausing":
    case "interrupted":
    case "cancelled":
    case "failed":
      return run.step > 0 ? t("{0} at {1}", stateName(run.state), done) : stateName(run.state);
    case "finished":
      return run.receipt ? (run.receipt.promoted ? t("Promoted") : t("Not promoted")) : stateName(run.state);
    default:
      return stateName(run.state);
  }
}
