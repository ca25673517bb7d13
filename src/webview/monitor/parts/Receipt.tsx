// The receipt: what was measured before and after, what the adapter is made of, and why it went live or not.
import { useState } from "preact/hooks";
import type { RunInfo, RunReceipt, TrainingMethod } from "../../../engine/protocol/training.ts";
import { Icon } from "../../shared/Icon.tsx";
import { change, duration, megabytes, number, percent, signed } from "../../trainingWords.ts";
import { t } from "../../shared/l10n.ts";

const METHODS: readonly TrainingMethod[] = ["sft", "dpo", "kto", "grpo"];

interface Row {
  name: string;
  before: string;
  after: string;
  change: string;
  /** Whether the change is to the good or the bad; null where it is neither, or within the margin. */
  better: boolean | null;
  over: string;
}

function rowsOf({ heldOut, general, exactMatch, preference, reward, config }: RunReceipt): Row[] {
  const promotion = config["promotion"] as { generalMargin?: unknown } | undefined;
  const margin = typeof promotion?.generalMargin === "number" ? promotion.generalMargin : 0;
  const perplexity = (name: string, figures: RunReceipt["heldOut"], allowedRise: number): Row => ({
    name, before: number(figures.perplexityBefore), after: number(figures.perplexityAfter), change: change(figures.perplexityBefore, figures.perplexityAfter),
    better: figures.perplexityAfter < figures.perplexityBefore ? true : figures.perplexityAfter <= figures.perplexityBefore * (1 + allowedRise) ? null : false, over: t("{0} tokens", figures.nTokens.toLocaleString("en")),
  });
  const points = exactMatch ? 100 * (exactMatch.after - exactMatch.before) : 0;
  return [
    ...(reward ? [{
      name: t("Reward of held-out tasks"), before: number(reward.before, 3), after: number(reward.after, 3), change: signed(reward.after - reward.before, 3),
      better: reward.after === reward.before ? null : reward.after > reward.before, over: t("{0} tasks", reward.n.toLocaleString("en")),
    }] : []),
    // The base is the measure of both, so there is nothing before: by chance, half of the pairs.
    ...(preference ? [{
      name: t("Held-out pairs ranked right"), before: "", after: percent(preference.accuracy, 1), change: t("margin {0}", signed(preference.margin, 3)),
      better: preference.accuracy === 0.5 ? null : preference.accuracy > 0.5, over: t("{0} pairs", preference.n.toLocaleString("en")),
    }] : []),
    ...(heldOut.nTokens > 0 ? [perplexity(t("Perplexity on held-out data"), heldOut, preference || reward ? margin : 0)] : []),
    ...(general.nTokens > 0 ? [perplexity(t("Perplexity on general text"), general, margin)] : []),
    ...(exactMatch ? [{
      name: t("Lines completed exactly"), before: percent(exactMatch.before, 1), after: percent(exactMatch.after, 1), change: t("{0} points", signed(points, 3)),
      better: points === 0 ? null : points > 0, over: t("{0} lines", exactMatch.n.toLocaleString("en")),
    }] : []),
  ];
}

export function Receipt({ run }: { run: RunInfo }) {
  const { receipt } = run;
  return (
    <section class="receipt" aria-label={t("Receipt")} data-testid="receipt">
      <div class="section-bar"><h2>{t("Receipt")}</h2></div>
      {receipt === null
        ? <p class="quiet">{run.state === "failed" || run.state === "cancelled" ? t("The run ended before it was evaluated; nothing went live.") : t("Measured before and after on held-out data once the run has ended. Only what is better goes live.")}</p>
        : (
          <>
            <p class="verdict" data-testid="verdict" data-promoted={receipt.promoted}><Icon name={receipt.promoted ? "pass" : "circle-slash"} /><bdi>{receipt.sentence}</bdi></p>
            <div class="table-scroll" role="region" tabIndex={0} aria-label={t("Figures before and after")}>
              <table class="figures">
                <thead><tr><th scope="col">{t("Measured")}</th><th scope="col">{t("Before")}</th><th scope="col">{t("After")}</th><th scope="col">{t("Change")}</th><th scope="col">{t("Over")}</th></tr></thead>
                <tbody>
                  {rowsOf(receipt).map((row) => (
                    <tr key={row.name}>
                      <th scope="row">{row.name}</th><td>{row.before}</td><td>{row.after}</td>
                      <td data-better={row.better}>{row.better !== null && <Icon name={row.better ? "check" : "warning"} />}{row.change}{row.better !== null && <span class="visually-hidden">{` (${row.better ? t("better") : t("worse")})`}</span>}</td>
                      <td class="quiet">{row.over}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            <dl class="facts">
              <Fact name={t("Time")} value={duration(receipt.seconds)} />
              <Fact name={t("Speed")} value={t("{0} tokens/s", number(receipt.tokensPerSecond, 3))} />
              <Fact name={t("Peak memory")} value={megabytes(receipt.peakRssMb)} />
              <Fact name={t("Base")} value={receipt.modelSha256.slice(0, 12)} whole={receipt.modelSha256} />
              <Fact name={t("Data")} value={receipt.datasetVersion.slice(0, 12)} whole={receipt.datasetVersion} />
              <Fact name={t("Adapter")} value={receipt.adapterSha256.slice(0, 12)} whole={receipt.adapterSha256} />
            </dl>
          </>
        )}
      <Settings config={receipt?.config ?? run.config} method={run.method} />
    </section>
  );
}

/** Settings by their dotted names, as the command line takes them. */
function flat(config: Record<string, unknown>, prefix = ""): [string, unknown][] {
  return Object.entries(config).flatMap(([name, value]): [string, unknown][] =>
    typeof value === "object" && value !== null && !Array.isArray(value) ? flat(value as Record<string, unknown>, `${prefix}${name}.`) : [[prefix + name, value]]);
}

function Fact({ name, value, whole }: { name: string; value: string; whole?: string }) {
  return <div><dt>{name}</dt><dd>{whole === undefined ? value : <code title={whole}>{value}</code>}</dd></div>;
}

function Settings({ config, method }: { config: Record<string, unknown>; method: TrainingMethod }) {
  const [open, setOpen] = useState(false);
  // The settings of other methods say nothing about this run.
  const entries = flat(config).filter(([name]) => !METHODS.some((other) => other !== method && name.startsWith(`${other}.`)));
  if (entries.length === 0) return null;
  return (
    <div class="settings">
      <button type="button" class="disclosure" aria-expanded={open} onClick={() => setOpen(!open)}><Icon name={open ? "chevron-down" : "chevron-right"} />{t("{0} settings", entries.length)}</button>
      {open && <dl class="facts">{entries.map(([name, value]) => <Fact key={name} name={name} value={typeof value === "string" ? value : JSON.stringify(value)} />)}</dl>}
    </div>
  );
}
