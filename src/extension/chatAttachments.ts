// From what stands in an editor to what goes along with a question: files, lines of a file, notebook cells with what they
// showed. Glue without state; the engine reads files, finds a cell's lines and decides what is used.
import * as vscode from "vscode";
import type { ChatAttachment, EditorContext } from "../webview/protocol.ts";
import { fileInWorkspace } from "./chatActions.ts";
import { codeCells, idOf } from "./notebookCells.ts";
import { errorIn, hasError, shownBy, textOf } from "./notebookOutputs.ts";

const MAX_SELECTION_CHARACTERS = 20_000;
/** A language server that has yet to wake up is not waited for. */
const SYMBOL_PATIENCE_MS = 1_000;
const DEFINITIONS = new Set([vscode.SymbolKind.Function, vscode.SymbolKind.Method, vscode.SymbolKind.Constructor, vscode.SymbolKind.Class, vscode.SymbolKind.Interface, vscode.SymbolKind.Enum, vscode.SymbolKind.Struct]);

/** Relative to the first folder with forward slashes, or null for what lies elsewhere. */
export function relativePath(uri: vscode.Uri): string | null {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (!folder || uri.scheme !== folder.uri.scheme || !uri.path.startsWith(`${folder.uri.path}/`)) return null;
  return uri.path.slice(folder.uri.path.length + 1);
}

/** What stands around the caret of the active editor: the function or class, or the cell; else its line. */
export async function attachmentAtCaret(): Promise<ChatAttachment | null> {
  const editor = vscode.window.activeTextEditor;
  return editor ? attachmentAround(editor.document, editor.selection.active) : null;
}

/** The innermost function, method or class around a position, by what a language extension says within a second; else the line. */
export async function attachmentAround(document: vscode.TextDocument, position: vscode.Position): Promise<ChatAttachment | null> {
  const cell = cellOf(document);
  if (cell) return attachmentOfCell(cell);
  const symbol = await Promise.race([symbolAround(document, position), new Promise<null>((resolve) => { setTimeout(resolve, SYMBOL_PATIENCE_MS, null); })]);
  if (symbol) return attachmentOfRange(document, symbol);
  // The engine knows the definition around a line from its own index.
  const line = attachmentOfRange(document, document.lineAt(position.line).range);
  return line && { kind: line.kind, path: line.path, startLine: line.startLine, endLine: line.endLine, ...(document.isDirty ? { text: line.text ?? "" } : {}) };
}

async function symbolAround(document: vscode.TextDocument, position: vscode.Position): Promise<vscode.Range | null> {
  let symbols: readonly vscode.DocumentSymbol[];
  try {
    const found = await vscode.commands.executeCommand<readonly (vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined>("vscode.executeDocumentSymbolProvider", document.uri);
    symbols = (found ?? []).filter((symbol): symbol is vscode.DocumentSymbol => "children" in symbol);
  } catch {
    return null;
  }
  let around: vscode.Range | null = null;
  for (let inner = symbols.find(({ range }) => range.contains(position)); inner; inner = inner.children.find(({ range }) => range.contains(position))) {
    if (DEFINITIONS.has(inner.kind)) around = inner.range;
  }
  return around;
}

/** The file in front of the user and what is selected in it. In a notebook: the notebook and its cell. */
export function readEditor(): EditorContext {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return { activePath: null, selection: null };
  const cell = cellOf(editor.document);
  const path = cell ? relativePath(cell.notebook.uri) : relativePath(editor.document.uri);
  if (path === null) return { activePath: null, selection: null };
  return { activePath: path, selection: editor.selection.isEmpty ? null : attachmentOfRange(editor.document, editor.selection) };
}

/** Lines of a document, of a file or of a notebook's cell; null for what lies outside the folder. */
export function attachmentOfRange(document: vscode.TextDocument, range: vscode.Range): ChatAttachment | null {
  const text = document.getText(range).slice(0, MAX_SELECTION_CHARACTERS);
  const cell = cellOf(document);
  if (cell) return cellReference(cell, text);
  const path = relativePath(document.uri);
  if (path === null) return null;
  // A range that ends at the start of a line does not include that line.
  const endLine = range.end.character === 0 && range.end.line > range.start.line ? range.end.line : range.end.line + 1;
  return { kind: "selection", path, startLine: range.start.line + 1, endLine, text };
}

export function wholeFile(path: string): ChatAttachment {
  return { kind: "file", path, startLine: 1, endLine: 1 };
}

/** A cell as it stands, with what its last run showed: the output and the error, each under a heading. */
export function attachmentOfCell(cell: vscode.NotebookCell): ChatAttachment | null {
  const parts = [cell.document.getText()];
  const shown = [textOf(cell.outputs), ...shownBy(cell.outputs)].filter((part) => part !== "");
  if (shown.length > 0) parts.push(`--- what it shows ---\n${shown.join("\n")}`);
  const { name, message, traceback } = errorIn(cell.outputs);
  if (hasError(cell.outputs)) parts.push(`--- how it failed ---\n${name}: ${message}\n${traceback}`);
  return cellReference(cell, parts.join("\n\n").slice(0, MAX_SELECTION_CHARACTERS));
}

function cellReference(cell: vscode.NotebookCell, text: string): ChatAttachment | null {
  const path = relativePath(cell.notebook.uri);
  if (path === null) return null;
  const number = codeCells(cell.notebook).indexOf(cell) + 1;
  return { kind: "cell", path, startLine: 1, endLine: 1, text, cell: { id: idOf(cell), number } };
}

/** The open notebook's cell whose text `document` is. */
export function cellOf(document: vscode.TextDocument): vscode.NotebookCell | null {
  if (document.uri.scheme !== "vscode-notebook-cell") return null;
  for (const notebook of vscode.workspace.notebookDocuments) {
    const cell = notebook.getCells().find((other) => other.document === document);
    if (cell) return cell;
  }
  return null;
}

/** A whole-file attachment with its true last line, and with its text where the editor holds unsaved changes. */
export async function withWholeFile(attachment: ChatAttachment): Promise<ChatAttachment> {
  const uri = attachment.kind === "file" ? fileInWorkspace(attachment.path) : null;
  if (!uri) return attachment;
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open) return { ...attachment, startLine: 1, endLine: open.lineCount, ...(open.isDirty ? { text: open.getText() } : {}) };
  try {
    const bytes = await vscode.workspace.fs.readFile(uri);
    return { ...attachment, startLine: 1, endLine: Math.max(1, bytes.reduce((lines, byte) => lines + (byte === 10 ? 1 : 0), 1)) };
  } catch {
    // The engine says what is wrong with a file that cannot be read.
    return attachment;
  }
}
