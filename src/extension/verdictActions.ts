// What the user does with verdicts: insert or run a block after the checks were asked once more, allow a finding, list what was
// allowed and take it back. The engine judges; the page is never believed about a verdict.
import * as vscode from "vscode";
import type { JudgedBlock, SafetyOverride } from "../engine/protocol/safety.ts";
import type { BlockConcern } from "../engine/protocol/types.ts";
import type { EngineClient } from "./engineClient.ts";
import { lastHidden } from "./verdictWords.ts";
import type { HiddenCompletion } from "./verdictWords.ts";

type Engine = Pick<EngineClient, "request">;

/** Whether a block may be used now, and a sentence where it may not. */
export type Leave = { use: true } | { use: false; notice: string | null };

/**
 * Asks the engine about a block and, where it must, the user. Blocked: refused with the reason. Asked: a dialog with the consequence.
 * Where the engine cannot be reached, a block is not run; inserting text needs no engine.
 */
export async function leaveToUse(engine: Engine, code: string, language: string, purpose: "insert" | "run"): Promise<Leave> {
  let judged: JudgedBlock;
  try {
    judged = await engine.request("safety/judge", { code, language });
  } catch {
    return purpose === "insert" ? { use: true } : { use: false, notice: vscode.l10n.t("The command was not run: the engine could not check it. Copy it to run it yourself.") };
  }
  if (judged.action === "block") {
    return { use: false, notice: purpose === "run" ? vscode.l10n.t("Not run: {0} Allow it under the block if you mean it.", judged.consequence) : vscode.l10n.t("Not inserted: {0} Allow it under the block if you mean it.", judged.consequence) };
  }
  // What was blocked and then allowed is still never run without a word.
  const risky = judged.concerns.find((concern) => concern.check === "commands" && concern.action === "block");
  if (judged.action === "ask" || (purpose === "run" && risky)) {
    const verb = purpose === "run" ? vscode.l10n.t("Run") : vscode.l10n.t("Insert");
    const question = purpose === "run" ? vscode.l10n.t("Run this command?") : vscode.l10n.t("Insert this command?");
    const answer = await vscode.window.showWarningMessage(question, { modal: true, detail: `${judged.consequence || risky?.reason || ""}\n\n${shortened(code)}` }, verb);
    return answer === verb ? { use: true } : { use: false, notice: null };
  }
  return { use: true };
}

/** Runs a block in a terminal, in a trusted workspace and after {@link leaveToUse}. Returns a sentence where it does not. */
export async function runInTerminal(engine: Engine, code: string, language: string): Promise<string | null> {
  if (!vscode.workspace.isTrusted) return vscode.l10n.t("Commands are not run while this workspace is not trusted. Trust it first.");
  const leave = await leaveToUse(engine, code, language, "run");
  if (!leave.use) return leave.notice;
  const terminal = vscode.window.terminals.find((each) => each.name === TERMINAL && each.exitStatus === undefined) ?? vscode.window.createTerminal({ name: TERMINAL });
  terminal.show(true);
  terminal.sendText(withoutPrompts(code), true);
  return null;
}

const TERMINAL = "KaLactica";

/** Commands as typed, without the "$ " that documentation puts before them and without what it shows as output. */
function withoutPrompts(code: string): string {
  const lines = code.split(/\r?\n/);
  const prompted = lines.filter((line) => /^\s*\$ \S/.test(line));
  return (prompted.length > 0 ? prompted.map((line) => line.replace(/^\s*\$ /, "")) : lines).join("\n");
}

function shortened(code: string): string {
  const lines = code.trim().split("\n");
  return lines.length <= 8 ? code.trim() : `${lines.slice(0, 8).join("\n")}\n…`;
}

/** Allows a finding of a block from now on, or takes that back. */
export async function setAllowed(engine: Engine, concern: BlockConcern, allowed: boolean): Promise<void> {
  if (allowed) await engine.request("safety/allow", { key: concern.key, check: concern.check, rule: concern.rule, reason: concern.reason, excerpt: concern.excerpt });
  else await engine.request("safety/withdraw", { keys: [concern.key] });
}

/** Lists what was allowed in this workspace; what the user picks is taken back. */
export async function showOverrides(engine: Engine): Promise<void> {
  const overrides = await engine.request("safety/overrides", null);
  if (overrides.length === 0) {
    await vscode.window.showInformationMessage(vscode.l10n.t("Nothing was allowed: every check stands as it is."));
    return;
  }
  const picked = await vscode.window.showQuickPick(overrides.map(overrideItem), {
    title: vscode.l10n.t("Safety Overrides"), placeHolder: vscode.l10n.t("Choose what is not to be allowed any more"), canPickMany: true, matchOnDescription: true, matchOnDetail: true,
  });
  if (!picked || picked.length === 0) return;
  await engine.request("safety/withdraw", { keys: picked.map(({ override }) => override.key) });
  vscode.window.setStatusBarMessage(vscode.l10n.t("{0} taken back.", picked.length), 5_000);
}

function overrideItem(override: SafetyOverride): vscode.QuickPickItem & { override: SafetyOverride } {
  return { label: override.excerpt.split("\n")[0] ?? "", description: `${override.rule} · ${new Date(override.at).toLocaleString()}`, detail: override.reason, override };
}

/** Tells why the last suggestion that was hidden was. */
export async function explainHidden(hidden: HiddenCompletion | null): Promise<void> {
  await vscode.window.showInformationMessage(lastHidden(hidden, Date.now()));
}
