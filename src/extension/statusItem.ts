// The one status bar item: a few words on what goes on now, and everything else in its tooltip. Which of several things it tells of is
// decided in statusItemState.ts.
import * as vscode from "vscode";
import { socketCount } from "../engine/base/socketCount.ts";
import type { EngineStatus } from "../engine/protocol/types.ts";
import { bytes, duration, number, percent, progressOf, runDetail, runTitle } from "../webview/trainingWords.ts";
import type { EngineClient, EngineClientState } from "./engineClient.ts";
import type { ModelActions } from "./modelGalleryActions.ts";
import { stateOf } from "./statusItemState.ts";
import type { StatusState } from "./statusItemState.ts";
import { adapterName } from "./trainingActions.ts";
import type { TrainingState } from "./trainingState.ts";

/** The last reason why no completion was shown, set by the inline completion provider. */
export interface CompletionNote {
  text: string;
}

/** Memory changes without anything being said of it: it is asked for this often while the window has the focus. */
const ASK_EVERY_MS = 60_000;

const LINKS: readonly [command: string, label: () => string][] = [
  ["kalactica.openChat", () => vscode.l10n.t("Chat")],
  ["kalactica.showModels", () => vscode.l10n.t("Models")],
  ["kalactica.showIndexReport", () => vscode.l10n.t("Index")],
  ["kalactica.showTrainingRuns", () => vscode.l10n.t("Training")],
  ["kalactica.proveOffline", () => vscode.l10n.t("Proof")],
  ["kalactica.doctor", () => vscode.l10n.t("Doctor")],
];

export class StatusItem implements vscode.Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #training: TrainingState;
  readonly #models: ModelActions;
  readonly #subscriptions: { dispose(): unknown }[];
  #status: EngineStatus | null = null;
  #engine: EngineClientState;
  #completionNote: CompletionNote | null = null;

  constructor(client: EngineClient, training: TrainingState, models: ModelActions) {
    this.#engine = client.state;
    this.#training = training;
    this.#models = models;
    this.#item = vscode.window.createStatusBarItem("kalactica.status", vscode.StatusBarAlignment.Right, 100);
    this.#item.name = "KaLactica";
    const asking = setInterval(() => {
      if (!vscode.window.state.focused || client.state.name !== "ready") return;
      client.request("engine/status", null).then((status) => this.#take(status), () => undefined);
    }, ASK_EVERY_MS);
    this.#subscriptions = [
      this.#item,
      { dispose: () => clearInterval(asking) },
      client.onState((state) => {
        this.#engine = state;
        if (state.name !== "ready") this.#status = null;
        this.#render();
      }),
      client.onNotification("engine/statusChanged", (status) => this.#take(status)),
      training.onChange(() => this.#render()),
      models.onChange(() => this.#render()),
    ];
    this.#render();
    this.#item.show();
  }

  noteCompletion(note: CompletionNote | null): void {
    this.#completionNote = note;
    this.#render();
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  #take(status: EngineStatus): void {
    this.#status = status;
    this.#render();
  }

  #render(): void {
    const run = this.#engine.name === "ready" ? this.#training.currentRun : null;
    const { downloads: [download], measuring } = this.#models.work;
    const state = stateOf({
      engine: this.#engine.name, status: this.#status, measuring: measuring !== null,
      training: run && { share: progressOf(run), secondsLeft: run.secondsLeft, running: run.state === "running" },
      download: download ? { share: download.totalBytes ? download.receivedBytes / download.totalBytes : null } : null,
    });
    const lines = this.#lines();
    this.#item.text = textOf(state);
    this.#item.command = state.command;
    const tooltip = new vscode.MarkdownString("", true);
    tooltip.isTrusted = { enabledCommands: LINKS.map(([command]) => command) };
    tooltip.appendMarkdown(`**KaLactica**\n\n${lines.map(({ icon, text }) => `$(${icon})&nbsp;&nbsp;${escapeMarkdown(text)}`).join("\n\n")}\n\n---\n\n${LINKS.map(([command, label]) => `[${label()}](command:${command})`).join(" · ")}`);
    this.#item.tooltip = tooltip;
    this.#item.accessibilityInformation = { label: `KaLactica. ${lines.map(({ text }) => text.replace(/\.$/, "")).join(". ")}` };
  }

  /** Model, index, training, memory and what left this machine, one line each. */
  #lines(): { icon: string; text: string }[] {
    const status = this.#status;
    if (status === null) return [{ icon: this.#engine.name === "failed" ? "error" : "info", text: engineWords(this.#engine) }];
    const { model, index } = status;
    const { downloads, measuring } = this.#models.work;
    const run = this.#training.currentRun;
    const adapter = this.#training.activeAdapter;
    const sent = status.bytesOut + socketCount().bytesOut;
    return [
      { icon: model.state === "failed" ? "warning" : "chip", text: modelWords(status) },
      ...(adapter ? [{ icon: "layers", text: vscode.l10n.t("Adapter: {0}", adapterName(adapter, this.#training.runs)) }] : []),
      ...downloads.map(({ uri, receivedBytes, totalBytes }) => ({ icon: "cloud-download", text: totalBytes ? vscode.l10n.t("Downloading {0}: {1} of {2}", fileName(uri), bytes(receivedBytes), bytes(totalBytes)) : vscode.l10n.t("Downloading {0}: {1}", fileName(uri), bytes(receivedBytes)) })),
      ...(measuring === null ? [] : [{ icon: "dashboard", text: vscode.l10n.t("Measuring the speed of {0}", measuring) }]),
      { icon: index.state === "failed" ? "warning" : "list-tree", text: indexWords(index) },
      { icon: "graph-line", text: run ? vscode.l10n.t("Training: {0}, {1}", runTitle(run), runDetail(run)) : vscode.l10n.t("Training: nothing runs") },
      { icon: "server-process", text: status.residentBytes === undefined ? vscode.l10n.t("Memory: not told") : vscode.l10n.t("Memory: {0} in the engine", bytes(status.residentBytes)) },
      { icon: sent === 0 ? "shield" : "cloud-upload", text: sent === 0 ? vscode.l10n.t("0 bytes sent out") : vscode.l10n.t("{0} sent out since the engine started", bytes(sent)) },
      ...(this.#completionNote ? [{ icon: "lightbulb", text: vscode.l10n.t("Last completion: {0}", this.#completionNote.text) }] : []),
    ];
  }
}

/** Short: the bar is everybody's. */
function textOf(state: StatusState): string {
  switch (state.kind) {
    case "engineFailed":
      return "$(error) KaLactica";
    case "engineStopped":
      return "$(circle-slash) KaLactica";
    case "engineWaiting":
    case "modelFailed":
    case "indexFailed":
      return "$(warning) KaLactica";
    case "starting":
      return "$(loading~spin) KaLactica";
    case "loading":
      return `$(loading~spin) ${vscode.l10n.t("Loading Model")}`;
    case "measuring":
      return `$(loading~spin) ${vscode.l10n.t("Measuring")}`;
    case "downloading":
      return `$(cloud-download) ${state.share === null ? vscode.l10n.t("Downloading") : percent(state.share)}`;
    case "indexing":
      return `$(loading~spin) ${state.share === null ? vscode.l10n.t("Indexing") : vscode.l10n.t("Indexing {0}", percent(state.share))}`;
    case "training": {
      const { share, secondsLeft, running } = state;
      return `$(loading~spin) ${running && secondsLeft !== null ? vscode.l10n.t("Training {0}, {1}", percent(share), duration(secondsLeft)) : vscode.l10n.t("Training {0}", percent(share))}`;
    }
    case "leaving":
      return "$(cloud-upload) KaLactica";
    case "idle":
      return "$(circuit-board) KaLactica";
  }
}

function engineWords(state: EngineClientState): string {
  switch (state.name) {
    case "starting":
    case "ready":
      return vscode.l10n.t("The engine is starting.");
    case "waiting":
      return vscode.l10n.t("The engine stopped: {0}. It is started again in {1} s.", state.why, Math.ceil(state.retryInMs / 1000));
    case "failed":
      return state.why;
    case "stopped":
      return vscode.l10n.t("The engine is not running.");
  }
}

function modelWords({ model }: EngineStatus): string {
  if (model.state === "failed" || model.state === "none" || model.name === null) return model.explanation;
  const speed = model.tokensPerSecond === null ? "" : vscode.l10n.t(", {0} tokens/s", number(model.tokensPerSecond, model.tokensPerSecond < 10 ? 2 : 3));
  if (model.remote) return model.remote.leavesMachine ? vscode.l10n.t("{0} on {1}: what you ask leaves this machine{2}", model.name, model.remote.host, speed) : vscode.l10n.t("{0} on {1}{2}", model.name, model.remote.host, speed);
  switch (model.state) {
    case "loading":
      return vscode.l10n.t("{0}: loading", model.name);
    case "unloaded":
      return vscode.l10n.t("{0}: rests, the next request loads it", model.name);
    case "ready":
      return model.device === "cpu" || model.device === null ? vscode.l10n.t("{0} on the CPU{1}", model.name, speed) : vscode.l10n.t("{0} on the GPU ({1}){2}", model.name, model.device, speed);
  }
}

function indexWords(index: EngineStatus["index"]): string {
  switch (index.state) {
    case "off":
      return vscode.l10n.t("No index: no folder is open, or the index is switched off.");
    case "scanning":
      return vscode.l10n.t("Index: looking for changed files.");
    case "indexing":
      return vscode.l10n.t("Index: {0} files done, {1} to go.", index.files, index.pendingFiles);
    case "ready":
      return vscode.l10n.t("Index: {0} files, {1} passages.", index.files, index.chunks);
    case "failed":
      return index.failure ?? vscode.l10n.t("The index failed.");
  }
}

function fileName(uri: string): string {
  return uri.replace(/[#?].*$/s, "").split("/").at(-1) ?? uri;
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-!<>|$]/g, "\\$&");
}
