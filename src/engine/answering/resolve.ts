// Finds in the index what a question names: definitions for its identifiers and for names spelt as words, files for its paths.
// Ranks several definitions of one name. Composes nothing.
import type { SymbolDefinition } from "../protocol/types.ts";
import type { Question } from "./question.ts";
import type { StackFrame } from "./stackTrace.ts";
import { splitIdentifier } from "./subjects.ts";
import type { PathMention, Subject } from "./subjects.ts";
import { isSecondary, isTest, qualifiedName, stem } from "./wording.ts";
import type { WorkspaceAccess } from "./workspaceAccess.ts";

/** How a name of the question met the index. "exact": as written; "spelling": other case or separators; "words": from plain words. */
export type Resolution = "exact" | "spelling" | "words";

export interface ResolvedSymbol {
  /** What the question said. */
  asked: string;
  how: Resolution;
  /** How likely the question is about it, in (0, 1]. */
  trust: number;
  /** Best first, never empty. */
  definitions: SymbolDefinition[];
}

const MAXIMUM_LOOKUPS = 400;
const MARK_TRUST: Record<Subject["mark"], number> = { code: 1, shaped: 1, quoted: 0.9, named: 0.8, capitalised: 0.7 };
const DOCUMENT = /\.(?:md|mdx|rst|adoc|txt|ipynb)$/i;
const SUBSTANTIAL = new Set(["function", "method", "class", "interface", "type", "enum", "module"]);

/** Everything the question names that the index defines, most trusted first. */
export async function resolveSymbols(question: Question, access: WorkspaceAccess, activePath?: string): Promise<ResolvedSymbol[]> {
  const resolved = new Map<string, ResolvedSymbol>();
  let lookups = 0;
  const lookUp = async (name: string): Promise<readonly SymbolDefinition[]> => (lookups++ < MAXIMUM_LOOKUPS ? access.definitions(name) : []);
  const add = (asked: string, how: Resolution, trust: number, definitions: readonly SymbolDefinition[], container: readonly string[]): void => {
    if (definitions.length === 0) return;
    const ranked = rankDefinitions(definitions, { container, words: question.words, paths: question.paths, activePath });
    const key = ranked[0]?.name ?? asked;
    const known = resolved.get(key);
    if (!known || known.trust < trust) resolved.set(key, { asked, how, trust, definitions: ranked });
  };

  for (const subject of question.identifiers) {
    const trust = MARK_TRUST[subject.mark];
    const exact = await lookUp(subject.name);
    if (exact.length > 0) {
      add(written(subject), "exact", trust, exact, subject.container);
      continue;
    }
    const found = await firstOf(spellings(splitIdentifier(subject.name)), lookUp);
    if (found.length > 0) add(written(subject), "spelling", trust * 0.9, found, subject.container);
    else if (subject.container.length > 0) {
      // `chat.history` where only Chat is known: the container is the nearest true thing.
      const outer = subject.container.at(-1) ?? "";
      add(written(subject), "spelling", trust * 0.6, await lookUp(outer), subject.container.slice(0, -1));
    }
  }
  if (resolved.size === 0 || [...resolved.values()].every((symbol) => symbol.trust < 0.85)) {
    for (const run of question.runs) {
      for (let length = Math.min(4, run.length); length >= 1; length--) {
        for (let start = 0; start + length <= run.length; start++) {
          const words = run.slice(start, start + length);
          const trust = wordsTrust(words, question);
          if (trust === 0) continue;
          const definitions = await firstOf(spellings(words.flatMap((word) => splitIdentifier(word))), lookUp);
          // Headings of documents are found as passages; as names, plain words mean code.
          add(words.join(" "), "words", trust, definitions.filter((definition) => !DOCUMENT.test(definition.path) && (length > 1 || SUBSTANTIAL.has(definition.kind))), []);
        }
      }
    }
  }
  return [...resolved.values()].sort((a, b) => b.trust - a.trust);
}

/** Words that together are the whole subject are its name; words among others only may be. */
function wordsTrust(words: readonly string[], question: Question): number {
  const content = new Set(question.words);
  const covered = words.filter((word) => content.has(word)).length;
  if (covered === 0) return 0;
  if (words.length === 1 && (words[0] ?? "").length < 3) return 0;
  const share = covered / Math.max(1, content.size);
  if (words.length === 1) return share === 1 ? 0.7 : 0.3 * share;
  return share === 1 ? 0.85 : 0.45 + 0.3 * share;
}

/** The ways in which a name of these parts is written, most common first; for one word also its plural and singular. */
function spellings(parts: readonly string[]): string[] {
  if (parts.length === 0) return [];
  const capital = (part: string): string => part.slice(0, 1).toUpperCase() + part.slice(1);
  const camel = parts.map((part, i) => (i === 0 ? part : capital(part))).join("");
  const acronym = parts.map((part) => (part.length <= 4 ? part.toUpperCase() : capital(part))).join("");
  const forms = [camel, parts.map(capital).join(""), parts.join("_"), parts.join("_").toUpperCase(), parts.join(""), parts.join("").toUpperCase(), acronym, `_${parts.join("_")}`, capital(parts.join(""))];
  return [...new Set(forms)];
}

/** The definitions of the first spelling that has any. The index itself falls back to other cases and separators. */
async function firstOf(names: readonly string[], lookUp: (name: string) => Promise<readonly SymbolDefinition[]>): Promise<readonly SymbolDefinition[]> {
  for (const name of names) {
    const found = await lookUp(name);
    if (found.length > 0) return found;
  }
  return [];
}

/** Best first: the named container or file, then code before tests and examples, exported before private, substantial kinds first. */
export function rankDefinitions(
  definitions: readonly SymbolDefinition[],
  asked: { container?: readonly string[]; words?: readonly string[]; paths?: readonly PathMention[]; activePath?: string },
): SymbolDefinition[] {
  const container = (asked.container ?? []).map((part) => part.toLowerCase());
  const stems = new Set((asked.words ?? []).map(stem));
  const wantsTests = stems.has("test");
  const scored = definitions.map((definition) => {
    let score = 0;
    const own = definition.container.map((part) => part.toLowerCase());
    const base = (definition.path.split("/").at(-1) ?? "").replace(/\.\w+$/, "").toLowerCase();
    const outer = container.at(-1);
    if (outer !== undefined) {
      if (own.at(-1) === outer) score += 8;
      else if (own.includes(outer) || splitIdentifier(base).join("") === splitIdentifier(outer).join("") || definition.path.toLowerCase().includes(`/${outer}/`)) score += 5;
      else if (own.at(-1)?.includes(outer)) score += 2;
    }
    if (asked.paths?.some((mention) => endsWithPath(definition.path, mention.path))) score += 7;
    if (isTest(definition.path) !== wantsTests) score -= 4;
    if (isSecondary(definition.path)) score -= 2;
    if (DOCUMENT.test(definition.path)) score -= 5;
    if (definition.exported) score += 2;
    if (SUBSTANTIAL.has(definition.kind)) score += 1.5;
    if (/\.d\.[mc]?ts$|\.pyi$/.test(definition.path)) score -= 1;
    if (definition.documentation !== "") score += 0.5;
    if (definition.path === asked.activePath) score += 1;
    const context = new Set([...splitIdentifier(definition.path), ...definition.container.flatMap(splitIdentifier)].map(stem));
    // Said words outweigh being exported: "openSocket of the report" means the private one there.
    score += 3 * Math.min(2, [...stems].filter((wanted) => context.has(wanted)).length);
    return { definition, score };
  });
  return scored
    .sort((a, b) => b.score - a.score || a.definition.path.split("/").length - b.definition.path.split("/").length || a.definition.path.localeCompare(b.definition.path) || a.definition.startLine - b.definition.startLine)
    .map((entry) => entry.definition);
}

/** Definitions that the question's own names suggest, for "did you mean", nearest first. */
export async function nearMisses(question: Question, access: WorkspaceAccess, limit: number): Promise<SymbolDefinition[]> {
  const found: SymbolDefinition[] = [];
  const seen = new Set<string>();
  const names = [...question.identifiers.map((subject) => subject.name), ...(question.identifiers.length === 0 ? [spellings(question.words.slice(0, 3))[0] ?? "", ...question.words.slice(0, 3)] : [])];
  for (const name of names) {
    if (name.length < 3) continue;
    for (const definition of await access.similarSymbols(name, limit)) {
      const key = qualifiedName(definition);
      if (seen.has(key)) continue;
      seen.add(key);
      found.push(definition);
    }
    if (found.length >= limit) break;
  }
  return found.slice(0, limit);
}

/** The indexed files that `mention` may mean, best first: the whole path, then the path's end, then a base name without extension. */
export function resolvePath(mention: Pick<PathMention, "path">, files: readonly string[]): string[] {
  const wanted = mention.path.replace(/^@|^\.\//g, "").replace(/\/+$/, "").toLowerCase();
  if (wanted === "") return [];
  const byEnd = files.filter((file) => endsWithPath(file, wanted));
  const found = byEnd.length > 0 ? byEnd : files.filter((file) => (file.split("/").at(-1) ?? "").toLowerCase().replace(/\.\w+$/, "") === wanted);
  return found.toSorted((a, b) => Number(isSecondary(a)) - Number(isSecondary(b)) || a.length - b.length || a.localeCompare(b));
}

/** The indexed files in a folder that `mention` names. */
export function resolveFolder(mention: Pick<PathMention, "path">, files: readonly string[]): string[] {
  const folder = `/${mention.path.replace(/^@|^\.\/|\/+$/g, "").toLowerCase()}/`;
  return files.filter((file) => `/${file.toLowerCase()}`.includes(folder));
}

/**
 * The workspace's file of a stack frame, whose path may be another machine's. Library frames (node_modules, a standard library)
 * are not taken for files of the workspace that merely share their base name.
 */
export function resolveFrame(frame: StackFrame, files: readonly string[]): string | null {
  const path = frame.path.replaceAll("\\", "/");
  if (/(?:^|\/)node_modules\/|^node:|^internal\/|(?:^|\/)(?:go\/pkg\/mod|\.cargo\/registry|rustc\/[0-9a-f]{8,})\//.test(path)) return null;
  const installed = /(?:site|dist)-packages\/(.+)$/.exec(path)?.[1];
  if (installed !== undefined) return files.find((file) => file === installed || file.endsWith(`/src/${installed}`) || file === `src/${installed}`) ?? null;
  if (/\/lib(?:64)?\/python\d|^\/usr\/lib\/|\/go\/src\/(?:runtime|net|os|fmt|testing)\/|<frozen |<anonymous>|<string>|<stdin>/.test(path)) return null;
  const absolute = /^(?:[A-Za-z]:)?\//.test(path);
  const parts = path.toLowerCase().split("/").filter((part) => part !== "" && part !== ".");
  let best: { file: string; shared: number }[] = [];
  for (const file of files) {
    const own = file.toLowerCase().split("/");
    let shared = 0;
    while (shared < own.length && shared < parts.length && own[own.length - 1 - shared] === parts[parts.length - 1 - shared]) shared++;
    if (shared === 0) continue;
    const whole = shared === own.length || (!absolute && shared === parts.length);
    // One shared base name proves little for a path that says more.
    if (!whole && shared < 2) continue;
    if (shared > (best[0]?.shared ?? 0)) best = [{ file, shared }];
    else if (shared === best[0]?.shared) best.push({ file, shared });
  }
  if (best.length > 1 && frame.name !== "" && parts.length === 1) return best.find((entry) => entry.file.toLowerCase().includes(frame.name.split(".")[0]?.toLowerCase() ?? "\0"))?.file ?? null;
  return best.length === 1 ? best[0]?.file ?? null : best.toSorted((a, b) => a.file.length - b.file.length)[0]?.file ?? null;
}

function endsWithPath(file: string, wanted: string): boolean {
  const lower = file.toLowerCase();
  const end = wanted.toLowerCase();
  return lower === end || lower.endsWith(`/${end}`);
}

function written(subject: Subject): string {
  return [...subject.container, subject.name].join(".");
}
