// What the composers of cards share: the question, the workspace, the ledger of citations, and small lookups.
import type { CardItem, FileRange, SearchHit, SymbolDefinition, SymbolUsage, Attachment } from "../protocol/types.ts";
import type { CitationLedger } from "./citations.ts";
import type { Question } from "./question.ts";
import type { ResolvedSymbol } from "./resolve.ts";
import { isSecondary, isTest, qualifiedName } from "./wording.ts";
import type { WorkspaceAccess } from "./workspaceAccess.ts";

export interface CardContext {
  question: Question;
  access: WorkspaceAccess;
  citations: CitationLedger;
  symbols: readonly ResolvedSymbol[];
  files: readonly string[];
  attachments: readonly Attachment[];
  activePath: string | undefined;
  /** Search for the question, made at most once. */
  hits(): Promise<SearchHit[]>;
}

/** A card in the making; null from a composer means that it has nothing to say. */
export interface Draft {
  /** Each ends with its citations; empty ones are left out, and the first three are shown. */
  sentences: string[];
  items: CardItem[];
  supported: boolean;
}

export const MAXIMUM_ITEMS = 6;
const USAGES_READ = 120;
const USAGES_SHOWN = 8;
const DOCUMENTATION_ABOVE = 60;

/** The item of one definition, cited; null where it does not stand on disk any more. */
export async function definitionItem(context: CardContext, definition: SymbolDefinition, usages?: { count: number; usages: readonly SymbolUsage[] }): Promise<CardItem | null> {
  const range = await currentRange(context, definition);
  if (!range) return null;
  const citation = await context.citations.cite(range);
  if (!citation) return null;
  return {
    title: qualifiedName(definition),
    kind: definition.kind,
    location: { path: citation.path, startLine: declarationLine(citation.text, definition.name, citation.startLine), endLine: Math.max(citation.endLine, range.endLine) },
    language: definition.language,
    signature: definition.signature,
    documentation: definition.documentation,
    usageCount: usages?.count ?? 0,
    usages: (usages?.usages ?? []).slice(0, USAGES_SHOWN).map((usage) => ({ path: usage.path, startLine: usage.line, endLine: usage.line })),
    citation: citation.n,
  };
}

/**
 * Where a definition stands now: as indexed, where its name is still declared there; else where its signature's first line
 * stands in the file. Its documentation comment is included, so that what is quoted lies within what is cited.
 */
async function currentRange(context: CardContext, definition: SymbolDefinition): Promise<FileRange | null> {
  const { path, startLine, endLine } = definition;
  const first = Math.max(1, startLine - DOCUMENTATION_ABOVE);
  const read = await context.access.readLines({ path, startLine: first, endLine });
  const lines = read?.text.split("\n") ?? [];
  const head = lines.slice(startLine - first, startLine - first + 40);
  if (read && mentions(head.join("\n"), definition.name)) {
    const documented = documentationStart(lines.slice(0, startLine - first), definition.documentation);
    return { path, startLine: documented === null ? startLine : first + documented, endLine: Math.min(endLine, first + lines.length - 1) };
  }
  const whole = await context.access.readLines({ path, startLine: 1, endLine: 1_000_000 });
  if (!whole) return null;
  const signature = (definition.signature.split("\n")[0] ?? "").trim();
  const all = whole.text.split("\n");
  const at = all.findIndex((line) => signature !== "" && line.trim().startsWith(signature) && mentions(line, definition.name));
  return at < 0 ? null : { path, startLine: at + 1, endLine: Math.min(all.length, at + 1 + endLine - startLine) };
}

/** The index among the `above` lines at which `documentation` begins, or null where it does not stand there. */
function documentationStart(above: readonly string[], documentation: string): number | null {
  const firstLine = documentation.split("\n").map((line) => line.trim()).find((line) => line !== "");
  if (firstLine === undefined) return null;
  for (let i = above.length - 1; i >= 0; i--) if (above[i]?.includes(firstLine)) return /^\s*(?:\/\*\*?|"""|''')\s*$/.test(above[i - 1] ?? "") ? i - 1 : i;
  return null;
}

function declarationLine(text: string, name: string, startLine: number): number {
  const lines = text.split("\n");
  const isComment = (line: string): boolean => /^\s*(?:\/\/|\/\*|\*|#(?!define)|"""|'''|--)/.test(line);
  const at = lines.findIndex((line) => !isComment(line) && mentions(line, name));
  return startLine + Math.max(0, at);
}

/** Whether `text` holds `name` as a whole word. */
export function mentions(text: string, name: string): boolean {
  let at = text.indexOf(name);
  while (at >= 0) {
    const before = text[at - 1] ?? " ";
    const after = text[at + name.length] ?? " ";
    if (!/[\w$]/.test(before) && !/[\w$]/.test(after)) return true;
    at = text.indexOf(name, at + 1);
  }
  return false;
}

/** The usages of `name`: product code before tests and examples, calls before mentions, mentions before imports. */
export async function usagesOf(context: CardContext, name: string): Promise<{ count: number; usages: SymbolUsage[] }> {
  const { count, usages } = await context.access.usages(name, USAGES_READ);
  // The name alone on its line belongs to an import or a list over several lines.
  const form = ({ text }: SymbolUsage): number => (isImport(text) || text.replace(/[\s,{}()]/g, "") === name ? 2 : text.includes(`${name}(`) || text.includes(`<${name}`) ? 0 : 1);
  const weight = (usage: SymbolUsage): number => (isTest(usage.path) ? 6 : isSecondary(usage.path) ? 3 : 0) + form(usage);
  return { count, usages: usages.toSorted((a, b) => weight(a) - weight(b)) };
}

/** The definition whose documentation comment, above it, holds `text` of line `line`; else the innermost that holds the line; or null. */
export async function belongsTo(context: CardContext, path: string, line: number, text: string): Promise<SymbolDefinition | null> {
  const said = text.replace(/^\s*(?:\/\/+|\/?\*+|#+|--|"""|''')?\s?/, "").replace(/\s*(?:\*\/|"""|''')?\s*$/, "").trim();
  const below = (await context.access.symbolsIn(path)).find((definition) => definition.startLine > line && definition.startLine - line < 40 && said.length > 5 && definition.documentation.includes(said));
  return below ?? enclosing(context, path, line);
}

/** Public members of a class or interface, in order: its methods, or where it has none its fields. */
export async function memberNames(context: CardContext, definition: SymbolDefinition): Promise<string[]> {
  const members = (await context.access.symbolsIn(definition.path)).filter((member) =>
    member.startLine > definition.startLine && member.endLine <= definition.endLine && member.container.at(-1) === definition.name && !/^(?:_|constructor$|#)/.test(member.name));
  const methods = members.filter((member) => member.kind === "method" || member.kind === "function");
  return [...new Set((methods.length > 0 ? methods : members).map((member) => member.name))];
}

/** Whether a line imports. */
export function isImport(text: string): boolean {
  return /^(?:import\b|from\s.+\bimport\b|export\s.*\bfrom\b|(?:const|let|var)\s.*=\s*require\(|use\s|using\s|#include)/.test(text);
}

/** The innermost definition that holds `line`, or null. */
export async function enclosing(context: CardContext, path: string, line: number): Promise<SymbolDefinition | null> {
  let best: SymbolDefinition | null = null;
  for (const definition of await context.access.symbolsIn(path)) {
    if (definition.startLine > line || definition.endLine < line) continue;
    if (!/^(?:function|method|class|interface|type|enum|module)$/.test(definition.kind) && definition.startLine !== line) continue;
    if (!best || definition.endLine - definition.startLine < best.endLine - best.startLine) best = definition;
  }
  return best;
}
