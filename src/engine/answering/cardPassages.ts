// Cards about behaviour and files: "which file handles …", "what is in src/x.ts", the hits of /search.
// Quotes the lines that match; says so where they hardly do.
import type { CardItem, SymbolDefinition } from "../protocol/types.ts";
import { belongsTo, definitionItem, enclosing, MAXIMUM_ITEMS, memberNames } from "./cardContext.ts";
import type { CardContext, Draft } from "./cardContext.ts";
import { rankFiles } from "./passages.ts";
import type { RankedFile } from "./passages.ts";
import { nearMisses, resolveFolder, resolvePath } from "./resolve.ts";
import { aKind, code, firstSentence, list, place, plural, qualifiedName, quote } from "./wording.ts";

/** Below this share of the question's words, a find does not support an answer. Our choice, see test/bench/answers.ts. */
export const SUPPORT_THRESHOLD = 0.5;
/** Up to this share, the card says which of the question's words nothing holds. */
const WELL_COVERED = 0.7;
const SMALL_TALK = /^\W*(?:hi|hello|hey|hallo|yo|good (?:morning|evening|day)|thanks?|thank you|thx|ok(?:ay)?|yes|no|test(?:ing)?|help|cool|nice|great|bye)\b[\w\s]{0,20}\W*$/i;
const FILES_SHOWN = 4;
/** Files that score less than this share of the best are not named. */
const NEAR_BEST = 0.5;

/** "Which file handles …": the best files, each with the definition and the lines that match. */
export async function passagesCard(context: CardContext, { threshold = SUPPORT_THRESHOLD }: { threshold?: number } = {}): Promise<Draft | null> {
  const ranked = rankFiles(context.question, await context.hits(), { preferredPath: context.activePath, nFiles: context.files.length });
  const best = ranked[0];
  if (!best || best.coverage < threshold) return null;
  const near = ranked.filter((file) => file.score >= NEAR_BEST * best.score && file.coverage >= 0.6 * threshold).slice(0, FILES_SHOWN);
  // Said first, so that nobody takes the nearest find for the thing asked for.
  const unheard = best.coverage < WELL_COVERED ? best.missing.filter((word) => ranked.every((file) => file.missing.includes(word))) : [];
  if (unheard.length > best.told) return null;
  const lead = unheard.length > 0 ? `Nothing that was found mentions ${list(unheard.slice(0, 3).map(quote))}; the closest match is` : "The closest match is";
  const items: CardItem[] = [];
  const sentences: string[] = [];
  for (const file of near) {
    const found = await passageItems(context, file, items.length === 0 ? 2 : 1);
    const first = found[0];
    if (!first) continue;
    items.push(...found);
    if (sentences.length > 0) continue;
    const described = firstSentence(first.documentation);
    const line = matchingLineOf(first);
    const named = first.title === file.path ? "" : `, in ${code(first.title)}`;
    sentences.push(`${lead} ${place(first.location.path, first.location.startLine)}${named}${described !== "" ? `: ${quote(described)}` : line === "" ? "" : `: ${code(line)}`} [${first.citation}].`);
  }
  if (items.length === 0) return null;
  const others = items.filter((item, i) => item.location.path !== items[0]?.location.path && items.findIndex((other) => other.location.path === item.location.path) === i);
  if (others.length > 0) sentences.push(`Also close: ${list(others.map((item) => `${code(item.location.path)} [${item.citation}]`))}.`);
  return { sentences, items: items.slice(0, MAXIMUM_ITEMS), supported: true };
}

/** "/search": the hits themselves, in search's order. */
export async function searchCard(context: CardContext): Promise<Draft | null> {
  const items: CardItem[] = [];
  const hits = await context.hits();
  for (const hit of hits) {
    if (items.length >= 10) break;
    const citation = await context.citations.cite(hit, hit);
    if (!citation || items.some((item) => item.citation === citation.n)) continue;
    items.push({
      title: hit.breadcrumb.length > 0 ? hit.breadcrumb.join(".") : hit.path, kind: "passage",
      location: { path: citation.path, startLine: citation.startLine, endLine: citation.endLine }, language: hit.language,
      signature: citation.text.split("\n").filter((line) => line.trim() !== "").slice(0, 3).join("\n"), documentation: "", usageCount: 0, usages: [], citation: citation.n,
    });
  }
  if (items.length === 0) return null;
  const files = new Set(items.map((item) => item.location.path)).size;
  return { sentences: [`${plural(items.length, "passage")} of ${plural(files, "file")} found; the best is ${place(items[0]?.location.path ?? "", items[0]?.location.startLine ?? 1)} [${items[0]?.citation}].`], items, supported: true };
}

/** "What is in src/x.ts": the file's definitions, with the documentation of the most important. Also folders. */
export async function filesCard(context: CardContext): Promise<Draft | null> {
  const items: CardItem[] = [];
  const sentences: string[] = [];
  const mentions = context.question.paths.length > 0 ? context.question.paths : context.question.refersToFile && context.activePath !== undefined ? [{ path: context.activePath, line: null }] : [];
  for (const mention of mentions.slice(0, 3)) {
    const paths = resolvePath(mention, context.files);
    const path = paths[0];
    if (path === undefined) {
      const inside = resolveFolder(mention, context.files);
      if (inside.length > 0) sentences.push(await folderSentence(context, mention.path, inside, items));
      continue;
    }
    if (mention.line !== null) {
      const at = await enclosing(context, path, mention.line);
      const item = at ? await definitionItem(context, at) : await lineItem(context, path, mention.line);
      if (item) {
        items.push(item);
        sentences.push(at ? `${place(path, mention.line)} is in ${aKind(at.kind)} ${code(qualifiedName(at))}${described(item)} [${item.citation}].` : `${place(path, mention.line)} is ${code(item.signature)} [${item.citation}].`);
      }
      continue;
    }
    const definitions = topLevel(await context.access.symbolsIn(path));
    const documented = definitions.toSorted((a, b) => weightOf(b) - weightOf(a)).slice(0, MAXIMUM_ITEMS - 1);
    for (const definition of documented) {
      const item = await definitionItem(context, definition);
      if (item) items.push(item);
    }
    const opening = await openingComment(context, path, items);
    const names = list([...documented.map((definition) => `${code(definition.name)}${citationOf(items, definition)}`), ...(definitions.length > documented.length ? [`${definitions.length - documented.length} more`] : [])]);
    if (opening !== "") sentences.push(opening);
    if (documented.length > 0) sentences.push(`${code(path)} defines ${names}.`);
    const only = documented.length === 1 ? documented[0] : undefined;
    const onlyItem = only ? items.find((item) => item.title === qualifiedName(only) && item.location.path === path) : undefined;
    if (only && onlyItem) {
      const said = firstSentence(onlyItem.documentation);
      const members = await memberNames(context, only);
      if (said !== "") sentences.push(`${code(only.name)}: ${quote(said)} [${onlyItem.citation}].`);
      if (members.length > 0) sentences.push(`${code(only.name)} has ${list([...members.slice(0, 8).map(code), ...(members.length > 8 ? [`${members.length - 8} more`] : [])])} [${onlyItem.citation}].`);
    }
    else if (opening === "") {
      const item = await lineItem(context, path, 1, 20);
      if (!item) continue;
      items.push(item);
      sentences.push(`${code(path)} defines no symbols that the index knows; it begins with ${code(item.signature.split("\n")[0] ?? "")} [${item.citation}].`);
    }
    if (paths.length > 1) sentences.push(`${plural(paths.length - 1, "other file")} of the workspace ${paths.length === 2 ? "has" : "have"} this name: ${list(paths.slice(1, 4).map(code))}.`);
  }
  return items.length === 0 ? null : { sentences, items: items.slice(0, MAXIMUM_ITEMS + 2), supported: true };
}

/** Nothing supports an answer: says so, and names what is nearest. */
export async function unsupportedCard(context: CardContext): Promise<Draft> {
  const { question } = context;
  const asked = question.identifiers.find((subject) => subject.mark !== "capitalised" && subject.mark !== "named") ?? question.identifiers[0];
  const items: CardItem[] = [];
  if (question.identifiers.length + question.paths.length + question.phrases.length === 0 && (question.words.length === 0 || SMALL_TALK.test(question.text))) {
    return { sentences: ["Ask something about this workspace, for example “where is the configuration loaded?”, “what does `name` do?” or “which file handles …?”."], items, supported: false };
  }
  if (context.files.length === 0) return { sentences: ["The index of this workspace is empty, so nothing supports an answer yet. Wait until indexing has finished, or check that the folder holds files that are not ignored."], items, supported: false };
  // Names near to a name that was asked for; for a question in words, what search finds is nearer.
  const misses = asked !== undefined || question.words.length <= 2 ? await nearMisses(question, context.access, 3) : [];
  for (const definition of misses) {
    const item = await definitionItem(context, definition);
    if (item) items.push(item);
  }
  const named = items.length > 0;
  if (!named) {
    for (const file of rankFiles(question, await context.hits(), { preferredPath: context.activePath, nFiles: context.files.length }).slice(0, 3)) items.push(...await passageItems(context, file, 1));
  }
  const missing = question.paths.filter((mention) => resolvePath(mention, context.files).length === 0 && resolveFolder(mention, context.files).length === 0).map((mention) => code(mention.path));
  const subject = missing.length > 0 ? `There is no file ${list(missing)} in the index`
    : asked && question.words.length <= 2 ? `Nothing named ${code([...asked.container, asked.name].join("."))} is defined in this workspace` : "Nothing in this workspace supports an answer to this question";
  const offers = items.slice(0, 4).map((item) => `${code(item.title)} in ${place(item.location.path, item.location.startLine)} [${item.citation}]`);
  const offered = offers.length === 0 ? "" : named ? `Did you mean ${either(offers)}?` : `The nearest finds are ${list(offers)}.`;
  return { sentences: [`${subject}.`, offered], items: items.slice(0, 4), supported: false };
}

function either(offers: readonly string[]): string {
  return offers.length === 1 ? offers[0] ?? "" : `${offers.slice(0, -1).join(", ")} or ${offers.at(-1)}`;
}

async function passageItems(context: CardContext, file: RankedFile, limit: number): Promise<CardItem[]> {
  const items: CardItem[] = [];
  for (const { hit, matchingLines: findLines } of file.passages) {
    if (items.length >= limit) break;
    const matchingLines = findLines();
    const line = matchingLines[0] ?? hit.startLine;
    const around = await belongsTo(context, hit.path, line, hit.text.split("\n")[line - hit.startLine] ?? "");
    // A definition that fits is cited whole; of a large one, the passage that matched.
    const definition = around && around.endLine - around.startLine < 60 ? await definitionItem(context, around) : null;
    if (definition) {
      if (items.some((item) => item.citation === definition.citation)) continue;
      items.push({ ...definition, usages: matchingLines.map((at) => ({ path: hit.path, startLine: at, endLine: at })) });
      continue;
    }
    const citation = await context.citations.cite(hit, hit);
    if (!citation || items.some((item) => item.citation === citation.n)) continue;
    const moved = citation.startLine - hit.startLine;
    const lines = citation.text.split("\n");
    const quoted = matchingLines.map((at) => lines[at - hit.startLine] ?? "").filter((text) => text.trim() !== "");
    items.push({
      title: around ? qualifiedName(around) : hit.path, kind: around?.kind ?? "passage",
      location: { path: citation.path, startLine: citation.startLine, endLine: citation.endLine }, language: hit.language,
      signature: (quoted.length > 0 ? quoted : lines.filter((text) => text.trim() !== "").slice(0, 2)).map((text) => text.trim()).join("\n"),
      documentation: around?.documentation ?? "", usageCount: 0,
      usages: matchingLines.map((at) => ({ path: hit.path, startLine: at + moved, endLine: at + moved })), citation: citation.n,
    });
  }
  return items;
}

async function lineItem(context: CardContext, path: string, line: number, length = 1): Promise<CardItem | null> {
  const citation = await context.citations.cite({ path, startLine: line, endLine: line + length - 1 });
  if (!citation) return null;
  const text = citation.text.split("\n").map((part) => part.trim()).filter((part) => part !== "").slice(0, 3).join("\n");
  return { title: path, kind: "passage", location: { path, startLine: citation.startLine, endLine: citation.endLine }, language: "plaintext", signature: text, documentation: "", usageCount: 0, usages: [], citation: citation.n };
}

async function folderSentence(context: CardContext, folder: string, inside: readonly string[], items: CardItem[]): Promise<string> {
  for (const path of inside.slice(0, 4)) {
    const item = await lineItem(context, path, 1, 12);
    if (item) items.push(item);
  }
  const named = inside.slice(0, 6).map((path) => `${code(path)}${items.filter((item) => item.location.path === path).map((item) => ` [${item.citation}]`).join("")}`);
  return `${code(folder)} holds ${plural(inside.length, "indexed file")}: ${list(inside.length > 6 ? [...named, `${inside.length - 6} more`] : named)}.`;
}

/** The comment or docstring that a file opens with. */
async function openingComment(context: CardContext, path: string, items: CardItem[]): Promise<string> {
  const read = await context.access.readLines({ path, startLine: 1, endLine: 40 });
  if (!read) return "";
  const lines = read.text.split("\n");
  let start = lines.findIndex((line) => line.trim() !== "" && !/^#!|^\s*#\s*-\*-|copyright|licen[cs]e|spdx|@ts-|eslint|use strict/i.test(line));
  if (start < 0) return "";
  if (/^#!/.test(lines[0] ?? "") && start === 0) start = 1;
  const block: string[] = [];
  const head = lines[start] ?? "";
  const markers = /^\s*(?:\/\*\*?|"""|'''|<!--)/;
  if (markers.test(head)) {
    for (let i = start; i < lines.length; i++) {
      block.push(lines[i] ?? "");
      if (/\*\/|-->/.test(lines[i] ?? "") || (/"""|'''/.test(lines[i] ?? "") && (i > start || /("""|''').*\1/.test(head)))) break;
    }
  } else {
    for (let i = start; i < lines.length && /^\s*(?:\/\/|#(?!!|include|define|if|pragma|\[)|--)/.test(lines[i] ?? ""); i++) block.push(lines[i] ?? "");
  }
  const text = block.map((line) => line.replace(/^\s*(?:\/\*\*?|\*\/|\*|\/\/+|#+|--|"""|'''|<!--)\s?/, "").replace(/\s*(?:\*\/|"""|'''|-->)\s*$/, "")).join("\n");
  const sentence = firstSentence(text);
  if (sentence.length < 20 || /copyright|licen[cs]e/i.test(sentence)) return "";
  const citation = await context.citations.cite({ path, startLine: start + 1, endLine: start + block.length });
  if (!citation) return "";
  items.push({ title: path, kind: "module", location: { path, startLine: citation.startLine, endLine: citation.endLine }, language: "plaintext", signature: "", documentation: text.trim(), usageCount: 0, usages: [], citation: citation.n });
  return `${code(path)} opens with ${quote(sentence)} [${citation.n}].`;
}

function topLevel(definitions: readonly SymbolDefinition[]): SymbolDefinition[] {
  return definitions.filter((definition) => definition.container.length === 0);
}

function weightOf(definition: SymbolDefinition): number {
  return (definition.exported ? 4 : 0) + (definition.documentation !== "" ? 2 : 0) + (/^(?:class|function)$/.test(definition.kind) ? 2 : 0) + Math.min(1.9, (definition.endLine - definition.startLine) / 50);
}

function citationOf(items: readonly CardItem[], definition: SymbolDefinition): string {
  const item = items.find((candidate) => candidate.title === qualifiedName(definition) && candidate.location.path === definition.path);
  return item ? ` [${item.citation}]` : "";
}

function described(item: CardItem): string {
  const sentence = firstSentence(item.documentation);
  return sentence === "" ? "" : `: ${quote(sentence)}`;
}

function matchingLineOf(item: CardItem): string {
  const line = (item.signature.split("\n")[0] ?? "").trim();
  return line.length > 160 ? `${line.slice(0, 160)} …` : line;
}
