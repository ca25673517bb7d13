// Reads shell text by the grammar of POSIX (IEEE Std 1003.1-2017, "Shell Command Language", 2.10) with what bash and zsh add to it.
// A general error-recovering parser was tried and joins lines after a mistake, which is where a command would hide; this one
// stops at a mistake, says so, and goes on with the next line. It runs nothing and judges nothing.
import type { ShellAssignment, ShellCommand, ShellPipeline, ShellRedirect, ShellScript, ShellWord, WordPart } from "./shellSyntax.ts";
import { ShellLexer, ShellSyntaxError } from "./shellWords.ts";

/** Groups within groups; deeper text is not read. */
const DEEPEST = 40;

const CLOSERS = new Set(["then", "else", "elif", "fi", "do", "done", "esac", "}"]);
const LEADING_KEYWORDS = /^\s*(?:(?:if|then|else|elif|while|until|do|fi|done|esac|[{(!)}])\s+|[()])*/;
/** A lone quotation mark at the end of nowhere, as half a line has it. */
const UNCLOSED_QUOTE = /^([^"'`]*)["'`]([^"'`]*)$/;
const TEST_END = /\]\](?=\s|;|$|\))/g;

/** Reads `text`; never throws. `offset` is added to all positions, for text that stands inside another. */
export function parseShell(text: string, offset = 0, depth = 0): ShellScript {
  const pipelines: ShellPipeline[] = [];
  let unread: ShellScript["unread"] = null;
  let at = 0;
  while (at < text.length) {
    const parser = new ShellParser(text, at, offset, depth);
    try {
      pipelines.push(...parser.script(new Set()));
      if (parser.atEnd()) break;
      throw new ShellSyntaxError("a command", parser.position);
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      pipelines.push(...parser.finished);
      const lineEnd = text.indexOf("\n", Math.max(error.at, at));
      const end = lineEnd < 0 ? text.length : lineEnd;
      unread ??= { start: offset + Math.min(error.at, text.length), end: offset + end, expected: error.expected };
      if (depth < DEEPEST) pipelines.push(...piecesOf(text.slice(parser.unfinishedAt, end), offset + parser.unfinishedAt, depth));
      at = end + 1;
    }
  }
  return { pipelines, unread };
}

/** What can be made of text that is no whole command: its lines, or the pieces of its one line, each read for itself. */
function piecesOf(text: string, offset: number, depth: number): ShellPipeline[] {
  const lines = text.split("\n");
  const pieces = lines.length > 1 ? lines : text.split(/(?:;|&&|\|\||\||&|\$\(|[`()"'])/);
  const pipelines: ShellPipeline[] = [];
  let at = 0;
  for (const piece of pieces) {
    const from = Math.max(at, text.indexOf(piece, at));
    at = from + piece.length;
    const bare = piece.replace(LEADING_KEYWORDS, "").replace(UNCLOSED_QUOTE, "$1$2");
    if (bare.trim() === "" || pieces.length === 1 && bare === text) continue;
    pipelines.push(...parseShell(bare, offset + from + (piece.length - bare.length), depth + Math.floor(DEEPEST / 4)).pipelines);
  }
  return pipelines;
}

class ShellParser {
  readonly #lexer: ShellLexer;
  readonly #offset: number;
  #depth: number;
  /** Pipelines at the outermost level that were read to their end. */
  readonly finished: ShellPipeline[] = [];
  /** Where the first pipeline at the outermost level begins that was not. */
  unfinishedAt: number;

  constructor(text: string, at: number, offset: number, depth: number) {
    this.#offset = offset;
    this.#depth = depth;
    this.unfinishedAt = at;
    this.#lexer = new ShellLexer(text, at, offset, (inner, from) => parseShell(inner, from, depth + 1));
  }

  get position(): number {
    return this.#lexer.at;
  }

  atEnd(): boolean {
    this.#lexer.skipSpace(true);
    return this.#lexer.ended;
  }

  /** Pipelines up to the end or to a word or character of `until`, which is left unread. */
  script(until: ReadonlySet<string>): ShellPipeline[] {
    if (this.#depth > DEEPEST) throw new ShellSyntaxError("fewer groups within groups", this.#lexer.at);
    const outermost = until.size === 0;
    const pipelines: ShellPipeline[] = [];
    for (;;) {
      this.#lexer.skipSpace(true);
      const next = this.#lexer.peekWord();
      if (this.#lexer.ended || until.has(next) || (next === "" && until.has(this.#lexer.peek()))) return pipelines;
      if (this.#lexer.take(/[;&\n]+/y)) continue;
      if (this.#lexer.peek() === ")" || (outermost && CLOSERS.has(next))) throw new ShellSyntaxError("a command", this.#lexer.at);
      if (outermost) this.unfinishedAt = this.#lexer.at;
      const pipeline = this.#pipeline();
      pipelines.push(pipeline);
      if (outermost) this.finished.push(pipeline);
      this.#lexer.skipSpace(false);
      if (!this.#lexer.take(/(?:;;&?|;&|&&|\|\||[;&\n])/y) && !this.#lexer.ended && !until.has(this.#lexer.peek()) && !until.has(this.#lexer.peekWord())) {
        throw new ShellSyntaxError("the end of a command", this.#lexer.at);
      }
    }
  }

  #pipeline(): ShellPipeline {
    const start = this.#lexer.at;
    while (this.#lexer.takeWord("!") || this.#lexer.takeWord("time") || this.#lexer.takeWord("coproc")) {
      if (this.#lexer.takeWord("-p")) continue;
    }
    const commands = [this.#command()];
    for (;;) {
      this.#lexer.skipSpace(false);
      if (!this.#lexer.take(/\|&?(?!\|)/y)) break;
      this.#lexer.skipSpace(true);
      commands.push(this.#command());
    }
    return { commands, start: start + this.#offset, end: this.#lexer.at + this.#offset };
  }

  #command(): ShellCommand {
    this.#lexer.skipSpace(false);
    const start = this.#lexer.at;
    const word = this.#lexer.peekWord();
    const compound = this.#compound(word, start);
    if (compound) return compound;
    const named = this.#lexer.take(/([^\s()<>;&|"'`$=\\]+)[ \t]*\([ \t]*\)/y);
    if (named) return this.#function(named[1] ?? "", start);
    if (word === "function") {
      this.#lexer.takeWord("function");
      this.#lexer.skipSpace(false);
      const name = this.#lexer.take(/[^\s()<>;&|]+/y)?.[0] ?? "";
      this.#lexer.take(/[ \t]*\([ \t]*\)/y);
      return this.#function(name, start);
    }
    return this.#simple(start);
  }

  #function(name: string, start: number): ShellCommand {
    this.#lexer.skipSpace(true);
    this.#depth++;
    const body = this.#command();
    this.#depth--;
    return { kind: "function", name, body, start: start + this.#offset, end: this.#lexer.at + this.#offset };
  }

  #compound(word: string, start: number): ShellCommand | null {
    const lexer = this.#lexer;
    const group = (scripts: ShellPipeline[][], subshell = false): ShellCommand => {
      const redirects = this.#redirects();
      return { kind: "group", scripts: scripts.map((pipelines) => ({ pipelines, unread: null })), subshell, redirects, start: start + this.#offset, end: lexer.at + this.#offset };
    };
    this.#depth++;
    try {
      if (lexer.take(/\(\((?:[^()]|\([^()]*\))*\)\)/y)) return group([]);
      if (lexer.take(/\(/y)) {
        const inside = this.script(new Set([")"]));
        this.#expect(")");
        return group([inside], true);
      }
      switch (word) {
        case "{": {
          lexer.takeWord("{");
          const inside = this.script(new Set(["}"]));
          this.#expect("}");
          return group([inside]);
        }
        case "[[": {
          const end = lexer.find(TEST_END);
          const inside = lexer.wordsUntil(end);
          const scripts = inside.flatMap((each) => each.parts).filter((part) => part.kind === "substitution").map((part) => part.script.pipelines);
          lexer.at = end + 2;
          return group(scripts);
        }
        case "if": {
          lexer.takeWord("if");
          const scripts: ShellPipeline[][] = [];
          for (;;) {
            scripts.push(this.script(new Set(["then", "else", "elif", "fi"])));
            if (lexer.takeWord("fi")) return group(scripts);
            if (!lexer.takeWord("then") && !lexer.takeWord("else") && !lexer.takeWord("elif")) throw new ShellSyntaxError("`fi`", lexer.at);
          }
        }
        case "while":
        case "until": {
          lexer.takeWord(word);
          const condition = this.script(new Set(["do"]));
          this.#expect("do");
          const body = this.script(new Set(["done"]));
          this.#expect("done");
          return group([condition, body]);
        }
        case "for":
        case "select":
          return this.#for(word, start);
        case "case":
          return group(this.#case());
        default:
          return null;
      }
    } finally {
      this.#depth--;
    }
  }

  #for(word: string, start: number): ShellCommand {
    const lexer = this.#lexer;
    lexer.takeWord(word);
    lexer.skipSpace(false);
    let name = "";
    const values: ShellWord[] = [];
    if (!lexer.take(/\(\([^\n]*?\)\)/y)) {
      name = lexer.take(/[A-Za-z_]\w*/y)?.[0] ?? "";
      lexer.skipSpace(true);
      if (lexer.takeWord("in")) {
        for (let value = lexer.word(); value; value = lexer.word()) values.push(value);
      }
    }
    lexer.skipSpace(true);
    lexer.take(/;/y);
    lexer.skipSpace(true);
    const brace = lexer.peekWord() === "{";
    this.#expect(brace ? "{" : "do");
    const pipelines = this.script(new Set([brace ? "}" : "done"]));
    this.#expect(brace ? "}" : "done");
    return { kind: "for", name, values, body: { pipelines, unread: null }, redirects: this.#redirects(), start: start + this.#offset, end: lexer.at + this.#offset };
  }

  #case(): ShellPipeline[][] {
    const lexer = this.#lexer;
    lexer.takeWord("case");
    lexer.word();
    lexer.skipSpace(true);
    this.#expect("in");
    const scripts: ShellPipeline[][] = [];
    for (;;) {
      lexer.skipSpace(true);
      if (lexer.takeWord("esac")) return scripts;
      if (!lexer.take(/\(?[^()\n]*\)/y)) throw new ShellSyntaxError("a pattern and `)`", lexer.at);
      scripts.push(this.script(new Set(["esac", ";;"])));
      lexer.skipSpace(true);
      lexer.take(/;;&?|;&/y);
    }
  }

  #simple(start: number): ShellCommand {
    const lexer = this.#lexer;
    const assignments: ShellAssignment[] = [];
    const words: ShellWord[] = [];
    const redirects: ShellRedirect[] = [];
    for (;;) {
      lexer.skipSpace(false);
      const redirect = this.#redirect();
      if (redirect) {
        redirects.push(redirect);
        continue;
      }
      const assigned = words.length === 0 ? lexer.take(/([A-Za-z_]\w*)(?:\[[^\]\n]*\])?\+?=/y) : null;
      if (assigned) {
        if (lexer.take(/\(/y)) {
          const parts: WordPart[] = [];
          const from = lexer.at;
          for (;;) {
            lexer.skipSpace(true);
            if (lexer.peek() === ")") break;
            const word = lexer.word();
            if (!word) throw new ShellSyntaxError("`)`", lexer.at);
            parts.push(...word.parts, { kind: "literal", text: " ", quoted: false });
          }
          lexer.take(/\)/y);
          assignments.push({ name: assigned[1] ?? "", value: { parts, start: from + this.#offset, end: lexer.at + this.#offset } });
        } else assignments.push({ name: assigned[1] ?? "", value: lexer.word() ?? { parts: [], start: lexer.at + this.#offset, end: lexer.at + this.#offset } });
        continue;
      }
      const word = lexer.word();
      if (!word) break;
      words.push(word);
    }
    if (lexer.at === start) throw new ShellSyntaxError("a command", lexer.at);
    return { kind: "simple", assignments, words, redirects, start: start + this.#offset, end: lexer.at + this.#offset };
  }

  #redirects(): ShellRedirect[] {
    const redirects: ShellRedirect[] = [];
    for (;;) {
      this.#lexer.skipSpace(false);
      const redirect = this.#redirect();
      if (!redirect) return redirects;
      redirects.push(redirect);
    }
  }

  #redirect(): ShellRedirect | null {
    const lexer = this.#lexer;
    const start = lexer.at;
    const match = lexer.take(/(?:\d+|\{\w+\})?(<<<|<<-?|<>|<&|<(?!\()|>>|>\||>&|>(?!\()|&>>?)/y);
    if (!match) return null;
    const operator = match[1] ?? "";
    lexer.skipSpace(false);
    const target = lexer.word();
    if (!target) throw new ShellSyntaxError("a file after a redirection", lexer.at);
    if (operator.startsWith("<<") && operator !== "<<<") return { operator: "<<", target: lexer.hereDocument(target, operator === "<<-"), start: start + this.#offset };
    return { operator, target, start: start + this.#offset };
  }

  #expect(word: string): void {
    this.#lexer.skipSpace(true);
    const taken = word.length === 1 && !/\w/.test(word) ? this.#lexer.take(new RegExp(`\\${word}`, "y")) : this.#lexer.takeWord(word);
    if (!taken) throw new ShellSyntaxError(`\`${word}\``, this.#lexer.at);
  }
}
