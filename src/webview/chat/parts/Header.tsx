// One line: which model, how the index stands, how many bytes left the machine; the history.
import type { ChatStatus } from "../../protocol.ts";
import { post } from "../host.ts";
import { Icon, IconButton } from "../../shared/Icon.tsx";
import { t } from "../../shared/l10n.ts";

interface HeaderProps {
  status: ChatStatus;
  historyOpen: boolean;
  onHistory: () => void;
}

export function Header({ status, historyOpen, onHistory }: HeaderProps) {
  const model = modelText(status);
  const index = indexText(status);
  return (
    <header class="header" data-testid="header">
      <button type="button" class="header-item header-model" title={model.tip} onClick={() => post({ type: "command", command: "chooseModel" })}>
        <span class="ellipsis">{model.text}</span>
      </button>
      {index && (
        <button type="button" class="header-item header-index" title={index.tip} data-state={status.index?.state} onClick={() => post({ type: "command", command: "showIndex" })}>
          <Icon name={index.icon} spin={index.icon === "sync"} />
          <span class="ellipsis">{index.text}{index.unit && <span class="header-unit"> {index.unit}</span>}</span>
        </button>
      )}
      {status.bytesOut !== null && (
        <span class="header-item header-bytes" tabIndex={0} data-warn={status.bytesOut > 0} title={bytesTip(status.bytesOut)}>
          <span>{t("{0} out", bytesText(status.bytesOut))}</span>
        </span>
      )}
      <span class="header-space" />
      <IconButton icon="history" label={t("Chat History")} pressed={historyOpen} onClick={onHistory} />
    </header>
  );
}

function modelText({ engine, model }: ChatStatus): { text: string; tip: string } {
  if (engine === "restarting") return { text: t("Restarting…"), tip: t("The engine stopped and is being started again.") };
  if (engine === "failed") return { text: t("Engine stopped"), tip: t("The engine could not be started.") };
  if (!model) return { text: t("Starting…"), tip: t("The engine is starting.") };
  const local = model.name ?? t("No model");
  const name = model.remote ? t("{0} at {1}", local, model.remote.host) : local;
  const does = model.answers ? t("Writes answers and completions.") : t("Completes code; answers come from the index.");
  switch (model.state) {
    case "none": return { text: t("No model"), tip: t("Answers come from the index alone. Click to choose a model.") };
    case "loading": return { text: t("{0} (loading)", name), tip: model.detail };
    case "failed": return { text: t("{0} (failed)", name), tip: model.detail };
    case "unloaded": return { text: name, tip: `${does} ${t("Unloaded while idle; the next question loads it again.")}` };
    case "ready": return { text: name, tip: [does, model.detail, t("Click to choose another model.")].filter(Boolean).join("\n") };
  }
}

function indexText({ index, folderOpen }: ChatStatus): { text: string; unit?: string; tip: string; icon: string } | null {
  if (!folderOpen || !index) return null;
  const skipped = index.skippedFiles > 0 ? `\n${index.skippedFiles === 1 ? t("1 file left out; click to see why.") : t("{0} files left out; click to see why.", index.skippedFiles.toLocaleString("en"))}` : "";
  switch (index.state) {
    case "off": return { text: t("Not indexed"), tip: t("The index is off."), icon: "circle-slash" };
    case "scanning": return { text: t("Scanning"), tip: t("Looking for changed files. You can already ask."), icon: "sync" };
    case "indexing": return { text: t("{0} left", index.pendingFiles.toLocaleString("en")), tip: `${t("{0} indexed, {1} left. You can already ask.", fileCount(index.files), fileCount(index.pendingFiles))}${skipped}`, icon: "sync" };
    case "ready": return { text: index.files.toLocaleString("en"), unit: index.files === 1 ? t("file") : t("files"), tip: `${t("{0} indexed.", fileCount(index.files))}${skipped}`, icon: "check" };
    case "failed": return { text: t("Index failed"), tip: index.failure ?? t("The index could not be built."), icon: "warning" };
  }
}

function bytesText(bytes: number): string {
  if (bytes < 1_024) return t("{0} bytes", bytes);
  return bytes < 1_048_576 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function bytesTip(bytes: number): string {
  return bytes === 0
    ? t("Nothing was sent from this machine since the engine started.")
    : t("Sent from this machine since the engine started, by downloads and endpoints you asked for.");
}

function fileCount(n: number): string {
  return n === 1 ? t("1 file") : t("{0} files", n.toLocaleString("en"));
}
