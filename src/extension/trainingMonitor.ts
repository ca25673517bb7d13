// The editor tab "KaLactica: Training": one panel, its page, and what the page asks for. It decides nothing about runs.
import * as vscode from "vscode";
import type { MonitorCommand, MonitorHostMessage, MonitorStatus, MonitorViewMessage } from "../webview/monitorProtocol.ts";
import { showFailure } from "./messages.ts";
import { MonitorSession } from "./monitorSession.ts";
import { runAction } from "./trainingActions.ts";
import type { TrainingEngine, TrainingState } from "./trainingState.ts";
import { showPage } from "./webviewPage.ts";

export interface TrainingMonitorOptions {
  engine: TrainingEngine;
  training: TrainingState;
  extensionUri: vscode.Uri;
  log: (message: string) => void;
}

const COMMANDS: Record<MonitorCommand, string> = {
  fineTune: "kalactica.fineTuneWorkspace",
  train: "kalactica.train",
  prepareData: "kalactica.prepareTrainingData",
  manageAdapters: "kalactica.manageAdapters",
  openFolder: "workbench.action.files.openFolder",
  manageTrust: "workbench.trust.manage",
  restartEngine: "kalactica.restartEngine",
  showLog: "kalactica.showLog",
};

export class TrainingMonitor implements vscode.WebviewPanelSerializer, vscode.Disposable {
  static readonly viewType = "kalactica.training";

  readonly #options: TrainingMonitorOptions;
  #panel: vscode.WebviewPanel | null = null;
  #session: MonitorSession | null = null;
  /** A run to choose as soon as the page listens. */
  #pending: string | null = null;

  constructor(options: TrainingMonitorOptions) {
    this.#options = options;
  }

  /** Opens the tab, or brings it to the front; `runId` becomes the chosen run. */
  show(runId?: string): void {
    this.#pending = runId ?? null;
    if (this.#panel) {
      this.#panel.reveal();
      this.#choosePending();
      return;
    }
    const panel = vscode.window.createWebviewPanel(TrainingMonitor.viewType, vscode.l10n.t("KaLactica: Training"), vscode.ViewColumn.Active, {});
    this.#take(panel);
  }

  /** A tab that was open when the window went comes back; the page restores its own choices. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    if (this.#panel) panel.dispose();
    else this.#take(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.#panel?.dispose();
  }

  #take(panel: vscode.WebviewPanel): void {
    const { extensionUri } = this.#options;
    const root = vscode.Uri.joinPath(extensionUri, "dist", "webview");
    const { webview } = panel;
    this.#panel = panel;
    panel.iconPath = new vscode.ThemeIcon("graph-line");
    webview.options = { enableScripts: true, localResourceRoots: [root] };
    const listeners = vscode.Disposable.from(
      webview.onDidReceiveMessage((message: MonitorViewMessage) => {
        this.#receive(message).catch((error: unknown) => {
          this.#options.log(`monitor: ${message.type} failed: ${String(error)}`);
          void showFailure(error);
        });
      }),
      // A hidden page is taken down; when it is shown again it starts anew and says "ready".
      panel.onDidChangeViewState(() => { if (!panel.visible) this.#endSession(); }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#session?.sendStatus()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.#session?.sendStatus()),
    );
    panel.onDidDispose(() => {
      listeners.dispose();
      this.#endSession();
      if (this.#panel === panel) this.#panel = null;
    });
    showPage(webview, root, { name: "monitor", title: "KaLactica: Training" });
  }

  async #receive(message: MonitorViewMessage): Promise<void> {
    const { engine, training, log } = this.#options;
    switch (message.type) {
      case "ready":
        this.#endSession();
        this.#session = new MonitorSession({ engine, training, log, post: (out) => this.#post(out), status: () => this.#status() });
        this.#session.sendSnapshot();
        this.#choosePending();
        break;
      case "watch":
        this.#session?.watch(message.runIds);
        break;
      case "runAction":
        await runAction({ engine, training }, message.runId, message.action);
        break;
      case "command":
        await vscode.commands.executeCommand(COMMANDS[message.command]);
    }
  }

  #choosePending(): void {
    if (this.#pending === null || !this.#session) return;
    this.#post({ type: "choose", runId: this.#pending });
    this.#pending = null;
  }

  #endSession(): void {
    this.#session?.dispose();
    this.#session = null;
  }

  #post(message: MonitorHostMessage): void {
    void this.#panel?.webview.postMessage(message);
  }

  #status(): MonitorStatus {
    const { engine: { state }, training } = this.#options;
    return {
      engine: state.name === "ready" && training.known ? "ready" : state.name === "failed" ? "failed" : "starting",
      engineFailure: state.name === "failed" ? state.why : null,
      folderOpen: (vscode.workspace.workspaceFolders?.length ?? 0) > 0,
      trusted: vscode.workspace.isTrusted,
    };
  }
}
