// Puts one of our pages into a webview: the one place where the nonce, the sources and the language of a page come from.
// What a page may do is webviewHtml.ts's, which knows nothing of VS Code.
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";
import { webviewHtml } from "./webviewHtml.ts";

/** `root`: the folder of the built pages; `name`: that of its script and style sheet in it, without ending. */
export function showPage(webview: vscode.Webview, root: vscode.Uri, { name, title }: { name: string; title: string }): void {
  const source = (file: string): string => webview.asWebviewUri(vscode.Uri.joinPath(root, file)).toString();
  webview.html = webviewHtml({
    title,
    cspSource: webview.cspSource,
    scriptUri: source(`${name}.js`),
    styleUri: source(`${name}.css`),
    nonce: randomBytes(16).toString("base64"),
    language: vscode.env.language, bundle: vscode.l10n.bundle,
  });
}
