// Tracks the goal of a schema-guided dialogue by rules: slot values with the turn that is their evidence, updated each turn in
// microseconds. What the system proposes waits until the user takes it, and is dropped where the user refuses it.
import { readReport, readTurn } from "./acts.ts";
import type { TurnActs } from "./acts.ts";
import { linkSlots, requestedSlots } from "./linkSlots.ts";
import { profileService, stem, wordsOf } from "./schema.ts";
import type { ServiceProfile, ServiceSchema, SlotProfile } from "./schema.ts";
import { findValues, sameMeaning } from "./values.ts";

/** A value and what it rests on. */
export interface TrackedValue {
  value: string;
  meaning: string;
  /** 0-based index of the turn in which it was said. */
  turn: number;
  said: "user" | "system";
}

/** What a system knows of its own turn, where it tells: slots asked for, values offered or put up for confirmation. */
export interface SystemActs {
  requests: readonly string[];
  proposals: readonly { slot: string; value: string; isOffer: boolean }[];
}

interface ServiceState {
  profile: ServiceProfile;
  values: Map<string, TrackedValue>;
  /** Proposed by the system and not yet taken. */
  pending: Map<string, TrackedValue & { isOffer: boolean }>;
  requested: Set<string>;
  /** Names in the system's last turn, in lower case. */
  offered: Set<string>;
  /** The last street address that the system told. */
  address: TrackedValue | null;
}

export class SchemaTracker {
  readonly #states = new Map<string, ServiceState>();
  #turn = -1;
  /** The user's last turn asked about what is offered: the answer to it offers nothing. */
  #asked = false;

  constructor(services: readonly ServiceSchema[]) {
    for (const schema of services) this.#states.set(schema.name, { profile: profileService(schema), values: new Map(), pending: new Map(), requested: new Set(), offered: new Set(), address: null });
  }

  /** The values of `service` so far. */
  state(service: string): ReadonlyMap<string, TrackedValue> {
    return this.#states.get(service)?.values ?? new Map<string, TrackedValue>();
  }

  /** A turn of the system in the frame of `services`; with `acts`, what it did is told and not inferred from `text`. */
  systemTurn(text: string, services: readonly string[], acts?: Readonly<Record<string, SystemActs>>): void {
    this.#turn++;
    const report = readReport(text);
    for (const name of services) {
      const state = this.#states.get(name);
      if (!state) continue;
      const told = acts?.[name];
      state.requested = told ? new Set(told.requests) : requestedSlots(text, state.profile);
      const names = findValues(text).filter(({ kind }) => kind === "name");
      state.offered = new Set(names.map(({ meaning }) => meaning));
      const address = names.findLast((name) => /^\d+ \D/.test(name.text));
      if (address) state.address = { value: address.text, meaning: address.meaning, turn: this.#turn, said: "system" };
      // What was done had been agreed to.
      if (report === "success") this.#take(state);
      if (report === "failure") state.pending.clear();
      const isOffer = report === "failure" || /\b(?:how about|what about|would you like|there(?:'s| is| are)|i (?:found|have)|try|recommend|option|instead|want to)\b/i.test(text);
      const known = new Set(state.profile.slots.map(({ schema }) => schema.name));
      // An answer to a question about the offer.
      if (!told && this.#asked && !isOffer && !/\?|\bconfirm/i.test(text)) continue;
      for (const { slot, value, meaning, isOffer: offered } of told ? told.proposals.map((proposal) => ({ ...proposal, meaning: proposal.value.toLowerCase() })) : this.#proposed(text, state, isOffer)) {
        if (known.has(slot)) state.pending.set(slot, { value, meaning, turn: this.#turn, said: "system", isOffer: offered });
      }
    }
  }

  userTurn(text: string, services: readonly string[]): void {
    this.#turn++;
    const acts = readTurn(text);
    this.#asked = !acts.affirms && !acts.wantsOther && !acts.corrects && /^(?:(?:ok(?:ay)?|great|and|also|thanks|cool|nice|perfect|good)[,.! ]+)*(?:is(?! there)|are(?! there)|will(?! you)|does|do(?! you)|how(?! about)|what(?! about| else| other)|which|when|where|would it|has|have|can i (?!get|have|book|buy|reserve|go|travel|leave|make|change|see)|tell me)\b/i.test(text.trim());
    for (const name of services) {
      const state = this.#states.get(name);
      if (state) this.#updateFromUser(text, state, acts, name);
    }
  }

  #updateFromUser(text: string, state: ServiceState, acts: TurnActs, name: string): void {
    const filled = new Set(state.values.keys());
    const indifferent = this.#indifferentSlots(text, state, acts);
    const fillings = acts.closes && text.length < 80 ? [] : linkSlots(text, state.profile, { requested: state.requested, filled, corrects: acts.corrects, isSystem: false, offered: state.offered, offerOpen: state.pending.size > 0 });
    // "Thanks, that is all I needed" takes what was offered.
    const settles = acts.closes && !acts.refuses && acts.thanks && [...state.pending.values()].some(({ isOffer, turn }) => isOffer && turn === this.#turn - 1);
    if (acts.affirms || settles) this.#take(state, acts.wantsOther);
    else if (acts.refuses && fillings.length === 0) state.pending.clear();
    else if (acts.wantsOther) for (const [slot, value] of state.pending) if (value.isOffer) state.pending.delete(slot);
    for (const { slot, value, meaning } of fillings) {
      if (indifferent.has(slot)) continue;
      state.values.set(slot, { value, meaning, turn: this.#turn, said: "user" });
      state.pending.delete(slot);
    }
    for (const slot of indifferent) state.values.set(slot, { value: "dontcare", meaning: "dontcare", turn: this.#turn, said: "user" });
    for (const [slot, value] of this.#carriedOver(text, state, name)) if (!state.values.has(slot)) state.values.set(slot, value);
    state.requested = new Set();
  }

  /** What waits becomes part of the goal. A confirmation in other words leaves the user's own. */
  #take(state: ServiceState, keepOffers = false): void {
    for (const [slot, value] of state.pending) {
      const present = state.values.get(slot);
      if (keepOffers && value.isOffer) continue;
      if (!present || (value.isOffer && !sameMeaning(present.meaning, value.meaning))) {
        const { value: taken, meaning, turn, said } = value;
        state.values.set(slot, { value: taken, meaning, turn, said });
      }
    }
    state.pending.clear();
  }

  #proposed(text: string, state: ServiceState, isOffer: boolean): { slot: string; value: string; meaning: string; isOffer: boolean }[] {
    // Of a question for a slot, no word fills it.
    const statements = linkSlots(text, state.profile, { requested: new Set(), filled: new Set(), corrects: false, isSystem: true });
    return statements.filter(({ slot }) => !state.requested.has(slot) || state.profile.slots.find(({ schema }) => schema.name === slot)?.kind !== "name")
      .map((filling) => ({ ...filling, isOffer }));
  }

  #indifferentSlots(text: string, state: ServiceState, acts: TurnActs): Set<string> {
    const slots = new Set<string>();
    for (const { start, end } of acts.indifferent) {
      const around = wordsOf(text.slice(Math.max(0, start - 20), end + 40)).map(stem);
      const scored = state.profile.slots.map((slot) => ({ slot, score: around.reduce((sum, word) => sum + (slot.words.get(word) ?? 0), 0) + kindNamed(slot, around) }));
      const best = scored.toSorted((a, b) => b.score - a.score)[0];
      if (best && best.score >= 0.6) slots.add(best.slot.schema.name);
      else for (const slot of state.requested) slots.add(slot);
    }
    // "on any airline"
    for (const match of text.matchAll(/\b(?:any|whichever|whatever) ([a-z]+)/gi)) {
      const word = stem((match[1] ?? "").toLowerCase());
      const slot = state.profile.slots.find((other) => (other.kind === "choice" || other.kind === "name") && (other.words.get(word) ?? 0) >= 0.6 && !state.profile.nouns.has(word));
      if (slot) slots.add(slot.schema.name);
    }
    return slots;
  }

  /** "there", "the same day": what another service of this dialogue settled. */
  #carriedOver(text: string, state: ServiceState, name: string): [string, TrackedValue][] {
    const wants: [RegExp, (slot: SlotProfile) => boolean][] = [
      [/\b(?:to|at|for|get|from|in|near|around) (?:there|that (?:place|location|address|city|hotel|restaurant|venue|area))\b|\bthere\b(?! (?:is|are|any|be|a|an|was|were)\b)/i, (slot) => slot.kind === "place" && slot.direction !== "source"],
      [/\b(?:same|that) (?:day|date)\b/i, (slot) => slot.kind === "date" && slot.direction !== "target"],
      [/\bsame time\b/i, (slot) => slot.kind === "time"],
      [/\b(?:same number|same (?:people|group|party)|all of us)\b/i, (slot) => slot.countsPeople],
    ];
    const carried: [string, TrackedValue][] = [];
    for (const [pattern, fits] of wants) {
      if (!pattern.test(text)) continue;
      const target = state.profile.slots.find((slot) => fits(slot) && !state.values.has(slot.schema.name));
      const source = target && this.#latestOf(target, name);
      if (target && source) carried.push([target.schema.name, source]);
    }
    return carried;
  }

  #latestOf(target: SlotProfile, except: string): TrackedValue | undefined {
    let latest: TrackedValue | undefined;
    for (const [service, state] of this.#states) {
      if (service === except) continue;
      // One goes to an address rather than to a name.
      if (target.kind === "place" && !target.isTown && state.address && (!latest || state.address.turn >= latest.turn)) {
        latest = state.address;
        continue;
      }
      for (const [slotName, value] of state.values) {
        const slot = state.profile.slots.find(({ schema }) => schema.name === slotName);
        const alike = slot && (slot.kind === target.kind || (target.kind === "place" && !target.isTown && slot.kind === "name"));
        if (alike && value.value !== "dontcare" && (!latest || value.turn >= latest.turn) && (target.isTown ? slot.isTown : !slot.isTown || latest === undefined)) latest = value;
      }
    }
    return latest;
  }
}

function kindNamed(slot: SlotProfile, stems: readonly string[]): number {
  const names: Partial<Record<SlotProfile["kind"], readonly string[]>> = { date: ["dat", "day"], time: ["tim"], money: ["pric"], place: ["loc", "plac", "city", "area"] };
  return (names[slot.kind] ?? []).some((name) => stems.includes(name)) ? 0.7 : 0;
}
