// One line: which model, how the index stands, how many bytes left the machine; the history.
import type { ChatStatus } from "../../protocol.ts";
import { post } from "../host.ts";
import { Icon, IconButton } from "../../shared/Icon.tsx";

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
          <span>{bytesText(status.bytesOut)} out</span>
        </span>
      )}
      <span class="header-space" />
      <IconButton icon="history" label="Chat History" pressed={historyOpen} onClick={onHistory} />
    </header>
  );
}

function modelText({ engine, model }: ChatStatus): { text: string; tip: string } {
  if (engine === "restarting") return { text: "Restarting…", tip: "The engine stopped and is being started again." };
  if (engine === "failed") return { text: "Engine stopped", tip: "The engine could not be started." };
  if (!model) return { text: "Starting…", tip: "The engine is starting." };
  const name = `${model.name ?? "No model"}${model.remote ? ` at ${model.remote.host}` : ""}`;
  const does = model.answers ? "Writes answers and completions." : "Completes code; answers come from the index.";
  switch (model.state) {
    case "none": return { text: "No model", tip: "Answers come from the index alone. Click to choose a model." };
    case "loading": return { text: `${name} (loading)`, tip: model.detail };
    case "failed": return { text: `${name} (failed)`, tip: model.detail };
    case "unloaded": return { text: name, tip: `${does} Unloaded while idle; the next question loads it again.` };
    case "ready": return { text: name, tip: [does, model.detail, "Click to choose another model."].filter(Boolean).join("\n") };
  }
}

function indexText({ index, folderOpen }: ChatStatus): { text: string; unit?: string; tip: string; icon: string } | null {
  if (!folderOpen || !index) return null;
  const skipped = index.skippedFiles > 0 ? `\n${count(index.skippedFiles, "file")} left out; click to see why.` : "";
  switch (index.state) {
    case "off": return { text: "Not indexed", tip: "The index is off.", icon: "circle-slash" };
    case "scanning": return { text: "Scanning", tip: "Looking for changed files. You can already ask.", icon: "sync" };
    case "indexing": return { text: `${index.pendingFiles.toLocaleString("en")} left`, tip: `${count(index.files, "file")} indexed, ${count(index.pendingFiles, "file")} left. You can already ask.${skipped}`, icon: "sync" };
    case "ready": return { text: index.files.toLocaleString("en"), unit: index.files === 1 ? "file" : "files", tip: `${count(index.files, "file")} indexed.${skipped}`, icon: "check" };
    case "failed": return { text: "Index failed", tip: index.failure ?? "The index could not be built.", icon: "warning" };
  }
}

function bytesText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  return bytes < 1_048_576 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}

function bytesTip(bytes: number): string {
  return bytes === 0
    ? "Nothing was sent from this machine since the engine started."
    : "Sent from this machine since the engine started, by downloads and endpoints you asked for.";
}

function count(n: number, noun: string): string {
  return `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;
}
