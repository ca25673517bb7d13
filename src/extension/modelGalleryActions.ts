// What the user does with models, from the palette or from the gallery: choosing, downloading, measuring, deleting. One place for both, and
// for what is going on meanwhile: the gallery, the palette and the status item tell of the same downloads.
import * as vscode from "vscode";
import type { EngineNotifications, EngineRequests } from "../engine/protocol/messages.ts";
import type { GalleryModel } from "../engine/protocol/machine.ts";
import type { ModelInfo } from "../engine/protocol/types.ts";
import type { DownloadState, GalleryWork, ModelAction } from "../webview/galleryProtocol.ts";
import { bytes } from "../webview/trainingWords.ts";
import type { EngineClientState } from "./engineClient.ts";
import { TrustNeeded } from "./trust.ts";

/** What models need of the engine client. */
export interface ModelEngine {
  readonly state: EngineClientState;
  request<M extends keyof EngineRequests>(method: M, params: EngineRequests[M]["params"], token?: vscode.CancellationToken): Promise<EngineRequests[M]["result"]>;
  onNotification<M extends keyof EngineNotifications>(method: M, listener: (params: EngineNotifications[M]) => void): { dispose(): void };
  onState(listener: (state: EngineClientState) => void): { dispose(): void };
}

const SHOWN_AFTER_MS = 1_500;

interface Download {
  state: DownloadState;
  cancel: vscode.CancellationTokenSource;
  done: Promise<ModelInfo>;
}

export class ModelActions implements vscode.Disposable {
  readonly #engine: ModelEngine;
  readonly #downloads = new Map<string, Download>();
  readonly #changed = new vscode.EventEmitter<"work" | "models">();
  readonly #subscriptions: { dispose(): unknown }[];
  #loading: string | null = null;
  #measuring: { id: string; cancel: vscode.CancellationTokenSource } | null = null;

  /** "work": something goes on or has come further; "models": there may be other models, or another is used. */
  readonly onChange = this.#changed.event;

  constructor(engine: ModelEngine) {
    this.#engine = engine;
    this.#subscriptions = [
      this.#changed,
      engine.onNotification("model/downloadProgress", (progress) => {
        // The engine names what it fetches by the catalogue's address.
        const download = this.#downloads.get(progress.uri);
        if (!download) return;
        download.state = progress;
        this.#changed.fire("work");
      }),
    ];
  }

  get work(): GalleryWork {
    return { downloads: [...this.#downloads.values()].map(({ state }) => state), loading: this.#loading, measuring: this.#measuring?.id ?? null };
  }

  dispose(): void {
    for (const { cancel } of this.#downloads.values()) cancel.cancel();
    this.#measuring?.cancel.cancel();
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  /** Loads a model, by id or file, and makes it the one in use. Errors: those of loading. */
  async use(id: string): Promise<ModelInfo> {
    this.#loading = id;
    this.#changed.fire("work");
    try {
      const model = await vscode.window.withProgress(
        { location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Loading model") },
        () => this.#engine.request("model/use", { id }),
      );
      vscode.window.setStatusBarMessage(vscode.l10n.t("KaLactica now uses {0}.", model.name), 5_000);
      return model;
    } finally {
      this.#loading = null;
      this.#changed.fire("models");
    }
  }

  /** Fetches a model, or waits for it where it is being fetched. Errors: those of downloading; cancelled quietly. */
  download(address: string): Promise<ModelInfo> {
    requireTrusted(vscode.l10n.t("Nothing is downloaded while this workspace is not trusted. Trust it first (\"Workspaces: Manage Workspace Trust\")."));
    const uri = address.trim();
    const running = this.#downloads.get(uri);
    if (running) return running.done;
    const cancel = new vscode.CancellationTokenSource();
    const done = this.#engine.request("model/pull", { uri }, cancel.token).finally(() => {
      this.#downloads.delete(uri);
      cancel.dispose();
      this.#changed.fire("models");
    });
    this.#downloads.set(uri, { state: { uri, receivedBytes: 0, totalBytes: null, bytesPerSecond: 0 }, cancel, done });
    this.#changed.fire("work");
    // By then there is a beginning of a file, which the gallery shows also where the address is nobody's but the user's.
    setTimeout(() => { if (this.#downloads.has(uri)) this.#changed.fire("models"); }, SHOWN_AFTER_MS);
    return done;
  }

  /** The same, followed in a notification with a button to stop it, then used: what the palette offers. */
  async downloadAndUse(address: string): Promise<void> {
    const uri = address.trim();
    const model = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: vscode.l10n.t("Downloading {0}", uri), cancellable: true }, async (progress, token) => {
      const done = this.download(uri);
      let shown = 0;
      const listening = vscode.Disposable.from(
        token.onCancellationRequested(() => this.cancelDownload(uri)),
        this.onChange(() => {
          const state = this.#downloads.get(uri)?.state;
          if (!state?.totalBytes) return;
          const percent = (100 * state.receivedBytes) / state.totalBytes;
          progress.report({ increment: percent - shown, message: vscode.l10n.t("{0} of {1}, {2}/s", bytes(state.receivedBytes), bytes(state.totalBytes), bytes(Math.round(state.bytesPerSecond))) });
          shown = percent;
        }),
      );
      try {
        return await done;
      } finally {
        listening.dispose();
      }
    });
    if (model.capabilities.infill || model.capabilities.answer) await this.use(model.id);
  }

  /** What has come is kept. */
  cancelDownload(uri: string): void {
    this.#downloads.get(uri)?.cancel.cancel();
  }

  async discard(model: GalleryModel): Promise<void> {
    if (model.uri === null) return;
    const discard = vscode.l10n.t("Discard");
    const received = bytes(model.part?.receivedBytes ?? 0);
    if ((await vscode.window.showWarningMessage(vscode.l10n.t("Discard what has come of {0}?", model.name), { modal: true, detail: vscode.l10n.t("{0} are deleted. The next download begins anew.", received) }, discard)) !== discard) return;
    await this.#engine.request("model/discard", { uri: model.uri });
    this.#changed.fire("models");
  }

  /** Errors: those of loading and of the model; cancelled quietly. */
  async measure(id: string): Promise<void> {
    requireTrusted(vscode.l10n.t("Nothing is measured while this workspace is not trusted. Trust it first (\"Workspaces: Manage Workspace Trust\")."));
    if (this.#measuring) return;
    const cancel = new vscode.CancellationTokenSource();
    this.#measuring = { id, cancel };
    this.#changed.fire("work");
    try {
      await this.#engine.request("model/measure", { id }, cancel.token);
    } finally {
      this.#measuring = null;
      cancel.dispose();
      this.#changed.fire("models");
    }
  }

  cancelMeasure(): void {
    this.#measuring?.cancel.cancel();
  }

  async remove(model: GalleryModel): Promise<void> {
    const remove = vscode.l10n.t("Delete");
    const detail = [
      vscode.l10n.t("{0} are freed. Downloading it again needs the network.", bytes(model.sizeBytes)),
      ...(model.active ? [vscode.l10n.t("It is in use: the model that comes with KaLactica takes its place.")] : []),
      vscode.l10n.t("Adapters that were trained for it stay, but need it to be used."),
    ].join("\n");
    if ((await vscode.window.showWarningMessage(vscode.l10n.t("Delete {0}?", model.name), { modal: true, detail }, remove)) !== remove) return;
    await this.#engine.request("model/remove", { id: model.id });
    this.#changed.fire("models");
  }

  /** Opens what a file's header says. */
  async inspect(file: string | null): Promise<void> {
    const chosen = file ?? (await pickModelFile());
    if (chosen === null) return;
    const model = await this.#engine.request("model/inspect", { file: chosen });
    const document = await vscode.workspace.openTextDocument({ language: "json", content: JSON.stringify(model, null, 2) });
    await vscode.window.showTextDocument(document, { preview: true });
  }

  /** One of the gallery's buttons. */
  async act(model: GalleryModel, action: ModelAction): Promise<void> {
    switch (action) {
      case "use":
        await this.use(model.id);
        return;
      case "download":
        if (model.uri !== null) await this.download(model.uri);
        return;
      case "cancelDownload":
        this.cancelDownload(model.uri ?? "");
        return;
      case "discard":
        return this.discard(model);
      case "measure":
        return this.measure(model.id);
      case "cancelMeasure":
        this.cancelMeasure();
        return;
      case "showFile":
        if (model.file !== null) await showFile(model.file);
        return;
      case "inspect":
        return this.inspect(model.file);
      case "remove":
        return this.remove(model);
    }
  }

  async chooseFile(): Promise<void> {
    const file = await pickModelFile();
    if (file !== null) await this.use(file);
  }

  /** `argument`: an address; without one it is asked for. */
  async downloadFrom(argument: unknown): Promise<void> {
    requireTrusted(vscode.l10n.t("Nothing is downloaded while this workspace is not trusted. Trust it first (\"Workspaces: Manage Workspace Trust\")."));
    const uri = typeof argument === "string" ? argument : await vscode.window.showInputBox({
      title: vscode.l10n.t("Download Model"),
      prompt: vscode.l10n.t("hf:owner/repository/file.gguf, or an https address of a GGUF file"),
      validateInput: (value) => /^(hf:|https?:\/\/).+\.gguf(#sha256=[0-9a-fA-F]{64})?$/.test(value.trim()) ? null : vscode.l10n.t("Expected hf:owner/repository/file.gguf or https://…/file.gguf"),
    });
    if (uri) await this.downloadAndUse(uri);
  }

  /** "Choose Model" of the palette. */
  async choose(): Promise<void> {
    const models = await this.#engine.request("model/list", null);
    type Item = vscode.QuickPickItem & { run?: () => Promise<unknown> };
    const toItem = (model: ModelInfo): Item => ({
      label: `${model.active ? "$(check) " : ""}${model.name}`,
      description: describe(model),
      ...(model.remote ? { detail: model.remote.leavesMachine ? vscode.l10n.t("On {0}: what you ask leaves this machine", model.remote.host) : vscode.l10n.t("On {0}", model.remote.host) } : model.fit ? { detail: model.fit.explanation } : {}),
      run: () => (model.installed || model.uri === null ? this.use(model.id) : this.downloadAndUse(model.uri)),
    });
    const items: Item[] = [
      { label: vscode.l10n.t("On this machine"), kind: vscode.QuickPickItemKind.Separator },
      ...models.filter((model) => model.installed).map(toItem),
      { label: vscode.l10n.t("Open a GGUF file…"), run: () => this.chooseFile() },
      { label: vscode.l10n.t("To download"), kind: vscode.QuickPickItemKind.Separator },
      ...models.filter((model) => !model.installed).map(toItem),
      { label: "", kind: vscode.QuickPickItemKind.Separator },
      { label: vscode.l10n.t("Show Models…"), detail: vscode.l10n.t("Licence, size, fit and measured speed of each"), run: async () => vscode.commands.executeCommand("kalactica.showModels") },
    ];
    const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t("Choose Model"), matchOnDescription: true, matchOnDetail: true });
    await picked?.run?.();
  }
}

function describe(model: ModelInfo): string {
  return [model.quantisation, model.sizeBytes > 0 ? bytes(model.sizeBytes) : "", model.licence === "unknown" ? "" : model.licence].filter((part) => part !== "").join(" · ");
}

async function pickModelFile(): Promise<string | null> {
  const [uri] = (await vscode.window.showOpenDialog({ canSelectMany: false, filters: { GGUF: ["gguf"] }, title: vscode.l10n.t("Choose a GGUF model file") })) ?? [];
  return uri?.fsPath ?? null;
}

/** In the system's own file manager; in a browser or a remote window, which have none, its path is copied. */
async function showFile(file: string): Promise<void> {
  if (vscode.env.uiKind === vscode.UIKind.Desktop && vscode.env.remoteName === undefined) {
    await vscode.commands.executeCommand("revealFileInOS", vscode.Uri.file(file));
    return;
  }
  await vscode.env.clipboard.writeText(file);
  vscode.window.setStatusBarMessage(vscode.l10n.t("The path was copied: {0}", file), 5_000);
}

function requireTrusted(sentence: string): void {
  if (!vscode.workspace.isTrusted) throw new TrustNeeded(sentence);
}
