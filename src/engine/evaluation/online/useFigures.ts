// From single suggestions and answers to figures of use: counts, and percentiles of times, in total and by day, model, language.
// Pure: it reads no store and no clock.
import type { AnswerUse, CompletionUse, UseGroups, UsePlace } from "../../protocol/metrics.ts";
import { percentile } from "../intervals.ts";

/** A suggestion that was shown, as far as figures need it. */
export interface ShownCompletion extends Omit<UsePlace, "day"> {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly outcome: "shown" | "accepted" | "partiallyAccepted" | "rejected" | "keptAfter30s" | "undoneWithin30s";
  /** Whether it still stood after five minutes; null where nobody looked. */
  readonly keptAfter5min: boolean | null;
  readonly characters: number;
  readonly charactersKept: number | null;
  readonly ms: number | null;
}

/** An answer, as far as figures need it. */
export interface EndedAnswer extends Omit<UsePlace, "day"> {
  readonly at: number;
  readonly written: boolean;
  readonly stopped: boolean;
  readonly failed: boolean;
  readonly again: boolean;
  readonly citations: number;
  readonly followed: number;
  readonly rating: "up" | "down" | null;
  readonly firstTokenMs: number | null;
  readonly totalMs: number | null;
}

/** The local date of a moment, YYYY-MM-DD. */
export function dayOf(at: number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, "0")}-${String(date.getDate()).padStart(2, "0")}`;
}

/** The first moment of the local day that lies `days - 1` before that of `now`; milliseconds since 1970. */
export function startOf(days: number, now: number): number {
  const date = new Date(now);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() - (days - 1)).getTime();
}

export function completionUse(rows: Iterable<ShownCompletion>): UseGroups<CompletionUse> {
  return grouped(rows, figuresOfCompletions);
}

export function answerUse(rows: Iterable<EndedAnswer>): UseGroups<AnswerUse> {
  return grouped(rows, figuresOfAnswers);
}

function figuresOfCompletions(rows: readonly ShownCompletion[]): CompletionUse {
  const count = (...outcomes: ShownCompletion["outcome"][]): number => rows.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const taken = rows.filter(({ outcome }) => outcome !== "shown" && outcome !== "rejected");
  const [p50Ms, p95Ms] = percentilesOf(rows.map(({ ms }) => ms));
  return {
    shown: rows.length, accepted: count("accepted", "keptAfter30s", "undoneWithin30s"), partiallyAccepted: count("partiallyAccepted"), rejected: count("rejected"),
    reviewed30s: count("keptAfter30s", "undoneWithin30s"), kept30s: count("keptAfter30s"),
    reviewed5min: rows.filter(({ keptAfter5min }) => keptAfter5min !== null).length, kept5min: rows.filter(({ keptAfter5min }) => keptAfter5min === true).length,
    charactersShown: sum(rows.map(({ characters }) => characters)), charactersKept: sum(taken.map(({ charactersKept }) => charactersKept ?? 0)), p50Ms, p95Ms,
  };
}

function figuresOfAnswers(rows: readonly EndedAnswer[]): AnswerUse {
  const count = (is: (row: EndedAnswer) => boolean): number => rows.filter(is).length;
  const [firstTokenP50Ms, firstTokenP95Ms] = percentilesOf(rows.map(({ firstTokenMs }) => firstTokenMs));
  const [totalP50Ms, totalP95Ms] = percentilesOf(rows.map(({ totalMs }) => totalMs));
  return {
    asked: rows.length, written: count(({ written }) => written), stopped: count(({ stopped }) => stopped), failed: count(({ failed }) => failed), retried: count(({ again }) => again),
    up: count(({ rating }) => rating === "up"), down: count(({ rating }) => rating === "down"),
    citations: sum(rows.map(({ citations }) => citations)), withFollowed: count(({ followed }) => followed > 0), followed: sum(rows.map(({ followed }) => followed)),
    firstTokenP50Ms, firstTokenP95Ms, totalP50Ms, totalP95Ms,
  };
}

function grouped<Row extends Omit<UsePlace, "day"> & { at: number }, Figures>(rows: Iterable<Row>, figures: (rows: readonly Row[]) => Figures): UseGroups<Figures> {
  const placed = [...rows].map((row) => ({ row, place: { day: dayOf(row.at), model: row.model, adapter: row.adapter, language: row.language } satisfies UsePlace }));
  const by = <Name extends keyof UsePlace>(...names: Name[]): (Figures & Pick<UsePlace, Name>)[] => {
    const groups = new Map<string, { key: Pick<UsePlace, Name>; rows: Row[] }>();
    for (const { row, place } of placed) {
      const key = Object.fromEntries(names.map((name) => [name, place[name]])) as Pick<UsePlace, Name>;
      const id = JSON.stringify(names.map((name) => place[name]));
      const group = groups.get(id) ?? { key, rows: [] };
      group.rows.push(row);
      groups.set(id, group);
    }
    // Days in their order, the rest by how much there is of it.
    return [...groups].sort(([a, one], [b, other]) => (names.includes("day" as Name) ? a.localeCompare(b) : other.rows.length - one.rows.length || a.localeCompare(b)))
      .map(([, group]) => ({ ...group.key, ...figures(group.rows) }));
  };
  return { total: figures(placed.map(({ row }) => row)), byDay: by("day"), byModel: by("model", "adapter"), byLanguage: by("language"), cells: by("day", "model", "adapter", "language") };
}

function percentilesOf(values: readonly (number | null)[]): [number | null, number | null] {
  const timed = values.filter((value) => value !== null);
  return timed.length === 0 ? [null, null] : [Math.round(percentile(timed, 0.5)), Math.round(percentile(timed, 0.95))];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
