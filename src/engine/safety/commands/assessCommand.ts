// Judges commands before they are offered to be run: allow, ask, or block, with the consequence in one sentence and its place.
// The text is read by the grammar of its shell; nothing is run, and no disk, network or environment is looked at.
//
// The classes (see findings.ts) follow what an editor may do unasked. Where policies of agents ask about every command that
// they do not know, ours allows it: a developer's own tools are installed already. `askByDefault` gives the other rule.
import { gravest } from "./findings.ts";
import type { CommandAction, CommandFinding } from "./findings.ts";
import { ShellAssessor } from "./shellAssessor.ts";
import { WINDOWS_RULES } from "./windowsRules.ts";
import { windowsConcerns } from "./windowsShell.ts";

/** Which shell the text is for; "auto" looks at the text. */
export type ShellKind = "posix" | "powershell" | "cmd" | "auto";

export interface CommandAssessment {
  action: CommandAction;
  /** "Runs a program downloaded from the internet unseen.", or that nothing was found. */
  consequence: string;
  /** Of the gravest finding. */
  span: { start: number; end: number } | null;
  /** Gravest first. */
  findings: CommandFinding[];
}

export interface AssessOptions {
  shell?: ShellKind;
  /** Whatever is not known to show something only is asked about; default false. */
  askByDefault?: boolean;
}

/** Longer texts are scripts; they are not looked at as commands but said not to be. */
const LONGEST = 100_000;

const foreignShell = (source: string, kind: "powershell" | "cmd") => windowsConcerns(source, kind);

const WINDOWS_MARKS = /(?:^|[\n;&|(]\s*|\bcmd(?:\.exe)?\s+\/[ck]\s+)@?(?:del|erase|rd|rmdir|format|icacls|cacls|takeown|attrib|reg|setx|sc|schtasks|net1?|netsh|bcdedit|vssadmin|wbadmin|wmic|wevtutil|certutil|bitsadmin|mshta|regsvr32|rundll32|taskkill|cipher|diskpart|cscript|wscript|robocopy|xcopy|powershell|pwsh|cmd|iex|iwr|irm|runas)(?:\.exe)?(?:\s|$)/i;
const POWERSHELL_MARKS = /(?:\b(?:(?:Get|Set|New|Remove|Invoke|Start|Stop|Restart|Add|Clear|Copy|Move|Out|Import|Export|Install|Uninstall|Enable|Disable|Format|Initialize|Register|Write|Select|Where|ForEach|Expand|Test|Enter|Reset|Update)-[A-Z]\w+|iex|iwr|irm|\$env:\w+|\[(?:System\.)?(?:IO|Net|Convert|Text|Reflection)\.)|&\s*\(\s*["'])/i;

/** Judges `text`: one command or several lines of them. Takes about a millisecond for a screenful. */
export function assessCommand(text: string, options: AssessOptions = {}): CommandAssessment {
  const shell = options.shell ?? "auto";
  if (text.length > LONGEST) return judged([{ action: "ask", rule: "too-long", consequence: "is too long to be looked at whole", start: 0, end: text.length }], options, text);
  const { text: readable, changed } = visible(text);
  const findings: CommandFinding[] = [];
  const whole = { start: 0, end: text.length };
  if (changed) findings.push({ action: "ask", rule: "invisible", consequence: "holds characters that cannot be seen or only look like others", ...whole });
  const body = withoutPrompts(readable);
  // Lines that look like output would be run as well by whoever runs the whole text.
  if (body !== readable && shell !== "cmd" && shell !== "powershell") {
    const output = new ShellAssessor(foreignShell);
    output.assess(readable.split("\n").map((line, i) => (body.split("\n")[i]?.trim() === "" ? line : "")).join("\n"));
    findings.push(...output.findings.filter((finding) => finding.action === "block"));
  }
  if (shell === "posix" || shell === "auto") {
    const assessor = new ShellAssessor(foreignShell);
    assessor.assess(body);
    findings.push(...assessor.findings);
  }
  const windows = shell === "cmd" || (shell === "auto" && (WINDOWS_MARKS.test(body) || namesWindowsCommand(body) || /[A-Za-z]:\\|%\w+%/.test(body)));
  const powerShell = shell === "powershell" || (shell === "auto" && POWERSHELL_MARKS.test(body));
  for (const kind of [...(windows ? ["cmd"] as const : []), ...(powerShell ? ["powershell"] as const : [])]) {
    for (const concern of windowsConcerns(body, kind)) findings.push({ ...concern, ...whole });
  }
  // Text of another shell is no grammar of this one, which then is no reason to ask.
  const relevant = (windows || powerShell) && shell === "auto" ? findings.filter((finding) => finding.rule !== "unreadable") : findings;
  return judged(relevant, options, body);
}

/** Of findings that are equally grave, what runs foreign code is told first, and that something is fetched at all last. */
function rank({ rule }: CommandFinding): number {
  return rule.startsWith("run-") ? 0 : rule === "download" || rule === "remote" || rule === "invisible" || rule === "unreadable" ? 2 : 1;
}

function namesWindowsCommand(text: string): boolean {
  for (const match of text.matchAll(/(?:^|[\n;&|({])\s*@?([A-Za-z][\w-]*)/g)) if (WINDOWS_RULES.has((match[1] ?? "").toLowerCase())) return true;
  return false;
}

function judged(findings: readonly CommandFinding[], options: AssessOptions, text: string): CommandAssessment {
  const ordered = [...findings].sort((a, b) => (a.action === b.action ? rank(a) - rank(b) : a.action === "block" ? -1 : 1)).filter((finding, i, all) => all.findIndex((other) => other.rule === finding.rule && other.consequence === finding.consequence) === i);
  const worst = gravest(ordered);
  if (!worst) {
    const asks = options.askByDefault === true && !showsOnly(text);
    return { action: asks ? "ask" : "allow", consequence: asks ? "Is not known to only show something." : "Nothing was found to be careful about.", span: null, findings: [] };
  }
  // What harms most is said, though the rights that it takes block it first.
  const told = worst.rule === "administrator" ? ordered.find((finding) => finding.action === "block" && finding.rule !== "administrator") ?? ordered.find((finding) => finding.rule !== "administrator") : worst;
  const sentence = told && worst.rule === "administrator" ? `${told.consequence}, with administrator rights` : worst.consequence;
  return { action: worst.action, consequence: `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.`, span: { start: worst.start, end: worst.end }, findings: ordered };
}

const ONLY_SHOWS = /^\s*(?:(?:ls|pwd|whoami|date|uptime|hostname|id|uname|echo|true|false|printf|clear|which|tty|groups|arch|nproc)(?:\s+[\w"'=.,:@%+ -]*)?)?\s*$/;

/** Every line only shows something, and nothing in it is expanded or redirected. */
function showsOnly(text: string): boolean {
  return text.split(/\n|;|&&/).every((line) => ONLY_SHOWS.test(line));
}

/** The text with invisible characters removed and look-alikes made plain: full-width letters, exotic blanks, line separators. */
function visible(text: string): { text: string; changed: boolean } {
  if (/^[\x09\x0a\x0d\x20-\x7e]*$/.test(text)) return { text: text.replace(/\r\n?/g, "\n"), changed: false };
  const plain = text.replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\u180e\u{e0000}-\u{e007f}\0]/gu, "").replace(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, " ").replace(/[\u2028\u2029\u0085]/g, "\n")
    .replace(/[\uff01-\uff5e]/g, (character) => String.fromCharCode(character.charCodeAt(0) - 0xfee0)).replace(/[\u2010-\u2015\u2212]/g, "-")
    .replace(/(?<![^\s;|&(/"'=])[\u0400-\u04ff\u0370-\u03ffA-Za-z]+/g, (word) => (/[A-Za-z]/.test(word) ? word.replace(/[\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u03bf\u043a\u043c\u0442\u0432\u04bb]/g, (letter) => LOOK_ALIKE[letter] ?? letter) : word));
  return { text: plain.replace(/\r\n?/g, "\n"), changed: plain !== text };
}

const LOOK_ALIKE: Readonly<Record<string, string>> = { "\u0430": "a", "\u0435": "e", "\u043e": "o", "\u0440": "p", "\u0441": "c", "\u0443": "y", "\u0445": "x", "\u0456": "i", "\u0458": "j", "\u0455": "s", "\u03bf": "o", "\u043a": "k", "\u043c": "m", "\u0442": "t", "\u0432": "b", "\u04bb": "h" };

/** A transcript of a terminal: only lines after a prompt are commands, and offsets stay as they are. */
function withoutPrompts(text: string): string {
  const lines = text.split("\n");
  const prompt = /^(\s*(?:\(\w[\w.-]*\)\s*)?(?:\$|%|PS [^>\n]*>|[A-Z]:\\[^>\n]*>)\s)(?=\S)/;
  const commented = /^\s*(?:#|::|REM\b)/i;
  if (!lines.some((line) => prompt.test(line))) return text;
  let continues = false;
  return lines.map((line) => {
    const match = prompt.exec(line);
    const shown = match ? " ".repeat((match[1] ?? "").length) + line.slice((match[1] ?? "").length) : continues || commented.test(line) ? line : " ".repeat(line.length);
    continues = /\\\s*$/.test(line) && (match !== null || continues);
    return shown;
  }).join("\n");
}
