// A small reader of PowerShell and cmd.exe: separators, quoting, escapes, variables that the text sets, blocks in brackets,
// encoded commands. Enough to see which programs would run with which arguments; it runs nothing.
import { shownText } from "./call.ts";
import type { CommandCall, Rule } from "./call.ts";
import { FILE_RULES } from "./fileRules.ts";
import { ask, block } from "./findings.ts";
import type { Concern } from "./findings.ts";
import { NETWORK_RULES } from "./networkRules.ts";
import { PACKAGE_RULES } from "./packageRules.ts";
import { UNKNOWN } from "./places.ts";
import { SERVICE_RULES } from "./serviceRules.ts";
import { SYSTEM_RULES } from "./systemRules.ts";
import { WRITTEN_HERE, fromBase64 } from "./values.ts";
import type { Field } from "./values.ts";
import { WINDOWS_RULES } from "./windowsRules.ts";

const DEEPEST = 12;
const LONGEST = 65_536;

/** PowerShell's aliases of cmdlets that rules know. */
const ALIASES: Readonly<Record<string, string>> = { rm: "remove-item", rmdir: "remove-item", ri: "remove-item", del: "remove-item", erase: "remove-item", rd: "remove-item", iwr: "invoke-webrequest", irm: "invoke-restmethod", curl: "invoke-webrequest", wget: "invoke-webrequest", kill: "stop-process", spps: "stop-process", saps: "start-process", start: "start-process", sc: "set-content", gc: "get-content", cp: "copy-item", copy: "copy-item", mv: "move-item", move: "move-item", clc: "clear-content", sasv: "start-service", spsv: "stop-service" };

const FETCHES = /\b(?:invoke-webrequest|invoke-restmethod|iwr|irm|curl|wget|downloadstring|downloaddata|downloadfile|openread|net\.webclient|start-bitstransfer|httpclient|xmlhttp|winhttp)\b/i;
const EVALUATES = /(?:^|[\s|;&({=])(?:iex|invoke-expression|&\s*\(|\.\s*\(|invoke-command\s+-scriptblock\s*\(\s*\[scriptblock\]::create|\[scriptblock\]::create)/i;

/** What commands written for `shell` would do. Strings that are put together from pieces are put together first. */
export function windowsConcerns(source: string, shell: "powershell" | "cmd", depth = 0): Concern[] {
  if (depth > DEEPEST || source.length > LONGEST) return [ask("too-deep", "is too long or wrapped too deep to be seen through")];
  return shell === "cmd" ? cmdConcerns(source, depth) : powerShellConcerns(source, depth);
}

function cmdConcerns(source: string, depth: number): Concern[] {
  const concerns: Concern[] = [];
  const variables = new Map<string, string>();
  // A caret escapes the next character and is dropped; at the end of a line it joins lines.
  const plain = source.replace(/\^\r?\n/g, "").replace(/\^(.)/g, "$1");
  for (const statement of splitStatements(plain, /^(?:&&?|\|\|?|\r?\n)/, "cmd")) {
    let text = statement.trim().replace(/^[@(\s]+/, "").replace(/\)\s*$/, "");
    text = text.replace(/%(\w+)(?::~(-?\d+)(?:,(-?\d+))?)?%/g, (whole, name: string, from: string | undefined, count: string | undefined) => {
      const value = variables.get(name.toLowerCase());
      if (value === undefined) return from === undefined ? whole : UNKNOWN;
      return from === undefined ? value : value.slice(Number(from), count === undefined ? undefined : Number(from) + Number(count));
    });
    const set = /^set\s+"?(\w+)=([^"]*)"?$/i.exec(text);
    if (set) {
      variables.set((set[1] ?? "").toLowerCase(), set[2] ?? "");
      if (/^path$/i.test(set[1] ?? "")) concerns.push(ask("search-path", "lets other programs take the place of usual ones"));
      continue;
    }
    const nested = /^(?:if\s+(?:not\s+)?(?:exist\s+(?:"[^"]*"|\S+)|errorlevel\s+\d+|defined\s+\S+|\S+\s*==\s*\S+)|for\s+(?:\/\w\s+)?(?:"[^"]*"\s+)?%%?\w\s+in\s*\([^)]*\)\s+do|call|start\s+(?:"[^"]*"\s+)?(?:\/\w+\s+)*|cmd(?:\.exe)?\s+(?:\/[a-z:]+\s+)*\/[ck]|cmd(?:\.exe)?\s+\/[ck])\s*([\s\S]+)$/i.exec(text);
    if (nested) {
      for (const loop of text.matchAll(/\bin\s*\(\s*'([^']*)'\s*\)/gi)) concerns.push(...windowsConcerns(loop[1] ?? "", "cmd", depth + 1));
      concerns.push(...windowsConcerns((nested[1] ?? "").replace(/^"([\s\S]*)"$/, "$1"), "cmd", depth + 1));
      continue;
    }
    concerns.push(...program(words(text, "cmd"), "cmd", depth));
  }
  return concerns;
}

function powerShellConcerns(source: string, depth: number): Concern[] {
  const concerns: Concern[] = [];
  const variables = new Map<string, string>();
  /** What the stage before lists, for a stage that takes its paths from there. */
  let listed = "";
  const text = joinStrings(source.replace(/`\r?\n/g, " ").replace(/<#[\s\S]*?#>/g, " ").replace(/(^|\s)#[^\n]*/g, "$1").replace(/`(?=[A-Za-z])(?![0abfnrtv](?![A-Za-z]))/g, "").replace(/`([^0abfnrtv\n])/g, "$1"));
  for (const match of text.matchAll(/\$(\w+)\s*=\s*(["'])((?:(?!\2).)*)\2/g)) variables.set((match[1] ?? "").toLowerCase(), match[3] ?? "");
  const filled = text.replace(/\$(\w+)\b(?!\s*=[^=])/g, (whole, name: string) => variables.get(name.toLowerCase()) ?? whole);
  const evaluates = EVALUATES.test(filled);
  if (evaluates && FETCHES.test(filled)) concerns.push(ask("run-downloaded", `runs a program downloaded from ${shownText(/https?:\/\/([^/\s"')]+)/i.exec(filled)?.[1] ?? "the internet")} unseen`));
  else if (evaluates && /frombase64string|\[char\[?\]?\]|-join|\[convert\]|::reverse|gzipstream|deflatestream/i.test(filled)) concerns.push(ask("run-decoded", "runs a program that is hidden in encoded text"));
  if (/FromBase64String\(\s*["']([A-Za-z0-9+/=]{8,})["']/i.test(filled)) {
    for (const match of filled.matchAll(/FromBase64String\(\s*["']([A-Za-z0-9+/=]{8,})["']/gi)) {
      for (const encoding of ["utf8", "utf16le"] as const) {
        const decoded = fromBase64(match[1] ?? "", encoding);
        if (decoded !== null && evaluates && /^[\t\n\r\x20-\x7e]+$/.test(decoded)) concerns.push(...windowsConcerns(decoded, "powershell", depth + 1));
      }
    }
  }
  if (/net\.sockets\.tcpclient/i.test(filled) && /(?:iex|invoke-expression|getstream)/i.test(filled)) concerns.push(block("reverse-shell", "gives another machine a terminal on this one"));
  for (const call of filled.matchAll(/\[(?:System\.)?IO\.(?:Directory|File)\]::Delete\(\s*["']([^"']+)["']/gi)) concerns.push(...program(["remove-item", "-recurse", call[1] ?? ""], "powershell", depth));
  for (const statement of splitStatements(filled, /^(?:;|\r?\n|&&|\|\|?)/, "powershell")) {
    let plain = statement.trim();
    // Blocks and groups are read for themselves, after what stands around them.
    for (const inner of brackets(plain)) concerns.push(...windowsConcerns(inner, "powershell", depth + 1));
    plain = plain.replace(/^\$\w+\s*=\s*/, "").replace(/^(?:if|while|foreach|for|switch|try|catch|finally|else|elseif|do|function\s+[\w-]+)\b[\s\S]*$/i, "").replace(/^[&.]\s+(?=["'\w$])/, "");
    if (plain === "" || /^[$[({@\d"']/.test(plain) && !/^["'][^"']*["']\s/.test(plain)) {
      if (/^["']?\$\w+["']?\s+-/.test(plain)) concerns.push(ask("hidden-program", "runs a program whose name is only known when it runs"));
      continue;
    }
    const all = words(plain, "powershell");
    const name = ALIASES[all[0]?.toLowerCase() ?? ""] ?? all[0]?.toLowerCase() ?? "";
    if (name === "remove-item" && listed !== "" && !all.slice(1).some((word) => !word.startsWith("-"))) all.push(listed);
    listed = /^(?:get-childitem|gci|ls|dir|get-item|gi|where-object|where|\?)$/.test(name) ? all.slice(1).find((word) => !word.startsWith("-")) ?? listed : "";
    concerns.push(...program(all, "powershell", depth));
  }
  return concerns;
}

/** Asks the rules about one program. */
function program(all: readonly string[], shell: "powershell" | "cmd", depth: number): Concern[] {
  const [first = "", ...rest] = all;
  const bare = first.replace(/^.*[\\/](?=[^\\/]+$)/, "").replace(/\.(?:exe|com|cmd|bat)$/i, "").toLowerCase();
  const name = shell === "powershell" ? ALIASES[bare] ?? bare : bare === "rd" || bare === "rmdir" || bare === "erase" ? "del" : bare;
  if (name === "powershell" || name === "pwsh") return startedPowerShell(rest, depth);
  if (name === "cmd") return windowsConcerns(rest.filter((word) => !/^\/[a-z:]+$/i.test(word)).join(" "), "cmd", depth + 1);
  if (name === "iex" || name === "invoke-expression") return [...(rest.length === 0 || /[$(]/.test(rest.join(" ")) ? [ask("run-hidden", "runs a text as a program that is only known when it runs")] : []), ...windowsConcerns(rest.join(" "), "powershell", depth + 1)];
  if (name === "runas" || name === "sudo" || name === "gsudo") return [block("administrator", "runs with administrator rights"), ...windowsConcerns(rest.join(" "), shell, depth + 1)];
  if (name === "start-process") {
    const target = rest.filter((word) => !word.startsWith("-"));
    const inner = target.length > 0 ? program(target.flatMap((word) => word.split(",")), shell, depth + 1) : [];
    return [...asked(WINDOWS_RULES.get(name), name, rest), ...inner];
  }
  const concerns: Concern[] = [];
  for (const table of [WINDOWS_RULES, FILE_RULES, SYSTEM_RULES, NETWORK_RULES, PACKAGE_RULES, SERVICE_RULES]) concerns.push(...asked(table.get(name), name, rest));
  for (let i = 0; i < rest.length; i++) {
    if (/^>>?$/.test(rest[i] ?? "") && rest[i + 1] !== undefined && !/^(?:nul|\$null)$/i.test(rest[i + 1] ?? "")) concerns.push(...asked(WINDOWS_RULES.get("out-file"), "out-file", [rest[i + 1] ?? ""]));
  }
  if (first.includes(UNKNOWN)) concerns.push(ask("hidden-program", "runs a program whose name is only known when it runs"));
  return concerns;
}

function asked(rule: Rule | undefined, name: string, args: readonly string[]): readonly Concern[] {
  if (!rule) return [];
  const fields = args.map((text): Field => ({ text, ...WRITTEN_HERE, start: 0, end: 0, encoded: false, quoted: false }));
  const call: CommandCall = { name, args: fields, input: null, folder: ".", fileContent: () => null };
  return rule(call);
}

/** `powershell -enc …`, `-Command …`, `-File …`: parameters may be cut short. */
function startedPowerShell(args: readonly string[], depth: number): Concern[] {
  const concerns: Concern[] = [];
  for (let i = 0; i < args.length; i++) {
    const word = args[i] ?? "";
    const value = args[i + 1] ?? "";
    if (/^[-/](?:e|ec|en|enc|enco\w*)$/i.test(word)) {
      const decoded = fromBase64(value, "utf16le");
      const inner = decoded === null ? [] : windowsConcerns(decoded, "powershell", depth + 1);
      return [...concerns, ...inner, ask("run-decoded", "runs a program that is hidden in encoded text")];
    }
    if (/^[-/](?:ex|exec|ep|executionpolicy|exe\w*)$/i.test(word)) {
      if (/bypass|unrestricted/i.test(value)) concerns.push(ask("protection-off", "runs a script past the rule that forbids it"));
      i++;
    } else if (/^[-/](?:w|window\w*|wi\w*|version|v|inputformat|outputformat|configurationname|psconsolefile)$/i.test(word)) i++;
    else if (/^[-/](?:f|fi|fil|file)$/i.test(word)) return [...concerns, ...(/^https?:|^\\\\/.test(value) ? [ask("run-downloaded", "runs a program from another machine unseen")] : [])];
    else if (/^[-/](?:c|co\w*)$/i.test(word)) return [...concerns, ...windowsConcerns(args.slice(i + 1).join(" "), "powershell", depth + 1)];
    else if (!/^[-/]/.test(word)) return [...concerns, ...(/\.ps1$/i.test(word) ? [] : windowsConcerns(args.slice(i).join(" "), "powershell", depth + 1))];
  }
  return concerns;
}

/** Statements of `text`, split at `separator` outside of quotes and brackets. */
function splitStatements(text: string, separator: RegExp, shell: "powershell" | "cmd"): string[] {
  const statements: string[] = [];
  let from = 0;
  let quote = "";
  let open = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (quote !== "") {
      if (character === quote) quote = "";
    } else if (character === '"' || (character === "'" && shell === "powershell")) quote = character;
    else if (shell === "powershell" && "({".includes(character)) open++;
    else if (shell === "powershell" && ")}".includes(character)) open = Math.max(0, open - 1);
    else if (open === 0) {
      const match = separator.exec(text.slice(i, i + 3));
      if (match) {
        statements.push(text.slice(from, i));
        i += match[0].length - 1;
        from = i + 1;
      }
    }
  }
  statements.push(text.slice(from));
  return statements.filter((statement) => statement.trim() !== "");
}

function words(text: string, shell: "powershell" | "cmd"): string[] {
  const found: string[] = [];
  const pattern = shell === "cmd" ? /(?:"[^"]*"|[^\s"])+/g : /(?:"[^"]*"|'[^']*'|[^\s"'])+/g;
  for (const match of text.matchAll(pattern)) found.push(shell === "cmd" ? match[0].replaceAll('"', "") : match[0].replace(/["']/g, ""));
  return found;
}

/** What stands between outermost round and curly brackets. */
function brackets(text: string): string[] {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if ("({".includes(text.charAt(i)) && depth++ === 0) from = i + 1;
    else if (")}".includes(text.charAt(i)) && depth > 0 && --depth === 0 && i - from > 2) found.push(text.slice(from, i));
  }
  return found.slice(0, 40);
}

/** 'i'+'ex' → 'iex', "{1}{0}" -f 'ex','i' → 'iex', ('a','b') -join '' → 'ab'. */
function joinStrings(text: string): string {
  let joined = text;
  for (let round = 0; round < 8; round++) {
    const next = joined.replace(/(["'])([^"'\n]*)\1\s*\+\s*(["'])([^"'\n]*)\3/g, (_, __, a: string, ___, b: string) => `'${a}${b}'`);
    if (next === joined) break;
    joined = next;
  }
  joined = joined.replace(/&\s*\(\s*(["'])([\w-]+)\1\s*\)/g, "$2");
  joined = joined.replace(/(["'])((?:\{\d+\})+)\1\s*-f\s*((?:(["'])[^"']*\4\s*,?\s*)+)/gi, (_, __, format: string, list: string) => {
    const pieces = [...list.matchAll(/(["'])([^"']*)\1/g)].map((match) => match[2] ?? "");
    return `'${format.replace(/\{(\d+)\}/g, (___, n: string) => pieces[Number(n)] ?? "")}'`;
  });
  return joined.replace(/\(\s*((?:(["'])[^"']*\2\s*,\s*)+(["'])[^"']*\3)\s*\)\s*-join\s*(["'])\4/gi, (_, list: string) => `'${[...list.matchAll(/(["'])([^"']*)\1/g)].map((match) => match[2] ?? "").join("")}'`);
}

