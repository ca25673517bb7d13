// Reports as read-only documents: shown rendered, never on disk, never asking to be saved.
import * as vscode from "vscode";

const SCHEME = "kalactica-report";
/** Documents kept for tabs that are still open. */
const MAX_KEPT = 50;

export class ReportDocuments implements vscode.TextDocumentContentProvider, vscode.Disposable {
  readonly #contents = new Map<string, string>();
  readonly #registration = vscode.workspace.registerTextDocumentContentProvider(SCHEME, this);
  #count = 0;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.#contents.get(uri.toString()) ?? "";
  }

  /** Shows Markdown rendered; where there is no preview, as text. */
  async showMarkdown(title: string, markdown: string): Promise<void> {
    const uri = this.#put(`${title}.md`, markdown);
    try {
      await vscode.commands.executeCommand("markdown.showPreview", uri);
    } catch {
      await vscode.window.showTextDocument(uri, { preview: true });
    }
  }

  /** Shows two texts side by side; `extension` decides how they are coloured. */
  async showDiff(title: string, left: string, right: string, extension: string): Promise<void> {
    await vscode.commands.executeCommand("vscode.diff", this.#put(`rejected${extension}`, left), this.#put(`chosen${extension}`, right), title, { preview: true });
  }

  async showText(name: string, text: string): Promise<void> {
    await vscode.window.showTextDocument(this.#put(name, text), { preview: true });
  }

  dispose(): void {
    this.#registration.dispose();
  }

  #put(name: string, text: string): vscode.Uri {
    // The name is the tab's title; the query makes each document its own.
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${name.replaceAll("/", "∕")}`, query: String(++this.#count) });
    if (this.#contents.size >= MAX_KEPT) this.#contents.delete(this.#contents.keys().next().value ?? "");
    this.#contents.set(uri.toString(), text);
    return uri;
  }
}
