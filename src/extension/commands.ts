// The commands of the palette. Each is a short conversation with the user around one or two engine requests.
import * as vscode from "vscode";
import { manageAdapters } from "./adapterCommands.ts";
import type { Asking } from "./codeActions.ts";
import type { CommandId } from "./contributions.ts";
import { prepareTrainingData, reviewTrainingData } from "./dataCommands.ts";
import { addEndpoint, removeEndpoint } from "./endpointCommands.ts";
import type { EndpointKeys } from "./endpointKeys.ts";
import type { EngineClient } from "./engineClient.ts";
import { evaluate, evaluateRepository } from "./evaluationCommands.ts";
import type { EvaluationView } from "./evaluationView.ts";
import { showFailure } from "./messages.ts";
import type { MemoryActions } from "./memoryActions.ts";
import { memoryCommands } from "./memoryCommands.ts";
import { explainCellOutput, fixCellError, whatIsStale } from "./notebookActions.ts";
import { explainCellState, rerunStaleCells } from "./notebookCommands.ts";
import type { NotebookStates } from "./notebookStates.ts";
import { proveOffline } from "./offlineCommand.ts";
import type { ModelActions } from "./modelGalleryActions.ts";
import { doctorText, reportProblem } from "./problemReport.ts";
import type { HostLog } from "./problemReport.ts";
import type { ReportDocuments } from "./reportDocuments.ts";
import { explainHidden, showOverrides } from "./verdictActions.ts";
import type { HiddenCompletion } from "./verdictWords.ts";
import { fineTuneWorkspace, toSomeRun, train } from "./trainingCommands.ts";
import type { TrainingState } from "./trainingState.ts";
import { tryCompletion } from "./walkthrough.ts";
import { WALKTHROUGH } from "./walkthroughSteps.ts";

/** What the chat view offers to commands. */
export interface ChatCommands extends Asking {
  focus(): Promise<void>;
  newChat(): void;
  stop(): void;
  /** Asks with the active selection attached, as "/explain" and its siblings do. */
  askAboutSelection(command: "explain" | "fix" | "tests" | "doc"): Promise<void>;
  /** Accepts or discards the change that a diff editor shows; does nothing when there is none. */
  resolveProposal(accept: boolean): Promise<void>;
}

export interface CommandDependencies {
  client: EngineClient;
  chat: ChatCommands;
  memory: MemoryActions;
  log: HostLog;
  models: ModelActions;
  showModels: () => void;
  extensionId: string;
  extensionVersion: string;
  explainLastCompletion: () => string;
  lastHiddenCompletion: () => HiddenCompletion | null;
  training: TrainingState;
  /** Opens the monitor; a run that is named is shown first. */
  showMonitor: (runId?: string) => void;
  documents: ReportDocuments;
  evaluations: EvaluationView;
  notebooks: NotebookStates;
  keys: EndpointKeys;
}

/** Registers every command of COMMANDS; the compiler refuses a missing one. */
export function registerCommands(dependencies: CommandDependencies): vscode.Disposable {
  const { client, chat, memory, log, training, showMonitor, documents, evaluations, models } = dependencies;
  const learning = { engine: client, training, showMonitor, documents };
  const handlers: Record<CommandId, (argument?: unknown) => Promise<void> | void> = {
    openChat: () => chat.focus(),
    newChat: () => chat.newChat(),
    stopAnswer: () => chat.stop(),
    explainSelection: () => chat.askAboutSelection("explain"),
    fixSelection: () => chat.askAboutSelection("fix"),
    testSelection: () => chat.askAboutSelection("tests"),
    documentSelection: () => chat.askAboutSelection("doc"),
    acceptChange: () => chat.resolveProposal(true),
    discardChange: () => chat.resolveProposal(false),
    searchWorkspace: () => searchWorkspace(client),
    toggleCompletions: () => toggleCompletions(),
    explainCompletion: async () => {
      await vscode.window.showInformationMessage(dependencies.explainLastCompletion());
    },
    whyHidden: () => explainHidden(dependencies.lastHiddenCompletion()),
    showSafetyOverrides: () => showOverrides(client),
    showModels: () => dependencies.showModels(),
    chooseModel: () => models.choose(),
    downloadModel: (uri) => models.downloadFrom(uri),
    useModelFile: () => models.chooseFile(),
    inspectModel: () => models.inspect(null),
    addEndpoint: () => addEndpoint(dependencies),
    removeEndpoint: () => removeEndpoint(dependencies),
    updateIndex: () => updateIndex(client),
    showIndexReport: () => showIndexReport(client),
    fineTuneWorkspace: () => fineTuneWorkspace(learning),
    train: () => train(learning),
    prepareTrainingData: async () => {
      await prepareTrainingData(learning);
    },
    reviewTrainingData: () => reviewTrainingData(learning),
    showTrainingRuns: () => showMonitor(),
    pauseTraining: () => toSomeRun(learning, "pause"),
    resumeTraining: () => toSomeRun(learning, "resume"),
    cancelTraining: () => toSomeRun(learning, "cancel"),
    explainCellState: (cell) => explainCellState(dependencies, cell),
    rerunStaleCells: (cell) => rerunStaleCells(dependencies, cell),
    explainCellOutput: (cell) => explainCellOutput(dependencies, cell),
    fixCellError: (cell) => fixCellError(dependencies, cell),
    whatIsStale: () => whatIsStale(dependencies),
    manageAdapters: () => manageAdapters(learning),
    evaluate: () => evaluate({ engine: client, documents, onRun: () => evaluations.runsChanged() }),
    evaluateRepository: () => evaluateRepository({ engine: client, documents, onRun: () => evaluations.runsChanged() }),
    showEvaluations: () => evaluations.show("runs"),
    showUse: () => evaluations.show("use"),
    ...memoryCommands(memory),
    proveOffline: () => proveOffline(client, documents),
    doctor: () => doctor(client, documents),
    reportProblem: () => reportProblem({ client, log, extensionVersion: dependencies.extensionVersion }),
    getStarted: async () => {
      await vscode.commands.executeCommand("workbench.action.openWalkthrough", `${dependencies.extensionId}#${WALKTHROUGH}`, false);
    },
    tryCompletion: () => tryCompletion(client),
    tryQuestion: () => chat.askAbout(vscode.l10n.t("What is this project about?"), null, [], null),
    restartEngine: () => client.restart(),
    showLog: () => log.show(),
  };
  return vscode.Disposable.from(
    ...Object.entries(handlers).map(([id, handler]) =>
      vscode.commands.registerCommand(`kalactica.${id}`, async (argument?: unknown) => {
        try {
          await handler(argument);
        } catch (error) {
          await showFailure(error);
        }
      }),
    ),
  );
}

function searchWorkspace(client: EngineClient): void {
  const folder = vscode.workspace.workspaceFolders?.[0];
  const picker = vscode.window.createQuickPick<vscode.QuickPickItem & { open?: () => Promise<void> }>();
  picker.placeholder = vscode.l10n.t("What are you looking for? Names, words or a description");
  picker.matchOnDescription = true;
  let latest = 0;
  picker.onDidChangeValue(async (query) => {
    const mine = ++latest;
    if (query.trim() === "") {
      picker.items = [];
      return;
    }
    picker.busy = true;
    try {
      const { results, notes } = await client.request("retrieval/search", { query, k: 20 });
      if (mine !== latest || !folder) return;
      // A shared index that could not be asked is told of where the user looks.
      picker.title = notes?.join(" ");
      picker.items = results.map((hit) => ({
        label: hit.breadcrumb.at(-1) ?? hit.path,
        description: `${hit.path}:${hit.startLine}${hit.origin === undefined ? "" : ` · ${hit.origin}`}`,
        detail: hit.text.split("\n").find((line) => line.trim() !== "")?.trim().slice(0, 120),
        alwaysShow: true,
        open: async () => {
          if (hit.origin !== undefined) {
            // It stands in somebody else's folder; what was published of it is all there is to see.
            await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: hit.language, content: hit.text }), { preview: true });
            return;
          }
          const uri = vscode.Uri.joinPath(folder.uri, hit.path);
          await vscode.window.showTextDocument(uri, { selection: new vscode.Range(hit.startLine - 1, 0, hit.startLine - 1, 0) });
        },
      }));
    } catch (error) {
      await showFailure(error);
    } finally {
      if (mine === latest) picker.busy = false;
    }
  });
  picker.onDidAccept(async () => {
    const item = picker.selectedItems[0];
    picker.hide();
    await item?.open?.();
  });
  picker.onDidHide(() => picker.dispose());
  picker.show();
}

async function toggleCompletions(): Promise<void> {
  const configuration = vscode.workspace.getConfiguration("kalactica");
  await configuration.update("completion.enabled", !configuration.get<boolean>("completion.enabled"), vscode.ConfigurationTarget.Global);
}

async function updateIndex(client: EngineClient): Promise<void> {
  const report = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Updating the index") },
    (_, token) => client.request("index/update", { full: true }, token),
  );
  vscode.window.setStatusBarMessage(vscode.l10n.t("KaLactica: {0} files, {1} passages indexed in {2} s.", report.files, report.chunks, report.seconds.toFixed(1)), 5_000);
}

async function showIndexReport(client: EngineClient): Promise<void> {
  const index = await client.request("index/status", null);
  const lines = [
    "# KaLactica index", "",
    `${index.state} · ${index.files} files · ${index.chunks} passages · ${index.pendingFiles} waiting`, "",
    ...(index.failure ? [index.failure, ""] : []),
    `## Left out (${index.skipped.length})`, "",
    ...(index.skipped.length === 0 ? ["Nothing."] : ["| File | Why |", "|---|---|", ...index.skipped.map(({ path, reason }) => `| ${path.replaceAll("|", "\\|")} | ${reason.replaceAll("|", "\\|")} |`)]),
  ];
  const document = await vscode.workspace.openTextDocument({ language: "markdown", content: lines.join("\n") });
  await vscode.window.showTextDocument(document, { preview: true });
}

async function doctor(client: EngineClient, documents: ReportDocuments): Promise<void> {
  const items = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Checking this machine") },
    (_, token) => client.request("engine/doctor", null, token),
  );
  await documents.showMarkdown(vscode.l10n.t("KaLactica doctor"), doctorText(items));
}

