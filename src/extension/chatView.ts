// The chat view: connects the page, the session, the engine's state and the editor. It decides nothing about answers.
import * as vscode from "vscode";
import { socketCount } from "../engine/base/socketCount.ts";
import type { EngineStatus } from "../engine/protocol/types.ts";
import type { ChatAttachment, ChatStatus, EditorContext, HostCommand, HostMessage, SlashCommand, TurnFailure, ViewMessage } from "../webview/protocol.ts";
import { AppliedAnswers } from "./appliedAnswers.ts";
import { ChangeProposals, fileInWorkspace, insertAtCursor, openLink, openRange } from "./chatActions.ts";
import { readEditor, relativePath, withWholeFile } from "./chatAttachments.ts";
import { rankFiles } from "./chatFiles.ts";
import { COMMAND_QUESTIONS, isOwnQuestion } from "./chatQuestions.ts";
import { ChatSession, plainQuestion } from "./chatSession.ts";
import type { ChatEngine } from "./chatSession.ts";
import { ChatFiles } from "./chatStore.ts";
import type { EngineClientState } from "./engineClient.ts";
import type { MemoryActions } from "./memoryActions.ts";
import { remedyKindOf, sentenceFor } from "./messages.ts";
import { codeCells, idOf } from "./notebookCells.ts";
import { leaveToUse, runInTerminal, setAllowed } from "./verdictActions.ts";
import { showPage } from "./webviewPage.ts";

/** What the view needs of the engine client beyond asking. */
export interface ChatViewEngine extends ChatEngine {
  readonly state: EngineClientState;
  onState(listener: (state: EngineClientState) => void): { dispose(): void };
}

export interface ChatViewOptions {
  engine: ChatViewEngine;
  extensionUri: vscode.Uri;
  /** Where conversations are kept: a folder of its own for each workspace. */
  storageDir: string;
  memory: MemoryActions;
  log: (message: string) => void;
}

const HOST_COMMANDS: Record<HostCommand, string> = {
  chooseModel: "kalactica.chooseModel",
  openFolder: "workbench.action.files.openFolder",
  manageTrust: "workbench.trust.manage",
  restartEngine: "kalactica.restartEngine",
  showLog: "kalactica.showLog",
  showIndex: "kalactica.showIndexReport",
  updateIndex: "kalactica.updateIndex",
  showMemory: "kalactica.showMemory",
};

const MAX_LISTED_FILES = 20_000;
/** The list of files for `@` is taken anew after this long. */
const FILE_LIST_AGE_MS = 15_000;
const EDITOR_DEBOUNCE_MS = 120;

export class ChatView implements vscode.WebviewViewProvider, vscode.Disposable {
  static readonly viewId = "kalactica.chat";

  readonly #options: ChatViewOptions;
  #opened: ChatSession | null = null;
  readonly #proposals = new ChangeProposals();
  readonly #disposables: { dispose(): unknown }[] = [];
  #view: vscode.WebviewView | null = null;
  /** True between the page's "ready" and its being hidden: only then does it take messages. */
  #listening = false;
  #status: EngineStatus | null = null;
  /** Whether the engine has been ready once: what follows is a restart, not a start. */
  #wasReady = false;
  #editor: EditorContext = { activePath: null, selection: null };
  #editorTimer: NodeJS.Timeout | null = null;
  #files: { at: number; paths: string[] } = { at: 0, paths: [] };

  constructor(options: ChatViewOptions) {
    this.#options = options;
    const { engine } = options;
    this.#wasReady = engine.state.name === "ready";
    const applied = new AppliedAnswers((message) => engine.notify("answer/applied", message));
    this.#disposables.push(
      this.#proposals,
      applied,
      this.#proposals.onDidApply((change) => applied.follow(change)),
      this.#proposals.onDidChange((proposal) => this.#post({ type: "proposal", proposal })),
      options.memory.onDidForget((keys) => this.#opened?.forgetMemories(keys)),
      engine.onNotification("engine/statusChanged", (status) => this.#take(status)),
      engine.onState((state) => this.#onEngineState(state)),
      vscode.window.onDidChangeActiveTextEditor(() => this.#editorChanged()),
      vscode.window.onDidChangeTextEditorSelection(() => this.#editorChanged()),
      vscode.workspace.onDidChangeWorkspaceFolders(() => this.#postStatus()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.#postStatus()),
    );
    this.#editor = readEditor();
    if (this.#wasReady) void this.#fetchStatus();
  }

  resolveWebviewView(view: vscode.WebviewView): void {
    const root = vscode.Uri.joinPath(this.#options.extensionUri, "dist", "webview");
    const { webview } = view;
    this.#view = view;
    this.#listening = false;
    webview.options = { enableScripts: true, localResourceRoots: [root] };
    const listeners = vscode.Disposable.from(
      webview.onDidReceiveMessage((message: ViewMessage) => {
        this.#receive(message).catch((error: unknown) => {
          const text = sentenceFor(error);
          this.#options.log(`chat view: ${message.type} failed: ${String(error)}`);
          if (text !== null) this.#post({ type: "notice", text });
        });
      }),
      // A hidden page is taken down; when it is shown again it starts anew and says "ready".
      view.onDidChangeVisibility(() => { if (!view.visible) this.#listening = false; }),
    );
    view.onDidDispose(() => {
      listeners.dispose();
      if (this.#view === view) this.#view = null;
    });
    showPage(webview, root, { name: "chat", title: "KaLactica Chat" });
  }

  /** Shows the view and puts the caret into its field. */
  async focus(): Promise<void> {
    await vscode.commands.executeCommand(`${ChatView.viewId}.focus`);
    this.#post({ type: "focus" });
  }

  newChat(): void {
    this.#session.newConversation();
    void this.focus();
  }

  stop(): void {
    this.#session.stop();
  }

  /** Asks about what is selected in the editor, as the commands of its context menu do. */
  async askAboutSelection(command: Exclude<SlashCommand, "search">): Promise<void> {
    const { selection, activePath } = readEditor();
    await this.focus();
    if (!selection) {
      this.#post({ type: "notice", text: vscode.l10n.t("Select some code in the editor first.") });
      return;
    }
    await this.#ask(COMMAND_QUESTIONS[command](), command, [selection], activePath);
  }

  /** Shows the view and asks, with what is attached: the way in for every surface outside the view. */
  async askAbout(question: string, command: SlashCommand | null, attachments: ChatAttachment[], activePath: string | null): Promise<void> {
    await this.focus();
    await this.#ask(question, command, attachments, activePath);
  }

  /** Accepts or discards the open proposal, as the buttons of its diff editor do. */
  async resolveProposal(accept: boolean): Promise<void> {
    const open = this.#proposals.current;
    const failure = open && (await this.#proposals.resolve(open.id, accept));
    if (failure) await vscode.window.showWarningMessage(failure);
  }

  dispose(): void {
    if (this.#editorTimer) clearTimeout(this.#editorTimer);
    void this.#opened?.dispose();
    vscode.Disposable.from(...this.#disposables).dispose();
  }

  /** Made at its first use, so that a window in which nobody asks reads no history. */
  get #session(): ChatSession {
    this.#opened ??= new ChatSession({
      engine: this.#options.engine, store: new ChatFiles(this.#options.storageDir, this.#options.log),
      post: (message) => this.#post(message), describeError: describeTurnFailure, isOwnWords: isOwnQuestion,
    });
    return this.#opened;
  }

  async #receive(message: ViewMessage): Promise<void> {
    switch (message.type) {
      case "ready":
        this.#sendSnapshot();
        break;
      case "ask":
        await this.#ask(message.question, message.command, message.attachments, message.useActiveFile ? this.#editor.activePath : null);
        break;
      case "stop":
        this.#session.stop();
        break;
      case "regenerate":
        await this.#follow(this.#session.regenerate(message.turnId, this.#editor.activePath));
        break;
      case "rate":
        this.#session.rate(message.turnId, message.rating);
        break;
      case "openConversation":
        this.#session.openConversation(message.id);
        break;
      case "deleteConversation":
        this.#session.deleteConversation(message.id);
        break;
      case "suggestFiles":
        await this.#suggestFiles(message.requestId, message.query);
        break;
      case "attachSelection":
        this.#attachSelection();
        break;
      case "remember":
        this.#notice(await this.#options.memory.remember(message.text, this.#session.current.id));
        break;
      case "forget":
        this.#notice(await this.#options.memory.forget(message.text));
        break;
      case "openMemory":
        await this.#options.memory.inspect(message.key);
        break;
      case "dismissMemory":
        await this.#session.dismissMemory(message.turnId, message.key);
        break;
      case "copy":
        await vscode.env.clipboard.writeText(message.text);
        break;
      case "command":
        await vscode.commands.executeCommand(HOST_COMMANDS[message.command]);
        break;
      case "openRange":
        if (message.cited !== undefined) this.#session.followed(message.cited);
        this.#notice(await openRange(message.range));
        break;
      case "openLink":
        this.#notice(await openLink(message.href));
        break;
      case "insertAtCursor":
        this.#notice(await this.#insert(message.code, message.language ?? ""));
        break;
      case "runCode":
        this.#notice(await runInTerminal(this.#options.engine, message.code, message.language));
        break;
      case "allowConcern":
        await this.#allowConcern(message.turnId, message.key, message.allowed);
        break;
      case "applyCode":
        this.#notice(await this.#apply(message));
        break;
      case "resolveProposal":
        this.#notice(await this.#proposals.resolve(message.id, message.accept));
    }
  }

  async #ask(question: string, command: SlashCommand | null, attachments: ChatAttachment[], activePath: string | null): Promise<void> {
    const whole = await Promise.all(attachments.map(withWholeFile));
    await this.#follow(this.#session.ask(question, command, whole, activePath));
  }

  /** Keeps the context key of "Stop Answer" in step with the answer in flight. */
  async #follow(answer: Promise<void>): Promise<void> {
    const tell = (): Thenable<unknown> => vscode.commands.executeCommand("setContext", "kalactica.answering", this.#session.busy);
    await tell();
    try {
      await answer;
    } finally {
      await tell();
    }
  }

  async #insert(code: string, language: string): Promise<string | null> {
    const leave = await leaveToUse(this.#options.engine, code, language, "insert");
    return leave.use ? insertAtCursor(code) : leave.notice;
  }

  async #allowConcern(turnId: string, key: string, allowed: boolean): Promise<void> {
    const concern = this.#session.turn(turnId)?.checks?.verdict.concerns?.find((each) => each.key === key);
    if (!concern) return;
    await setAllowed(this.#options.engine, concern, allowed);
    this.#session.setAllowed(key, allowed);
  }

  /** The code goes to the file that the block names, else to the attached selection, else to the active editor. */
  async #apply({ turnId, code, path }: Extract<ViewMessage, { type: "applyCode" }>): Promise<string | null> {
    const turn = this.#session.turn(turnId);
    const attached = turn?.attachments.find(({ kind }) => kind !== "file");
    const named = path !== null && fileInWorkspace(path) ? path : null;
    const target = named ?? attached?.path ?? this.#editor.activePath;
    const question = turn ? plainQuestion(turn.question) : "";
    if (target?.endsWith(".ipynb")) return this.#applyToCell(target, code, question, attached);
    if (!target) return vscode.l10n.t("Open the file that this code should go into.");
    const lines = attached && attached.path === target && (await stillThere(attached)) ? attached : null;
    return this.#proposals.propose(target, code, lines, question);
  }

  /** Into the attached cell, else the selected one: a notebook's file is not for people's code. */
  async #applyToCell(path: string, code: string, question: string, attached: ChatAttachment | undefined): Promise<string | null> {
    const notebook = vscode.workspace.notebookDocuments.find(({ uri }) => relativePath(uri) === path);
    const id = attached?.path === path ? attached.cell?.id : undefined;
    const editor = vscode.window.activeNotebookEditor;
    const selected = editor?.notebook === notebook ? editor?.selection.start : undefined;
    const cell = notebook && codeCells(notebook).find((other) => (id === undefined ? other.index === selected : idOf(other) === id));
    if (!cell) return vscode.l10n.t("Open {0} and select the cell that this code should go into.", path);
    const { lineCount, uri } = cell.document;
    // What was asked about was the whole cell: so is the answer.
    const whole = attached?.text?.startsWith(cell.document.getText()) === true;
    return this.#proposals.propose(path, code, whole ? { startLine: 1, endLine: lineCount } : null, question, uri);
  }

  #attachSelection(): void {
    const { selection } = readEditor();
    if (selection) this.#post({ type: "compose", text: "", command: null, attachments: [selection] });
    else this.#notice(vscode.l10n.t("Select some code in the editor first."));
  }

  async #suggestFiles(requestId: number, query: string): Promise<void> {
    if (Date.now() - this.#files.at > FILE_LIST_AGE_MS) {
      const uris = await vscode.workspace.findFiles("**/*", "{**/node_modules/**,**/.git/**,**/dist/**,**/out/**,**/.venv/**,**/__pycache__/**}", MAX_LISTED_FILES);
      this.#files = { at: Date.now(), paths: uris.map(relativePath).filter((path) => path !== null) };
    }
    const open = new Set(vscode.window.tabGroups.all.flatMap(({ tabs }) => tabs)
      .map(({ input }) => (input instanceof vscode.TabInputText ? relativePath(input.uri) : null)).filter((path) => path !== null));
    this.#post({ type: "files", requestId, files: rankFiles(this.#files.paths, open, query, 12) });
  }

  #sendSnapshot(): void {
    this.#listening = true;
    this.#post({
      type: "snapshot", conversation: this.#session.current, conversations: this.#session.summaries(),
      status: this.#chatStatus(), editor: this.#editor, proposal: this.#proposals.current,
    });
  }

  #post(message: HostMessage): void {
    if (this.#view && this.#listening) void this.#view.webview.postMessage(message);
  }

  #notice(text: string | null): void {
    if (text !== null) this.#post({ type: "notice", text });
  }

  #take(status: EngineStatus): void {
    this.#status = status;
    this.#postStatus();
  }

  #postStatus(): void {
    this.#post({ type: "status", status: this.#chatStatus() });
  }

  #onEngineState(state: EngineClientState): void {
    if (state.name === "ready") {
      this.#wasReady = true;
      void this.#fetchStatus();
    }
    this.#postStatus();
  }

  async #fetchStatus(): Promise<void> {
    try {
      this.#take(await this.#options.engine.request("engine/status", null));
    } catch (error) {
      this.#options.log(`chat view: no status from the engine: ${String(error)}`);
    }
  }

  #chatStatus(): ChatStatus {
    const state = this.#options.engine.state;
    const status = this.#status;
    return {
      engine: state.name === "ready" ? "ready" : state.name === "failed" ? "failed" : this.#wasReady || state.name === "waiting" ? "restarting" : "starting",
      engineFailure: state.name === "failed" ? state.why : null,
      folderOpen: (vscode.workspace.workspaceFolders?.length ?? 0) > 0,
      trusted: vscode.workspace.isTrusted,
      model: status && { state: status.model.state, name: status.model.name, detail: status.model.explanation, answers: status.model.capabilities.answer, ...(status.model.remote ? { remote: status.model.remote } : {}) },
      index: status && {
        state: status.index.state, files: status.index.files, pendingFiles: status.index.pendingFiles,
        skippedFiles: status.index.skipped.length, failure: status.index.failure ?? null,
      },
      bytesOut: status === null ? null : status.bytesOut + socketCount().bytesOut,
    };
  }

  #editorChanged(): void {
    if (this.#editorTimer) clearTimeout(this.#editorTimer);
    this.#editorTimer = setTimeout(() => {
      this.#editor = readEditor();
      this.#post({ type: "editor", editor: this.#editor });
    }, EDITOR_DEBOUNCE_MS);
  }
}

/** Whether the lines of a selection still hold its text: only then may code replace them. */
async function stillThere(selection: ChatAttachment): Promise<boolean> {
  const uri = fileInWorkspace(selection.path);
  if (!uri || selection.text === undefined) return false;
  try {
    const document = await vscode.workspace.openTextDocument(uri);
    const text = document.getText(new vscode.Range(selection.startLine - 1, 0, selection.endLine, 0));
    return text.includes(selection.text.trim());
  } catch {
    return false;
  }
}

/** The failure of an answer as the turn shows it. */
export function describeTurnFailure(error: unknown): TurnFailure | null {
  const text = sentenceFor(error);
  if (text === null) return null;
  switch (remedyKindOf(error)) {
    case "chooseModel":
      return { text, action: { label: vscode.l10n.t("Choose Model"), command: "chooseModel" } };
    case "openFolder":
      return { text, action: { label: vscode.l10n.t("Open Folder"), command: "openFolder" } };
    default:
      return { text, action: { label: vscode.l10n.t("Try Again"), command: "retry" } };
  }
}
