// Tells the engine what happens in the workspace: files changed on disk, documents opened, edited and closed.
// It batches, so that a branch switch is one message and typing is a few per second at most.
import * as vscode from "vscode";
import type { EngineClient } from "./engineClient.ts";

const FILES_BATCH_MS = 200;
const EDIT_BATCH_MS = 400;
/** Larger documents are left to the index on disk; sending them on every pause would block typing. */
const MAXIMUM_DOCUMENT_CHARACTERS = 400_000;

/** Watches until disposed. `workspaceDir` is the folder the engine indexes. */
export function syncWorkspace(client: EngineClient, workspaceFolder: vscode.WorkspaceFolder): vscode.Disposable {
  const changed = new Set<string>();
  let filesTimer: NodeJS.Timeout | undefined;
  const edited = new Map<string, vscode.TextDocument>();
  let editTimer: NodeJS.Timeout | undefined;

  const relativePath = (uri: vscode.Uri): string | null => {
    if (uri.scheme !== "file" && uri.scheme !== workspaceFolder.uri.scheme) return null;
    if (vscode.workspace.getWorkspaceFolder(uri)?.uri.toString() !== workspaceFolder.uri.toString()) return null;
    return vscode.workspace.asRelativePath(uri, false);
  };

  const noteFile = (uri: vscode.Uri): void => {
    const path = relativePath(uri);
    if (path === null || path.startsWith(".git/") || path.includes("/node_modules/") || path.startsWith("node_modules/")) return;
    changed.add(path);
    filesTimer ??= setTimeout(() => {
      filesTimer = undefined;
      client.notify("index/filesChanged", { paths: [...changed] });
      changed.clear();
    }, FILES_BATCH_MS);
  };

  const touch = (document: vscode.TextDocument, reason: "opened" | "edited" | "saved"): void => {
    const path = relativePath(document.uri);
    if (path === null || document.isClosed) return;
    const text = document.getText();
    if (text.length > MAXIMUM_DOCUMENT_CHARACTERS) return;
    client.notify("session/documentTouched", { path, language: document.languageId, text, reason });
  };

  const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(workspaceFolder, "**/*"));
  const disposables = [
    watcher,
    watcher.onDidCreate(noteFile),
    watcher.onDidChange(noteFile),
    watcher.onDidDelete(noteFile),
    vscode.workspace.onDidOpenTextDocument((document) => touch(document, "opened")),
    vscode.workspace.onDidSaveTextDocument((document) => touch(document, "saved")),
    vscode.workspace.onDidCloseTextDocument((document) => {
      const path = relativePath(document.uri);
      if (path !== null) client.notify("session/documentClosed", { path });
    }),
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
      if (contentChanges.length === 0 || relativePath(document.uri) === null) return;
      edited.set(document.uri.toString(), document);
      editTimer ??= setTimeout(() => {
        editTimer = undefined;
        for (const each of edited.values()) touch(each, "edited");
        edited.clear();
      }, EDIT_BATCH_MS);
    }),
    // An engine that was restarted knows nothing of the open documents.
    client.onState((state) => {
      if (state.name === "ready") for (const document of vscode.workspace.textDocuments) touch(document, "opened");
    }),
  ];
  return vscode.Disposable.from(...disposables, { dispose: () => { clearTimeout(filesTimer); clearTimeout(editTimer); } });
}
