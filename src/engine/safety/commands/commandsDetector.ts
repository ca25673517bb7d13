// Commands as a check of the safety room. How they are judged is assessCommand.ts's.
import type { Detector } from "../detector.ts";
import { makeFinding } from "../detector.ts";
import { assessCommand } from "./assessCommand.ts";
import type { ShellKind } from "./assessCommand.ts";

const SCORES = { ask: 0.5, block: 1 } as const;
/** Of a command in which nothing was found, but that does more than show something: a workspace whose threshold is this or less is asked about it. */
export const ORDINARY = 0.25;

/** Which shell a language id of a code block stands for, or null where it is no shell. */
export function shellOf(language: string): ShellKind | null {
  const id = language.toLowerCase();
  if (/^(?:sh|bash|zsh|shell|shellscript|console|shell-session|terminal|fish|ksh)$/.test(id)) return "auto";
  if (/^(?:powershell|pwsh|ps1?|posh)$/.test(id)) return "powershell";
  return /^(?:bat|batch|cmd|dos|winbatch)$/.test(id) ? "cmd" : null;
}

export const commandsDetector: Detector = {
  name: "commands",
  kinds: ["command"],
  deadlineMs: 50,
  unchecked: "ask",
  detect({ text, language }, { threshold }) {
    const assessment = assessCommand(text, { shell: language === undefined ? "auto" : shellOf(language) ?? "auto", askByDefault: threshold <= ORDINARY });
    const found = assessment.findings.length > 0;
    const score = assessment.action === "allow" ? 0 : found ? SCORES[assessment.action] : ORDINARY;
    return makeFinding("commands", {
      score, threshold, action: score < threshold ? "allow" : assessment.action,
      reason: assessment.action === "allow" ? "No dangerous commands." : assessment.consequence,
      spans: assessment.findings.map(({ start, end, rule }) => ({ start, end, kind: rule })),
    });
  },
};
