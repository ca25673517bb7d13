// The items of one run, or of two runs side by side: which belong together, what each scored, who was right, what each wrote.
// It computes no figure of a whole run (compareRuns.ts does) and shows nothing.
import { EngineError } from "../../base/errors.ts";
import type { EvaluationItem, ItemFilter, ItemsPage, ItemsQuery } from "../../protocol/evaluation.ts";
import type { StoredRun } from "./runStore.ts";

type Item = StoredRun["items"][number];

/** Of these, less is better. */
export const LESS_IS_BETTER = /(?:ms|seconds|perplexity|bitsPerByte|falsePositive)/i;
/** Not measures of quality. */
const LEFT_OUT = new Set(["samples", "n", "ms", "seed", "id", "line", "startLine", "lines", "category", "tokens"]);
const MOST_CHARACTERS = 20_000;
const MOST_PAGE = 200;

/** Items by what they are called; of those that share a name, each by its place among them. Items without one have none. */
export function byName(items: readonly Item[]): Map<string, Item> {
  const named = new Map<string, Item>();
  const counts = new Map<string, number>();
  for (const item of items) {
    const { id } = item;
    if (typeof id !== "string" && typeof id !== "number") continue;
    const count = (counts.get(String(id)) ?? 0) + 1;
    counts.set(String(id), count);
    named.set(count === 1 ? String(id) : `${id} (${count})`, item);
  }
  return named;
}

/** Pairs of items that both runs have. Errors: `badRequest` where the runs are of two suites or share no item. */
export function pairsOf(before: StoredRun, after: StoredRun): { id: string; before: Item; after: Item }[] {
  if (before.suite !== after.suite) throw new EngineError("badRequest", `${before.id} is of the suite ${before.suite}, ${after.id} of ${after.suite}. Compare two runs of one suite.`);
  const later = byName(after.items);
  const pairs = [...byName(before.items)].flatMap(([id, item]) => {
    const other = later.get(id);
    return other === undefined ? [] : [{ id, before: item, after: other }];
  });
  if (pairs.length === 0) throw new EngineError("badRequest", `${before.id} and ${after.id} have no item in common. Compare runs on the same data.`);
  return pairs;
}

/** Names of what is a number or a verdict in every one of `items`. */
export function scoreNames(items: readonly Item[]): string[] {
  return Object.keys(items[0] ?? {}).filter((name) => !LEFT_OUT.has(name) && items.every((item) => isFigure(item[name])));
}

function isFigure(value: unknown): boolean {
  return typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value));
}

/** A page of items. Without `after`, those of one run. Errors: `badRequest` as {@link pairsOf}, and for an unknown score. */
export function itemsPage(before: StoredRun, after: StoredRun | null, { score, filter, words, offset, limit }: ItemsQuery): ItemsPage {
  const pairs = after === null ? [...byName(before.items)].map(([id, item]) => ({ id, before: item, after: null })) : pairsOf(before, after);
  const all = pairs.flatMap((pair) => (pair.after === null ? [pair.before] : [pair.before, pair.after]));
  const scores = scoreNames(all);
  // Right or wrong says more of a single item than more or less.
  const by = score ?? scores.find((name) => all.every((item) => isBinary(item[name]))) ?? scores[0] ?? null;
  if (by !== null && !scores.includes(by)) throw new EngineError("badRequest", `These runs have no score "${by}" for single items. There are: ${scores.join(", ") || "none"}.`);
  const judged = pairs.map((pair) => ({ ...pair, winner: by === null || pair.after === null ? null : winnerOf(by, Number(pair.before[by]), Number(pair.after[by])) }));
  const counts: Record<ItemFilter, number> = { all: judged.length, changed: 0, before: 0, after: 0 };
  for (const { winner } of judged) if (winner !== null) {
    counts.changed++;
    counts[winner]++;
  }
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const found = judged.filter(({ winner }) => filter === "all" || (filter === "changed" ? winner !== null : winner === filter))
    .filter((pair) => wanted.length === 0 || holdsAll(pair, wanted));
  const page = found.slice(Math.max(0, offset), Math.max(0, offset) + Math.min(MOST_PAGE, Math.max(0, limit)));
  return { scores, score: by, binary: by !== null && all.every((item) => isBinary(item[by])), counts, found: found.length, items: page.map((pair) => shownItem(pair, scores)) };
}

function winnerOf(score: string, before: number, after: number): "before" | "after" | null {
  if (before === after) return null;
  return (after > before) !== LESS_IS_BETTER.test(score) ? "after" : "before";
}

function isBinary(value: unknown): boolean {
  return typeof value === "boolean" || value === 0 || value === 1;
}

function holdsAll(pair: { before: Item; after: Item | null }, words: readonly string[]): boolean {
  const text = JSON.stringify([pair.before, pair.after]).toLowerCase();
  return words.every((word) => text.includes(word));
}

/** What both have alike is the item; what they have differently is theirs. */
function shownItem({ id, before, after, winner }: { id: string; before: Item; after: Item | null; winner: "before" | "after" | null }, scores: readonly string[]): EvaluationItem {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after ?? {})])].filter((name) => name !== "id" && !scores.includes(name));
  const shared: EvaluationItem["shared"] = [], own: EvaluationItem["own"] = [];
  for (const name of names) {
    const [was, is] = [textOf(before[name]), after === null ? null : textOf(after[name])];
    if (is === null || was === is) shared.push({ name, text: was });
    else own.push({ name, before: was, after: is });
  }
  return { id, winner, scores: scores.map((name) => ({ name, before: Number(before[name]), after: after === null ? null : Number(after[name]) })), shared, own };
}

function textOf(value: unknown): string {
  const text = value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}… (${text.length - MOST_CHARACTERS} more characters)` : text;
}
