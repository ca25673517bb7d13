// Cards about what the user selected or attached: the definition it stands in, the workspace's symbols it uses, its tests.
import { sha256 } from "../base/files.ts";
import type { Attachment, CardItem, SymbolDefinition } from "../protocol/types.ts";
import { definitionItem, enclosing, MAXIMUM_ITEMS, usagesOf } from "./cardContext.ts";
import type { CardContext, Draft } from "./cardContext.ts";
import { usageItem, usagesCard } from "./cardDefinitions.ts";
import { rankDefinitions } from "./resolve.ts";
import type { ResolvedSymbol } from "./resolve.ts";
import { isTest, aKind, code, firstSentence, list, place, plural, qualifiedName, quote } from "./wording.ts";

const IDENTIFIERS_LOOKED_UP = 80;
const KEYWORDS = new Set((
  "if else for while do switch case break continue return function class const let var new this self super import from export default async await try except catch finally throw raise def lambda with as in is " +
  "not and or none true false null undefined void int str string number boolean float list dict set tuple type interface enum public private protected static readonly yield pass print len range typeof instanceof " +
  "get map filter push keys values length name value key data result error item index console log args kwargs props state object array promise"
).split(" "));

/** The attachment that "this" means: a selection before a cell before a file. */
export function selectionOf(attachments: readonly Attachment[]): Attachment | null {
  return attachments.find((attachment) => attachment.kind === "selection") ?? attachments.find((attachment) => attachment.kind === "cell") ?? null;
}

/** What the selection is and which of the workspace's symbols it uses, each with its documentation. */
export async function selectionCard(context: CardContext, selection: Attachment): Promise<Draft | null> {
  const items: CardItem[] = [];
  const sentences: string[] = [];
  const around = await selectedDefinition(context, selection);
  const text = await selectedText(context, selection);
  const where = place(selection.path, selection.startLine);
  const own = around ? await definitionItem(context, around, await usagesOf(context, around.name)) : null;
  if (around && own) {
    items.push(own);
    const described = firstSentence(own.documentation);
    sentences.push(`The selection at ${where} is in ${aKind(around.kind)} ${code(own.title)}${described === "" ? ", which has no documentation comment" : `: ${quote(described)}`} [${own.citation}].`);
  } else {
    const citation = await context.citations.cite(selection, selection.text === undefined ? undefined : { text: selection.text, sha256: sha256(selection.text) });
    if (citation) {
      items.push({ title: selection.path, kind: "selection", location: { path: citation.path, startLine: citation.startLine, endLine: citation.endLine }, language: "plaintext", signature: citation.text.split("\n").slice(0, 3).join("\n"), documentation: "", usageCount: 0, usages: [], citation: citation.n });
      sentences.push(`The selection is ${plural(citation.endLine - citation.startLine + 1, "line")} of ${where} [${citation.n}].`);
    }
  }
  const used: string[] = [];
  for (const definition of await symbolsUsed(context, text, around, selection)) {
    if (items.length >= MAXIMUM_ITEMS) break;
    const item = await definitionItem(context, definition);
    if (!item || items.some((known) => known.citation === item.citation)) continue;
    items.push(item);
    const described = firstSentence(item.documentation);
    used.push(`${code(item.title)}${described === "" || described.length > 120 ? "" : ` (${quote(described)})`} [${item.citation}]`);
  }
  if (used.length > 0) sentences.push(`It uses ${list(used)}.`);
  if (own && own.usageCount > 0) sentences.push(`${code(own.title)} is used on ${plural(own.usageCount, "line")} [${own.citation}].`);
  return items.length === 0 ? null : { sentences, items, supported: true };
}

/** "/tests": the tests that mention the symbol, else the tests nearest to its file. */
export async function testsCard(context: CardContext, symbols: readonly ResolvedSymbol[]): Promise<Draft | null> {
  const symbol = symbols[0];
  if (!symbol) return null;
  const draft = await usagesCard(context, [symbol], { testsOnly: true });
  if (!draft || draft.items.length > 1) return draft;
  const tests = context.files.filter(isTest);
  if (tests.length === 0) return { ...draft, sentences: [...draft.sentences, "The index holds no test files."] };
  const base = (symbol.definitions[0]?.path.split("/").at(-1) ?? "").replace(/\.\w+$/, "").toLowerCase();
  const nearest = tests.find((file) => (file.split("/").at(-1) ?? "").toLowerCase().includes(base)) ?? tests[0] ?? "";
  const item = await usageItem(context, { path: nearest, line: 1, text: "" }, "plaintext");
  if (!item) return draft;
  return { ...draft, items: [...draft.items, item], sentences: [...draft.sentences, `The index holds ${plural(tests.length, "test file")}; the nearest is ${code(nearest)} [${item.citation}].`] };
}

/** The definition that the selection stands in, in the form that cards about symbols take. */
export async function selectedSymbol(context: CardContext, selection: Attachment): Promise<ResolvedSymbol | null> {
  const around = await selectedDefinition(context, selection);
  return around ? { asked: around.name, how: "exact", trust: 1, definitions: [around] } : null;
}

/** By its middle: selections often begin on the last line of what stands before. */
async function selectedDefinition(context: CardContext, selection: Attachment): Promise<SymbolDefinition | null> {
  return await enclosing(context, selection.path, Math.floor((selection.startLine + selection.endLine) / 2)) ?? await enclosing(context, selection.path, selection.startLine)
    ?? (await context.access.symbolsIn(selection.path)).find((definition) => definition.startLine >= selection.startLine && definition.endLine <= selection.endLine) ?? null;
}

async function selectedText(context: CardContext, selection: Attachment): Promise<string> {
  if (selection.text !== undefined) return selection.text;
  return (await context.access.readLines(selection))?.text ?? "";
}

/** The workspace's definitions that a text uses, in order of first use, documented ones first. */
async function symbolsUsed(context: CardContext, text: string, around: SymbolDefinition | null, selection: Attachment): Promise<SymbolDefinition[]> {
  const names = new Set<string>();
  for (const match of text.slice(0, 20_000).replace(/(["'])(?:\\.|(?!\1).)*\1|\/\/.*|^\s*#.*/gm, " ").matchAll(/[A-Za-z_$][\w$]{2,}/g)) {
    if (!KEYWORDS.has(match[0].toLowerCase()) && match[0] !== around?.name) names.add(match[0]);
    if (names.size >= IDENTIFIERS_LOOKED_UP) break;
  }
  const found: SymbolDefinition[] = [];
  for (const name of names) {
    const definitions = (await context.access.definitions(name)).filter((definition) => !(definition.path === selection.path && definition.startLine >= selection.startLine && definition.endLine <= selection.endLine));
    const best = rankDefinitions(definitions, { activePath: selection.path, container: around?.container })[0];
    // A lower-case word is rather a local variable than the one workspace symbol of that name, unless it is called.
    const telling = /[A-Z_]/.test(name) || new RegExp(String.raw`\b${name.replaceAll("$", "\\$")}\s*\(`).test(text);
    if (best && telling && qualifiedName(best) !== (around ? qualifiedName(around) : "")) found.push(best);
  }
  return found.toSorted((a, b) => Number(b.documentation !== "") - Number(a.documentation !== ""));
}
