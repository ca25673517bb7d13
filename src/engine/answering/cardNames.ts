// Cards about text that no definition bears: names that are only used, quoted phrases, and who imports a file.
import type { CardItem, SearchHit } from "../protocol/types.ts";
import { MAXIMUM_ITEMS, usagesOf } from "./cardContext.ts";
import type { CardContext, Draft } from "./cardContext.ts";
import { usageItem } from "./cardDefinitions.ts";
import { questionStems, stemsOf } from "./passages.ts";
import { resolvePath } from "./resolve.ts";
import { code, isSecondary, list, place, plural, quote } from "./wording.ts";

const EXPORTS_LOOKED_UP = 25;

/** A message, a parameter, a key, a file name: lines that hold it verbatim, by search and by the table of usages. */
export async function verbatimCard(context: CardContext): Promise<Draft | null> {
  const { question } = context;
  const names = question.identifiers.filter((subject) => subject.mark !== "capitalised" && subject.mark !== "named");
  const whole = question.text.trim().replace(/[.…\s]+$/, "");
  const texts = [
    ...(question.intent === "open" && whole.length > 8 && whole.length < 300 ? [whole] : []), ...question.phrases,
    ...names.filter((subject) => subject.container.length > 0).map((subject) => [...subject.container, subject.name].join(".")), ...question.paths.map((mention) => mention.path),
  ];
  for (const text of texts) {
    if (text.length < 3) continue;
    const items = await linesHolding(context, text);
    if (items.length > 0) return { sentences: [`${/\s/.test(text) ? quote(text) : code(text)} stands verbatim on ${items.length === 1 ? "this line" : "these lines"}: ${listed(items)}.`], items, supported: true };
  }
  for (const subject of names) {
    const { count, usages } = await usagesOf(context, subject.name);
    if (subject.container.length > 0 || count === 0) continue;
    const items: CardItem[] = [];
    const seen = new Set<string>();
    for (const usage of usages) {
      if (items.length >= MAXIMUM_ITEMS - 1) break;
      if (seen.has(usage.path) && seen.size < 3 && usages.some((other) => !seen.has(other.path))) continue;
      const item = await usageItem(context, usage, "plaintext");
      if (!item) continue;
      seen.add(usage.path);
      items.push(item);
    }
    if (items.length > 0) return { sentences: [`${code(subject.name)} has no definition of its own in the index; the name stands on ${plural(count, "line")}: ${listed(items)}.`], items, supported: true };
  }
  return null;
}

/** "Which files import chat.ts": the lines elsewhere that import what the file exports. */
export async function importersCard(context: CardContext): Promise<Draft | null> {
  const mention = context.question.paths[0];
  const path = mention ? resolvePath(mention, context.files)[0] : undefined;
  if (path === undefined) return null;
  const base = (path.split("/").at(-1) ?? "").replace(/\.\w+$/, "");
  const lines = new Map<string, { path: string; line: number; text: string }>();
  const names = (await context.access.symbolsIn(path)).filter((definition) => definition.container.length === 0 && definition.exported).slice(0, EXPORTS_LOOKED_UP);
  for (const name of [base, ...names.map((definition) => definition.name)]) {
    const { usages } = await usagesOf(context, name);
    for (const usage of usages) {
      if (usage.path === path || lines.has(usage.path)) continue;
      const imports = /\b(?:import|from|require|use|using|include)\b/.test(usage.text) && (usage.text.includes(base) || name !== base);
      if (imports || (name !== base && names.length === 1)) lines.set(usage.path, usage);
    }
  }
  const items: CardItem[] = [];
  for (const usage of lines.values()) {
    if (items.length >= MAXIMUM_ITEMS) break;
    const item = await usageItem(context, usage, "plaintext");
    if (item) items.push(item);
  }
  if (items.length === 0) return null;
  return { sentences: [`${plural(lines.size, "file")} ${lines.size === 1 ? "imports" : "import"} from ${code(path)}: ${listed(items)}.`], items, supported: true };
}

/** Lines with `text` in any case; those whose surroundings hold most of the question's other words first. */
async function linesHolding(context: CardContext, text: string): Promise<CardItem[]> {
  const wanted = text.toLowerCase();
  const stems = questionStems(context.question);
  const found: { hit: SearchHit; line: number; text: string; score: number }[] = [];
  for (const hit of [...await context.access.search(text.slice(0, 300), { k: 20 }), ...await context.hits()]) {
    if (!hit.text.toLowerCase().includes(wanted)) continue;
    const around = stemsOf(`${hit.path} ${hit.text}`);
    const score = stems.filter((part) => around.has(part)).length - (isSecondary(hit.path) ? 1.5 : 0);
    for (const [i, line] of hit.text.split("\n").entries()) {
      if (line.toLowerCase().includes(wanted)) found.push({ hit, line: hit.startLine + i, text: line.trim().slice(0, 200), score });
    }
  }
  const items: CardItem[] = [];
  for (const { hit, line, text: lineText } of found.sort((a, b) => b.score - a.score)) {
    if (items.length >= MAXIMUM_ITEMS - 1) break;
    const item = await usageItem(context, { path: hit.path, line, text: lineText }, hit.language);
    if (item && !items.some((known) => known.citation === item.citation)) items.push(item);
  }
  return items;
}

function listed(items: readonly CardItem[]): string {
  return list(items.slice(0, 4).map((item) => `${place(item.location.path, item.location.startLine)} [${item.citation}]`));
}
