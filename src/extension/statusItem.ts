// The one status bar item: short text, and everything else in its tooltip.
import * as vscode from "vscode";
import type { EngineStatus } from "../engine/protocol/types.ts";
import { duration, percent, progressOf, runDetail, runTitle } from "../webview/trainingWords.ts";
import type { EngineClient, EngineClientState } from "./engineClient.ts";
import { adapterName } from "./trainingActions.ts";
import type { TrainingState } from "./trainingState.ts";

/** What the item shows; kept apart from VS Code so that it can be read in one place. */
interface Face {
  text: string;
  lines: string[];
}

/** The last reason why no completion was shown, set by the inline completion provider. */
export interface CompletionNote {
  text: string;
}

export class StatusItem implements vscode.Disposable {
  readonly #item: vscode.StatusBarItem;
  readonly #subscriptions: { dispose(): unknown }[];
  #status: EngineStatus | null = null;
  #state: EngineClientState;
  #completionNote: CompletionNote | null = null;

  readonly #training: TrainingState;

  constructor(client: EngineClient, training: TrainingState) {
    this.#state = client.state;
    this.#training = training;
    this.#item = vscode.window.createStatusBarItem("kalactica.status", vscode.StatusBarAlignment.Right, 100);
    this.#item.name = "KaLactica";
    this.#subscriptions = [
      this.#item,
      client.onState((state) => {
        this.#state = state;
        if (state.name !== "ready") this.#status = null;
        this.#render();
      }),
      client.onNotification("engine/statusChanged", (status) => {
        this.#status = status;
        this.#render();
      }),
      training.onChange(() => this.#render()),
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

  #render(): void {
    const face = this.#status && this.#state.name === "ready" ? readyFace(this.#status) : processFace(this.#state);
    const run = this.#state.name === "ready" ? this.#training.currentRun : null;
    if (run) {
      face.text = run.state === "running" ? `$(loading~spin) ${vscode.l10n.t("Training {0}", run.secondsLeft === null ? percent(progressOf(run)) : `${percent(progressOf(run))}, ${duration(run.secondsLeft)}`)}` : `$(loading~spin) ${runDetail(run)}`;
      face.lines.unshift(`${runTitle(run)}: ${runDetail(run)}`);
    }
    const adapter = this.#training.activeAdapter;
    if (adapter) face.lines.push(vscode.l10n.t("Adapter: {0}", adapterName(adapter, this.#training.runs)));
    // While something is being learnt, that is what a click is for.
    this.#item.command = run ? "kalactica.showTrainingRuns" : "kalactica.openChat";
    if (this.#completionNote) face.lines.push(vscode.l10n.t("Last completion: {0}", this.#completionNote.text));
    this.#item.text = face.text;
    const tooltip = new vscode.MarkdownString(face.lines.map(escapeMarkdown).join("\n\n"));
    tooltip.isTrusted = { enabledCommands: ["kalactica.chooseModel", "kalactica.showIndexReport", "kalactica.showTrainingRuns", "kalactica.doctor"] };
    tooltip.appendMarkdown(`\n\n[${vscode.l10n.t("Choose Model")}](command:kalactica.chooseModel) · [${vscode.l10n.t("Index Report")}](command:kalactica.showIndexReport) · [${vscode.l10n.t("Training")}](command:kalactica.showTrainingRuns) · [${vscode.l10n.t("Doctor")}](command:kalactica.doctor)`);
    this.#item.tooltip = tooltip;
    this.#item.accessibilityInformation = { label: `KaLactica. ${face.lines.join(". ")}` };
  }
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-!<>|]/g, "\\$&");
}

function processFace(state: EngineClientState): Face {
  switch (state.name) {
    case "starting":
    case "ready":
      return { text: "$(loading~spin) KaLactica", lines: [vscode.l10n.t("The engine is starting.")] };
    case "waiting":
      return { text: "$(warning) KaLactica", lines: [vscode.l10n.t("The engine stopped: {0}. It is started again in {1} s.", state.why, Math.ceil(state.retryInMs / 1000))] };
    case "failed":
      return { text: "$(error) KaLactica", lines: [state.why] };
    case "stopped":
      return { text: "$(circle-slash) KaLactica", lines: [vscode.l10n.t("The engine is not running.")] };
  }
}

function readyFace({ index, model, bytesOut }: EngineStatus): Face {
  const working = index.state === "scanning" || index.state === "indexing" || model.state === "loading";
  const failed = index.state === "failed" || model.state === "failed";
  return {
    text: `${working ? "$(loading~spin)" : failed ? "$(warning)" : model.remote?.leavesMachine ? "$(cloud-upload)" : "$(circuit-board)"} KaLactica`,
    lines: [
      model.explanation,
      ...(model.tokensPerSecond === null ? [] : [vscode.l10n.t("{0} tokens per second", Math.round(model.tokensPerSecond))]),
      indexLine(index),
      vscode.l10n.t("{0} bytes out", bytesOut),
    ],
  };
}

function indexLine(index: EngineStatus["index"]): string {
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
