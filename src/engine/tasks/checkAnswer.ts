// Checks what an answer proposes before it is shown as checked: its blocks of commands and of code, and copies of what was
// redacted or is under somebody else's licence. All within one deadline; what is late is not checked, which is never "allow".
import { createHash } from "node:crypto";
import type { JudgedBlock } from "../protocol/safety.ts";
import { blockKey } from "../protocol/safety.ts";
import type { BlockConcern, Check, VerdictAction } from "../protocol/types.ts";
import { assessCommand } from "../safety/commands/assessCommand.ts";
import { ORDINARY, shellOf } from "../safety/commands/commandsDetector.ts";
import { codeGrammarOf, findInsecureCode, prepareLanguage } from "../safety/code/findInsecureCode.ts";
import { guessLanguage } from "../safety/code/guessLanguage.ts";
import type { CopyIndex } from "../safety/copies/copyIndex.ts";
import { NO_POLICY } from "../safety/policy.ts";
import type { Policy } from "../safety/policy.ts";
import { combineChecks, makeCheck, SEVERITY } from "../safety/verdict.ts";
import type { CheckName } from "../safety/verdict.ts";

export interface AnswerScreens {
  /** Files of the workspace under other licences; null until they are read. */
  copies: CopyIndex | null;
  /** Whether the user has allowed a finding. */
  isAllowed: (key: string) => boolean;
  /** What the workspace's policy changes; nothing where absent. */
  policy?: Policy;
  /** Checks of code against the project itself, in what is left of the time. */
  project?: (blocks: readonly AnswerBlock[], budgetMs: number) => Promise<CheckedAnswer>;
}

export interface CheckedAnswer {
  checks: Check[];
  concerns: BlockConcern[];
}

export interface AnswerBlock {
  code: string;
  /** What the fence says, "" where it says nothing. */
  language: string;
}

/** All checks of one answer together, in ms. */
export const ANSWER_DEADLINE_MS = 70;
const MOST_BLOCKS = 40;

const FENCE = /^( {0,3}|\s*(?:[-*+]|\d+[.)])\s+)?(`{3,}|~{3,})[ \t]*([^\n`]*)\n([\s\S]*?)(?:^[ \t]*\2[`~]*[ \t]*$|(?![\s\S]))/gm;

/** The fenced blocks of `prose`, in order. */
export function blocksOf(prose: string): AnswerBlock[] {
  const blocks: AnswerBlock[] = [];
  for (const match of prose.matchAll(FENCE)) {
    const language = /^[\w#+.-]*/.exec((match[3] ?? "").trim())?.[0] ?? "";
    blocks.push({ code: (match[4] ?? "").replace(/\n$/, ""), language });
    if (blocks.length >= MOST_BLOCKS) break;
  }
  return blocks;
}

/** Checks of everything that `prose` proposes. No checks where it proposes nothing. */
export async function checkAnswer(prose: string, screens: AnswerScreens, deadlineMs = ANSWER_DEADLINE_MS): Promise<CheckedAnswer> {
  const blocks = blocksOf(prose);
  if (blocks.length === 0) return { checks: [], concerns: [] };
  for (const language of new Set(blocks.map(languageOf))) await prepareLanguage(language).catch(() => undefined);
  const begun = performance.now();
  const concerns: BlockConcern[] = [];
  const seen: Record<"commands" | "insecureCode" | "licence", { judged: number; late: string | null }> = { commands: { judged: 0, late: null }, insecureCode: { judged: 0, late: null }, licence: { judged: 0, late: null } };
  for (const block of blocks) {
    const left = deadlineMs - (performance.now() - begun);
    const found = judge(block, screens, left);
    concerns.push(...found.concerns);
    for (const [check, late] of found.judged) {
      if (late === null) seen[check].judged++;
      else seen[check].late ??= late;
    }
  }
  const checks = (["commands", "insecureCode", "licence"] as const).flatMap((name) => checkOf(name, seen[name], concerns.filter((concern) => concern.check === name)));
  const project = await screens.project?.(blocks, deadlineMs - (performance.now() - begun));
  return { checks: [...checks, ...project?.checks ?? []], concerns: [...concerns, ...project?.concerns ?? []] };
}

/** One block as it is about to be inserted or run. */
export async function judgeBlock(block: AnswerBlock, screens: AnswerScreens): Promise<JudgedBlock> {
  await prepareLanguage(languageOf(block)).catch(() => undefined);
  const begun = performance.now();
  const { concerns, judged } = judge(block, screens, 500);
  const checks = judged.flatMap(([name, late]) => checkOf(name, { judged: late === null ? 1 : 0, late }, concerns.filter((concern) => concern.check === name)));
  const open = concerns.filter((concern) => !concern.allowed).sort((a, b) => SEVERITY[b.action] - SEVERITY[a.action])[0];
  const late = judged.find(([name, why]) => name === "commands" && why !== null);
  return {
    verdict: combineChecks(checks, performance.now() - begun), concerns,
    action: open?.action ?? (late ? "ask" : "allow"),
    consequence: open?.reason ?? (late ? "It could not be checked in time." : ""),
  };
}

type BlockCheck = "commands" | "insecureCode" | "licence";

function languageOf({ code, language }: AnswerBlock): string {
  return shellOf(language) ? "" : codeGrammarOf(language) ? language : language === "" ? guessLanguage(code) ?? "" : language;
}

/** Which checks were made of a block (null: made; a text: why not), and what they found. */
function judge(block: AnswerBlock, screens: AnswerScreens, budgetMs: number): { judged: [BlockCheck, string | null][]; concerns: BlockConcern[] } {
  const judged: [BlockCheck, string | null][] = [];
  const concerns: BlockConcern[] = [];
  const name = blockKey(block.code);
  const { policy = NO_POLICY } = screens;
  const add = (check: BlockCheck, found: VerdictAction, rule: string, reason: string, fix: string, span: { start: number; end: number } | null): void => {
    const { action } = policy.judge({ ...makeCheck(check, { score: 1, threshold: policy.threshold(check), action: found, reason }), spans: span ? [{ ...span, kind: rule }] : [] }, block.code);
    if (action === "allow") return;
    const key = createHash("sha256").update(`${check}\n${rule}\n${name}\n${block.code.replace(/\s+/g, " ").trim()}`).digest("hex").slice(0, 40);
    concerns.push({ block: name, check, action, rule, reason, fix, span, excerpt: excerptOf(block.code, span), key, allowed: screens.isAllowed(key) });
  };
  const shell = shellOf(block.language);
  if (budgetMs <= 0) return { judged: [[shell ? "commands" : "insecureCode", "there was no time left"]], concerns };
  const code = languageOf(block);
  if (shell !== null || (block.language === "" && code === "" && looksLikeCommands(block.code))) {
    const assessment = assessCommand(block.code, { shell: shell ?? "auto", askByDefault: policy.threshold("commands") <= ORDINARY });
    judged.push(["commands", null]);
    if (assessment.action !== "allow") add("commands", assessment.action, assessment.findings[0]?.rule ?? "ordinary", assessment.consequence, "", assessment.span);
  } else if (code !== "" && codeGrammarOf(code) && policy.runs("insecureCode")) {
    const found = findInsecureCode(block.code, code, Math.max(1, budgetMs));
    if ("notChecked" in found) judged.push(["insecureCode", found.notChecked]);
    else {
      judged.push(["insecureCode", null]);
      // What depends on its use is left to `kalactica check`: a mark on every random number would be read by nobody.
      for (const { cwe, what, fix, start, end, confidence } of found.findings) if (confidence === "likely") add("insecureCode", "warn", cwe, what, fix, { start, end });
    }
  }
  if (screens.copies && shell === null && policy.runs("licence")) {
    const copy = screens.copies.find(block.code);
    judged.push(["licence", null]);
    if (copy) add("licence", "warn", copy.licence, `Stands word for word in ${copy.path}, which is under ${copy.licence}.`, "Keep its notice, or write it anew.", { start: copy.start, end: copy.end });
  }
  return { judged, concerns };
}

/** The line on which a finding begins, cut. */
function excerptOf(code: string, span: { start: number; end: number } | null): string {
  const text = span ? code.slice(span.start, span.end) : code;
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

/** Blocks without a language that are commands: a prompt, or a first word as terminals know it. */
function looksLikeCommands(code: string): boolean {
  return /^\s*(?:\$ |sudo |npm |npx |yarn |pnpm |pip3? |python3? |git |curl |wget |docker |kubectl |cd |rm |mkdir |export |brew |apt(?:-get)? |make\b|cargo |go (?:get|install|run|build|test)\b|bash |sh |chmod |source |\.\/|powershell|pwsh|Invoke-|Remove-Item|del |rd )/.test(code);
}

const GOOD: Record<BlockCheck, string> = { commands: "No dangerous commands.", insecureCode: "No known weaknesses in the code.", licence: "No code of files under other licences." };

function checkOf(name: BlockCheck & CheckName, { judged, late }: { judged: number; late: string | null }, concerns: readonly BlockConcern[]): Check[] {
  if (judged === 0 && late === null) return [];
  const open = concerns.filter((concern) => !concern.allowed).sort((a, b) => SEVERITY[b.action] - SEVERITY[a.action]);
  const first = open[0];
  if (!first && late !== null) return [{ ...makeCheck(name, { score: 0, threshold: 0.5, action: name === "commands" ? "ask" : "warn", reason: `Not checked: ${late}.` }), notChecked: true }];
  const allowed = concerns.length - open.length;
  return [makeCheck(name, {
    score: first ? (first.action === "block" || name !== "commands" ? 1 : 0.5) : 0, threshold: 0.5, action: first?.action ?? "allow",
    reason: first ? `${first.reason}${first.fix === "" ? "" : ` ${first.fix}`}${first.rule.startsWith("CWE") ? ` (${first.rule})` : ""}${open.length > 1 ? ` And ${open.length - 1} more.` : ""}` : allowed > 0 ? `${GOOD[name].slice(0, -1)} but what you have allowed.` : GOOD[name],
  })];
}
