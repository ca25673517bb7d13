// Title, state and buttons of the chosen run. Always as high, whatever the run does, so that nothing below moves.
import type { AdapterInfo, RunInfo } from "../../../engine/protocol/training.ts";
import { Icon } from "../../shared/Icon.tsx";
import { actionsOf, adapterOf } from "../../monitorProtocol.ts";
import type { RunAction } from "../../monitorProtocol.ts";
import { post } from "../host.ts";
import { dateTime, percent, progressOf, runLine, runTitle, STATE_ICONS, stateName } from "../../trainingWords.ts";
import { mark, t, translated } from "../../shared/l10n.ts";

const LABELS: Record<RunAction, { label: string; icon: string; tip: string }> = {
  pause: { label: mark("Pause"), icon: "debug-pause", tip: mark("Stops after this step; Resume goes on exactly there") },
  resume: { label: mark("Resume"), icon: "debug-continue", tip: mark("Goes on from the last checkpoint") },
  cancel: { label: mark("Cancel"), icon: "debug-stop", tip: mark("Ends the run; its adapter does not go live") },
  activate: { label: mark("Activate"), icon: "check", tip: mark("Chat and completions use this adapter from now on") },
  rollBack: { label: mark("Roll Back"), icon: "discard", tip: mark("Back to what was active before") },
  export: { label: mark("Export…"), icon: "export", tip: mark("As a GGUF adapter, as PEFT safetensors, or merged into the model") },
  remove: { label: mark("Delete Run…"), icon: "trash", tip: mark("Deletes the run’s figures and checkpoints; its adapter stays") },
};

export function RunHead({ run, adapters, trusted }: { run: RunInfo; adapters: readonly AdapterInfo[]; trusted: boolean }) {
  const adapter = adapterOf(run, adapters);
  const progress = progressOf(run);
  const icon = STATE_ICONS[run.state];
  return (
    <header class="head" data-testid="head" data-state={run.state}>
      <div class="head-title">
        <h1><bdi class="ellipsis">{runTitle(run)}</bdi></h1>
        {adapter?.active && <span class="tag">{t("active")}</span>}
        <span class="head-buttons">
          {actionsOf(run, adapters).map((action, index) => {
            const { label, icon: buttonIcon, tip } = LABELS[action];
            // Undoing is always allowed; what computes or goes live needs trust.
            const needsTrust = action === "resume" || action === "activate";
            return (
              <button
                key={action} type="button" class={`button small ${index === 0 && (action === "resume" || action === "activate") ? "" : "secondary"}`} data-testid={`action-${action}`}
                title={needsTrust && !trusted ? t("Needs a trusted folder") : translated(tip)} disabled={needsTrust && !trusted} onClick={() => post({ type: "runAction", runId: run.id, action })}
              >
                <Icon name={buttonIcon} />{translated(label)}
              </button>
            );
          })}
        </span>
      </div>
      <p class="head-origin quiet"><bdi class="ellipsis">{run.model}</bdi><span>{dateTime(run.createdAt)}</span></p>
      <div class="head-progress" role="progressbar" aria-label={t("Progress")} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * progress)} aria-valuetext={percent(progress)}>
        <span style={{ inlineSize: `${100 * progress}%` }} />
      </div>
      <p class="head-line">
        <span class="head-state" data-state={run.state}><Icon name={icon} spin={icon === "loading"} />{stateName(run.state)}</span>
        <span class="head-words" data-testid="line"><bdi>{runLine(run)}</bdi></span>
      </p>
    </header>
  );
}
