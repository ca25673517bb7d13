// "Report a Problem…": shows everything that a report would hold, to be read, shortened and shared by the user; sends nothing. And the
// extension's own log: what goes into the output channel by the setting "log.level", and the last lines kept for the report.
import * as vscode from "vscode";
import { LogTail, reaches, redacting } from "../engine/base/log.ts";
import type { LogLevel } from "../engine/base/log.ts";
import { socketCount } from "../engine/base/socketCount.ts";
import type { DoctorItem } from "../engine/protocol/types.ts";
import type { EngineClient } from "./engineClient.ts";

/** Lines of the extension's own; the engine adds as many of its own. */
const KEPT_LINES = 200;

/** The output channel, held to the level that the user has set. */
export class HostLog implements vscode.Disposable {
  readonly #channel: vscode.LogOutputChannel;
  readonly #tail = new LogTail(KEPT_LINES);

  constructor(channel: vscode.LogOutputChannel) {
    this.#channel = channel;
  }

  debug(message: string): void { this.write("debug", message); }
  info(message: string): void { this.write("info", message); }
  warn(message: string): void { this.write("warn", message); }
  error(message: string): void { this.write("error", message); }

  /** A line of the extension's own. */
  write(level: LogLevel, message: string): void {
    this.#tail.push({ at: new Date().toISOString(), level, room: "host", message: message.replace(/^\[host\] /, ""), fields: {} });
    this.relay(level, message);
  }

  /** A line that another process keeps itself. */
  relay(level: LogLevel, message: string): void {
    const minimum = vscode.workspace.getConfiguration("kalactica").get<LogLevel>("log.level") ?? "info";
    if (!reaches(level, minimum)) return;
    // VS Code hides what is below the channel's own level, which starts at "info": whoever asked us for more is to see it.
    const hidden = level === "debug" && (this.#channel.logLevel === vscode.LogLevel.Off || this.#channel.logLevel > vscode.LogLevel.Debug);
    if (hidden) this.#channel.info(`debug: ${message}`);
    else this.#channel[level](message);
  }

  /** As a report may hold them. */
  lines(redact: (text: string) => string): string[] {
    return this.#tail.lines(redact);
  }

  show(): void {
    this.#channel.show();
  }

  dispose(): void {
    this.#channel.dispose();
  }
}

export interface ReportDependencies {
  client: EngineClient;
  log: HostLog;
  extensionVersion: string;
}

/** Shows the report in an editor, unsaved, so that nothing is anywhere until the user keeps it. */
export async function reportProblem({ client, log, extensionVersion }: ReportDependencies): Promise<void> {
  const versions: Record<string, string> = {
    "VS Code": vscode.version, "application": vscode.env.appName, "extension host": `Node ${process.versions.node}, ${process.platform} ${process.arch}`,
    // Of a remote window its kind ("wsl", "ssh-remote"), never a host.
    "runs": vscode.env.remoteName === undefined ? "locally" : /^[a-z-]+$/.test(vscode.env.remoteName) ? vscode.env.remoteName : "remotely", "language": vscode.env.language, "sent by the extension host": `${socketCount().bytesOut} bytes`,
    "workspace": `${vscode.workspace.workspaceFolders?.length ?? 0} folders, ${vscode.workspace.isTrusted ? "trusted" : "not trusted"}`,
  };
  const text = await vscode.window.withProgress(
    { location: vscode.ProgressLocation.Window, title: vscode.l10n.t("Gathering what a report needs") },
    async (_, token) => {
      if (client.state.name === "ready") {
        try {
          return (await client.request("engine/report", { versions, log: log.lines((line) => line) }, token)).text;
        } catch (error) {
          log.warn(`The engine made no report: ${String(error)}`);
        }
      }
      return withoutEngine({ client, log, extensionVersion }, versions);
    },
  );
  const document = await vscode.workspace.openTextDocument({ language: "markdown", content: text });
  await vscode.window.showTextDocument(document, { preview: false });
  const copy = vscode.l10n.t("Copy");
  const preview = vscode.l10n.t("Show as Page");
  // Not awaited: the command is done once the report is there to be read.
  void vscode.window.showInformationMessage(vscode.l10n.t("This is all that a report holds. Nothing was sent. Read it, take out what you like, and share it yourself."), copy, preview).then(async (picked) => {
    if (picked === copy) await vscode.env.clipboard.writeText(document.getText());
    else if (picked === preview) await vscode.commands.executeCommand("markdown.showPreviewToSide", document.uri);
  });
}

/** What the doctor found, as a page: first what is wrong and what to do about it, then the rest. */
export function doctorText(items: readonly DoctorItem[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", "<br>");
  const wrong = items.filter(({ state }) => state !== "ok");
  const problems = wrong.filter(({ state }) => state === "problem").length;
  const warnings = wrong.length - problems;
  const verdict = wrong.length === 0 ? vscode.l10n.t("Everything that was tried works.")
    : [problems === 0 ? "" : problems === 1 ? vscode.l10n.t("1 problem") : vscode.l10n.t("{0} problems", problems), warnings === 0 ? "" : warnings === 1 ? vscode.l10n.t("1 warning") : vscode.l10n.t("{0} warnings", warnings)].filter((part) => part !== "").join(", ");
  return [
    `# ${vscode.l10n.t("This machine")}`, "", verdict, "",
    ...wrong.flatMap(({ name, state, found, remedy }) => [`### ${state === "problem" ? "✗" : "!"} ${name}`, "", found, "", ...(remedy === null ? [] : [`**${vscode.l10n.t("What to do")}**: ${remedy}`, ""])]),
    ...(wrong.length === items.length ? [] : [
      `| ${vscode.l10n.t("What works")} | |`, "|:---|:---|",
      ...items.filter(({ state }) => state === "ok").map(({ name, found }) => `| ✓&nbsp;${cell(name).replaceAll(" ", "&nbsp;")} | ${cell(found)} |`), "",
    ]),
    vscode.l10n.t("Something else is wrong? \"KaLactica: Report a Problem…\" gathers what is needed to find out, and sends nothing."),
  ].join("\n");
}

/** Where the engine does not run, which is what many reports are about: what is known here. */
function withoutEngine({ client, log, extensionVersion }: ReportDependencies, versions: Record<string, string>): string {
  const redact = redacting({ workspaceDir: vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? null, homeDir: process.env["HOME"] ?? process.env["USERPROFILE"] ?? null });
  const { state } = client;
  return [
    "# KaLactica: report of a problem", "",
    "Nothing of this was sent anywhere. Read it, take out what you like, and share it yourself. It holds no code, no names of files of your workspace and no keys.", "",
    "## What happened", "", "_What did you do, what did you expect, and what came instead?_", "",
    "## The engine does not run", "", redact("why" in state ? `${state.name}: ${state.why}` : state.name), "",
    "## Versions", "", ...Object.entries({ KaLactica: extensionVersion, ...versions }).map(([name, value]) => `- **${name}**: ${value}`), "",
    "## Log", "", "```", ...log.lines(redact), "```", "",
  ].join("\n");
}
