// What proposed code leans on, and whether it exists: imported packages, names taken from them, functions called by name. Reads
// code by its lexemes (Python, JavaScript, TypeScript, Go); looking up is the caller's. Methods of values whose type is not
// plain are not judged: guessing types would cry wolf.
import { codeTokens } from "./drift/codeTokens.ts";
import type { CodeToken } from "./drift/codeTokens.ts";
import { isBuiltinModule, isBuiltinName } from "./groundedBuiltins.ts";
import type { GroundedLanguage } from "./groundedBuiltins.ts";

/** What a workspace knows; every function may answer at once or later. */
export interface WorkspaceNames {
  /** Whether an import of this specifier can be resolved: a declared or installed package, a module of the workspace. Null: cannot be told. */
  resolves(specifier: string, language: GroundedLanguage): Known;
  /** Whether a module of the workspace or an installed package offers this name. Null: cannot be told. */
  offers(specifier: string, name: string, language: GroundedLanguage): Known;
  /** Whether the workspace defines or uses a name anywhere. */
  knows(name: string): boolean | Promise<boolean>;
}

export type Known = boolean | null | Promise<boolean | null>;

export interface Ungrounded {
  readonly kind: "package" | "name" | "function";
  readonly name: string;
  /** A sentence for the user. */
  readonly reason: string;
}

export interface GroundedCode {
  /** Names that were looked up. */
  readonly checked: number;
  readonly unknown: readonly Ungrounded[];
}

interface Import {
  readonly specifier: string;
  /** Names taken from it; empty where the whole module is. */
  readonly names: readonly string[];
  /** What the module is called here, where it is taken whole. */
  readonly alias: string | null;
  /** It stands in a `try`: the code does without it where it is missing. */
  readonly optional: boolean;
}

const MOST_LOOKED_UP = 80;

/** The language that is checked as, or null. */
export function groundedLanguage(language: string): GroundedLanguage | null {
  if (["typescript", "typescriptreact", "javascript", "javascriptreact", "ts", "tsx", "js", "jsx", "mjs", "cjs", "mts"].includes(language)) return "typescript";
  return language === "python" || language === "py" ? "python" : language === "go" ? "go" : null;
}

export async function groundedCode(text: string, language: GroundedLanguage, workspace: WorkspaceNames): Promise<GroundedCode> {
  const tokens = codeTokens(text, language).filter(({ kind }) => kind !== "comment");
  const imports = importsOf(text, language).filter(({ optional }) => !optional);
  const unknown: Ungrounded[] = [];
  let checked = 0;
  const missing = new Set<string>();
  for (const { specifier, names } of imports) {
    if (checked >= MOST_LOOKED_UP) break;
    if (isBuiltinModule(specifier, language)) continue;
    checked++;
    const found = await workspace.resolves(specifier, language);
    if (found === false) {
      missing.add(specifier);
      unknown.push({ kind: "package", name: specifier, reason: isRelative(specifier) ? `There is no file for the import \`${specifier}\`.` : `The package \`${specifier}\` is not installed: no manifest lists it and no file of yours imports it.` });
      continue;
    }
    for (const name of names) {
      checked++;
      if (await workspace.offers(specifier, name, language) === false) unknown.push({ kind: "name", name, reason: `\`${specifier}\` has no \`${name}\`.` });
    }
  }
  for (const { alias, specifier, name } of membersOf(tokens, imports)) {
    if (checked >= MOST_LOOKED_UP || missing.has(specifier) || isBuiltinModule(specifier, language)) continue;
    checked++;
    if (await workspace.offers(specifier, name, language) === false) unknown.push({ kind: "name", name: `${alias}.${name}`, reason: `\`${specifier}\` has no \`${name}\`.` });
  }
  if (!/^\s*from\s+\S+\s+import\s+\*/m.test(text)) {
    for (const name of calledByName(tokens, language)) {
      if (checked >= MOST_LOOKED_UP) break;
      checked++;
      if (!await workspace.knows(name)) unknown.push({ kind: "function", name, reason: `\`${name}\` is called, but nothing defines it here or in this workspace.` });
    }
  }
  return { checked, unknown: [...new Map(unknown.map((one) => [one.reason, one])).values()] };
}

export function isRelative(specifier: string): boolean {
  return specifier.startsWith(".");
}

/** What code imports, in order. */
export function importsOf(text: string, language: GroundedLanguage): Import[] {
  const found: Import[] = [];
  if (language === "python") {
    // Docstrings show imports that nobody makes; offsets stay.
    const code = text.replace(/("""|''')[\s\S]*?\1/g, (string) => string.replace(/[^\n]/g, " "));
    for (const match of code.matchAll(/^([ \t]*)(?:import[ \t]+([\w.]+(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[ \t]*[\w.]+(?:[ \t]+as[ \t]+\w+)?)*)[ \t]*(?:#.*)?$|from[ \t]+([.\w]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]+))/gm)) {
      const optional = match[1] !== "" && /(?:^|\n)[ \t]*(?:try|except[^\n]*|else)[ \t]*:[^\n]*(?:\n[ \t]+(?:import|from|#)[^\n]*|\n[ \t]*)*\n?$/.test(code.slice(Math.max(0, match.index - 600), match.index));
      for (const part of (match[2] ?? "").split(",")) {
        const [specifier, alias] = part.trim().split(/\s+as\s+/);
        // `import a.b` binds a; its members may be those of a or of its other modules.
        if (specifier) found.push({ specifier, names: [], alias: alias ?? (specifier.includes(".") ? null : specifier), optional });
      }
      const names = (match[4] ?? "").replace(/#[^\n]*/g, "").replace(/[()\\]/g, "").split(",").map((part) => part.trim().split(/\s+as\s+/)[0] ?? "").filter((name) => /^\w+$/.test(name));
      if (match[3] !== undefined) found.push({ specifier: match[3], names, alias: null, optional });
    }
  } else if (language === "typescript") {
    for (const match of text.matchAll(/^[ \t]*(?:import|export)\s+(?:type\s+)?((?:[\w$*{}\s,]|\bas\b)*?)\s*from\s*["']([^"'\n]+)["']/gm)) found.push({ specifier: match[2]!, names: namesInClause(match[1]!), alias: /\*\s+as\s+([\w$]+)/.exec(match[1]!)?.[1] ?? null, optional: false });
    for (const match of text.matchAll(/^[ \t]*import\s+["']([^"'\n]+)["']/gm)) found.push({ specifier: match[1]!, names: [], alias: null, optional: false });
    for (const match of text.matchAll(/(?:\b(?:const|let|var)\s+(?:(\{[^}]*\})|([\w$]+))\s*=\s*)?(?:await\s+)?\b(?:require|import)\(\s*["']([^"'\n]+)["']\s*\)/g)) found.push({ specifier: match[3]!, names: match[1] === undefined ? [] : namesInClause(match[1].replace(/:\s*[\w$]+/g, "")), alias: null, optional: /\btry\s*\{\s*(?:return\s*)?$/.test(text.slice(Math.max(0, match.index - 80), match.index)) });
  } else {
    for (const block of text.matchAll(/^import\s+(?:\(([^)]*)\)|((?:[\w.]+\s+)?"[^"\n]+"))/gm)) for (const match of (block[1] ?? block[2] ?? "").matchAll(/(?:([\w.]+)\s+)?"([^"\n]+)"/g)) found.push({ specifier: match[2]!, names: [], alias: match[1] ?? match[2]!.split("/").at(-1) ?? null, optional: false });
  }
  return found;
}

/** `{ a, type b as c }` → a, b. */
function namesInClause(clause: string): string[] {
  const braces = /\{([^}]*)\}/.exec(clause)?.[1] ?? "";
  return braces.split(",").map((part) => part.trim().replace(/^type\s+/, "").split(/\s+as\s+/)[0] ?? "").filter((name) => /^[\w$]+$/.test(name) && name !== "default");
}

/** `alias.name` where the alias is a module taken whole and nothing else here. */
function* membersOf(tokens: readonly CodeToken[], imports: readonly Import[]): Generator<{ alias: string; specifier: string; name: string }> {
  const modules = new Map(imports.flatMap(({ alias, specifier }) => alias === null ? [] : [[alias, specifier] as const]));
  // A name that is assigned anew may be anything.
  for (const [at, token] of tokens.entries()) if (token.kind === "name" && ["=", ":="].includes(tokens[at + 1]?.text ?? "") && tokens[at - 1]?.text !== ".") modules.delete(token.text);
  const seen = new Set<string>();
  for (const [at, token] of tokens.entries()) {
    const specifier = token.kind === "name" && tokens[at - 1]?.text !== "." ? modules.get(token.text) : undefined;
    const member = tokens[at + 2];
    if (specifier === undefined || tokens[at + 1]?.text !== "." || member?.kind !== "name" || seen.has(`${token.text}.${member.text}`)) continue;
    seen.add(`${token.text}.${member.text}`);
    yield { alias: token.text, specifier, name: member.text };
  }
}

/** Functions that are called by name alone and stand in the text only so: whatever declares a name writes it without calling it. */
function calledByName(tokens: readonly CodeToken[], language: GroundedLanguage): string[] {
  const called = new Set<string>(), otherwise = new Set<string>();
  const defining = new Set(["def", "class", "function", "func", "new", "get", "set", "async", "static", "fn", "type", "interface", "case"]);
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== "name") continue;
    const before = tokens[at - 1];
    // A chain goes on after the end of a line.
    const link = before?.kind === "newline" ? tokens[at - 2] : before;
    if (language === "go" && before?.text === ")") continue;
    const isMember = link?.text === "." || before?.text === "?." || before?.text === "@" || before?.text === "#";
    if (isMember) continue;
    const opens = tokens[at + 1]?.text === "(" && !(tokens[at + 1]!.spaced && language === "typescript");
    if (opens && !defining.has(before?.text ?? "") && !declaresMethod(tokens, at, language)) called.add(token.text);
    else otherwise.add(token.text);
  }
  // Names inside strings of code (template literals) and of decorators are not calls; those in f-strings are seen as words.
  return [...called].filter((name) => !otherwise.has(name) && !isBuiltinName(name, language));
}

/** `name(...) {` and `name(...): type` declare a method in JavaScript and TypeScript, and `name(...) type` in a Go interface. */
function declaresMethod(tokens: readonly CodeToken[], at: number, language: GroundedLanguage): boolean {
  if (language === "python") return false;
  let depth = 0;
  for (let i = at + 1; i < Math.min(tokens.length, at + 400); i++) {
    const { text } = tokens[i]!;
    if (text === "(") depth++;
    else if (text === ")" && --depth === 0) {
      const next = tokens[i + 1];
      if (language === "go") return (tokens[at - 1]?.kind === "newline" || tokens[at - 1]?.text === ")") && (next?.kind === "name" || next?.text === "{" || next?.text === "(" || next?.text === "*");
      return next?.text === "{" || (next?.text === ":" && ["newline", "keyword"].includes(tokens[at - 1]?.kind ?? "newline"));
    }
  }
  return true;
}
