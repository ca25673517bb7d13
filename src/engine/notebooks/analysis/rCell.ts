// Reads a cell of R without a grammar, as none ships with the others: by its tokens. Statements end with their line where
// brackets and operators allow; assignments in every direction, functions with their parameters, `library`, formulas and `$`
// are known; everything else that is a name is read.
import type { CellFacts, StatementFacts } from "./facts.ts";
import { addUse, emptyStatement } from "./facts.ts";
import { emptySummary } from "./names.ts";

interface Token { text: string; kind: "name" | "number" | "string" | "operator" | "newline"; line: number }

const KEYWORDS = new Set("if else for while repeat function in next break TRUE FALSE NULL NA NA_integer_ NA_real_ NA_character_ Inf NaN T F".split(" "));
const OPERATOR = /^(?:<<-|->>|<-|->|\|>|%[^%\n]*%|:::|::|==|!=|<=|>=|&&|\|\||[-+*/^<>=!&|~?:$@,;(){}[\]\\])/;

export function readRCell(source: string): CellFacts {
  const statements: StatementFacts[] = [];
  for (const tokens of statementsOf(tokensOf(source))) {
    const facts = emptyStatement(tokens.filter(({ kind }) => kind !== "newline").map(({ text }) => text).join(" "), tokens[0]?.line ?? 1, tokens.at(-1)?.line ?? 1);
    readStatement(tokens.filter(({ kind }) => kind !== "newline"), facts);
    statements.push(facts);
  }
  return { language: "r", statements, problem: null };
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (let at = 0; at < source.length;) {
    const rest = source.slice(at, at + 4_096);
    const match = /^[ \t\r\f]+|^#[^\n]*/.exec(rest) ?? /^\n/.exec(rest) ?? /^(?:[rR]?"(?:[^"\\]|\\[^])*"|'(?:[^'\\]|\\[^])*')/.exec(rest) ?? /^`[^`\n]*`|^[A-Za-z.\u0080-\uffff][\w.\u0080-\uffff]*/.exec(rest) ?? /^(?:0x[0-9a-f]+|\d+\.?\d*(?:e[+-]?\d+)?|\.\d+)[Li]?/i.exec(rest) ?? OPERATOR.exec(rest);
    const text = match?.[0] ?? rest.charAt(0);
    const first = text.charAt(0);
    if (text === "\n") tokens.push({ text, kind: "newline", line });
    else if (!/^[ \t\r\f#]/.test(text)) tokens.push({ text: first === "`" ? text.slice(1, -1) : text, kind: first === "\"" || first === "'" || /^[rR]"/.test(text) ? "string" : /^[0-9]|^\.[0-9]/.test(text) ? "number" : /^[`A-Za-z.\u0080-\uffff]/.test(text) ? "name" : "operator", line });
    line += text.split("\n").length - 1;
    at += text.length;
  }
  return tokens;
}

function statementsOf(tokens: readonly Token[]): Token[][] {
  const found: Token[][] = [];
  let current: Token[] = [];
  let depth = 0;
  const end = (): void => {
    if (current.some(({ kind }) => kind !== "newline")) found.push(current);
    current = [];
  };
  for (const [i, token] of tokens.entries()) {
    if ("([{".includes(token.text) && token.kind === "operator") depth++;
    if (")]}".includes(token.text) && token.kind === "operator") depth = Math.max(0, depth - 1);
    if (depth === 0 && (token.kind === "newline" || token.text === ";")) {
      const last = current.findLast(({ kind }) => kind !== "newline");
      const next = tokens.slice(i + 1).find(({ kind }) => kind !== "newline");
      const goesOn = last !== undefined && last.kind === "operator" && !")]}".includes(last.text) || next?.text === "else" || last?.text === "else" || (last?.text === ")" && /^(?:if|for|while|function)$/.test(current.find(({ kind }) => kind === "name")?.text ?? "") && closesHead(current));
      if (!goesOn || token.text === ";") end();
      continue;
    }
    current.push(token);
  }
  end();
  return found;
}

/** Whether the tokens end with the head of `if (…)`, `for (…)` or `function(…)`, whose body follows. */
function closesHead(tokens: readonly Token[]): boolean {
  let depth = 0;
  for (let i = tokens.length - 1; i >= 0; i--) {
    const { text, kind } = tokens[i] as Token;
    if (kind !== "operator") continue;
    if (text === ")") depth++;
    if (text === "(" && --depth === 0) return /^(?:if|for|while|function)$/.test(tokens[i - 1]?.text ?? "");
  }
  return false;
}

function readStatement(tokens: readonly Token[], facts: StatementFacts): void {
  const assigned = new Set<string>();
  const define = (name: string, summary: ReturnType<typeof emptySummary> | null = null): void => {
    assigned.add(name);
    if (!facts.defines.some((known) => known.name === name)) facts.defines.push({ name, sure: true, origin: summary ? { from: "function", summary } : { from: "value" }, transform: false });
  };
  const [first, arrow, keyword] = tokens;
  // name <- function(a, b = 1) body
  if (first?.kind === "name" && (arrow?.text === "<-" || arrow?.text === "=") && (keyword?.text === "function" || keyword?.text === "\\")) {
    const close = matching(tokens, 3);
    const parameters = tokens.slice(4, close).flatMap((token, i, list) => (token.kind === "name" && (i === 0 || list[i - 1]?.text === ",") ? [token.text] : []));
    const summary = emptySummary(parameters);
    const inner = emptyStatement("", 0, 0);
    readStatement(tokens.slice(close + 1), inner);
    const locals = new Set([...parameters, ...inner.defines.map(({ name }) => name)]);
    for (const use of inner.uses) if (!parameters.includes(use.name) && !locals.has(use.name)) addUse(summary.uses, use.name, null);
    summary.assigns.push(...tokens.flatMap((token, i) => (token.text === "<<-" && tokens[i - 1]?.kind === "name" ? [tokens[i - 1]?.text as string] : [])));
    define(first.text, summary);
    return;
  }
  const targets: number[] = [];
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    if (token.kind === "operator" && "([{".includes(token.text)) depth++;
    if (token.kind === "operator" && ")]}".includes(token.text)) depth--;
    if (token.text === "<-" || token.text === "<<-" || (token.text === "=" && depth === 0)) targets.push(i);
  }
  const written = new Map<number, "define" | "change">();
  for (const at of targets) {
    const start = chainStart(tokens, at - 1);
    written.set(start, start === at - 1 ? "define" : "change");
  }
  for (const [i, token] of tokens.entries()) {
    if (token.text === "->" || token.text === "->>") if (tokens[i + 1]?.kind === "name") written.set(i + 1, "define");
    if (token.text === "for" && tokens[i + 1]?.text === "(" && tokens[i + 2]?.kind === "name") define(tokens[i + 2]?.text as string);
  }
  for (const [i, token] of tokens.entries()) {
    if (token.kind !== "name" || KEYWORDS.has(token.text)) continue;
    const before = tokens[i - 1]?.text;
    const after = tokens[i + 1]?.text;
    if (before === "$" || before === "@" || before === "::" || before === ":::" || after === "::" || after === ":::") continue;
    if ((before === "(" || before === ",") && after === "=" && tokens[i + 2]?.text !== "=") continue;
    if (/^(?:library|require|requireNamespace|source)$/.test(token.text) && after === "(") {
      const what = tokens[i + 2]?.text.replaceAll(/["']/g, "") ?? "";
      if (token.text === "source") facts.opaque ??= "source() runs code that is not in the cell";
      else facts.opaque ??= null;
      facts.environment.push(what);
      define(`‹package ${what}›`);
      return;
    }
    const how = written.get(i);
    if (how === "define") continue;
    if (how === "change") {
      addUse(facts.uses, token.text, []);
      const part = tokens[i + 1]?.text === "$" ? tokens[i + 2]?.text ?? null : `*${tokens.slice(i + 1, i + 8).map(({ text }) => text).join("")}`;
      facts.mutates.push({ name: token.text, slot: part, kind: "set" });
      continue;
    }
    if (tokens[0]?.text === "rm" && i > 0) continue;
    if (!assigned.has(token.text)) addUse(facts.uses, token.text, after === "$" && tokens[i + 2]?.kind === "name" ? [tokens[i + 2]?.text as string] : null);
    if (/^(?:runif|rnorm|sample|rbinom|rpois|rexp|Sys\.time|Sys\.Date)$/.test(token.text) && after === "(") {
      addUse(facts.uses, "‹random numbers›", null);
      if (token.text.startsWith("Sys")) facts.nondeterministic = true;
      else facts.mutates.push({ name: "‹random numbers›", slot: null, kind: "accumulate" });
    }
    if (token.text === "set.seed") facts.mutates.push({ name: "‹random numbers›", slot: null, kind: "set" });
    if (/^(?:read\.csv|read_csv|readRDS|read\.table|fread|load)$/.test(token.text) && tokens[i + 2]?.kind === "string") facts.filesRead.push(tokens[i + 2]?.text.slice(1, -1) as string);
    if (/^(?:write\.csv|write_csv|saveRDS|ggsave)$/.test(token.text)) {
      const file = tokens.slice(i).find(({ kind }) => kind === "string")?.text.slice(1, -1);
      if (file !== undefined) {
        facts.filesWritten.push(file);
        facts.hazards.push({ kind: "overwrites", what: `overwrites ${file}`, line: token.line });
      }
    }
    if (/^(?:unlink|file\.remove)$/.test(token.text)) facts.hazards.push({ kind: "deletes", what: `deletes ${tokens[i + 2]?.text ?? ""}`, line: token.line });
    if (token.text === "install.packages") {
      facts.packages.push((tokens[i + 2]?.text ?? "").replaceAll(/["']/g, ""));
      facts.hazards.push({ kind: "installs", what: `installs ${facts.packages.join(", ")}`, line: token.line });
    }
    if (token.text === "rm" && after === "(") for (const other of tokens.slice(i + 2)) if (other.kind === "name") facts.deletes.push(other.text);
  }
  for (const [i, how] of written) if (how === "define" && tokens[i]) define(tokens[i].text);
}

/** Where the expression that ends at `end` begins: `df$a[1]` begins at df, `names(df)` at df too, as that is what changes. */
function chainStart(tokens: readonly Token[], end: number): number {
  let at = end;
  let depth = 0;
  for (; at >= 0; at--) {
    const { text, kind } = tokens[at] as Token;
    if (kind === "operator" && "])".includes(text)) depth++;
    else if (kind === "operator" && "[(".includes(text)) depth--;
    else if (depth === 0 && kind === "name" && tokens[at - 1]?.text !== "$" && tokens[at - 1]?.text !== "@") break;
  }
  if (tokens[at + 1]?.text === "(") return tokens.findIndex((token, i) => i > at + 1 && token.kind === "name");
  return Math.max(0, at);
}

function matching(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i]?.text === "(") depth++;
    if (tokens[i]?.text === ")" && --depth === 0) return i;
  }
  return tokens.length - 1;
}
