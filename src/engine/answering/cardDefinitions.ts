// Cards about named definitions: where one stands, what it does, how it is called, who uses it.
// Every statement is a copy of, or a place in, a file that was read for it.
import type { CardItem, SymbolDefinition, SymbolUsage } from "../protocol/types.ts";
import { definitionItem, enclosing, isImport, MAXIMUM_ITEMS, memberNames, usagesOf } from "./cardContext.ts";
import type { CardContext, Draft } from "./cardContext.ts";
import type { ResolvedSymbol } from "./resolve.ts";
import { isTest, aKind, code, firstSentence, list, place, plural, qualifiedName, quote } from "./wording.ts";

const OTHERS_NAMED = 3;
const EXAMPLES_SHOWN = 3;
/** A body of at most so many lines is quoted whole. */
const SHORT_BODY_LINES = 4;

/** "Where is X": the best definition, the others of its name, how often it is used. */
export async function whereCard(context: CardContext, symbols: readonly ResolvedSymbol[]): Promise<Draft | null> {
  const items: CardItem[] = [];
  const sentences: string[] = [];
  for (const symbol of symbols.slice(0, 3)) {
    const found = await itemsOf(context, symbol, items.length === 0 ? 1 + OTHERS_NAMED : 1);
    const [first, ...others] = found;
    if (!first) continue;
    items.push(...found);
    sentences.push(`${code(first.title)} is ${aKind(first.kind)} defined in ${place(first.location.path, first.location.startLine)} [${first.citation}].`);
    const more = otherDefinitions(symbol, first, others);
    if (more !== "") sentences.push(more);
  }
  const first = items[0];
  if (!first) return null;
  const definition = symbols[0]?.definitions[0];
  if (symbols.length === 1 && definition) sentences.push(await usedIn(context, first, definition));
  return { sentences, items: items.slice(0, MAXIMUM_ITEMS), supported: true };
}

/** "What does X do": its documentation's first sentence verbatim; without one, what it consists of and calls. */
export async function whatCard(context: CardContext, symbols: readonly ResolvedSymbol[]): Promise<Draft | null> {
  const items: CardItem[] = [];
  const sentences: string[] = [];
  for (const symbol of symbols.slice(0, 3)) {
    const found = await itemsOf(context, symbol, items.length === 0 ? 1 + OTHERS_NAMED : 1);
    const [first, ...others] = found;
    if (!first) continue;
    items.push(...found);
    const described = firstSentence(first.documentation);
    const intro = `${code(first.title)} is ${aKind(first.kind)} in ${place(first.location.path, first.location.startLine)}`;
    if (described !== "") sentences.push(`${intro}: ${quote(described)} [${first.citation}].`);
    else {
      sentences.push(`${intro}, without a documentation comment [${first.citation}].`);
      const parts = await consistsOf(context, symbol, first);
      if (parts !== "") sentences.push(parts);
    }
    const definition = symbol.definitions[0];
    if (symbols.length === 1 && definition) sentences.push(otherDefinitions(symbol, first, others), described !== "" ? await usedIn(context, first, definition) : "");
  }
  if (items.length === 0) return null;
  return { sentences, items: items.slice(0, MAXIMUM_ITEMS), supported: true };
}

/** "How do I call X": its signature, and lines of the workspace that call it. */
export async function howCard(context: CardContext, symbols: readonly ResolvedSymbol[]): Promise<Draft | null> {
  const symbol = symbols[0];
  if (!symbol) return null;
  const found = await itemsOf(context, symbol, 1 + OTHERS_NAMED);
  const [first, ...others] = found;
  const definition = symbol.definitions[0];
  if (!first || !definition) return null;
  // Declaration and call lines stand below, highlighted; saying them here as well would only push them out of sight.
  const described = firstSentence(first.documentation);
  const sentences = [`${code(first.title)} is ${aKind(first.kind)} in ${place(first.location.path, first.location.startLine)}${described === "" ? "" : `: ${quote(described)}`} [${first.citation}].`];
  const items = [first];
  const name = callName(definition);
  const { usages } = await usagesOf(context, name);
  const calls = usages.filter((usage) => isCall(usage.text, name, definition) && !(usage.path === definition.path && usage.line === definition.startLine));
  const examples: string[] = [];
  for (const usage of calls.slice(0, EXAMPLES_SHOWN)) {
    const item = await usageItem(context, usage, first.language);
    if (!item) continue;
    items.push(item);
    examples.push(`${place(usage.path, usage.line)} [${item.citation}]`);
  }
  if (examples.length > 0) sentences.push(`It is called in ${list(examples)}.`);
  else if (definition.kind === "class" || definition.kind === "interface") sentences.push(await consistsOf(context, symbol, first));
  else if (usages.length === 0) sentences.push(`Nothing else in the workspace uses it by name [${first.citation}].`);
  sentences.push(otherDefinitions(symbol, first, others));
  return { sentences, items: [...items, ...others].slice(0, MAXIMUM_ITEMS), supported: true };
}

/** "Who uses X": how many places in how many files, and the places, with the function each stands in. */
export async function usagesCard(context: CardContext, symbols: readonly ResolvedSymbol[], options: { testsOnly?: boolean } = {}): Promise<Draft | null> {
  const symbol = symbols[0];
  if (!symbol) return null;
  const found = await itemsOf(context, symbol, 1);
  const first = found[0];
  const definition = symbol.definitions[0];
  if (!first || !definition) return null;
  const { count, usages } = await usagesOf(context, definition.name);
  const outside = usages.filter((usage) => !options.testsOnly || isTest(usage.path));
  const items: CardItem[] = [];
  const places: string[] = [];
  // One place per file first: that is what "who" asks for.
  const spread = [...outside].sort((a, b) => rankInFile(outside, a) - rankInFile(outside, b));
  for (const usage of spread) {
    if (items.length >= MAXIMUM_ITEMS - 1) break;
    const item = await usageItem(context, usage, first.language);
    if (!item) continue;
    items.push(item);
    if (places.length < 5) places.push(`${item.title === usage.path ? "" : `in ${code(item.title)}, `}${place(usage.path, usage.line)} [${item.citation}]`);
  }
  const where = `${place(first.location.path, first.location.startLine)} [${first.citation}]`;
  const what = options.testsOnly ? "test line" : "line";
  if (items.length === 0) {
    const sentence = options.testsOnly
      ? `No test in the workspace mentions ${code(definition.name)}, which is defined in ${where}.`
      : `Nothing in the workspace uses ${code(definition.name)} outside its definition in ${where}.`;
    return { sentences: [sentence], items: found, supported: true };
  }
  const files = new Set(outside.map((usage) => usage.path)).size;
  const total = options.testsOnly ? outside.length : count;
  const sentences = [
    `${code(definition.name)} is used on ${plural(total, what)}${total <= usages.length ? ` of ${plural(files, "file")}` : ""}: ${list(places)}.`,
    `It is defined in ${where}.`,
  ];
  if (symbol.definitions.length > 1) sentences.push(`${symbol.definitions.length} definitions share this name, and uses are counted by name.`);
  return { sentences, items: [first, ...items], supported: true };
}

/** The item of one line that uses a symbol: titled by the function it stands in. */
export async function usageItem(context: CardContext, usage: SymbolUsage, language: string): Promise<CardItem | null> {
  const citation = await context.citations.cite({ path: usage.path, startLine: usage.line, endLine: usage.line });
  // The index may be older than the file: the line must still hold what was said to stand there.
  if (!citation || !citation.text.includes(usage.text.slice(0, 60))) return null;
  const around = await enclosing(context, usage.path, usage.line);
  return {
    title: around ? qualifiedName(around) : usage.path, kind: "usage",
    location: { path: citation.path, startLine: citation.startLine, endLine: citation.endLine }, language,
    signature: usage.text, documentation: "", usageCount: 0, usages: [], citation: citation.n,
  };
}

async function itemsOf(context: CardContext, symbol: ResolvedSymbol, limit: number): Promise<CardItem[]> {
  const items: CardItem[] = [];
  for (const definition of symbol.definitions) {
    if (items.length >= limit) break;
    const item = await definitionItem(context, definition, items.length === 0 ? await usagesOf(context, definition.name) : undefined);
    if (item) items.push(item);
  }
  return items;
}

function otherDefinitions(symbol: ResolvedSymbol, first: CardItem, others: readonly CardItem[]): string {
  const more = symbol.definitions.length - 1;
  // `Chat.abort` was asked for by its container: other definitions of "abort" are beside the point.
  if (symbol.asked.includes(".") && symbol.asked.toLowerCase() === first.title.toLowerCase()) return "";
  if (more <= 0 || others.length === 0) return "";
  const named = others.map((item) => `${place(item.location.path, item.location.startLine)} [${item.citation}]`);
  const rest = more - others.length;
  return `${more === 1 ? "Another definition" : `${more} other definitions`} of ${code(symbol.definitions[0]?.name ?? first.title)} ${more === 1 ? "stands" : "stand"} in ${list(rest > 0 ? [...named, `${rest} more`] : named)}.`;
}

/** How often a definition is used, with one place where it is. */
async function usedIn(context: CardContext, item: CardItem, definition: SymbolDefinition): Promise<string> {
  if (item.usageCount === 0) return "";
  const { usages } = await usagesOf(context, definition.name);
  for (const usage of usages.filter((candidate) => !isImport(candidate.text)).slice(0, 3)) {
    const example = await usageItem(context, usage, item.language);
    if (example) return `It is used on ${plural(item.usageCount, "line")}, for example in ${place(usage.path, usage.line)} [${example.citation}].`;
  }
  return "";
}

/** What an undocumented definition is made of: a class's methods, the workspace's functions that a function calls. */
async function consistsOf(context: CardContext, symbol: ResolvedSymbol, item: CardItem): Promise<string> {
  const definition = symbol.definitions.find((candidate) => candidate.path === item.location.path && qualifiedName(candidate) === item.title);
  if (!definition) return "";
  if (/^(?:class|interface|module|type|enum)$/.test(definition.kind)) {
    const names = await memberNames(context, definition);
    if (names.length === 0) return "";
    return `It has ${list([...names.slice(0, 8).map(code), ...(names.length > 8 ? [`${names.length - 8} more`] : [])])} [${item.citation}].`;
  }
  const body = shortBody(context, definition);
  if (body !== "") return `Its body is ${code(body)} [${item.citation}].`;
  const called = await calledBy(context, definition);
  return called.length === 0 ? "" : `It calls ${list(called.map(code))} [${item.citation}].`;
}

/** The body of a function of a few lines, on one line, or "". */
function shortBody(context: CardContext, definition: SymbolDefinition): string {
  if (definition.endLine - definition.startLine > SHORT_BODY_LINES + 2) return "";
  const cited = context.citations.list().find((citation) => citation.path === definition.path && citation.startLine <= definition.startLine && citation.endLine >= definition.endLine);
  const lines = cited?.text.split("\n").slice(definition.startLine - cited.startLine, definition.endLine - cited.startLine + 1) ?? [];
  const text = lines.join("\n");
  const signature = definition.signature.trimEnd();
  const at = text.indexOf(signature);
  const inner = (at >= 0 ? text.slice(at + signature.length) : lines.slice(1).join("\n")).replace(/^\s*(?::|=>|=)?\s*\{?/, "").replace(/\}?[;,]?\s*$/, "");
  const statements = inner.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  return statements.length > 0 && statements.length <= SHORT_BODY_LINES && inner.length < 400 ? statements.join(" ") : "";
}

async function calledBy(context: CardContext, definition: SymbolDefinition): Promise<string[]> {
  const body = context.citations.list().find((citation) => citation.path === definition.path && citation.startLine <= definition.startLine && citation.endLine > definition.startLine)?.text ?? "";
  // Whether it is called on this object: then a method is meant, else a function or class.
  const names = new Map<string, boolean>();
  for (const match of body.replace(/(["'`])(?:\\.|(?!\1).)*\1|\/\/.*|#\s.*/g, " ").matchAll(/(?<![\w$])(self\.|this\.)?(?<!(?<!self|this)\.)([A-Za-z_$][\w$]{2,})\s*\(/g)) {
    const name = match[2] ?? "";
    if (name !== definition.name) names.set(name, match[1] !== undefined);
  }
  const called: string[] = [];
  for (const [name, own] of [...names].slice(0, 40)) {
    if (called.length >= 6) break;
    const definitions = await context.access.definitions(name);
    if (definitions.some((candidate) => candidate.name === name && (own ? candidate.kind === "method" && candidate.container.at(-1) === definition.container.at(-1) : /^(?:function|class)$/.test(candidate.kind)))) called.push(name);
  }
  return called;
}

/** A constructor is called by its class's name. */
function callName(definition: SymbolDefinition): string {
  return definition.kind === "method" && /^(?:constructor|__init__|new)$/.test(definition.name) ? definition.container.at(-1) ?? definition.name : definition.name;
}

/** Whether a line calls `name` in a way that fits the kind of `definition`: a method behind a dot, a function not behind one of this object. */
function isCall(text: string, name: string, definition: SymbolDefinition): boolean {
  const escaped = name.replaceAll("$", "\\$");
  const type = /^(?:class|interface|type|enum)$/.test(definition.kind);
  if (isImport(text) || new RegExp(String.raw`\b(?:class|def|func|fn|function|interface|type)\s+${escaped}\b`).test(text)) return false;
  if (type) return new RegExp(String.raw`\bnew ${escaped}\b|(?<![\w$.])${escaped}(?:<[^<>]*>)?\s*\(|(?<![\w$])${escaped}\.\w+\s*\(|<${escaped}[\s/>]`).test(text);
  if (new RegExp(String.raw`<${escaped}[\s/>]|@${escaped}\b`).test(text)) return true;
  const called = String.raw`${escaped}(?:<[^<>]*>)?\s*(?:\(|\x60)`;
  if (definition.kind === "method" && name === definition.name) return new RegExp(String.raw`[.>]${called}`).test(text);
  return new RegExp(String.raw`(?<!\bself\.|\bthis\.|\bsuper\(\)\.|[\w$])${called}`).test(text);
}

function rankInFile(usages: readonly SymbolUsage[], usage: SymbolUsage): number {
  return usages.filter((other) => other.path === usage.path).indexOf(usage);
}
