// Entry of the extension: makes the engine client and hands it to the surfaces. Holds no model, no index and no logic.
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";
import { startCounting } from "../engine/base/socketCount.ts";
import { actionsOf } from "../webview/monitorProtocol.ts";
import { registerAssistantTools } from "./assistantTools.ts";
import { registerChatParticipant } from "./chatParticipant.ts";
import { ChatView } from "./chatView.ts";
import { registerCodeActions } from "./codeActions.ts";
import { registerCommands } from "./commands.ts";
import { readConfiguration, readProxy } from "./configuration.ts";
import { EndpointKeys } from "./endpointKeys.ts";
import { EngineClient } from "./engineClient.ts";
import { EvaluationView } from "./evaluationView.ts";
import { registerInlineCompletions } from "./inlineCompletion.ts";
import { recordPlaces, takeBack } from "./installedData.ts";
import { registerLanguageModel } from "./languageModelProvider.ts";
import { ReportDocuments } from "./reportDocuments.ts";
import { MemoryActions } from "./memoryActions.ts";
import { MemoryTree } from "./memoryTree.ts";
import { followFailedCells } from "./notebookActions.ts";
import { recordNotebookRuns } from "./notebookRuns.ts";
import { recordTerminalRuns } from "./terminalRuns.ts";
import { ModelGallery } from "./modelGallery.ts";
import { ModelActions } from "./modelGalleryActions.ts";
import { HostLog } from "./problemReport.ts";
import { Walkthrough } from "./walkthrough.ts";
import { NotebookStates } from "./notebookStates.ts";
import { StatusItem } from "./statusItem.ts";
import { TrainingMonitor } from "./trainingMonitor.ts";
import { TrainingState } from "./trainingState.ts";
import { syncWorkspace } from "./workspaceSync.ts";
import { useBundle } from "../webview/shared/l10n.ts";

/** What other extensions, and tests, may ask of this one. */
export interface KaLacticaApi {
  readonly engine: Pick<EngineClient, "state" | "pid" | "whenReady" | "request" | "onState">;
}

export function activate(context: vscode.ExtensionContext): KaLacticaApi {
  // Words that the host shares with its webviews come in the same language.
  useBundle(vscode.l10n.bundle ?? {});
  // What others do in this process is not ours to count: only calls that come from this file are.
  startCounting({ by: "extension host", onlyFrom: /[^\s()]*extension\.cjs/.exec(new Error().stack ?? "")?.[0] ?? context.extensionPath });
  const log = new HostLog(vscode.window.createOutputChannel("KaLactica", { log: true }));
  const folder = vscode.workspace.workspaceFolders?.[0];
  const storage = context.storageUri ?? context.globalStorageUri;
  const storageDir = storage.fsPath;
  const modelsDir = path.join(context.globalStorageUri.fsPath, "models");
  // Whoever was here before the walkthrough came needs no first steps.
  const newInstallation = !existsSync(modelsDir);
  recordPlaces(context.extensionPath, { globalStorage: context.globalStorageUri.fsPath, workspaceStorages: context.storageUri ? path.dirname(path.dirname(storageDir)) : null });
  if (takeBack(context.globalStorageUri.fsPath, context.storageUri?.fsPath ?? null)) log.info("Models and adapters of an earlier installation were taken back.");
  // Both exist before the engine starts, so that a read-only home is named here and not by a native library.
  for (const folderPath of [storageDir, modelsDir]) {
    try {
      mkdirSync(folderPath, { recursive: true });
    } catch (error) {
      log.error(`The folder ${folderPath} cannot be made: ${String(error)}`);
    }
  }

  const client = new EngineClient({
    modulePath: path.join(context.extensionPath, "dist", "engine.mjs"),
    execPath: process.execPath,
    execArgv: ["--disable-warning=ExperimentalWarning"],
    hello: () => ({
      client: `vscode ${vscode.version}`,
      workspaceDir: folder?.uri.scheme === "file" ? folder.uri.fsPath : null,
      storageDir,
      modelsDir,
      settings: readConfiguration(),
      trusted: vscode.workspace.isTrusted,
      proxy: readProxy(),
    }),
    onLog: (level, message) => log.write(level, message),
  });

  const keys = new EndpointKeys(client, context.secrets);
  const documents = new ReportDocuments();
  const notebooks = new NotebookStates(client, (message) => log.info(message));
  const memory = new MemoryActions(client, documents);
  const chat = new ChatView({ engine: client, memory, extensionUri: context.extensionUri, storageDir: vscode.Uri.joinPath(storage, "chat").fsPath, log: (message) => log.info(message) });
  const training = new TrainingState(client, (message) => log.info(message));
  const monitor = new TrainingMonitor({ engine: client, training, extensionUri: context.extensionUri, log: (message) => log.info(message) });
  const evaluations = new EvaluationView({ engine: client, documents, extensionUri: context.extensionUri, log: (message) => log.info(message) });
  const models = new ModelActions(client);
  const gallery = new ModelGallery({ engine: client, models, extensionUri: context.extensionUri, log: (message) => log.info(message) });
  const walkthrough = new Walkthrough({ client, training, memento: context.globalState, extensionId: context.extension.id });
  const status = new StatusItem(client, training, models);
  const completions = registerInlineCompletions({ client, onNote: (note) => status.noteCompletion(note) });

  const configure = (): void => {
    if (client.state.name !== "ready") return;
    client.request("engine/configure", { settings: readConfiguration(), trusted: vscode.workspace.isTrusted, proxy: readProxy() })
      .then(({ refused }) => { for (const sentence of refused) log.warn(sentence); })
      .catch((error: unknown) => log.warn(`The settings did not reach the engine: ${String(error)}`));
  };

  context.subscriptions.push(
    log, status, chat, keys, memory, new MemoryTree(client, memory), completions, training, monitor, evaluations, documents, notebooks, models, gallery, walkthrough,
    vscode.window.registerWebviewViewProvider(ChatView.viewId, chat),
    vscode.window.registerWebviewPanelSerializer(TrainingMonitor.viewType, monitor),
    vscode.window.registerWebviewPanelSerializer(EvaluationView.viewType, evaluations),
    vscode.window.registerWebviewPanelSerializer(ModelGallery.viewType, gallery),
    registerCommands({ client, keys, chat, memory, log, training, documents, evaluations, notebooks, explainLastCompletion: () => completions.explainLast(), lastHiddenCompletion: () => completions.lastHidden(), showMonitor: (runId) => monitor.show(runId), models, showModels: () => gallery.show(), extensionId: context.extension.id, extensionVersion: (context.extension.packageJSON as { version: string }).version }),
    registerAssistantTools(client),
    registerChatParticipant(client, context.extensionUri),
    registerCodeActions(chat),
    followFailedCells(),
    registerLanguageModel(client),
    followTraining(training),
    recordNotebookRuns((run) => client.notify("memory/notebookExecuted", run)),
    recordTerminalRuns((run) => client.notify("memory/terminalExecuted", run)),
    client.onNotification("engine/log", ({ level, room, message, id }) => log.relay(level, `[${room}]${id === undefined ? "" : ` ${id}`} ${message}`)),
    client.onState((state) => log.info(`Engine: ${state.name}`)),
    vscode.workspace.onDidChangeConfiguration((event) => { if (event.affectsConfiguration("kalactica") || event.affectsConfiguration("http")) configure(); }),
    vscode.workspace.onDidGrantWorkspaceTrust(configure),
    { dispose: () => client.stop() },
  );
  if (folder) context.subscriptions.push(syncWorkspace(client, folder));
  client.start();
  walkthrough.openOnce(newInstallation).catch((error: unknown) => log.info(`The walkthrough could not be opened: ${String(error)}`));
  return { engine: client };
}

/** Keeps the context keys by which the palette shows "Pause", "Resume" and "Cancel Training". */
function followTraining(training: TrainingState): vscode.Disposable {
  const shown = new Map<string, boolean>();
  const tell = (): void => {
    const possible = new Set(training.runs.flatMap((run) => actionsOf(run, training.adapters)));
    for (const [key, action] of [["kalactica.trainingCanPause", "pause"], ["kalactica.trainingCanResume", "resume"], ["kalactica.trainingCanCancel", "cancel"]] as const) {
      const value = possible.has(action);
      if (shown.get(key) === value) continue;
      shown.set(key, value);
      void vscode.commands.executeCommand("setContext", key, value);
    }
  };
  return vscode.Disposable.from(training.onChange(tell));
}
