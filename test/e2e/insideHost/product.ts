// What the inside-host suites share: the extension's own interface, and waiting.
import path from "node:path";
import * as vscode from "vscode";
import type { KaLacticaApi } from "../../../src/extension/extension.ts";

/** Activates the extension and returns what it offers to others. */
export async function product(): Promise<KaLacticaApi> {
  const extension = vscode.extensions.getExtension<KaLacticaApi>("kalactica.kalactica");
  if (extension === undefined) throw new Error("kalactica.kalactica is not installed");
  return extension.activate();
}

/** The folder that is open. */
export function folder(): string {
  const open = vscode.workspace.workspaceFolders?.[0];
  if (open === undefined) throw new Error("no folder is open");
  return open.uri.fsPath;
}

export function fileUri(relativePath: string): vscode.Uri {
  return vscode.Uri.file(path.join(folder(), relativePath));
}

/** Runs `condition` until it gives something other than false, null or undefined. */
export async function until<T>(what: string, condition: () => T | PromiseLike<T>, timeoutMs = 20_000): Promise<NonNullable<Exclude<T, false>>> {
  const begun = Date.now();
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<T, false>>;
    if (Date.now() - begun > timeoutMs) throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Waits until the index holds the folder. */
export async function indexed(): Promise<void> {
  const { engine } = await product();
  await until("the index is ready", async () => {
    const { index } = await engine.request("engine/status", null);
    if (index.state === "failed") throw new Error(index.failure);
    return index.state === "ready" && index.files > 0;
  });
}
