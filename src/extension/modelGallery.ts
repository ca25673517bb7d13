// The editor tab "KaLactica: Models": one panel, its page, and what the page asks for. What is done with models is in modelGalleryActions.ts.
import * as vscode from "vscode";
import type { Gallery } from "../engine/protocol/machine.ts";
import type { GalleryCommand, GalleryHostMessage, GalleryStatus, GalleryViewMessage } from "../webview/galleryProtocol.ts";
import { RequestCancelled } from "./engineClient.ts";
import { showFailure } from "./messages.ts";
import type { ModelActions, ModelEngine } from "./modelGalleryActions.ts";
import { showPage } from "./webviewPage.ts";

export interface ModelGalleryOptions {
  engine: ModelEngine;
  models: ModelActions;
  extensionUri: vscode.Uri;
  log: (message: string) => void;
}

const COMMANDS: Record<GalleryCommand, string> = {
  openFile: "kalactica.useModelFile",
  downloadAddress: "kalactica.downloadModel",
  addEndpoint: "kalactica.addEndpoint",
  doctor: "kalactica.doctor",
  manageTrust: "workbench.trust.manage",
  restartEngine: "kalactica.restartEngine",
  showLog: "kalactica.showLog",
};

export class ModelGallery implements vscode.WebviewPanelSerializer, vscode.Disposable {
  static readonly viewType = "kalactica.models";

  readonly #options: ModelGalleryOptions;
  #panel: vscode.WebviewPanel | null = null;
  #listening = false;
  #gallery: Gallery | null = null;
  /** Only the newest answer is shown: an older one may come later. */
  #asked = 0;

  constructor(options: ModelGalleryOptions) {
    this.#options = options;
  }

  /** Opens the tab, or brings it to the front. */
  show(): void {
    if (this.#panel) this.#panel.reveal();
    else this.#take(vscode.window.createWebviewPanel(ModelGallery.viewType, vscode.l10n.t("KaLactica: Models"), vscode.ViewColumn.Active, {}));
  }

  /** A tab that was open when the window went comes back. */
  deserializeWebviewPanel(panel: vscode.WebviewPanel): Promise<void> {
    if (this.#panel) panel.dispose();
    else this.#take(panel);
    return Promise.resolve();
  }

  dispose(): void {
    this.#panel?.dispose();
  }

  #take(panel: vscode.WebviewPanel): void {
    const { engine, models, extensionUri, log } = this.#options;
    const root = vscode.Uri.joinPath(extensionUri, "dist", "webview");
    const { webview } = panel;
    this.#panel = panel;
    this.#listening = false;
    panel.iconPath = new vscode.ThemeIcon("package");
    webview.options = { enableScripts: true, localResourceRoots: [root] };
    let loaded: string | null = null;
    const listeners = vscode.Disposable.from(
      webview.onDidReceiveMessage((message: GalleryViewMessage) => {
        this.#receive(message).catch((error: unknown) => {
          if (error instanceof RequestCancelled) return;
          log(`models: ${message.type} failed: ${String(error)}`);
          void showFailure(error);
        });
      }),
      models.onChange((change) => {
        this.#post({ type: "work", work: models.work });
        if (change === "models") this.#refresh();
      }),
      engine.onState((state) => {
        this.#post({ type: "status", status: this.#status() });
        if (state.name === "ready") this.#refresh();
      }),
      // Another model in use than before, however that came about.
      engine.onNotification("engine/statusChanged", ({ model }) => {
        const now = model.state === "ready" ? model.id : null;
        if (now !== null && now !== loaded) this.#refresh();
        loaded = now ?? loaded;
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#post({ type: "status", status: this.#status() })),
      vscode.workspace.onDidChangeConfiguration((event) => { if (event.affectsConfiguration("kalactica")) this.#refresh(); }),
      // A hidden page is taken down; when it is shown again it starts anew and says "ready".
      panel.onDidChangeViewState(() => { if (!panel.visible) this.#listening = false; }),
    );
    panel.onDidDispose(() => {
      listeners.dispose();
      if (this.#panel === panel) this.#panel = null;
    });
    showPage(webview, root, { name: "gallery", title: "KaLactica: Models" });
  }

  async #receive(message: GalleryViewMessage): Promise<void> {
    const { models } = this.#options;
    switch (message.type) {
      case "ready":
        this.#listening = true;
        // What was known is there at once; what is so now follows.
        this.#snapshot();
        this.#refresh();
        return;
      case "action": {
        const model = this.#gallery?.models.find(({ id }) => id === message.id);
        if (!model) return;
        if (message.action !== "download" || model.uri === null) return models.act(model, message.action);
        const { id, name } = await models.download(model.uri);
        this.#post({ type: "choose", id });
        this.#post({ type: "notice", text: vscode.l10n.t("{0} is on this machine, and its sum is right.", name) });
        return;
      }
      case "setting":
        await vscode.commands.executeCommand("workbench.action.openSettings", `kalactica.${message.key}`);
        return;
      case "command":
        await vscode.commands.executeCommand(COMMANDS[message.command]);
    }
  }

  #refresh(): void {
    if (!this.#listening || this.#options.engine.state.name !== "ready") return;
    const mine = ++this.#asked;
    this.#options.engine.request("model/gallery", null).then((gallery) => {
      if (mine !== this.#asked) return;
      this.#gallery = gallery;
      this.#snapshot();
    }, (error: unknown) => this.#options.log(`models: the list could not be read: ${String(error)}`));
  }

  #snapshot(): void {
    this.#post({ type: "snapshot", gallery: this.#gallery, work: this.#options.models.work, status: this.#status() });
  }

  #post(message: GalleryHostMessage): void {
    if (this.#listening) void this.#panel?.webview.postMessage(message);
  }

  #status(): GalleryStatus {
    const { state } = this.#options.engine;
    return {
      engine: state.name === "ready" ? "ready" : state.name === "failed" ? "failed" : "starting",
      engineFailure: state.name === "failed" ? state.why : null,
      trusted: vscode.workspace.isTrusted,
    };
  }
}
