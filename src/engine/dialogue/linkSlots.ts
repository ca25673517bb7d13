// Decides which slot a value fills: what was asked for, the words and prepositions around the value, direction, and which slots are
// still open. Weights are ours, chosen on three services of the public development set and reported on the others.
import { readTurn, sentencesOf } from "./acts.ts";
import type { Sentence } from "./acts.ts";
import { stem, wordsOf, isPeopleWord } from "./schema.ts";
import type { ServiceProfile, SlotKind, SlotProfile } from "./schema.ts";
import { findValues } from "./values.ts";
import type { ValueCandidate } from "./values.ts";

export interface SlotFilling {
  slot: string;
  value: string;
  meaning: string;
  score: number;
}

export interface LinkContext {
  /** Slots that were asked for in the turn before. */
  requested: ReadonlySet<string>;
  /** Slots that have a value. */
  filled: ReadonlySet<string>;
  /** The speaker corrects: a slot that has a value may be filled anew. */
  corrects: boolean;
  /** A statement of the system: its values are looked for with more care. */
  isSystem: boolean;
  /** Names that the system said in its last turn: naming one again chooses it. */
  offered?: ReadonlySet<string>;
  /** Something is offered and not yet taken: a question is about that. */
  offerOpen?: boolean;
}

const FITS: Readonly<Record<ValueCandidate["kind"], readonly SlotKind[]>> = { time: ["time"], date: ["date"], number: ["number"], money: ["money"], name: ["place", "name"] };
const ASKED = 2.2;
const OPEN = 0.8;
const NEAR = 1.1;
const DIRECTION = 2;
/** Below this a value fills nothing; names, which have no form of their own, need more. */
const LEAST: Readonly<Record<ValueCandidate["kind"], number>> = { time: 0.6, date: 0.6, number: 1.2, money: 1, name: 1.7 };

/** Fillings of one utterance, best first, at most one a slot and one a value. */
export function linkSlots(text: string, service: ServiceProfile, context: LinkContext): SlotFilling[] {
  const sentences = sentencesOf(text);
  const choices = findChoices(text, service, context, sentences);
  const values = findValues(text).filter((value) => !isAskedAbout(value, sentences, context) && !isCounted(text, value, service, context)).filter((value) => !choices.some((choice) => choice.kind === "choice" && choice.start < value.end && value.start < choice.end));
  const pairs: { slot: SlotProfile; value: ValueCandidate; score: number }[] = [];
  for (const value of values) {
    for (const slot of service.slots) {
      if (!FITS[value.kind].includes(slot.kind)) continue;
      if (slot.schema.isCategorical && slot.kind === "number" && !slot.schema.possibleValues.includes(value.meaning)) continue;
      const score = scoreOf(text, value, slot, service, context, sentences);
      if (score >= LEAST[value.kind]) pairs.push({ slot, value, score });
    }
  }
  if (!context.isSystem) pairs.push(...findAttributes(text, service, context), ...findAnswers(text, service, context, values));
  const fillings: SlotFilling[] = choices.map(({ slot, value, score }) => ({ slot, value, meaning: value.toLowerCase(), score }));
  const usedValues: ValueCandidate[] = [];
  for (const { slot, value, score } of pairs.sort((a, b) => b.score - a.score)) {
    if (usedValues.some((other) => other.start < value.end && value.start < other.end) || fillings.some((filling) => filling.slot === slot.schema.name)) continue;
    usedValues.push(value);
    fillings.push({ slot: slot.schema.name, value: slot.schema.isCategorical ? value.meaning : value.text, meaning: value.meaning, score });
  }
  return fillings;
}

/** "Will it allow two bags?": a question about what is offered sets nothing. */
function isAskedAbout(value: { start: number }, sentences: readonly Sentence[], context: LinkContext): boolean {
  if (!context.offerOpen || context.isSystem) return false;
  const sentence = sentences.find(({ start, end }) => value.start >= start && value.start < end);
  return sentence !== undefined && /\?\s*$/.test(sentence.text) && /^(?:(?:ok(?:ay)?|great|and|also|thanks|cool|nice|perfect|good)[,.! ]+)*(?:is(?! there)|are(?! there)|will(?! you)|does|do(?! you)|can i (?!get|have|book|buy|reserve|go|travel|leave|make|change|see)|how(?! about)|would it|has|have)\b/i.test(sentence.text);
}

/** "I found 4 flights": how many there are, not how many are wanted. */
function isCounted(text: string, value: ValueCandidate, service: ServiceProfile, context: LinkContext): boolean {
  if (!context.isSystem || value.kind !== "number") return false;
  const next = wordsOf(text.slice(value.end)).slice(0, 2);
  return /\b(?:found|find|are|is|have|got|has)\s*$/i.test(text.slice(0, value.start)) && next.some((word) => service.nouns.has(stem(word)) || /^(?:results?|options?|matches|choices|more|others?)$/.test(word)) && !next.some(isPeopleWord);
}

const NO_ATTRIBUTE = new Set("a an the any some this that these those my your our their his her its which what each every no me us i you it to of for in on at by with and or but from good nice great best better cool fun new old local cheap other another different more few several specific particular favorite favourite certain interesting available upcoming near nearby next last first rental big small little same own such many much please find book buy reserve get see watch hear play want need like about is are was be do does can could would should there s up out down off over good-looking decent suitable right perfect am pm dinner lunch breakfast meal only just also too really very something anything".split(" "));

/** What a thing is like, before its noun: "a comedy movie", "jazz events". */
function findAttributes(text: string, service: ServiceProfile, context: LinkContext): { slot: SlotProfile; value: ValueCandidate; score: number }[] {
  const slots = service.slots.filter((slot) => slot.kind === "name" && !slot.isEntity && !slot.isPerson);
  const found: { slot: SlotProfile; value: ValueCandidate; score: number }[] = [];
  for (const slot of slots) {
    if (context.filled.has(slot.schema.name) && !context.corrects) continue;
    for (const match of text.matchAll(/([\p{L}][\p{L}-]+)(?= ([\p{L}]+))/gu)) {
      const noun = stem((match[2] ?? "").toLowerCase());
      const word = match[1] ?? "";
      const isThing = (candidate: string): boolean => !NO_ATTRIBUTE.has(candidate.toLowerCase()) && !service.nouns.has(stem(candidate.toLowerCase())) && !slot.words.has(stem(candidate.toLowerCase()));
      if (!(service.things.has(noun) || slot.words.has(noun)) || !isThing(word) || /(?:ing|ed|ly)$/.test(word)) continue;
      if (/\b(?:for|at|by|called|try|about|to|with)\s+$/i.test(text.slice(0, match.index)) && /^\p{Lu}/u.test(word)) continue;
      found.push({ slot, value: { kind: "name", text: word, start: match.index, end: match.index + word.length, meaning: word.toLowerCase() }, score: /genre|categor|type|style|cuisine|kind/.test(slot.schema.name) ? 1.5 : 1.4 });
    }
  }
  return found;
}

const ANSWER = /^(?:(?:yes|yeah|sure|ok(?:ay)?|well|um|hmm|please|perhaps|maybe|oh|so)[, ]+)*(?:(?:i|we)(?:'d| would|'ll| will|'m| am)? (?:really )?(?:like|want|prefer|need|love|think|looking|thinking|interested|in the mood|leaving|going|enjoy)(?: to)?(?: (?:go|see|watch|eat|hear|play|find|listen|try|visit|book|be|have|get|search|look))?(?: of| for| to| in| at| from| about)*|it(?:'s| is| will be| should be)(?: called| in| at)?|(?:in|at|from|to|for)|make it|let's (?:do|try|go with|see)|how about|what about|try|find|search (?:for|in)|look (?:for|in|at)|(?:can|could) you (?:find|try|check|look for|look in|search for)(?: me)?)?\s*(?:the |a |an |some |any )?([\p{L}\d][^,;.!?]*?)(?:,? please| would be (?:great|good|nice|fine|perfect)| instead| sounds (?:good|nice)| (?:is|would be) (?:fine|good|great|my \w+))?[.!?]*$/iu;

/** The answer to the one open slot that was asked for, where it has no form of its own: "simply fondue", "comedy". */
function findAnswers(text: string, service: ServiceProfile, context: LinkContext, values: readonly ValueCandidate[]): { slot: SlotProfile; value: ValueCandidate; score: number }[] {
  const asked = service.slots.filter((slot) => context.requested.has(slot.schema.name));
  const found: { slot: SlotProfile; value: ValueCandidate; score: number }[] = [];
  const time = asked.find((slot) => slot.kind === "time");
  const count = values.find((value) => value.kind === "number" && /^\d/.test(value.text));
  if (time && count && !values.some((value) => value.kind === "time") && !asked.some((slot) => slot.kind === "number")) found.push({ slot: time, value: count, score: 1 });
  const open = asked.filter((slot) => slot.kind === "place" || slot.kind === "name");
  const slot = open[0];
  if (open.length !== 1 || slot === undefined || values.some((value) => value.kind === "name")) return found;
  for (const sentence of sentencesOf(text)) {
    const acts = readTurn(sentence.text);
    const answer = ANSWER.exec(sentence.text.replaceAll("’", "'"))?.[1]?.replace(/ (?:movies?|films?|songs?|music|food|events?|restaurants?|cuisine)$/i, "");
    if (answer === undefined || acts.refuses || acts.indifferent.length > 0 || acts.affirms) continue;
    if (answer.split(" ").length > 4 || /\b(?:i|you|it|is|are|was|do|does|can|will|would|know|what|where|when|which|how|there|have|need|want|book|thanks?|that|this|me|help)\b/i.test(answer)) continue;
    const start = sentence.start + sentence.text.indexOf(answer);
    if (values.some((value) => value.start < start + answer.length && start < value.end)) continue;
    found.push({ slot, value: { kind: "name", text: answer, start, end: start + answer.length, meaning: answer.toLowerCase(), isGuess: true }, score: 1.1 });
    break;
  }
  return found;
}

/** Slots that a turn of the system asks for. */
export function requestedSlots(text: string, service: ServiceProfile): Set<string> {
  const requested = new Set<string>();
  for (const sentence of sentencesOf(text)) {
    const lower = sentence.text.toLowerCase();
    if (!sentence.isQuestion && !/\b(?:please (?:tell|provide|specify|let|give|share)|need to know|let me know|tell me|may i (?:know|have)|could you|how many|any preference)\b|^(?:and |also,? |okay,? |sure,? )*(?:in |for |on |at |to |from )?(?:what|which|when|where)\b/.test(lower)) continue;
    // "and": one sentence may ask for several things.
    for (const part of lower.split(/,|\band\b|\bor\b(?= (?:what|when|where|which|how))/)) {
      const stems = new Set(wordsOf(part).map(stem));
      let best = 0;
      const scored = service.slots.map((slot) => {
        let score = 0;
        for (const [word, weight] of slot.words) if (stems.has(word)) score += weight;
        if (slot.direction !== null && directionNear(part, slot.direction)) score += 0.5;
        if (slot.countsPeople && wordsOf(part).some(isPeopleWord)) score += 0.6;
        score += askedKind(part, slot);
        if (slot.kind === "boolean") score = [...signsOf(slot, service)].some((word) => stems.has(word)) ? 1.5 : 0;
        best = Math.max(best, score);
        return { slot, score };
      });
      for (const { slot, score } of scored) if (score >= 1 && score >= best - 0.35) requested.add(slot.schema.name);
    }
  }
  return requested;
}

function askedKind(part: string, slot: SlotProfile): number {
  switch (slot.kind) {
    case "time": return /\b(?:what|which|at what|preferred) time\b|\btime\b|\bwhat hour\b/.test(part) ? 1.1 : /\bwhen\b/.test(part) ? 0.6 : 0;
    case "date": return /\b(?:what|which) (?:date|day)\b|\bdate\b/.test(part) ? 1.1 : /\bwhen\b/.test(part) ? 1 : /\b(?:until|till|how long)\b/.test(part) && slot.direction === "target" ? 1 : 0;
    case "place": return (slot.isTown && /\b(?:city|town|area)\b/.test(part)) ? 1.2 : /\bwhere\b|\blocation\b|\bplace\b|\baddress\b|\bairport\b|\bstation\b/.test(part) ? 1 : 0;
    case "number": return /\bhow many\b|\bnumber of\b/.test(part) ? 0.6 : 0;
    case "money": return /\bhow much\b|\bamount\b/.test(part) ? 1.1 : 0;
    case "name": return (slot.isEntity && /\b(?:call|name) (?:it|this|the)\b|\bcalled\b|\b(?:what|which) name\b/.test(part) ? 1.1 : 0) + (/\b(?:what|which|whose)\b.*\bname\b|\bwho\b/.test(part) ? 0.5 : 0)
      + (slot.isEntity && /\b(?:specific|particular|prefer\w*|favou?rite|in mind|which|what(?:'s)?|certain)\b/.test(part) && wordsOf(slot.schema.name).some((word) => word.length > 3 && !/^(?:name|title)$/.test(word) && part.includes(word)) ? 1 : 0);
    default: return 0;
  }
}

function scoreOf(text: string, value: ValueCandidate, slot: SlotProfile, service: ServiceProfile, context: LinkContext, sentences: readonly Sentence[]): number {
  const sentence = sentences.find(({ start, end }) => value.start >= start && value.start < end);
  const from = Math.max(sentence?.start ?? 0, value.start - 60);
  const to = Math.min(sentence?.end ?? text.length, value.end + 30);
  const before = wordsOf(text.slice(from, value.start)).slice(-6);
  const after = wordsOf(text.slice(value.end, to)).slice(0, 4);
  let score = 0;
  if (context.requested.has(slot.schema.name)) score += ASKED;
  if (!context.filled.has(slot.schema.name)) score += OPEN;
  else score += context.corrects ? OPEN : OPEN / 2;
  // Words that speak for the slot, the nearer the more.
  let near = 0;
  for (const [at, word] of before.entries()) near += (slot.words.get(stem(word)) ?? 0) * (1 - 0.1 * (before.length - 1 - at));
  for (const [at, word] of after.entries()) near += (slot.words.get(stem(word)) ?? 0) * (0.9 - 0.15 * at);
  score += NEAR * Math.min(2, near);
  if (slot.direction !== null) score += DIRECTION * directionBefore(text.slice(from, value.start), text.slice(value.end, to), slot.direction, hasTwin(service, slot), value.kind !== "name");
  switch (value.kind) {
    case "number":
      if (slot.countsPeople) score += [...before.slice(-3), ...after.slice(0, 2)].some(isPeopleWord) || /\D/.test(value.text) && value.text.includes(" ") ? 1.2 : /\bfor$/.test(before.join(" ")) ? 0.6 : 0;
      break;
    case "time":
    case "date":
    case "money":
      score += 0.6;
      break;
    case "name":
      score += nameScore(before, after, slot, value, service, context);
      if (slot.isEntity && (context.offered?.has(value.meaning) || [...context.offered ?? []].some((name) => value.meaning.length > 3 && name.includes(value.meaning)))) score += 1.2;
  }
  return score;
}

function hasTwin(service: ServiceProfile, slot: SlotProfile): boolean {
  return service.slots.some((other) => other !== slot && other.kind === slot.kind && other.direction !== null && other.direction !== slot.direction);
}

function nameScore(before: readonly string[], after: readonly string[], slot: SlotProfile, value: ValueCandidate, service: ServiceProfile, context: LinkContext): number {
  const last = before.at(-1) ?? "";
  const preposition = /^(?:the|a|an)$/.test(last) ? before.at(-2) ?? "" : last;
  const building = BUILDING.test(value.text);
  if (slot.kind === "place") {
    const inTown = /^(?:in|near|around|within)$/.test(preposition);
    if (slot.isTown) return building ? -1 : inTown ? 1.6 : /^(?:from|to|towards|for)$/.test(preposition) ? 0.8 : preposition === "at" ? -0.2 : 0;
    const townBeside = service.slots.some((other) => other.isTown && (other.direction === slot.direction || slot.direction === null));
    if (townBeside) return building ? 1 : preposition === "at" ? 0.9 : -1.5;
    return inTown ? 1 : /^(?:from|to|towards|at)$/.test(preposition) ? 1.2 : building ? 0.6 : 0;
  }
  if (/^(?:in|near|around|from)$/.test(preposition) && !slot.isPerson) return -1;
  if (slot.isPerson) return /^(?:by|with|starring|from|to|of|featuring|artist|see|like)$/.test(preposition) ? 1.1 : 0;
  // "the event X", "name it X".
  const isCalled = service.things.has(stem(last)) || (last === "it" && /^(?:call|name)$/.test(before.at(-2) ?? ""));
  if (slot.isEntity) return (context.isSystem ? 0.4 : 0) + (isCalled ? 1.3 : STREET_END.test(value.text) ? 0 : /^(?:at|by|called|named|try|for|with|to|of|like|about|see|is|specifically|out|into|watch|play|hear|book|reserve)$/.test(preposition) ? 0.9 : 0.4);
  if (context.isSystem) return -1;
  // What a thing is like stands before its noun: "a Mexican restaurant".
  if (/^(?:at|by|called|named|try|for|about|see|to|with|look)$/.test(last)) return -0.8;
  return service.things.has(stem(after[0] ?? "")) || slot.words.has(stem(after[0] ?? "")) ? 1.2 : -0.8;
}

const STREET_END = /\b(?:street|st|avenue|ave|road|rd|boulevard|blvd|drive|lane|highway|suite)\b\.?(?:,? #?\w+)?$/i;
const BUILDING = /\b(?:airport|station|depot|cent(?:er|re)|terminal|street|st|avenue|ave|road|rd|boulevard|blvd|drive|plaza|square|lane|highway|suite)\b\.?|^\d/i;
/** Verbs tell a direction from afar; prepositions only where the value follows at once. */
const SOURCE_BEFORE = /\b(?:leav\w+|depart\w*|origin\w*|start\w*|pick(?:ing)? (?:\w+ ){0,2}up|pickup|beginning|outbound|check(?:ing)?[- ]in)\b|\b(?:from|out of|starting)(?: on| the| next| this| about| around)*\s*$/gi;
const TARGET_BEFORE = /\b(?:return\w*|going(?: over)? to|head\w* (?:to|for|over)|arriv\w+|destination|drop(?:ping)? (?:\w+ ){0,2}off|dropoff|drop[- ]off|com\w+ back|(?:go|get|be|fly|travel\w*|ride) (?:back |over )?to|back|inbound|check(?:ing)?[- ]out)\b|\b(?:to|until|untill?|till?|til|through|towards?|thru)(?: on| the| next| this| about| around)*\s*$/gi;

/** Of a date or time, "going to Paris on Monday" says nothing: only what speaks of an end does. */
const END_BEFORE = /\b(?:return\w*|com\w+ (?:back|home)|back|until|untill?|till?|til|through|thru|drop(?:ping)? (?:\w+ ){0,2}off|dropoff|drop[- ]off|end\w*|inbound|check(?:ing)?[- ]out)\b|\bto(?: the)?\s*$/gi;

/** +1 where the nearest cue before the value speaks for `direction`, −1 where it speaks for the other. */
function directionBefore(before: string, after: string, direction: "source" | "target", twin: boolean, isTime: boolean): number {
  const last = (pattern: RegExp): number => Math.max(-1, ...[...before.matchAll(pattern)].map((match) => match.index + match[0].trimEnd().length));
  const source = last(SOURCE_BEFORE);
  const target = last(isTime ? END_BEFORE : TARGET_BEFORE);
  if (source < 0 && target < 0) {
    const later = /^\W*(?:to|until|till)\b/i.test(after) ? "source" : null;
    return !twin ? 0 : later === null ? (direction === "source" ? 0.1 : isTime ? -0.4 : 0) : later === direction ? 0.8 : -0.8;
  }
  const told = source > target ? "source" : "target";
  return told === direction ? 1 : twin ? -1 : 0;
}

function directionNear(text: string, direction: "source" | "target"): boolean {
  const source = [...text.matchAll(SOURCE_BEFORE)].length > 0;
  const target = /\b(?:to|until|till|return\w*|arriv\w+|destination|drop|back|going)\b/i.test(text);
  return direction === "source" ? source && !(target && !source) : target;
}

interface FoundChoice {
  slot: string;
  value: string;
  start: number;
  end: number;
  score: number;
  kind: SlotKind;
}

/** Possible values named in the text, and truth values that the words of a boolean slot and their negation tell. */
function findChoices(text: string, service: ServiceProfile, context: LinkContext, sentences: readonly Sentence[]): FoundChoice[] {
  const lower = text.toLowerCase().replaceAll("’", "'").replace(/[-_]/g, " ");
  const found: FoundChoice[] = [];
  for (const slot of service.slots) {
    if (slot.kind === "choice") {
      if (context.offerOpen && sentences.every((sentence) => isAskedAbout(sentence, sentences, context))) continue;
      const named = choiceNamed(lower, slot);
      const sentence = named && sentences.find(({ start, end }) => named.start >= start && named.start < end);
      if (named && sentence && !context.isSystem && !context.requested.has(slot.schema.name) && asksFact(sentence.text.toLowerCase(), lower.slice(named.start, named.end))) continue;
      // "None" and its like are words of every sentence: taken only where the slot was asked for.
      if (named && (!/^(?:none|any|no|yes|other|\d{1,2})$/i.test(named.value) || context.requested.has(slot.schema.name) || context.isSystem)) found.push({ slot: slot.schema.name, ...named, score: 3 + choiceFit(lower, named, slot, service, context), kind: "choice" });
    } else if (slot.kind === "boolean" && !context.isSystem) {
      const truth = truthOf(text, slot, context, sentences, service);
      const value = truth === null ? undefined : slot.schema.possibleValues.find((possible) => possible.toLowerCase() === String(truth));
      if (value !== undefined) found.push({ slot: slot.schema.name, value, start: 0, end: 0, score: 2, kind: "boolean" });
    }
  }
  return found.filter((choice) => choice.kind !== "choice" || found.every((other) => other === choice || other.kind !== "choice" || other.start >= choice.end || choice.start >= other.end || other.score < choice.score || (other.score === choice.score && found.indexOf(other) > found.indexOf(choice))));
}

/** Of two slots with the same possible values, the one that was asked for or whose words stand nearer. */
function choiceFit(lower: string, { start, end }: { start: number; end: number }, slot: SlotProfile, service: ServiceProfile, context: LinkContext): number {
  const around = [...wordsOf(lower.slice(0, start)).slice(-5), ...wordsOf(lower.slice(end)).slice(0, 3)].map(stem);
  let fit = context.requested.has(slot.schema.name) ? ASKED : 0;
  for (const word of new Set(around)) fit += slot.words.get(word) ?? 0;
  // A slot whose name only adds to another's ("recipient_account_type") needs the added word.
  const added = wordsOf(slot.schema.name).filter((word) => service.slots.some((other) => other !== slot && other.kind === "choice" && slot.schema.name.includes(other.schema.name) && !wordsOf(other.schema.name).includes(word)));
  if (added.length > 0 && !added.some((word) => around.includes(stem(word))) && !context.requested.has(slot.schema.name) && !/\bto (?:\w+ ){0,2}$/.test(lower.slice(0, start))) fit -= 2;
  return fit;
}

/** Words of size, price and class that stand for one another whatever is chosen. */
const SYNONYMS: readonly (readonly string[])[] = [
  ["compact", "small", "mini", "smaller", "tiny"], ["standard", "medium", "medium sized", "mid size", "mid sized", "midsize", "intermediate", "regular", "normal"], ["full size", "large", "big", "spacious", "full sized", "larger"],
  ["cheap", "inexpensive", "affordable", "low cost", "economical", "budget"], ["moderate", "moderately priced", "average", "reasonable", "mid range", "medium priced"], ["expensive", "pricey", "costly", "high priced"], ["ultra high end", "luxurious", "fine dining", "upscale"],
];

function choiceNamed(lower: string, slot: SlotProfile): { value: string; start: number; end: number } | null {
  const normalised = slot.schema.possibleValues.map((value) => ({ value, words: value.toLowerCase().replace(/[-_]/g, " ") }));
  for (const { value, words } of normalised.toSorted((a, b) => b.words.length - a.words.length)) {
    const match = new RegExp(`(?<!\\w)${words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}(?:s|es)?(?!\\w)`).exec(lower);
    if (match) return { value, start: match.index, end: match.index + match[0].length };
  }
  for (const group of SYNONYMS) {
    const meant = normalised.find(({ words }) => group.includes(words));
    if (!meant) continue;
    const match = new RegExp(`(?<!\\w)(?:${group.join("|")})(?!\\w)`).exec(lower);
    if (match) return { value: meant.value, start: match.index, end: match.index + match[0].length };
  }
  // A word that only one value has speaks for it: "kitchen" for "kitchen speaker".
  const counts = new Map<string, number>();
  for (const { words } of normalised) for (const word of new Set(words.split(" "))) counts.set(stem(word), (counts.get(stem(word)) ?? 0) + 1);
  for (const { value, words } of normalised) {
    for (const word of words.split(" ")) {
      if (word.length < 5 || counts.get(stem(word)) !== 1 || slot.words.has(stem(word))) continue;
      const match = new RegExp(`(?<!\\w)${word}s?(?!\\w)`).exec(lower);
      if (match) return { value, start: match.index, end: match.index + match[0].length };
    }
  }
  return null;
}

const NEGATION = /\b(?:not|no(?! (?:problem|issue|worries|matter))|don't(?! mind)|doesn't|isn't|without|never|non|nobody|alone|private|by myself|just me)\b/i;
/** Asks what is the case instead of saying what is wanted. */
const ASKS_FACT = /(?:^|[,;.!?] ?|\b(?:and|but|also|so) )(?:do|does|did|is|are|was|has|have)(?:n't)? (?!i\b|we\b)\w+|\bwhether\b|\bwonder\b/i;

function asksFact(sentence: string, subject: RegExp | string): boolean {
  const at = typeof subject === "string" ? sentence.toLowerCase().indexOf(subject) : sentence.search(subject);
  const match = ASKS_FACT.exec(sentence);
  return match !== null && match.index <= Math.max(0, at);
}

function truthOf(text: string, slot: SlotProfile, context: LinkContext, sentences: readonly Sentence[], service: ServiceProfile): boolean | null {
  const asked = context.requested.has(slot.schema.name);
  const signs = signsOf(slot, service);
  for (const { text: sentence } of sentences) {
    const said = wordsOf(sentence).find((word) => signs.has(stem(word)));
    if (said === undefined || (!asked && asksFact(sentence.toLowerCase().replaceAll("’", "'"), said))) continue;
    return !NEGATION.test(sentence.replaceAll("’", "'"));
  }
  if (!asked) return null;
  const acts = readTurn(text);
  if (acts.affirms || /\bdon't mind\b|\bno problem\b/i.test(text)) return true;
  return acts.refuses || /\b(?:alone|private|by myself|just me)\b/i.test(text) ? false : null;
}

/** The words of a truth slot that no other slot shares; those that the service shares only where there are no others. */
function signsOf(slot: SlotProfile, service: ServiceProfile): ReadonlySet<string> {
  const own = [...slot.words.keys()].filter((word) => !GENERIC.has(word) && service.slots.every((other) => other === slot || !other.words.has(word)));
  const named = new Set(wordsOf(slot.schema.name).map(stem));
  const ranked = [own.filter((word) => named.has(word) && !service.nouns.has(word)), own.filter((word) => named.has(word)), own];
  return new Set(ranked.find((words) => words.length > 0) ?? []);
}

const GENERIC = new Set(["option", "availabl", "good", "allow", "includ", "adequat"].map(stem));
