// What the page says when there is nothing to show, or when something stands in the way: a sentence and a button.
import { Icon, IconButton } from "../../shared/Icon.tsx";
import type { MonitorCommand, MonitorStatus } from "../../monitorProtocol.ts";
import { post } from "../host.ts";
import { t } from "../../shared/l10n.ts";

function CommandButton({ command, label, class: className = "button" }: { command: MonitorCommand; label: string; class?: string }) {
  return <button type="button" class={className} onClick={() => post({ type: "command", command })}>{label}</button>;
}

/** How to start, where nothing was started yet. */
export function NoRuns({ status }: { status: MonitorStatus }) {
  if (!status.folderOpen) {
    return (
      <main class="empty" data-testid="empty">
        <Icon name="folder" />
        <p>{t("Open a folder to train on its code. Everything stays on this machine.")}</p>
        <CommandButton command="openFolder" label={t("Open Folder")} />
      </main>
    );
  }
  return (
    <main class="first" data-testid="empty">
      <h1>{t("Train on your own code")}</h1>
      <p>{t("KaLactica learns an adapter for the model that answers you, on this machine, from this folder. A part of the code is held out: the adapter goes live only if the model is better there and no worse elsewhere, and one click takes it back.")}</p>
      <div class="first-buttons">
        <CommandButton command="fineTune" label={t("Fine-tune on This Workspace")} />
      </div>
      <dl class="first-ways">
        <div>
          <dt><CommandButton class="link" command="prepareData" label={t("Prepare Training Data…")} /></dt>
          <dd>{t("from code, Git history, notebooks, your feedback, or a file")}</dd>
        </div>
        <div>
          <dt><CommandButton class="link" command="train" label={t("Train…")} /></dt>
          <dd>{t("with a method, data set and model of your choice")}</dd>
        </div>
        <div>
          <dt><CommandButton class="link" command="manageAdapters" label={t("Manage Adapters…")} /></dt>
          <dd>{t("activate, roll back or export what was learnt")}</dd>
        </div>
      </dl>
    </main>
  );
}

/** One line at the top while something is wrong that keeps runs from going on or from being started. */
export function Banner({ status }: { status: MonitorStatus }) {
  if (status.engine === "failed") return <BannerLine icon="error" text={status.engineFailure ?? t("The engine could not be started.")} command="restartEngine" label={t("Restart Engine")} />;
  if (status.engine === "starting") return <BannerLine icon="loading" text={t("The engine is starting. Runs in progress are shown as soon as it is ready.")} command="showLog" label={t("Show Log")} />;
  if (!status.trusted) return <BannerLine icon="shield" text={t("Restricted Mode: nothing is trained in this folder until you trust it.")} command="manageTrust" label={t("Manage Trust")} />;
  return null;
}

function BannerLine({ icon, text, command, label }: { icon: string; text: string; command: MonitorCommand; label: string }) {
  return (
    <div class="banner" role="status" data-testid="banner">
      <Icon name={icon} spin={icon === "loading"} />
      <span class="banner-text">{text}</span>
      <CommandButton class="link" command={command} label={label} />
    </div>
  );
}

export function Notice({ text, onDismiss }: { text: string; onDismiss: () => void }) {
  return (
    <div class="banner" role="status" data-testid="notice">
      <Icon name="info" />
      <span class="banner-text">{text}</span>
      <IconButton icon="close" label={t("Dismiss")} onClick={onDismiss} />
    </div>
  );
}
