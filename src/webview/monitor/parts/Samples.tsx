// What the model wrote for the same prompt before and after, side by side. Text as text: nothing in it is interpreted.
import { useState } from "preact/hooks";
import type { RunSample } from "../../../engine/protocol/training.ts";
import { t } from "../../shared/l10n.ts";

export function Samples({ samples, running }: { samples: readonly RunSample[]; running: boolean }) {
  const steps = [...new Set(samples.map(({ step }) => step))].sort((a, b) => b - a);
  const [chosen, setChosen] = useState<number | null>(null);
  const step = chosen !== null && steps.includes(chosen) ? chosen : (steps[0] ?? 0);
  const shown = samples.filter((sample) => sample.step === step);
  return (
    <section class="samples" aria-label={t("Samples")} data-testid="samples">
      <div class="section-bar">
        <h2>{t("Samples")}</h2>
        {steps.length > 1 && (
          <label class="setting">
            <span>{t("At step")}</span>
            <select class="select" value={step} onChange={(event) => setChosen(Number(event.currentTarget.value))}>
              {steps.map((each) => <option key={each} value={each}>{each.toLocaleString("en")}</option>)}
            </select>
          </label>
        )}
      </div>
      {shown.length === 0 && <p class="quiet">{running ? t("What the model writes for held-out prompts, before and after, comes with each validation.") : t("This run has no samples.")}</p>}
      {shown.map((sample, i) => <Sample key={`${step}.${i}`} sample={sample} index={i} />)}
    </section>
  );
}

function Sample({ sample, index }: { sample: RunSample; index: number }) {
  const texts = [{ title: t("Before"), text: sample.before }, { title: t("After"), text: sample.after }, ...(sample.reference === undefined ? [] : [{ title: t("Actual"), text: sample.reference }])];
  return (
    <article class="sample" aria-label={t("Sample {0}", index + 1)}>
      <h3>{t("Prompt")}</h3>
      <pre class="sample-prompt" tabIndex={0} aria-label={t("Prompt")} dir="ltr">{sample.prompt}</pre>
      <div class="sample-sides">
        {texts.map(({ title, text }) => (
          <div key={title} class="sample-side">
            <h3>{title}</h3>
            <pre tabIndex={0} aria-label={title} dir="ltr">{text === "" ? <span class="quiet">{t("nothing")}</span> : text}</pre>
          </div>
        ))}
      </div>
    </article>
  );
}
