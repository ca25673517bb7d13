// Tells the engine of commands that ended in VS Code's terminal: what was run where, how it ended and what it printed last.
// Only where the user allows it (setting "memory.recordTerminal") and the folder is trusted. It judges and keeps nothing; the
// engine takes out secrets and personal data before it stores anything.
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import * as vscode from "vscode";
import type { ClientNotifications } from "../engine/protocol/messages.ts";

/** Bounds of what is kept while a command runs, and of what is sent, in characters. */
const KEPT_CHARACTERS = 65_536;
const SENT_CHARACTERS = 8_192;
const COMMAND_CHARACTERS = 4_096;
/** The end of a command's output may be read a little after the news that it has ended. */
const OUTPUT_WAIT_MS = 500;

interface Running {
  readonly startedAt: number;
  tail: string;
  /** Settles when the stream has ended. */
  read: Promise<void>;
}

/** Watches until disposed. */
export function recordTerminalRuns(tell: (run: ClientNotifications["memory/terminalExecuted"]) => void): vscode.Disposable {
  const running = new Map<vscode.TerminalShellExecution, Running>();
  return vscode.Disposable.from(
    vscode.window.onDidStartTerminalShellExecution(({ execution }) => {
      if (!mayRecord()) return;
      const run: Running = { startedAt: Date.now(), tail: "", read: Promise.resolve() };
      run.read = follow(execution, run);
      running.set(execution, run);
    }),
    vscode.window.onDidEndTerminalShellExecution(({ execution, exitCode }) => {
      const run = running.get(execution);
      running.delete(execution);
      if (!run || !mayRecord()) return;
      const endedAt = Date.now();
      const command = execution.commandLine.value.trim();
      // A command that shell integration only guesses at may be half of what was typed.
      if (command === "" || command.length > COMMAND_CHARACTERS || execution.commandLine.confidence === vscode.TerminalShellExecutionCommandLineConfidence.Low) return;
      void Promise.race([run.read, new Promise((resolve) => setTimeout(resolve, OUTPUT_WAIT_MS))]).then(() => {
        tell({ command, folder: folderOf(execution.cwd), exitCode: exitCode ?? null, output: plain(run.tail).slice(-SENT_CHARACTERS), at: run.startedAt, durationMs: Math.max(0, endedAt - run.startedAt) });
      });
    }),
    { dispose: () => { running.clear(); } },
  );
}

function mayRecord(): boolean {
  return vscode.workspace.isTrusted && vscode.workspace.getConfiguration("kalactica").get("memory.recordTerminal") === true;
}

async function follow(execution: vscode.TerminalShellExecution, run: Running): Promise<void> {
  try {
    for await (const data of execution.read()) run.tail = (run.tail + data).slice(-KEPT_CHARACTERS);
  } catch {
    // The terminal was closed; what was read until then counts.
  }
}

/** As it stood on the screen: without escape sequences, and of a line that was overwritten only its last state. */
function plain(text: string): string {
  return stripVTControlCharacters(text.replaceAll(/\u001B\][^\u0007\u001B]*(?:\u0007|\u001B\\)/g, "")).replaceAll("\r\n", "\n").split("\n").map((line) => line.slice(line.lastIndexOf("\r", line.length - 2) + 1).replaceAll("\r", "")).join("\n").trim();
}

/** Relative to the workspace where it lies in it: "" is the workspace itself. */
function folderOf(cwd: vscode.Uri | undefined): string | null {
  const root = vscode.workspace.workspaceFolders?.[0]?.uri;
  if (!cwd || !root || cwd.scheme !== root.scheme) return null;
  const relative = path.relative(root.fsPath, cwd.fsPath);
  return relative.startsWith("..") || path.isAbsolute(relative) ? null : relative.split(path.sep).join("/");
}
