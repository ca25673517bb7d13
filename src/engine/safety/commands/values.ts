// What the words of a command become: variables that the text itself assigned, escapes, braces, output that can be foreseen.
// What cannot be foreseen stays marked as unknown; nothing is read from the environment or the disk.
import { UNKNOWN } from "./places.ts";
import type { ShellScript, ShellWord } from "./shellSyntax.ts";

/** What a text is made of that was not written here. */
export interface Origin {
  /** Host that it was downloaded from, "" where that is not told; null: not downloaded. */
  downloaded: string | null;
  /** Unpacked, decoded or decrypted from what cannot be read here. */
  decoded: boolean;
  /** The file with keys or passwords that it was read from. */
  keys: string | null;
  /** Comes through a connection that is open to another machine. */
  connected: boolean;
}

export const WRITTEN_HERE: Origin = { downloaded: null, decoded: false, keys: null, connected: false };

/** What flows through a pipe or stands in a variable. */
export interface Value extends Origin {
  /** With {@link UNKNOWN} for what cannot be foreseen. */
  text: string;
}

export const UNKNOWN_VALUE: Value = { text: UNKNOWN, ...WRITTEN_HERE };

/** A word of a command after expansion. */
export interface Field extends Value {
  start: number;
  end: number;
  /** Some of it was written as escapes of printable characters. */
  encoded: boolean;
  /** All of it stood in quotation marks: it names no option and no pattern. */
  quoted: boolean;
}

export interface Scope {
  variable(name: string): Value | null;
  /** Runs a substitution and says what it writes. */
  output(script: ShellScript): Value;
  /** Runs a process substitution and names the file that stands for its output. */
  file(script: ShellScript): Value;
}

const MOST_FIELDS = 64;
/** Values that grow longer, as by doubling themselves, count as unknown. */
const LONGEST_VALUE = 50_000;

/** Variables that are the same everywhere, or name the usual program. */
const CONVENTIONAL: Readonly<Record<string, string>> = {
  HOME: "~", PWD: ".", OLDPWD: ".", TMPDIR: "/tmp", TMP: "/tmp", TEMP: "/tmp", RUNNER_TEMP: "/tmp", IFS: " ", SHELL: "sh", BASH: "bash", 0: "sh", USER: "user", LOGNAME: "user",
  RM: "rm", CC: "cc", CXX: "c++", LD: "ld", AR: "ar", MAKE: "make", PYTHON: "python", PYTHON3: "python3", PIP: "pip", NODE: "node", NPM: "npm", NPX: "npx", YARN: "yarn",
  GO: "go", CARGO: "cargo", GIT: "git", DOCKER: "docker", CMAKE: "cmake", SED: "sed", AWK: "awk", GREP: "grep", EDITOR: "vi", PAGER: "less", JAVA: "java", SUDO: "sudo",
  GITHUB_WORKSPACE: ".", CI_PROJECT_DIR: ".", TRAVIS_BUILD_DIR: ".", npm_execpath: "npm", GITHUB_OUTPUT: "/tmp/github", GITHUB_ENV: "/tmp/github", GITHUB_PATH: "/tmp/github", GITHUB_STEP_SUMMARY: "/tmp/github",
  TEX: "tex", SPHINXBUILD: "sphinx-build", UV: "uv", VENV: ".venv", VIRTUAL_ENV: ".venv", PNPM: "pnpm", BUN: "bun", CP: "cp", MV: "mv", INSTALL: "install", MKDIR: "mkdir",
};

/** The fields that `word` expands to: one, unless unquoted variables or braces make several. */
export function expandWord(word: ShellWord, scope: Scope): Field[] {
  let origin: Origin = WRITTEN_HERE;
  let encoded = false;
  /** Text so far, split at unquoted blanks of expansions. */
  const texts: string[] = [""];
  const append = (text: string): void => {
    const last = texts.at(-1) ?? "";
    texts[texts.length - 1] = last.length + text.length > LONGEST_VALUE ? UNKNOWN : last + text;
  };
  const expanded = (value: Value, quoted: boolean): void => {
    origin = mixed(origin, value);
    if (quoted || !/[\s]/.test(value.text)) {
      append(value.text);
      return;
    }
    const [first = "", ...rest] = value.text.split(/\s+/);
    append(first);
    for (const text of rest.slice(0, MOST_FIELDS)) texts.push(text);
  };
  let braces = false;
  for (const part of word.parts) {
    switch (part.kind) {
      case "literal":
        encoded ||= part.encoded ?? false;
        braces ||= !part.quoted && /\{[^{}]*(?:,|\.\.)[^{}]*\}/.test(part.text);
        append(part.text);
        break;
      case "variable":
        expanded(scope.variable(part.name) ?? (part.fallback ? joined(expandWord(part.fallback, scope)) : conventional(part.name)), part.quoted);
        break;
      case "substitution":
        expanded(scope.output(part.script), part.quoted);
        break;
      case "process":
        expanded(scope.file(part.script), true);
        break;
      case "arithmetic":
        append("1");
        break;
    }
  }
  const quoted = word.parts.length > 0 && word.parts.every((part) => part.kind === "literal" && part.quoted);
  const all = braces ? texts.flatMap((text) => expandBraces(text)) : texts;
  return all.slice(0, MOST_FIELDS).filter((text) => text !== "" || all.length === 1).map((text) => ({ text, ...origin, start: word.start, end: word.end, encoded, quoted }));
}

/** Fields as one value, as `echo` or an assignment joins them. */
export function joined(fields: readonly Value[]): Value {
  const text = fields.map((field) => field.text).join(" ");
  return { text: text.length > LONGEST_VALUE ? UNKNOWN : text, ...fields.reduce<Origin>(mixed, WRITTEN_HERE) };
}

export function mixed(a: Origin, b: Origin): Origin {
  return { downloaded: a.downloaded ?? b.downloaded, decoded: a.decoded || b.decoded, keys: a.keys ?? b.keys, connected: a.connected || b.connected };
}

function conventional(name: string): Value {
  const text = CONVENTIONAL[name];
  return text === undefined ? UNKNOWN_VALUE : { text, ...WRITTEN_HERE };
}

/** bash's "{a,b}": every combination, at most {@link MOST_FIELDS}. */
function expandBraces(text: string): string[] {
  let texts = [text];
  for (;;) {
    const next = texts.flatMap((each) => {
      const match = /\{([^{}]*,[^{}]*)\}/.exec(each);
      return match ? (match[1] ?? "").split(",").map((choice) => each.slice(0, match.index) + choice + each.slice(match.index + match[0].length)) : [each];
    }).slice(0, MOST_FIELDS);
    if (next.every((each, i) => each === texts[i])) return next;
    texts = next;
  }
}

/** What decoders make of `value`, or null where `name` is none. */
export function decodedBy(name: string, args: readonly string[], value: Value): Value | null {
  const flags = args.join(" ");
  const known = !value.text.includes(UNKNOWN);
  const decoded = (text: string | null): Value => (text === null || !known ? { ...value, text: UNKNOWN, decoded: true } : { ...value, text, decoded: true });
  switch (name) {
    case "base64": case "gbase64":
      return /(?:^|\s)(?:-\w*[dD]\w*|--decode)(?:\s|$)/.test(flags) ? decoded(fromBase64(value.text)) : { ...value, text: known ? Buffer.from(value.text).toString("base64") : UNKNOWN };
    case "base32":
      return decoded(null);
    case "xxd":
      return /-\w*r/.test(flags) ? decoded(fromHex(value.text)) : null;
    case "rev":
      return decoded(known ? Array.from(value.text).reverse().join("") : null);
    case "tr":
      return decoded(translate(value.text, args));
    case "openssl":
      return /\b(?:base64|enc)\b/.test(flags) && /-d\b/.test(flags) ? decoded(/base64/.test(flags) ? fromBase64(value.text) : null) : null;
    case "gunzip": case "gzip": case "zcat": case "bunzip2": case "bzip2": case "xz": case "unxz": case "zstd": case "unzip": case "gpg": case "uudecode": case "perl": case "hexdump": case "od":
      return decoded(null);
    case "sed": case "awk": case "cut": case "head": case "tail": case "sort": case "grep": case "jq": case "uniq": case "tac": case "fold": case "paste":
      return { ...value, text: known && (name === "head" || name === "tail" || name === "grep" || name === "sort") ? value.text : UNKNOWN };
    case "cat": case "tee": case "nl": case "pv": case "less": case "more": case "sponge":
      return value;
    default:
      return null;
  }
}

/** Text of base64, or null where it is none. */
export function fromBase64(text: string, encoding: "utf8" | "utf16le" = "utf8"): string | null {
  const compact = text.replace(/\s+/g, "");
  if (compact.length < 4 || !/^[\w+/-]+={0,2}$/.test(compact)) return null;
  return Buffer.from(compact, "base64").toString(encoding);
}

function fromHex(text: string): string | null {
  const compact = text.replace(/^[0-9a-f]+:\s/gm, "").replace(/\s+/g, "");
  return compact.length > 1 && /^[0-9a-f]+$/i.test(compact) ? Buffer.from(compact, "hex").toString("utf8") : null;
}

/** `tr` with two sets of ranges. */
function translate(text: string, args: readonly string[]): string | null {
  if (text.includes(UNKNOWN)) return null;
  const [from, to] = args.filter((arg) => !arg.startsWith("-")).map(expandRanges);
  if (args.includes("-d") && from !== undefined) return Array.from(text).filter((character) => !from.includes(character)).join("");
  if (from === undefined || to === undefined || to === "") return null;
  return Array.from(text).map((character) => {
    const at = from.indexOf(character);
    return at < 0 ? character : to.charAt(Math.min(at, to.length - 1));
  }).join("");
}

function expandRanges(set: string): string {
  return set.replace(/(.)-(.)/g, (_, first: string, last: string) => {
    let text = "";
    for (let code = first.charCodeAt(0); code <= last.charCodeAt(0); code++) text += String.fromCharCode(code);
    return text;
  }).replace(/\\n/g, "\n");
}

/** What `printf` writes for `args`: escapes of the format, %s and %b filled in. */
export function printed(args: readonly Value[], isEcho: boolean): Value {
  const first = args[0]?.text ?? "";
  let rest = args;
  let escapes = !isEcho;
  if (isEcho) {
    while (/^-[neE]+$/.test(rest[0]?.text ?? "")) {
      if (rest[0]?.text.includes("e")) escapes = true;
      rest = rest.slice(1);
    }
    const value = joined(rest);
    return escapes ? { ...value, text: unescaped(value.text), decoded: value.decoded || hidesLetters(value.text) } : value;
  }
  const values = rest.slice(1);
  let next = 0;
  const format = unescaped(first);
  const filled = format.replace(/%(?:[-+ 0#]*\d*(?:\.\d+)?)([sbqdxc%])/g, (_, kind: string) => {
    if (kind === "%") return "%";
    const text = values[next++]?.text ?? "";
    return kind === "b" ? unescaped(text) : text;
  });
  const origin = joined(args);
  return { ...origin, text: filled, decoded: origin.decoded || hidesLetters(origin.text) };
}

/** Whether printable characters are written as escapes, which is done to hide them. */
function hidesLetters(text: string): boolean {
  return [...text.matchAll(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|0?([0-7]{3}))/g)].some((match) => {
    const code = match[3] !== undefined ? Number.parseInt(match[3], 8) : Number.parseInt(match[1] ?? match[2] ?? "0", 16);
    return code > 0x20 && code < 0x7f;
  });
}

function unescaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|0?([0-7]{1,3})|([ntr\\]))/g, (_, hex: string | undefined, unicode: string | undefined, octal: string | undefined, letter: string | undefined) => {
    if (letter !== undefined) return letter === "n" ? "\n" : letter === "t" ? "\t" : letter === "r" ? "\r" : "\\";
    return String.fromCodePoint(octal !== undefined ? Number.parseInt(octal, 8) : Number.parseInt(hex ?? unicode ?? "0", 16));
  });
}
