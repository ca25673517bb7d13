// Words of shell text: quoting, escapes, expansions, here-documents (POSIX 2.2, 2.6, 2.7.4; bash's $'…', <(…), brace expansion).
// Expansion to what a word may become is for shellValues.ts.
import type { ShellScript, ShellWord, WordPart } from "./shellSyntax.ts";

/** The text is no shell grammar at `at`. Caught by parseShell. */
export class ShellSyntaxError extends Error {
  readonly expected: string;
  readonly at: number;

  constructor(expected: string, at: number) {
    super(`expected ${expected}`);
    this.expected = expected;
    this.at = at;
  }
}

const META = new Set([" ", "\t", "\n", "\r", ";", "&", "|", "<", ">", "(", ")"]);
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", e: "\x1b", E: "\x1b", f: "\f", v: "\v", "\\": "\\", "'": "'", '"': '"', "?": "?" };

export class ShellLexer {
  at: number;
  readonly #text: string;
  readonly #offset: number;
  readonly #parse: (text: string, offset: number) => ShellScript;
  /** Where the next here-document begins, once its line has ended; null where none waits. */
  #hereDocumentsAt: number | null = null;

  constructor(text: string, at: number, offset: number, parse: (text: string, offset: number) => ShellScript) {
    this.#text = text;
    this.at = at;
    this.#offset = offset;
    this.#parse = parse;
  }

  get ended(): boolean {
    return this.at >= this.#text.length;
  }

  peek(): string {
    return this.#text.charAt(this.at);
  }

  /** Spaces, comments and escaped line ends; line ends too where `lines`. */
  skipSpace(lines: boolean): void {
    for (;;) {
      const character = this.peek();
      if (character === " " || character === "\t" || character === "\r") this.at++;
      else if (character === "\\" && /^\\\r?\n/.test(this.#text.slice(this.at, this.at + 3))) this.at += this.#text.charAt(this.at + 1) === "\r" ? 3 : 2;
      else if (character === "#" && (this.at === 0 || META.has(this.#text.charAt(this.at - 1)))) {
        const end = this.#text.indexOf("\n", this.at);
        this.at = end < 0 ? this.#text.length : end;
      } else if (character === "\n" && (lines || this.#hereDocumentsAt !== null)) {
        if (this.#hereDocumentsAt !== null) {
          if (!lines) return;
          this.at = this.#hereDocumentsAt;
          this.#hereDocumentsAt = null;
        } else this.at++;
      } else return;
    }
  }

  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text);
    if (!match) return null;
    this.at += match[0].length;
    if (match[0].includes("\n") && this.#hereDocumentsAt !== null) {
      this.at = this.#hereDocumentsAt;
      this.#hereDocumentsAt = null;
    }
    return match;
  }

  /** The bare word ahead, "" where what is ahead is quoted, expanded or no word. */
  peekWord(): string {
    const pattern = /(?:;;|[^\s;&|<>()"'`$\\]+)(?=[\s;&|<>()]|$)/y;
    pattern.lastIndex = this.at;
    return pattern.exec(this.#text)?.[0] ?? "";
  }

  takeWord(word: string): boolean {
    this.skipSpace(false);
    if (this.peekWord() !== word) return false;
    this.at += word.length;
    this.skipSpace(false);
    return true;
  }

  /** The next match of a global `pattern`; throws where there is none. */
  find(pattern: RegExp): number {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#text);
    if (!match) throw new ShellSyntaxError("`]]`", this.at);
    return match.index;
  }

  wordsUntil(end: number): ShellWord[] {
    const words: ShellWord[] = [];
    while (this.at < end) {
      const before = this.at;
      this.skipSpace(true);
      const word = this.word();
      if (word) words.push(word);
      if (this.at === before) this.at++;
    }
    return words;
  }

  /** The word ahead, or null where there is none. */
  word(): ShellWord | null {
    this.skipSpace(false);
    const start = this.at;
    const parts: WordPart[] = [];
    const literal = (text: string, quoted: boolean, encoded = false): void => {
      const last = parts.at(-1);
      if (last?.kind === "literal" && last.quoted === quoted && !encoded && !last.encoded) last.text += text;
      else parts.push({ kind: "literal", text, quoted, ...(encoded ? { encoded } : {}) });
    };
    while (!this.ended) {
      const character = this.peek();
      const next = this.#text.charAt(this.at + 1);
      if ((character === "<" || character === ">") && next === "(" && this.at === start) {
        this.at++;
        parts.push({ kind: "process", script: this.#nested() });
      } else if (META.has(character)) {
        // A group within a pattern of bash: !(x), @(a|b).
        if (character === "(" && parts.length > 0 && /[!@?*+]$/.test(lastText(parts))) literal(this.#balanced("(", ")"), false);
        else break;
      } else if (character === "\\") {
        if (next === "\n") this.at += 2;
        else {
          literal(next, true);
          this.at += next === "" ? 1 : 2;
        }
      } else if (character === "'") {
        const end = this.#text.indexOf("'", this.at + 1);
        if (end < 0) throw new ShellSyntaxError("`'`", this.at);
        literal(this.#text.slice(this.at + 1, end), true);
        this.at = end + 1;
      } else if (character === '"') this.#doubleQuoted(parts, literal);
      else if (character === "$" && next === "'") this.#escaped(literal);
      else if (character === "$" && next === '"') this.at++;
      else if (character === "$" || character === "`") this.#expansion(parts, literal, false);
      else {
        literal(character, false);
        this.at++;
      }
    }
    return this.at === start ? null : { parts, start: start + this.#offset, end: this.at + this.#offset };
  }

  #doubleQuoted(parts: WordPart[], literal: (text: string, quoted: boolean) => void): void {
    const opened = this.at++;
    literal("", true);
    for (;;) {
      if (this.ended) throw new ShellSyntaxError('`"`', opened);
      const character = this.peek();
      if (character === '"') {
        this.at++;
        return;
      }
      if (character === "\\") {
        const next = this.#text.charAt(this.at + 1);
        literal(next === "\n" ? "" : '$`"\\'.includes(next) ? next : `\\${next}`, true);
        this.at += 2;
      } else if (character === "$" || character === "`") this.#expansion(parts, literal, true);
      else {
        literal(character, true);
        this.at++;
      }
    }
  }

  /** bash's $'…' (ANSI-C quoting). */
  #escaped(literal: (text: string, quoted: boolean, encoded?: boolean) => void): void {
    const opened = this.at;
    this.at += 2;
    let text = "";
    let encoded = false;
    while (this.peek() !== "'") {
      if (this.ended) throw new ShellSyntaxError("`'`", opened);
      const code = this.take(/\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3}))/y);
      if (code) {
        const point = code[4] !== undefined ? Number.parseInt(code[4], 8) : Number.parseInt(code[1] ?? code[2] ?? code[3] ?? "0", 16);
        if (point >= 0x21 && point < 0x7f) encoded = true;
        text += point <= 0x10ffff ? String.fromCodePoint(point) : "";
      } else if (this.peek() === "\\") {
        const next = this.#text.charAt(this.at + 1);
        text += ESCAPES[next] ?? `\\${next}`;
        this.at += 2;
      } else {
        text += this.peek();
        this.at++;
      }
    }
    this.at++;
    literal(text, true, encoded);
  }

  #expansion(parts: WordPart[], literal: (text: string, quoted: boolean) => void, quoted: boolean): void {
    if (this.peek() === "`") {
      const opened = this.at;
      let end = this.at + 1;
      while (end < this.#text.length && this.#text.charAt(end) !== "`") end += this.#text.charAt(end) === "\\" ? 2 : 1;
      if (end >= this.#text.length) throw new ShellSyntaxError("a closing backtick", opened);
      const inside = this.#text.slice(opened + 1, end).replace(/\\([`\\$])/g, "$1");
      this.at = end + 1;
      parts.push({ kind: "substitution", script: this.#parse(inside, opened + 1 + this.#offset), quoted });
      return;
    }
    if (this.#text.startsWith("$((", this.at)) {
      const from = this.at;
      this.at++;
      const inside = this.#balanced("(", ")");
      if (inside.endsWith("))")) {
        parts.push({ kind: "arithmetic", text: inside });
        // What is computed may run commands all the same.
        for (const match of inside.matchAll(/\$\(([^()]*)\)/g)) parts.push({ kind: "substitution", script: this.#parse(match[1] ?? "", from + match.index + this.#offset), quoted: true });
        return;
      }
      this.at = from;
    }
    if (this.#text.startsWith("$(", this.at)) {
      this.at++;
      parts.push({ kind: "substitution", script: this.#nested(), quoted });
      return;
    }
    const simple = this.take(/\$([A-Za-z_]\w*|[0-9@*#?$!-])/y);
    if (simple) {
      parts.push({ kind: "variable", name: simple[1] ?? "", fallback: null, quoted });
      return;
    }
    if (this.#text.startsWith("${", this.at)) {
      const opened = this.at;
      this.at++;
      const inside = this.#balanced("{", "}").slice(1, -1);
      const match = /^[!#]?(\w+|[@*#?$!-])(\[[^\]]*\])?(?::?([-=+?])([\s\S]*)|([:%#/^,@][\s\S]*))?$/.exec(inside);
      const fallbackText = match?.[3] === "-" || match?.[3] === "=" || match?.[3] === "+" ? match[4] ?? "" : null;
      // An operation on the value (a part of it, a replacement) leaves it unknown: a name that nobody assigns.
      const name = match && match[5] === undefined && !inside.startsWith("!") ? match[1] ?? "" : `${match?.[1] ?? ""}${match?.[5] ?? "?"}`;
      const fallback = fallbackText === null ? null : new ShellLexer(fallbackText.replace(/\s+/g, "\\ "), 0, opened + this.#offset, this.#parse).word();
      parts.push({ kind: "variable", name, fallback, quoted });
      return;
    }
    literal("$", quoted);
    this.at++;
  }

  /** From "(" to its ")": the script between. */
  #nested(): ShellScript {
    const from = this.at;
    const text = this.#balanced("(", ")");
    return this.#parse(text.slice(1, -1), from + 1 + this.#offset);
  }

  /** From an opening bracket to the closing one, both included; quotes are honoured. */
  #balanced(open: string, close: string): string {
    const from = this.at;
    let depth = 0;
    while (!this.ended) {
      const character = this.peek();
      if (character === "\\") this.at++;
      else if (character === "'" && open !== "{") this.#skipTo("'");
      else if (character === '"') this.#skipQuoted();
      else if (character === open) depth++;
      else if (character === close && --depth === 0) {
        this.at++;
        return this.#text.slice(from, this.at);
      }
      this.at++;
    }
    this.at = from;
    throw new ShellSyntaxError(`\`${close}\``, from);
  }

  #skipTo(quote: string): void {
    const end = this.#text.indexOf(quote, this.at + 1);
    if (end < 0) throw new ShellSyntaxError(`\`${quote}\``, this.at);
    this.at = end;
  }

  #skipQuoted(): void {
    const opened = this.at++;
    while (this.peek() !== '"') {
      if (this.ended) throw new ShellSyntaxError('`"`', opened);
      if (this.#text.startsWith("$(", this.at)) {
        this.at++;
        this.#balanced("(", ")");
        continue;
      }
      this.at += this.peek() === "\\" ? 2 : 1;
    }
  }

  /** The text that follows the present line up to `delimiter` on a line of its own; the line itself is read on first. */
  hereDocument(delimiter: ShellWord, tabs: boolean): ShellWord {
    const name = delimiter.parts.map((part) => (part.kind === "literal" ? part.text : part.kind === "variable" ? `$${part.name}` : "")).join("");
    const lineEnd = this.#text.indexOf("\n", this.at);
    const from = this.#hereDocumentsAt ?? (lineEnd < 0 ? this.#text.length : lineEnd + 1);
    let at = from;
    while (at < this.#text.length) {
      const end = this.#text.indexOf("\n", at);
      const line = this.#text.slice(at, end < 0 ? this.#text.length : end).replace(/\r$/, "");
      if ((tabs ? line.replace(/^\t+/, "") : line) === name) {
        this.#hereDocumentsAt = end < 0 ? this.#text.length : end + 1;
        return { parts: [{ kind: "literal", text: this.#text.slice(from, at), quoted: true }], start: from + this.#offset, end: at + this.#offset };
      }
      at = end < 0 ? this.#text.length : end + 1;
    }
    this.#hereDocumentsAt = this.#text.length;
    return { parts: [{ kind: "literal", text: this.#text.slice(from), quoted: true }], start: from + this.#offset, end: this.#text.length + this.#offset };
  }
}

function lastText(parts: readonly WordPart[]): string {
  const last = parts.at(-1);
  return last?.kind === "literal" && !last.quoted ? last.text : "";
}
