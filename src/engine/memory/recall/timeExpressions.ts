// Understands expressions of time in English questions and turns: "yesterday", "last week", "in May 2023", "three days ago",
// "before the refactor", "the second error". Gives intervals and anchors; which episodes fit them is decided in temporal.ts.
// It knows nothing of time zones but an offset, and takes an expression that it does not know for none.

/** An interval of time, ms since 1970: from (included) to (excluded), with what was written. */
export interface TimeInterval {
  from: number;
  to: number;
  text: string;
}

/** "before the refactor": a time told by something that happened. */
export interface TimeAnchor {
  relation: "before" | "after" | "during";
  /** What happened, as it was written. */
  event: string;
}

/** "the second error": which of several, in order of time; negative from the end (-1: the last). */
export interface Ordinal {
  position: number;
  /** What is counted, as it was written: "error", "time we talked". */
  what: string;
}

const DAY_MS = 86_400_000;
const MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"];
const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const SEASONS: Readonly<Record<string, readonly [month: number, months: number]>> = { spring: [2, 3], summer: [5, 3], fall: [8, 3], autumn: [8, 3], winter: [11, 3] };
const NUMBERS: Readonly<Record<string, number>> = { a: 1, an: 1, one: 1, two: 2, couple: 2, three: 3, few: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10, eleven: 11, twelve: 12 };
const ORDINALS: Readonly<Record<string, number>> = { first: 1, second: 2, third: 3, fourth: 4, fifth: 5, sixth: 6, last: -1, latest: -1, final: -1, previous: -2 };

const MONTH = `(?:${MONTHS.map((name) => `${name}|${name.slice(0, 3)}`).join("|")}|sept)\\.?`;
const DAY = "(\\d{1,2})(?:st|nd|rd|th)?";
const NUMBER = `(\\d{1,3}|${Object.keys(NUMBERS).join("|")}|a couple of|a few)`;
const UNIT = "(minute|hour|day|week|weekend|month|year)s?";

/** Midnight, in ms of a clock that runs `offset` ms ahead of UTC. */
class Calendar {
  readonly #offset: number;
  readonly #reference: number;

  constructor(reference: number, offsetMinutes: number) {
    this.#offset = offsetMinutes * 60_000;
    this.#reference = reference + this.#offset;
  }

  get year(): number {
    return new Date(this.#reference).getUTCFullYear();
  }

  get month(): number {
    return new Date(this.#reference).getUTCMonth();
  }

  get weekday(): number {
    return new Date(this.#reference).getUTCDay();
  }

  /** The interval of `days` days that begins `shift` days after the reference's own day. */
  days(shift: number, days = 1): Omit<TimeInterval, "text"> {
    const midnight = Math.floor(this.#reference / DAY_MS) * DAY_MS + shift * DAY_MS;
    return this.#local(midnight, midnight + days * DAY_MS);
  }

  months(year: number, month: number, count = 1): Omit<TimeInterval, "text"> {
    return this.#local(Date.UTC(year, month), Date.UTC(year, month + count));
  }

  date(year: number, month: number, day: number): Omit<TimeInterval, "text"> | null {
    const start = Date.UTC(year, month, day);
    // The 31st of February is a slip, not a date in March.
    return new Date(start).getUTCDate() === day ? this.#local(start, start + DAY_MS) : null;
  }

  /** Centred `amount` units before the reference, as wide as the unit is vague. */
  ago(amount: number, unit: string): Omit<TimeInterval, "text"> {
    if (unit === "minute" || unit === "hour") {
      const size = unit === "minute" ? 60_000 : 3_600_000;
      return this.#local(this.#reference - (amount + 0.5) * size, this.#reference - (amount - 0.5) * size);
    }
    if (unit === "day") return this.days(-amount);
    if (unit.startsWith("week")) return this.days(-7 * amount - 3, 7);
    if (unit === "month") return this.months(this.year, this.month - amount);
    return this.months(this.year - amount, 0, 12);
  }

  #local(from: number, to: number): Omit<TimeInterval, "text"> {
    return { from: Math.round(from - this.#offset), to: Math.round(to - this.#offset) };
  }
}

type Reader = (groups: readonly (string | undefined)[], calendar: Calendar) => Omit<TimeInterval, "text"> | null;

/** In order of precision: what an earlier pattern took, a later one does not see. */
const PATTERNS: readonly (readonly [RegExp, Reader])[] = [
  [/\b(\d{4})-(\d{2})-(\d{2})\b/g, ([y, m, d], calendar) => calendar.date(Number(y), Number(m) - 1, Number(d))],
  [new RegExp(`\\b${DAY}(?: of)? (${MONTH}),? (\\d{4})\\b`, "gi"), ([d, m, y], calendar) => calendar.date(Number(y), monthOf(m), Number(d))],
  [new RegExp(`\\b(${MONTH}) ${DAY},? (\\d{4})\\b`, "gi"), ([m, d, y], calendar) => calendar.date(Number(y), monthOf(m), Number(d))],
  [new RegExp(`\\b(${MONTH}),? (\\d{4})\\b`, "gi"), ([m, y], calendar) => calendar.months(Number(y), monthOf(m))],
  [new RegExp(`\\b${DAY}(?: of)? (${MONTH})(?![a-z])`, "gi"), ([d, m], calendar) => recent(calendar, (year) => calendar.date(year, monthOf(m), Number(d)))],
  [new RegExp(`\\b(${MONTH}) ${DAY}(?!\\d)`, "gi"), ([m, d], calendar) => recent(calendar, (year) => calendar.date(year, monthOf(m), Number(d)))],
  [/\b(spring|summer|fall|autumn|winter)(?: of)? (\d{4})\b/gi, ([season, y], calendar) => seasonOf(calendar, season, Number(y))],
  [/\b(?:last|this|past) (spring|summer|fall|autumn|winter)\b/gi, ([season], calendar) => recent(calendar, (year) => seasonOf(calendar, season, year))],
  [/\bday before yesterday\b/gi, (_, calendar) => calendar.days(-2)],
  [/\byesterday\b|\blast night\b/gi, (_, calendar) => calendar.days(-1)],
  [/\btoday\b|\btonight\b|\bthis (?:morning|afternoon|evening)\b/gi, (_, calendar) => calendar.days(0)],
  [/\btomorrow\b/gi, (_, calendar) => calendar.days(1)],
  [new RegExp(`\\b(?:in |over |during |within )?(?:the )?(?:last|past) ${NUMBER} ${UNIT}\\b`, "gi"), ([n, unit = ""], calendar) => {
    const far = calendar.ago(numberOf(n), unit.toLowerCase());
    return { from: far.from, to: calendar.days(0).to };
  }],
  [new RegExp(`\\b${NUMBER} ${UNIT} (?:ago|earlier|before)\\b`, "gi"), ([n, unit = ""], calendar) => calendar.ago(numberOf(n), unit.toLowerCase())],
  [/\b(last|this past|past|this|next|coming) (weekend|week|month|year)\b/gi, ([which = "", unit = ""], calendar) => {
    const shift = /next|coming/i.test(which) ? 1 : /last|past/i.test(which) ? -1 : 0;
    // Weeks begin on Monday (ISO 8601).
    const monday = -((calendar.weekday + 6) % 7) + 7 * shift;
    switch (unit.toLowerCase()) {
      case "weekend": return calendar.days(monday + 5, 2);
      case "week": return calendar.days(monday, 7);
      case "month": return calendar.months(calendar.year, calendar.month + shift);
      default: return calendar.months(calendar.year + shift, 0, 12);
    }
  }],
  [new RegExp(`\\b(last|this|next|on) (${WEEKDAYS.join("|")})\\b`, "gi"), ([which = "", name = ""], calendar) => {
    const back = (calendar.weekday - WEEKDAYS.indexOf(name.toLowerCase()) + 7) % 7;
    if (/next/i.test(which)) return calendar.days(7 - back);
    return calendar.days(back === 0 && /last/i.test(which) ? -7 : -back);
  }],
  [new RegExp(`\\b(?:in|during|since|by|of|early|late|mid|until|before|after) (${MONTHS.join("|")})(?![a-z])`, "gi"), ([m], calendar) => recent(calendar, (year) => calendar.months(year, monthOf(m)))],
  [/\b(?:in|during|since|of|by|early|late|mid|until|before|after) ((?:19|20)\d{2})\b/gi, ([y], calendar) => calendar.months(Number(y), 0, 12)],
  [/\b(?:recently|lately|the other day|these days)\b/gi, (_, calendar) => calendar.days(-14, 15)],
];

/**
 * The times that `text` speaks of, as seen from `reference` (ms since 1970; a question's own time, or a turn's).
 * `offsetMinutes`: how far the clock on the wall is ahead of UTC. A month or day without a year is the latest one not after `reference`.
 */
export function findTimes(text: string, reference: number, offsetMinutes = 0): TimeInterval[] {
  const calendar = new Calendar(reference, offsetMinutes);
  const found: TimeInterval[] = [];
  let rest = text;
  for (const [pattern, read] of PATTERNS) {
    rest = rest.replace(pattern, (matched: string, ...groups: unknown[]) => {
      const interval = read(groups.filter((group): group is string | undefined => typeof group === "string" || group === undefined), calendar);
      if (interval === null) return matched;
      found.push({ ...interval, text: matched.trim() });
      // Blanked, so that "May 2023" is not read again out of "8 May 2023".
      return " ".repeat(matched.length);
    });
  }
  return found;
}

/** Whether `text` says anything of time, without working out what: cheap. */
export function speaksOfTime(text: string): boolean {
  return /\b(?:yesterday|today|tonight|tomorrow|ago|last|next|this (?:week|month|year|morning|weekend|past)|(?:mon|tues|wednes|thurs|fri|satur|sun)day|january|february|march|april|june|july|august|september|october|november|december|recently|since|years?|months?|weeks?|weekend|19\d\d|20\d\d)\b/i.test(text);
}

/** "before the refactor", "after we switched to SQLite", "during the migration": each up to the end of its clause. */
export function findAnchors(text: string): TimeAnchor[] {
  return Array.from(text.matchAll(/\b(before|prior to|until|after|since|following|during|while|when) ((?:the|my|our|we|i|you|it|he|she|they|[A-Z])[^,.;?!]{2,80})/gi), ([, word = "", event = ""]) => ({
    relation: /before|prior|until/i.test(word) ? "before" as const : /after|since|following/i.test(word) ? "after" as const : "during" as const,
    event: event.trim(),
  })).filter(({ relation, event }) => relation !== "during" || !/^(?:did|do|does|is|was|will)\b/i.test(event));
}

/** "the second error", "the last time", "the first cell": null where nothing is counted. */
export function findOrdinal(text: string): Ordinal | null {
  const found = /\b(?:the|my|our) (first|second|third|fourth|fifth|sixth|last|latest|final|previous) ([a-z]+(?: [a-z]+)?)/i.exec(text);
  if (!found) return null;
  const [, word = "", what = ""] = found;
  // "the last week" is a time, not one of several.
  if (/^(?:week|month|year|day|night|few|couple|weekend|minute|hour|century|decade)/i.test(what)) return null;
  return { position: ORDINALS[word.toLowerCase()] ?? 1, what: what.toLowerCase() };
}

function monthOf(name = ""): number {
  return MONTHS.findIndex((month) => month.startsWith(name.toLowerCase().replace(".", "").slice(0, 3)));
}

function numberOf(text = ""): number {
  const words = text.toLowerCase().replace(/ of$/, "").split(" ");
  return Number(text) || (NUMBERS[words.at(-1) ?? ""] ?? 1);
}

function seasonOf(calendar: Calendar, season = "", year: number): Omit<TimeInterval, "text"> {
  const [month, months] = SEASONS[season.toLowerCase()] ?? [0, 3];
  return calendar.months(year, month, months);
}

/** The latest year in which `make` does not begin after the reference. */
function recent(calendar: Calendar, make: (year: number) => Omit<TimeInterval, "text"> | null): Omit<TimeInterval, "text"> | null {
  const thisYear = make(calendar.year);
  if (!thisYear) return null;
  return thisYear.from < calendar.days(0).to ? thisYear : make(calendar.year - 1);
}
