// What the chat view can make VS Code do: open a source, copy, insert at the cursor, propose a change as a diff.
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import type { FileRange } from "../engine/protocol/types.ts";
import type { ChangeProposal } from "../webview/protocol.ts";
import type { AppliedChange } from "./appliedAnswers.ts";
import type { ChatAttachment } from "../webview/protocol.ts";
import { cellIndexAt } from "./cellPlaces.ts";
import { indentForInsertion, proposeContent } from "./chatApply.ts";
import type { LineRange } from "./chatApply.ts";
import { codeCells, idOf } from "./notebookCells.ts";

/** Proposed contents live under this scheme: read-only, never on disk. */
export const PROPOSED_SCHEME = "kalactica-proposed";
/** A column behind the end of any line that is looked at; VS Code clips it. */
const LINE_END = 10_000;

/** The file that a path from an answer names, or null where it would lead out of the folder. */
export function fileInWorkspace(path: string): vscode.Uri | null {
  const folder = vscode.workspace.workspaceFolders?.[0];
  const parts = path.replaceAll("\\", "/").split("/");
  if (!folder || path.startsWith("/") || /^[a-z][a-z0-9+.-]*:/i.test(path) || parts.includes("..")) return null;
  return vscode.Uri.joinPath(folder.uri, ...parts.filter((part) => part !== "" && part !== "."));
}

/** Where a link to lines leads; null where it would lead out of the folder. The lines of a notebook are those of its file, which nobody sees. */
export function locationOf({ path, startLine, endLine }: FileRange): vscode.Location | null {
  const uri = fileInWorkspace(path);
  if (!uri) return null;
  return new vscode.Location(uri, path.endsWith(".ipynb") ? new vscode.Range(0, 0, 0, 0) : new vscode.Range(startLine - 1, 0, Math.max(startLine, endLine) - 1, LINE_END));
}

/** Opens a file of the folder with the lines selected. Returns a sentence where it cannot. */
export async function openRange(range: FileRange & Pick<ChatAttachment, "cell">): Promise<string | null> {
  const uri = fileInWorkspace(range.path);
  if (!uri) return vscode.l10n.t("{0} is not a file of this folder.", range.path);
  try {
    if (range.path.endsWith(".ipynb")) {
      await openCell(uri, range.startLine, range.cell?.id);
      return null;
    }
    const document = await vscode.workspace.openTextDocument(uri);
    const lastLine = Math.min(range.endLine, document.lineCount) - 1;
    const firstLine = Math.min(range.startLine - 1, lastLine);
    const selection = range.endLine > range.startLine
      ? new vscode.Range(firstLine, 0, lastLine, document.lineAt(lastLine).text.length)
      : new vscode.Range(firstLine, 0, firstLine, 0);
    const editor = await vscode.window.showTextDocument(document, { selection: new vscode.Selection(selection.start, selection.start) });
    editor.selection = new vscode.Selection(selection.end, selection.start);
    editor.revealRange(selection, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
    return null;
  } catch {
    return vscode.l10n.t("{0} cannot be opened. It may have been moved or deleted since; ask again for the present state.", range.path);
  }
}

/** Shows a notebook with a cell selected: that of the id, else the one whose source stands on `line` of its file. */
async function openCell(uri: vscode.Uri, line: number, id?: string): Promise<void> {
  const notebook = await vscode.workspace.openNotebookDocument(uri);
  const named = id === undefined ? undefined : codeCells(notebook).find((other) => idOf(other) === id);
  const index = named?.index ?? Math.min(cellIndexAt(new TextDecoder().decode(await vscode.workspace.fs.readFile(uri)), line), notebook.cellCount - 1);
  const cell = new vscode.NotebookRange(index, index + 1);
  const editor = await vscode.window.showNotebookDocument(notebook, { selections: [cell] });
  editor.revealRange(cell, vscode.NotebookEditorRevealType.InCenterIfOutsideViewport);
}

/** Follows a link of an answer: the web through VS Code, which asks first; a path as a file of the folder. */
export async function openLink(href: string): Promise<string | null> {
  if (/^(https?:\/\/|mailto:)/i.test(href)) {
    await vscode.env.openExternal(vscode.Uri.parse(href, true));
    return null;
  }
  const match = /^(.*?)(?:[:#]L?(\d+)(?:-L?(\d+))?)?$/.exec(decodeURI(href));
  const startLine = Number(match?.[2] ?? 1);
  return openRange({ path: (match?.[1] ?? "").replace(/^\.\//, ""), startLine, endLine: Number(match?.[3] ?? startLine) });
}

/** Puts code at the cursor, or in place of the selection. Returns a sentence where there is no editor. */
export async function insertAtCursor(code: string): Promise<string | null> {
  const editor = vscode.window.activeTextEditor ?? vscode.window.visibleTextEditors[0];
  if (!editor) return vscode.l10n.t("Open a file and put the cursor where the code should go.");
  const { start } = editor.selection;
  const before = editor.document.lineAt(start.line).text.slice(0, start.character);
  const done = await editor.edit((edit) => edit.replace(editor.selection, indentForInsertion(code, before)));
  if (!done) return vscode.l10n.t("The code could not be inserted: the editor is read-only.");
  await vscode.window.showTextDocument(editor.document, editor.viewColumn);
  return null;
}

interface OpenProposal extends ChangeProposal {
  question: string;
  target: vscode.Uri;
  proposed: vscode.Uri;
  original: string;
  content: string;
}

/** A file in an editor of its own, a cell in its notebook. */
async function showTarget(target: vscode.Uri): Promise<void> {
  const cell = vscode.workspace.notebookDocuments.flatMap((notebook) => notebook.getCells()).find(({ document }) => document.uri.toString() === target.toString());
  if (cell) await vscode.window.showNotebookDocument(cell.notebook, { selections: [new vscode.NotebookRange(cell.index, cell.index + 1)] });
  else await vscode.window.showTextDocument(target);
}

/** At most one proposed change at a time: shown as a diff, then accepted or discarded. */
export class ChangeProposals implements vscode.Disposable {
  #open: OpenProposal | null = null;
  #count = 0;
  readonly #changed = new vscode.EventEmitter<ChangeProposal | null>();
  readonly #disposables: vscode.Disposable;
  readonly onDidChange = this.#changed.event;
  readonly #applied = new vscode.EventEmitter<AppliedChange>();
  /** A proposal was accepted and stands in its document. */
  readonly onDidApply = this.#applied.event;

  constructor() {
    this.#disposables = vscode.Disposable.from(
      this.#changed,
      this.#applied,
      vscode.workspace.registerTextDocumentContentProvider(PROPOSED_SCHEME, {
        provideTextDocumentContent: (uri) => (this.#open?.proposed.toString() === uri.toString() ? this.#open.content : ""),
      }),
      // Closing the diff is a way to say no.
      vscode.window.tabGroups.onDidChangeTabs(({ closed }) => {
        if (closed.some((tab) => this.#isOurs(tab))) this.#set(null);
      }),
    );
  }

  get current(): ChangeProposal | null {
    return this.#open && { id: this.#open.id, path: this.#open.path };
  }

  /** Opens a diff of `path` (or of `cell` in it) with `code` in it, the answer to `question`. Returns a sentence where that is not possible. */
  async propose(path: string, code: string, lines: LineRange | null, question: string, cell: vscode.Uri | null = null): Promise<string | null> {
    const target = cell ?? fileInWorkspace(path);
    if (!target) return vscode.l10n.t("{0} is not a file of this folder.", path);
    let original = "";
    let exists = true;
    try {
      original = (await vscode.workspace.openTextDocument(target)).getText();
    } catch {
      exists = false;
    }
    const proposal = proposeContent(original, code, lines);
    if (exists && proposal.content === original) return vscode.l10n.t("{0} already contains this code.", path);
    await this.#closeDiff();
    const id = String(++this.#count);
    // A cell's name ends like its notebook's: by its own, VS Code would take the text for a notebook.
    const proposed = target.with({ scheme: PROPOSED_SCHEME, query: id, ...(cell ? { path: `${target.path}.cell`, fragment: "" } : {}) });
    const left = exists ? target : vscode.Uri.from({ scheme: PROPOSED_SCHEME, path: target.path, query: "empty" });
    this.#set({ id, path, question, target, proposed, original, content: proposal.content });
    const line = proposal.line - 1;
    await vscode.commands.executeCommand("vscode.diff", left, proposed, vscode.l10n.t("{0} (proposed change)", path), { preview: true, selection: new vscode.Range(line, 0, line, 0) });
    return null;
  }

  /** Writes the change into the editor's document, unsaved, so that undo takes it back; or drops it. */
  async resolve(id: string, accept: boolean): Promise<string | null> {
    const open = this.#open;
    if (!open || open.id !== id) return null;
    if (accept) {
      const failure = await this.#accept(open);
      if (failure) return failure;
    }
    this.#set(null);
    await this.#closeDiff(open);
    if (accept) await showTarget(open.target);
    return null;
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  async #accept(open: OpenProposal): Promise<string | null> {
    const edit = new vscode.WorkspaceEdit();
    let document: vscode.TextDocument | null = null;
    try {
      document = await vscode.workspace.openTextDocument(open.target);
    } catch {
      edit.createFile(open.target, { contents: new TextEncoder().encode(open.content) });
    }
    if (document) {
      if (document.getText() !== open.original) return vscode.l10n.t("{0} was changed since the proposal was made. Discard it and apply the code again.", open.path);
      edit.replace(open.target, new vscode.Range(0, 0, document.lineCount, 0), open.content);
    }
    if (!(await vscode.workspace.applyEdit(edit))) return vscode.l10n.t("{0} could not be changed; it may be read-only.", open.path);
    this.#applied.fire({ id: randomUUID(), question: open.question, path: open.path, target: open.target, original: open.original, content: open.content });
    return null;
  }

  async #closeDiff(proposal: OpenProposal | null = this.#open): Promise<void> {
    const key = proposal?.proposed.toString();
    const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs)
      .filter((tab) => tab.input instanceof vscode.TabInputTextDiff && tab.input.modified.toString() === key);
    if (tabs.length > 0) await vscode.window.tabGroups.close(tabs);
  }

  #isOurs(tab: vscode.Tab): boolean {
    return tab.input instanceof vscode.TabInputTextDiff && tab.input.modified.toString() === this.#open?.proposed.toString();
  }

  #set(proposal: OpenProposal | null): void {
    this.#open = proposal;
    this.#changed.fire(this.current);
    void vscode.commands.executeCommand("setContext", "kalactica.proposalOpen", proposal !== null);
  }
}
