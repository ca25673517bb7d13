// Takes what IPython adds to Python (`%magic`, `%%magic`, `!command`, `name?`) out of a cell, keeping its lines, and tells
// what those lines did. It reads no Python.
import type { Effects, Hazard } from "./facts.ts";
import { noEffects } from "./facts.ts";

export interface Magic extends Effects {
  /** 1-based line in the cell. */
  line: number;
  text: string;
  /** Names of Python that it reads (`{name}` and `$name` of a command, arguments of some magics). */
  uses: string[];
  defines: string[];
  opaque: string | null;
  nondeterministic: boolean;
}

export interface WithoutMagics {
  /** Python of the same number of lines; lines of magics are blank or keep the Python in them (`%time f(x)`). */
  python: string;
  magics: Magic[];
}

/** Judges a command line of a shell: what it would do that should not be repeated, or null. Passed in where one exists. */
export type ShellJudge = (command: string) => Pick<Hazard, "kind" | "what"> | null;

/** Cell magics whose body is Python of this session. */
const PYTHON_BODY = /^(?:time|timeit|capture|prun|memit|mprun|lprun|python3?|debug|skip|heat|snakeviz|cache|wandb|notify|ai?mport)$/;
const SHELL_BODY = /^(?:bash|sh|script|cmd|system|sx|!|ruby|perl|pypy)$/;

export function withoutMagics(source: string, judge: ShellJudge = judgeShell): WithoutMagics {
  const lines = source.split("\n");
  const magics: Magic[] = [];
  const first = lines.findIndex((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  const cell = first < 0 ? null : /^%%(!|\w+)[ \t]*(.*)$/.exec(lines[first] ?? "");
  if (cell) {
    const [, name = "", rest = ""] = cell;
    const magic = emptyMagic(first + 1, lines[first] ?? "");
    magics.push(magic);
    if (PYTHON_BODY.test(name)) {
      if (name === "capture" && /^\w+/.test(rest)) magic.defines.push(/^\w+/.exec(rest)?.[0] ?? "");
      const inline = name === "time" || name === "timeit" || name === "prun" ? rest.replace(/^(?:-\w+\s*\d*\s*)+/, "") : "";
      lines[first] = inline.trim();
      if (/^time(?:it)?$/.test(name)) magic.nondeterministic = false;
      const inner = withoutLineMagics(lines, judge);
      return { python: inner.python, magics: [...magics, ...inner.magics] };
    }
    const body = lines.slice(first + 1).join("\n");
    if (SHELL_BODY.test(name)) {
      for (const [i, line] of lines.entries()) if (i > first) shellEffects(line.trim(), i + 1, magic, judge);
      namesInCommand(body, magic.uses);
      for (const match of rest.matchAll(/--(?:out|err)\s+(\w+)/g)) magic.defines.push(match[1] as string);
    } else if (/^(?:writefile|file)$/.test(name)) {
      const file = rest.replace(/^-a\s+/, "").trim();
      magic.filesWritten.push(file);
    } else if (/^sql$/.test(name) || /^\w*sql\w*$/.test(name)) {
      sqlHazard(body + rest, first + 1, magic.hazards);
      magic.nondeterministic = true;
      const into = /^\s*(\w+)\s*<</.exec(rest)?.[1];
      if (into !== undefined) magic.defines.push(into);
      for (const match of body.matchAll(/(?<![\w:]):(\w+)|\{\{?\s*(\w+)/g)) magic.uses.push(match[1] ?? match[2] as string);
    } else if (name === "R") {
      for (const match of rest.matchAll(/(?:-i|--input)\s+(\w+)/g)) magic.uses.push(match[1] as string);
      for (const match of rest.matchAll(/(?:-o|--output)\s+(\w+)/g)) magic.defines.push(match[1] as string);
    }
    magic.text = source.trim();
    return { python: lines.map(() => "").join("\n"), magics };
  }
  return withoutLineMagics(lines, judge);
}

function withoutLineMagics(lines: string[], judge: ShellJudge): WithoutMagics {
  const magics: Magic[] = [];
  let inString: string | null = null;
  let depth = 0;
  const python = lines.map((line, i) => {
    const outside = inString === null && depth === 0;
    if (outside) {
      const found = lineMagic(line, i + 1, judge);
      if (found) {
        magics.push(found.magic);
        return found.python;
      }
    }
    ({ inString, depth } = scan(line, inString, depth));
    return line;
  });
  return { python: python.join("\n"), magics };
}

function lineMagic(line: string, at: number, judge: ShellJudge): { magic: Magic; python: string } | null {
  const indent = /^\s*/.exec(line)?.[0] ?? "";
  const body = line.slice(indent.length);
  const magic = emptyMagic(at, body.trim());
  // `files = !ls` and `x = %timeit -o f()`
  const assigned = /^([A-Za-z_][\w, ]*?)\s*=\s*([!%])(?!=)(.*)$/.exec(body);
  const [, targets = "", mark = "", rest = ""] = assigned ?? [];
  if (assigned) {
    magic.defines.push(...targets.split(",").map((name) => name.trim()).filter((name) => name !== ""));
    if (mark === "!") {
      shellEffects(rest, at, magic, judge);
      namesInCommand(rest, magic.uses);
      magic.nondeterministic = true;
      return { magic, python: `${indent}pass` };
    }
    const python = pythonOfMagic(rest, magic, judge);
    return { magic, python: python === null ? `${indent}pass` : `${indent}${python}` };
  }
  if (body.startsWith("!")) {
    const command = body.replace(/^!+/, "");
    shellEffects(command, at, magic, judge);
    namesInCommand(command, magic.uses);
    return { magic, python: `${indent}pass` };
  }
  if (body.startsWith("%") && /^%{1,2}[A-Za-z]/.test(body)) {
    const python = pythonOfMagic(body.replace(/^%+/, ""), magic, judge);
    return { magic, python: python === null ? `${indent}pass` : `${indent}${python}` };
  }
  const help = /^\?{1,2}\s*([\w.]+)\s*$|^([\w.]+)\?{1,2}\s*$/.exec(body.trim());
  if (help) {
    magic.uses.push(((help[1] ?? help[2]) as string).split(".")[0] as string);
    return { magic, python: `${indent}pass` };
  }
  // Without automagic's percent sign, the installers are the ones that people write.
  if (/^(?:pip|conda|mamba) install\b/.test(body)) {
    shellEffects(body, at, magic, judge);
    return { magic, python: `${indent}pass` };
  }
  return null;
}

/** What a line magic (without its percent sign) does; the Python in it, or null where there is none. */
function pythonOfMagic(text: string, magic: Magic, judge: ShellJudge): string | null {
  const [, name = "", rest = ""] = /^(\w+)[ \t]*(.*)$/.exec(text) ?? [];
  switch (name) {
    case "time": case "timeit": case "prun": case "memit": case "debug":
      return rest.replace(/^(?:-\w+\s*\d*\s+)+/, "").trim() || null;
    case "lprun": case "mprun":
      return rest.replace(/^(?:-\w+\s+\S+\s+)+/, "").trim() || null;
    case "pip": case "conda": case "mamba": case "uv":
      shellEffects(`${name} ${rest}`, magic.line, magic, judge);
      return null;
    case "cd": case "pushd": case "popd":
      magic.environment.push("working directory");
      magic.defines.push("‹working directory›");
      namesInCommand(rest, magic.uses);
      return null;
    case "env": case "set_env": {
      const set = /^(\w+)\s*[= ]\s*(.*)$/.exec(rest.trim());
      if (set) {
        magic.environment.push(set[1] as string);
        magic.defines.push("‹environment›");
        namesInCommand(set[2] as string, magic.uses);
      }
      return null;
    }
    case "run": case "load": case "loadpy": case "store": case "recall": case "rerun": case "macro":
      magic.opaque = `%${name} runs code that is not in the cell`;
      if (name === "run") magic.filesRead.push(rest.trim().split(/\s+/).find((word) => !word.startsWith("-")) ?? "");
      return null;
    case "reset": case "reset_selective":
      magic.opaque = "%reset removes names";
      return null;
    case "sql":
      sqlHazard(rest, magic.line, magic.hazards);
      return null;
    case "system": case "sx": case "sc":
      shellEffects(rest, magic.line, magic, judge);
      namesInCommand(rest, magic.uses);
      return null;
    case "rm": case "rmdir": case "mv": case "cp": case "mkdir":
      shellEffects(`${name} ${rest}`, magic.line, magic, judge);
      return null;
    case "matplotlib": case "load_ext": case "autoreload": case "config": case "precision": case "pylab":
      magic.environment.push(`%${name} ${rest}`.trim());
      return null;
    default:
      return null;
  }
}

function shellEffects(command: string, line: number, into: Magic, judge: ShellJudge): void {
  const text = command.trim();
  if (text === "" || text.startsWith("#")) return;
  const install = /(?:^|[;&|]\s*|\bsudo\s+|-m\s+)(?:uv\s+)?(?:pip3?|conda|mamba|apt(?:-get)?|npm|brew)\s+(?:install|add|i)\s+(.*?)(?:[;&|>]|$)/.exec(text);
  if (install) {
    const packages = (install[1] ?? "").split(/\s+/).filter((word) => word !== "" && !word.startsWith("-"));
    into.packages.push(...packages);
    into.hazards.push({ kind: "installs", what: `installs ${packages.slice(0, 3).join(", ") || "packages"}`, line });
  }
  for (const match of text.matchAll(/(?<![0-9&])>{1,2}\s*([^\s;&|>]+)/g)) if (match[1] !== "/dev/null") into.filesWritten.push(unquoted(match[1] as string));
  const judged = judge(text);
  if (judged && !(install && (judged.kind === "installs" || judged.kind === "shell"))) into.hazards.push({ ...judged, line });
}

/** A short list of commands that people regret to have run twice; used where no classifier is passed in. */
export function judgeShell(command: string): Pick<Hazard, "kind" | "what"> | null {
  const text = command.trim();
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  if (/(?:^|[;&|]\s*|\bsudo\s+)(?:rm|rmdir|shred|unlink|dd|mkfs\S*|del)\s/.test(text) || /\bfind\b.*-delete\b|\bgit\s+(?:clean|reset\s+--hard|checkout\s+--)/.test(text)) return { kind: "deletes", what: `deletes: ${shown}` };
  if (/(?:^|[;&|]\s*|\bsudo\s+)(?:mv|cp\s+-f|truncate)\s/.test(text) || /(?<![0-9&>])>\s*[^\s>&]/.test(text.replaceAll(/>\s*\/dev\/null/g, ""))) return { kind: "overwrites", what: `may overwrite: ${shown}` };
  if (/\bcurl\b.*(?:-X\s*(?:POST|PUT|DELETE)|--data|-d\s)|\baws\s+\S+\s+(?:delete|rm|terminate)|\bgit\s+push\b|\bkubectl\s+delete\b/.test(text)) return { kind: "network", what: `changes something elsewhere: ${shown}` };
  return null;
}

export function sqlHazard(text: string, line: number, into: Hazard[]): void {
  const found = /\b(DROP\s+(?:TABLE|DATABASE|SCHEMA|VIEW|INDEX|COLUMN)|DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?|ALTER\s+TABLE|UPDATE\s+\S+\s+SET|INSERT\s+(?:OR\s+\w+\s+)?INTO)\b\s*(?:IF\s+EXISTS\s+)?["'`[]?([\w.]*)/i.exec(text);
  if (found) into.push({ kind: "database", what: `${(found[1] as string).replaceAll(/\s+/g, " ").toUpperCase()} ${found[2] ?? ""}`.trim(), line });
}

function namesInCommand(command: string, into: string[]): void {
  for (const match of command.matchAll(/\{([A-Za-z_]\w*)[^}]*\}|(?<!\\)\$(?!\{)([A-Za-z_]\w*)/g)) {
    const name = (match[1] ?? match[2]) as string;
    if (!into.includes(name)) into.push(name);
  }
}

function unquoted(text: string): string {
  return text.replaceAll(/^["']|["']$/g, "");
}

function emptyMagic(line: number, text: string): Magic {
  return { line, text, uses: [], defines: [], opaque: null, nondeterministic: false, ...noEffects() };
}

/** Follows strings and brackets over a line, so that a `%` or `!` that continues an expression is not taken for a magic. */
function scan(line: string, inString: string | null, depth: number): { inString: string | null; depth: number } {
  let quote = inString;
  let open = depth;
  for (let i = 0; i < line.length; i++) {
    const character = line[i] as string;
    if (quote !== null) {
      if (character === "\\") i++;
      else if (line.startsWith(quote, i)) {
        i += quote.length - 1;
        quote = null;
      }
      continue;
    }
    if (character === "#") break;
    if (character === "\"" || character === "'") {
      quote = line.startsWith(character.repeat(3), i) ? character.repeat(3) : character;
      i += quote.length - 1;
    } else if ("([{".includes(character)) open++;
    else if (")]}".includes(character)) open = Math.max(0, open - 1);
  }
  // A string in single quotes ends with its line.
  if (quote !== null && quote.length === 1 && !line.endsWith("\\")) quote = null;
  return { inString: quote, depth: line.trimEnd().endsWith("\\") && quote === null ? Math.max(open, depth) : open };
}
