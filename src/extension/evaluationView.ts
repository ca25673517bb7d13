// The editor tab "KaLactica: Evaluations": one panel, its page, and what the page asks for. Figures are the engine's; it computes none.
import * as vscode from "vscode";
import type { EvaluationHostMessage, EvaluationTab, EvaluationViewMessage } from "../webview/evaluationProtocol.ts";
import { exportReport, removeRun, showReport } from "./evaluationCommands.ts";
import { sentenceFor, showFailure } from "./messages.ts";
import { eraseUse, exportUse } from "./metricsCommands.ts";
import type { ReportDocuments } from "./reportDocuments.ts";
import type { TrainingEngine } from "./trainingState.ts";
import { showPage } from "./webviewPage.ts";

export interface EvaluationViewOptions {
  engine: TrainingEngine;
  documents: ReportDocuments;
  extensionUri: vscode.Uri;
  log: (message: string) => void;
}

const COMMANDS = { evaluate: "kalactica.evaluate", evaluateRepository: "kalactica.evaluateRepository", restartEngine: "kalactica.restartEngine" } as const;

export class EvaluationView implements vscode.WebviewPanelSerializer, vscode.Disposable {
  static readonly viewType = "kalactica.evaluations";

  readonly #options: EvaluationViewOptions;
  readonly #listening: vscode.Disposable;
  #panel: vscode.WebviewPanel | null = null;
  /** True between the page's "ready" and its being hidden. */
  #ready = false;
  /** A tab of the page to show as soon as the page listens. */
  #pending: EvaluationTab | null = null;

  constructor(options: EvaluationViewOptions) {
    this.#options = options;
    this.#listening = vscode.Disposable.from(options.engine.onState(() => { if (this.#ready) void this.#sendRuns(); }));
  }

  /** Opens the tab, or brings it to the front, at one of its two sides. */
  show(tab: EvaluationTab): void {
    this.#pending = tab;
    if (this.#panel) {
      this.#panel.reveal();
      void this.#sendRuns();
      this.#sendPending();
      return;
    }
    this.#take(vscode.window.createWebviewPanel(EvaluationView.viewType, vscode.l10n.t("KaLactica: Evaluations"), vscode.ViewColumn.Active, {}));
  }

  /** An evaluation was made: an open page shows it. */
  async runsChanged(): Promise<void> {
    if (this.#ready) await this.#sendRuns();
  }

  /** A tab that was open when the window went comes back; the page restores its own choices. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    if (this.#panel) panel.dispose();
    else this.#take(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.#listening.dispose();
    this.#panel?.dispose();
  }

  #take(panel: vscode.WebviewPanel): void {
    const root = vscode.Uri.joinPath(this.#options.extensionUri, "dist", "webview");
    const { webview } = panel;
    this.#panel = panel;
    panel.iconPath = new vscode.ThemeIcon("beaker");
    webview.options = { enableScripts: true, localResourceRoots: [root] };
    const listeners = vscode.Disposable.from(
      webview.onDidReceiveMessage((message: EvaluationViewMessage) => {
        this.#receive(message).catch((error: unknown) => {
          this.#options.log(`evaluations: ${message.type} failed: ${String(error)}`);
          void showFailure(error);
        });
      }),
      // A hidden page is taken down; when it is shown again it starts anew and says "ready".
      panel.onDidChangeViewState(() => { if (!panel.visible) this.#ready = false; }),
    );
    panel.onDidDispose(() => {
      listeners.dispose();
      if (this.#panel === panel) [this.#panel, this.#ready] = [null, false];
    });
    showPage(webview, root, { name: "evaluation", title: "KaLactica: Evaluations" });
  }

  async #receive(message: EvaluationViewMessage): Promise<void> {
    const { engine, documents } = this.#options;
    switch (message.type) {
      case "ready":
        this.#ready = true;
        await this.#sendRuns();
        this.#sendPending();
        break;
      case "choose": {
        const { before, after } = message.chosen;
        if (after === null) this.#post({ type: "detail", detail: await engine.request("evaluate/show", { id: before }) });
        else await this.#answer((difference, failure) => ({ type: "difference", chosen: message.chosen, difference, failure }), () => engine.request("evaluate/compare", { before, after }));
        break;
      }
      case "items":
        await this.#answer((page, failure) => ({ type: "items", request: message.request, page, failure }), () => engine.request("evaluate/items", { ...message.query, ...message.chosen }));
        break;
      case "runAction": {
        const run = (await engine.request("evaluate/runs", null)).find(({ id }) => id === message.id);
        if (!run) break;
        if (message.action === "report") await showReport({ engine, documents }, run, message.baseline ?? undefined);
        else if (message.action === "export") await exportReport({ engine }, run);
        else if (await removeRun({ engine }, run)) await this.#sendRuns();
        break;
      }
      case "use":
        this.#post({ type: "use", report: await engine.request("metrics/report", { days: message.days }) });
        break;
      case "useAction":
        if (message.action !== "erase") await exportUse(engine, message.days, message.action === "exportCsv" ? "csv" : "json");
        else if (await eraseUse(engine)) this.#post({ type: "use", report: await engine.request("metrics/report", { days: message.days }) });
        break;
      case "command":
        await vscode.commands.executeCommand(COMMANDS[message.command]);
    }
  }

  async #sendRuns(): Promise<void> {
    const { engine, log } = this.#options;
    if (engine.state.name !== "ready") {
      this.#post({ type: "runs", runs: [], engine: engine.state.name === "failed" ? "failed" : "starting" });
      return;
    }
    try {
      this.#post({ type: "runs", runs: await engine.request("evaluate/runs", null), engine: "ready" });
    } catch (error) {
      log(`evaluations: the list could not be read: ${String(error)}`);
    }
  }

  /** A failure of the engine's is a sentence on the page, where its cause is: two runs that cannot be compared. */
  async #answer<T>(message: (result: T | null, failure: string | null) => EvaluationHostMessage, request: () => Promise<T>): Promise<void> {
    try {
      this.#post(message(await request(), null));
    } catch (error) {
      const failure = sentenceFor(error);
      if (failure !== null) this.#post(message(null, failure));
    }
  }

  #sendPending(): void {
    if (this.#pending === null || !this.#ready) return;
    this.#post({ type: "tab", tab: this.#pending });
    this.#pending = null;
  }

  #post(message: EvaluationHostMessage): void {
    void this.#panel?.webview.postMessage(message);
  }
}
