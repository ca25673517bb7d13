// Finds in an utterance what may fill a slot: times, dates, counts, sums of money, names, each with its place in the text.
// What a value fills is decided in linkSlots.ts. English only, as the public sets are.

export type ValueKind = "time" | "date" | "number" | "money" | "name";

export interface ValueCandidate {
  kind: ValueKind;
  /** As it stands in the text. */
  text: string;
  start: number;
  end: number;
  /** What it means where that can be told: minutes of the day, a count; equal meanings are equal values. */
  meaning: string;
  /** Found only by its place in a short answer, in no form of its own. */
  isGuess?: boolean;
}

const NUMBER_WORDS: Readonly<Record<string, number>> = { zero: 0, one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8, nine: 9, ten: 10, eleven: 11, twelve: 12 };
const NUMBER = `(?:\\d{1,2}|${Object.keys(NUMBER_WORDS).slice(1).join("|")})`;
const DAY_PART = "(?:morning|afternoon|evening|night)";
const MERIDIEM = "(?:[ap]\\.m\\.|[ap]\\.?\\s?m\\b)";
const TIME = new RegExp(`\\b(?:(${DAY_PART}) (?:at )?)?((?:(?:a )?(?:half|quarter) (?:past|to|after|before) )?)(${NUMBER})(?:[:.](\\d{2}))?(?!\\d|st|nd|rd|th| (?:of|people|person|days?|nights?))(?:\\s?(${MERIDIEM}))?((?:\\s?o['"’]?\\s?clock)?)((?: (?:in the|at) ${DAY_PART})?)`, "gi");
const MONTH = "(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)";
const WEEKDAY = "(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)";
const DATE = new RegExp([
  `(?:the )?\\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:this month|next month|${MONTH}\\b)`,
  `${MONTH}\\.? (?:the )?\\d{1,2}(?:st|nd|rd|th)?(?!\\d|:)`,
  `(?:the )?(?:first|second|third) of (?:this month|${MONTH})`,
  `${WEEKDAY},? (?:next|this) week`, `(?:next|this|coming|upcoming) ${WEEKDAY}`, WEEKDAY,
  "(?:the )?day after tomorrow", "tomorrow", "today", "tonight",
  "the \\d{1,2}(?:st|nd|rd|th)\\b", "\\d{4}-\\d{2}-\\d{2}", "\\d{1,2}/\\d{1,2}(?:/\\d{2,4})?",
].map((form) => `(?:${form})`).join("|"), "gi");
const MONEY = /\$\s?\d[\d,]*(?:\.\d+)?|\b\d[\d,]*(?:\.\d+)? (?:dollars|bucks|euros?)\b/gi;
const COUNT = new RegExp(`\\b(?:${NUMBER}|zero)\\b(?![:.]\\d|,\\d| ?(?:am|pm)\\b|/)`, "gi");
const ALONE = /\b(?:just (?:for )?(?:me|myself)|by myself|only (?:for )?me|myself|alone|single (?:person|passenger|rider|seat|ticket))\b/gi;
const TWO_OF_US = /\b(?:me and my (?:wife|husband|friend|girlfriend|boyfriend|partner|mom|dad|son|daughter|brother|sister)|my (?:wife|husband|friend|girlfriend|boyfriend|partner|mom|dad|son|daughter|brother|sister) and (?:i|me|myself)|a couple|(?:the )?both of us)\b/gi;

/** Words that begin sentences with a capital and name nothing. */
const NOT_NAMES = new Set(("i i'm i'd i'll i've im a an the this that these those it it's its is are am was were be will would could can can't may might shall should do does did don't have has had yes yeah yep yup no nope not nah ok okay alright sure great perfect thanks thank please hi hello hey hmm oh well so and or but if when what what's which who whose where how why there there's here here's my your you you'd you'll you're we we'd we'll they their he she his her let let's lets also actually sorry excuse just any some one two three four five six seven eight nine ten nice good sounds sound looks look looking find search book reserve get give make need want like would wanna gonna try check confirm confirming correct right cool awesome wonderful fantastic excellent in on at from to for of by with about until till after before around as am pm today tomorrow next monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december morning afternoon evening night show tell help going looking leaving departing returning coming absolutely definitely certainly exactly fine works work both many much more another other else same may maybe perhaps now then since because while during unfortunately apologies regretfully congratulations got found we've you've would've she's he's that's that'll this'll none all only plus read pick picking drop dropping schedule buy purchase rent play set add transfer what're who's where's how's when's cost price date time address phone number").split(" "));
const TRAILING = new Set(["i", "i'd", "i'm", "i'll", "please", "asap", "thanks", "can", "could", "is", "are", "what", "how", "it", "today", "tomorrow", "and", "also", "do", "does", "then"]);
const ALONE_NAMES_NOTHING = new Set(["asap", "thats", "shortly", "pm", "am", "tv", "ps", "fyi", "lol", "mom", "dad", "thx", "city", "sir", "madam", "u", "ur", "pls"]);
const WORD = "[A-Z0-9À-ÖØ-Þ][\\wÀ-ÿ&'’.\\-]*";
const CONNECTOR = "(?:of the|of|the|and the|and|&|at the|on the|de la|de|la|le|du|del|el|von|der|'n'|n|-)";
const STREET = "(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|dr|lane|ln|way|plaza|square|court|ct|highway|hwy|parkway|pkwy|place|circle|terrace)";
const ADDRESS = new RegExp(`\\b\\d{1,5}(?: [\\w']+){1,4}? ${STREET}(?: ${STREET}\\b)*(?![\\w'])(?: (?:north|south|east|west|[nsew])\\b)?(?:,? (?:#\\s?\\w+|(?:suite|ste|unit|apt|floor) #?\\w+))?`, "gi");
/** A full stop after one of these ends no sentence. */
const ABBREVIATION = /(?:^|[\s(])(?:st|mr|mrs|ms|dr|jr|sr|ave|blvd|rd|ft|mt|no|vs|inc|co|bros|[a-z])$/i;
const NAME = new RegExp(`(?:${WORD})(?:(?:,? (?:${CONNECTOR} )?)(?:${WORD}|#\\d+))*`, "g");

/** All candidates of `text`, in order; those of a firmer form (times, dates, money) win where two overlap. */
export function findValues(text: string): ValueCandidate[] {
  const found: ValueCandidate[] = [];
  const free = (start: number, end: number): boolean => found.every((other) => end <= other.start || start >= other.end);
  const add = (kind: ValueKind, start: number, value: string, meaning: string): void => {
    if (value !== "" && free(start, start + value.length)) found.push({ kind, text: value, start, end: start + value.length, meaning });
  };
  for (const match of text.matchAll(MONEY)) add("money", match.index, match[0], match[0].replace(/[^\d.]/g, ""));
  for (const match of text.matchAll(DATE)) {
    if (new RegExp(`^${MONTH}$`, "i").test(match[0])) continue;
    const bounded = !/\w/.test(text[match.index - 1] ?? "") && !/\w/.test(text[match.index + match[0].length] ?? "");
    // "the 30th Street" is no date.
    const isOrdinalName = /^the \d+\w\w$/i.test(match[0]) && /^ [A-Z][a-z]/.test(text.slice(match.index + match[0].length));
    if (bounded && !isOrdinalName) add("date", match.index, match[0], match[0].toLowerCase().replace(/^the /, ""));
  }
  for (const match of text.matchAll(TIME)) {
    const [whole, before, fraction, hour, minutes, meridiem, clock, part] = match;
    if (!(before || fraction || minutes || meridiem || clock || part)) continue;
    if (minutes !== undefined && Number(minutes) > 59) continue;
    add("time", match.index, whole.trimEnd(), timeMeaning(hour ?? "", fraction ?? "", minutes, `${before ?? ""} ${part ?? ""} ${meridiem ?? ""}`));
  }
  for (const match of text.matchAll(/\b(?:noon|midday|midnight)\b/gi)) add("time", match.index, match[0], match[0].toLowerCase() === "midnight" ? "0" : "720");
  for (const match of text.matchAll(ADDRESS)) add("name", match.index, match[0], match[0].toLowerCase());
  // What is already a value ends a name: "Sipan for 11:30".
  let masked = text;
  for (const { start, end } of found) masked = masked.slice(0, start) + "\0".repeat(end - start) + masked.slice(end);
  for (const name of namesIn(masked)) add("name", name.start, name.text, name.text.toLowerCase());
  for (const match of text.matchAll(ALONE)) add("number", match.index, match[0], "1");
  for (const match of text.matchAll(TWO_OF_US)) add("number", match.index, match[0], "2");
  for (const match of text.matchAll(COUNT)) {
    if (/\b(?:that|this|which|any|the|another|no|good|better|cheaper|first|last|other) one$/i.test(text.slice(0, match.index + match[0].length)) || (/^one$/i.test(match[0]) && /\b(?:find|make|get|need|want|book|reserve|show|have|take|is|s) (?:me )?one$/i.test(text.slice(0, match.index + 3)))) continue;
    if (/^one$/i.test(match[0]) && /^[ -]way\b/i.test(text.slice(match.index + 3))) continue;
    add("number", match.index, match[0], String(NUMBER_WORDS[match[0].toLowerCase()] ?? Number(match[0])));
  }
  return found.sort((a, b) => a.start - b.start);
}

/** The count that `text` is, or null. */
export function countOf(text: string): number | null {
  const lower = text.trim().toLowerCase();
  return NUMBER_WORDS[lower] ?? (/^\d{1,4}$/.test(lower) ? Number(lower) : null);
}

/** Minutes since midnight where the half of the day is told, else `h:mm` of the dial. */
function timeMeaning(hourText: string, fraction: string, minutesText: string | undefined, hints: string): string {
  const hour = countOf(hourText) ?? 0;
  let minutes = Number(minutesText ?? 0);
  let shift = 0;
  if (/half/i.test(fraction)) minutes = 30;
  if (/quarter/i.test(fraction)) minutes = 15;
  if (/to|before/i.test(fraction)) shift = -2 * minutes;
  const total = hour * 60 + minutes + shift;
  if (hour > 12) return String(total);
  if (/morning|a\.?\s?m/i.test(hints)) return String(total % 720);
  if (/afternoon|evening|night|p\.?\s?m/i.test(hints)) return String((total % 720) + 720);
  return `dial ${total % 720}`;
}

/** Whether two times, dates or names mean the same: dial times agree with either half of the day; one name may abbreviate the other. */
export function sameMeaning(a: string, b: string): boolean {
  if (a === b) return true;
  const dial = (meaning: string): number | null => (/^dial \d+$/.test(meaning) ? Number(meaning.slice(5)) : /^\d+$/.test(meaning) ? Number(meaning) % 720 : null);
  if (a.startsWith("dial ") || b.startsWith("dial ")) return dial(a) !== null && dial(a) === dial(b);
  return a.length > 2 && b.length > 2 && !/^\d+$/.test(a) && (a.includes(b) || b.includes(a));
}

function namesIn(text: string): { text: string; start: number }[] {
  const names: { text: string; start: number }[] = [];
  for (const match of text.matchAll(NAME)) {
    let start = match.index;
    // A full stop ends a sentence, and a name with it, unless an abbreviation or an initial stands before it.
    for (const end of [...match[0].matchAll(/[.!?]+ /g)].map((stop) => stop.index).filter((stop) => !ABBREVIATION.test(match[0].slice(0, stop))).concat(match[0].length)) {
      const piece = text.slice(start, match.index + end);
      const trimmed = trimName(piece, start, text);
      if (trimmed) names.push(trimmed);
      start = match.index + end + (/^[.!?]+ /.exec(text.slice(match.index + end))?.[0].length ?? 0);
    }
  }
  return names;
}

/** Takes leading and trailing words that name nothing off a run of capitalised words. */
function trimName(run: string, start: number, text: string): { text: string; start: number } | null {
  let rest = run;
  let at = start;
  for (;;) {
    const first = /^\S+/.exec(rest)?.[0] ?? "";
    const plain = first.toLowerCase().replaceAll("’", "'").replace(/[.,]$/, "");
    const starts = at === 0 || /[.!?,:]\s*["']?$/.test(text.slice(0, at)) || at !== start;
    const nothing = /^(?:the|a|an)$/.test(plain) ? rest === first : NOT_NAMES.has(plain) && (starts || rest === first || /^I(?:'|$)/.test(first));
    if (!nothing && !(/^\d+$/.test(plain) && !/^\d+ [A-Z]/.test(rest))) break;
    const cut = first.length + (/^\s*/.exec(rest.slice(first.length))?.[0].length ?? 0);
    if (cut >= rest.length) return null;
    rest = rest.slice(cut);
    at += cut;
    // What is left may begin with a connector: "Yes and Bob".
    const connector = new RegExp(`^${CONNECTOR} `).exec(rest)?.[0];
    if (connector) {
      rest = rest.slice(connector.length);
      at += connector.length;
    }
  }
  for (;;) {
    const shorter = rest.replace(/[.,!?\-–]+$/, "").replace(new RegExp(`,? ${CONNECTOR}$`), "");
    const last = / (\S+)$/.exec(shorter)?.[1];
    rest = last !== undefined && /^[A-Z]/.test(last) && (TRAILING.has(last.toLowerCase())) ? shorter.slice(0, -last.length - 1) : shorter;
    if (rest === shorter) break;
  }
  return rest.length < 2 || !/\p{L}/u.test(rest) || ALONE_NAMES_NOTHING.has(rest.toLowerCase()) ? null : { text: rest, start: at };
}
