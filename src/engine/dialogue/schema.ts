// The schema of a service, as schema-guided dialogue states it, and what its slots are asked for by: kind of value, direction,
// telling words. All of it is read from names, descriptions and possible values; nothing is known of any one service.
// Source of the form: Rastogi et al. 2020 (Schema-Guided Dialogue).

export interface SlotSchema {
  name: string;
  description: string;
  isCategorical: boolean;
  possibleValues: readonly string[];
}

export interface IntentSchema {
  name: string;
  description: string;
  requiredSlots: readonly string[];
  /** Slot → default value. */
  optionalSlots: Readonly<Record<string, string>>;
}

export interface ServiceSchema {
  name: string;
  description: string;
  slots: readonly SlotSchema[];
  intents: readonly IntentSchema[];
}

/** "number": a count; "choice": one of a few words; "name": whatever has a proper name or none of the other forms. */
export type SlotKind = "date" | "time" | "number" | "money" | "boolean" | "choice" | "place" | "name";
export type Direction = "source" | "target" | null;

/** A slot as linking needs it. */
export interface SlotProfile {
  schema: SlotSchema;
  kind: SlotKind;
  direction: Direction;
  /** For places: a town or area rather than a building. */
  isTown: boolean;
  /** For names: what a thing is called ("restaurant_name"), not what it is like ("category"). */
  isEntity: boolean;
  /** For names: what a person is called. */
  isPerson: boolean;
  /** Stems that speak for this slot; those that few slots of the service share weigh more. */
  words: ReadonlyMap<string, number>;
  /** A count of people, in whatever word. */
  countsPeople: boolean;
  /** What the service assumes where nobody says: the default of an optional slot. */
  defaultValue: string | null;
}

/** A service whose slots are profiled; only slots that some intent takes can be part of a goal. */
export interface ServiceProfile {
  schema: ServiceSchema;
  slots: readonly SlotProfile[];
  /** Stems of what the service is about: of "a jazz event", "event". */
  nouns: ReadonlySet<string>;
  /** Stems of the things it offers: of Restaurants with a restaurant_name, "restaurant". */
  things: ReadonlySet<string>;
}

const SOURCE_WORD = /^(?:origin|leav(?:e|es|ing)|depart\w*|pickup|start\w*|beginning|outbound|source)$/;
const TARGET_WORD = /^(?:destination|going|arriv\w*|dropoff|drop|return\w*|inbound|end|ending|heading)$/;
const PEOPLE_WORD = /^(?:people|persons?|passengers?|riders?|travell?ers?|guests?|seats?|tickets?|adults?|party|group|attendees?|diners?)$/;
/** Words that say nothing about which slot is meant. */
const EMPTY_WORDS = new Set("the a an of for or and in on at is are be by with where when whether which what who user users your you their flag boolean indicating name names number date time type kind that it its has have any scale main value will want wants can out per as not tell help to from service provided provide was were us no non none if up off use used other others should would do does main".split(" "));

/** Lower-case words of a text; a hyphen or an underscore divides. */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().replaceAll("’", "'").match(/[a-z0-9]+(?:'[a-z]+)?/g) ?? [];
}

/** Everyday words for the same thing. */
const SAME: Readonly<Record<string, string>> = { film: "movie", track: "song", flat: "apartment", cab: "taxi", flick: "movie" };

/** A light stem: enough to bring "leaving", "leaves" and "leave" together. */
export function stem(word: string): string {
  const plain = SAME[word.replace(/(?:'s|s)$/, "")] ?? word.replace(/'s$/, "");
  if (plain.length <= 3) return plain;
  return plain.replace(/ies$/, "y").replace(/(?:ations?|ing|ures?|[eo]rs?|ed|es|s|e)$/, "").replace(/(.)\1$/, "$1");
}

export function profileService(schema: ServiceSchema): ServiceProfile {
  const taken = new Map<string, string | null>();
  for (const intent of schema.intents) {
    for (const slot of intent.requiredSlots) taken.set(slot, taken.get(slot) ?? null);
    for (const [slot, value] of Object.entries(intent.optionalSlots)) taken.set(slot, taken.get(slot) ?? value);
  }
  const slots = schema.slots.filter((slot) => taken.has(slot.name));
  const tellingStems = (text: string): string[] => wordsOf(text).filter((word) => !EMPTY_WORDS.has(word) && word.length > 1).map(stem);
  const stems = slots.map((slot) => new Set([...tellingStems(slot.name), ...tellingStems(slot.description)]));
  const ofService = new Set([...tellingStems(schema.name.replace(/([a-z])([A-Z])/g, "$1 $2")), ...tellingStems(schema.description), ...schema.intents.flatMap((intent) => [...tellingStems(intent.name.replace(/([a-z])([A-Z])/g, "$1 $2")), ...tellingStems(intent.description)])]);
  const inSlots = new Map<string, number>();
  for (const set of stems) for (const word of set) inSlots.set(word, (inSlots.get(word) ?? 0) + 1);
  return {
    schema,
    nouns: ofService,
    things: new Set([...tellingStems(schema.name.replace(/([a-z])([A-Z])/g, "$1 $2")), ...slots.filter((slot) => /name|title/.test(slot.name)).flatMap((slot) => tellingStems(slot.name))]),
    slots: slots.map((slot, at): SlotProfile => {
      const nameStems = new Set(wordsOf(slot.name).map(stem));
      const words = new Map([...stems[at] ?? []].map((word) => [word, (nameStems.has(word) ? 1 : 0.6) / Math.sqrt(inSlots.get(word) ?? 1) / (ofService.has(word) && (inSlots.get(word) ?? 1) > 1 ? 2 : 1)]));
      const kind = kindOf(slot);
      const text = `${slot.name.replaceAll("_", " ")} ${slot.description}`.toLowerCase();
      const defaultValue = taken.get(slot.name) ?? null;
      return {
        schema: slot, kind, words, direction: kind === "place" || kind === "date" || kind === "time" ? directionOf(slot) : null, defaultValue: defaultValue === "dontcare" ? null : defaultValue,
        isTown: kind === "place" && /\b(?:city|town|area)\b/i.test(`${slot.name.replaceAll("_", " ")} ${slot.description}`),
        isEntity: kind === "name" && isNameOfThing(slot),
        isPerson: kind === "name" && !isNameOfThing(slot) && PERSON.test(text),
        countsPeople: kind === "number" && wordsOf(text).some((word) => PEOPLE_WORD.test(word)),
      };
    }),
  };
}

const PERSON = /\b(?:artist|actor|actors|actress|director|directed|starring|singer|musician|band|person|recipient|contact|doctor|therapist|dentist|stylist|provider|author|receiver)\b/;

export function isPeopleWord(word: string): boolean {
  return PEOPLE_WORD.test(word) || /^(?:friends?|kids?|children|family|folks?|pax|us)$/.test(word);
}

function isNameOfThing(slot: SlotSchema): boolean {
  return /(?:^|_)(?:name|title)$/.test(slot.name) || /^(?:the )?(?:full |common )?(?:name|title)\b/i.test(slot.description) && !PERSON.test(slot.name);
}

function kindOf(slot: SlotSchema): SlotKind {
  const values = slot.possibleValues;
  const text = `${slot.name.replaceAll("_", " ")} ${slot.description}`.toLowerCase();
  if (slot.isCategorical) {
    if (values.length > 0 && values.every((value) => /^(?:true|false)$/i.test(value))) return "boolean";
    if (values.length > 0 && values.every((value) => /^\d+$/.test(value)) && !values.every((value) => value.length === 4)) return "number";
    return "choice";
  }
  if (/\bnumber of\b|\bhow many\b|\blength of stay\b|\bin days\b|\bcount\b|\bsize\b/.test(text)) return "number";
  if (/\bdate\b|\bday of\b/.test(text)) return "date";
  if (/\btime\b/.test(text)) return "time";
  if (/\b(?:price|fare|amount|cost|rent|budget|fee|balance)\b/.test(text)) return "money";
  if (/\b(?:title|name) (?:of|for)\b/.test(slot.description.toLowerCase()) && !/\b(?:city|town|area|station|airport|location)\b/.test(text)) return "name";
  if (/\b(?:city|town|location|area|destination|origin|address|station|airport|place|venue|region|country)\b/.test(text) && !/\b(?:artist|movie|song|director|genre|category)\b/.test(text)) return "place";
  return "name";
}

function directionOf(slot: SlotSchema): Direction {
  const name = wordsOf(slot.name);
  if (name[0] === "from" || name[0] === "to") return name[0] === "from" ? "source" : "target";
  if (/check_?in/.test(slot.name)) return "source";
  if (/check_?out/.test(slot.name)) return "target";
  for (const words of [name, wordsOf(slot.description)]) {
    const source = words.findIndex((word) => SOURCE_WORD.test(word));
    const target = words.findIndex((word) => TARGET_WORD.test(word));
    if (source >= 0 || target >= 0) return target < 0 || (source >= 0 && source < target) ? "source" : "target";
  }
  return null;
}
