// What one statement of a cell does to the names of the session, as far as its text tells: the vocabulary between the
// analysis of a language and the model of executions. Types and small operations on them only.

/**
 * Part of an object, as the path of names that lead to it: `df["a"]` and `df.a` are "a", `cfg.opt.lr` is "opt\0lr". A path
 * that begins with "*" names a part that is not known by name and may overlap with every other.
 */
export type Slot = string;

export const SLOT_SEPARATOR = "\0";

/** Reading only which parts there are (`df.shape`, `len(d)`), not what they hold. */
export const SHAPE: Slot = "‹shape›";

/** Whether writing to one part may change what is read from the other. */
export function overlaps(a: Slot, b: Slot): boolean {
  return a === b || a === SHAPE || b === SHAPE || a.startsWith("*") || b.startsWith("*") || a.startsWith(b + SLOT_SEPARATOR) || b.startsWith(a + SLOT_SEPARATOR);
}

/** A name whose value must exist when the statement runs. `slots`: the parts that are read; null: the whole. */
export interface Use {
  name: string;
  slots: Slot[] | null;
}

/**
 * How an object is changed in place. "set": a part gets a value that does not depend on what was there; "accumulate": the
 * outcome depends on what was there; "transform": to do it twice gives what doing it once gave.
 */
export type MutationKind = "set" | "accumulate" | "transform";

export interface Mutation {
  name: string;
  slot: Slot | null;
  kind: MutationKind;
}

/** How a name came to its value. */
export type Origin =
  | { from: "value" }
  /** `import a.b as c` is c from module a.b; `from a import b` is b from a.b. */
  | { from: "module"; path: string }
  /** Another name of the same object. */
  | { from: "alias"; of: string }
  /** `x += y`: in place where x is a view of another object, a new value elsewhere. */
  | { from: "augmented" }
  /** An element or attribute of an object: to change it is to change that object. */
  | { from: "part"; of: string; slot: Slot }
  /** A list, tuple, set or table of objects that have names of their own. */
  | { from: "container"; of: string[] }
  | { from: "function"; summary: FunctionSummary }
  | { from: "class"; summary: ClassSummary }
  /** The result of calling `callee` (dotted) with these names among others. */
  | { from: "call"; callee: string; with: string[] };

export interface Definition {
  name: string;
  /** False where a branch, a loop without rounds or an exception may leave the name as it was. */
  sure: boolean;
  origin: Origin;
  /** The new value is made of the old one such that doing it again changes nothing (`df = df.dropna()`). */
  transform: boolean;
}

/** What running the body of a function does to names outside it. */
export interface FunctionSummary {
  parameters: string[];
  uses: Use[];
  calls: Call[];
  mutates: Mutation[];
  /** Names it assigns by `global` (or without declaration, where the language does so). */
  assigns: string[];
  /** Positions of parameters that it changes in place. */
  changesParameters: number[];
  effects: Effects;
  nondeterministic: boolean;
}

export interface ClassSummary extends FunctionSummary {
  methods: Map<string, MethodSummary>;
  bases: string[];
  /** Reading an attribute may run code. */
  hasProperties: boolean;
}

export interface MethodSummary {
  changesSelf: MutationKind | null;
  changesParameters: number[];
}

/** A call whose effect depends on what the callee is; judged when the session is known. */
export interface Call {
  /** The name that the callee starts with, and the attributes behind it. */
  root: string;
  path: string[];
  /** `root` is no name of the session but one of the function that makes the call. */
  local: boolean;
  /** Names (or parts of them) given as arguments by position; null for other expressions. Named ones follow with their names. */
  arguments: (string | null)[];
  named: [string, string | null][];
  /** The result is thrown away: such a call is made for what it does. */
  discarded: boolean;
  text: string;
}

/** Something outside the session that a statement touches. */
export interface Effects {
  /** Path as written when it is a literal, else the expression. */
  filesRead: string[];
  filesWritten: string[];
  packages: string[];
  /** Variables of the environment, working directory, options of the kernel. */
  environment: string[];
  hazards: Hazard[];
}

export type HazardKind = "deletes" | "overwrites" | "database" | "installs" | "paid" | "network" | "shell";

/** Something that should not be repeated without thought. `what` is shown to people: "deletes build/". */
export interface Hazard {
  kind: HazardKind;
  what: string;
  /** 1-based line in the cell. */
  line: number;
}

export interface StatementFacts extends Effects {
  /** The statement without comments and needless blanks. */
  text: string;
  /** 1-based lines in the cell, inclusive. */
  startLine: number;
  endLine: number;
  uses: Use[];
  defines: Definition[];
  mutates: Mutation[];
  deletes: string[];
  calls: Call[];
  /** Names whose outcome differs from run to run by itself: time, random numbers without a seed, the network, a prompt. */
  nondeterministic: boolean;
  /** Why the names that it defines or uses cannot be known (`exec`, a star import), or null. */
  opaque: string | null;
}

export interface CellFacts {
  language: string;
  statements: StatementFacts[];
  /** Null, or what could not be read. */
  problem: string | null;
}

export function noEffects(): Effects {
  return { filesRead: [], filesWritten: [], packages: [], environment: [], hazards: [] };
}

export function emptyStatement(text: string, startLine: number, endLine: number): StatementFacts {
  return { text, startLine, endLine, uses: [], defines: [], mutates: [], deletes: [], calls: [], nondeterministic: false, opaque: null, ...noEffects() };
}

/** Adds a use, joining it with an earlier one of the same name. */
export function addUse(uses: Use[], name: string, slots: readonly Slot[] | null): void {
  const known = uses.find((use) => use.name === name);
  if (!known) {
    uses.push({ name, slots: slots === null ? null : [...slots] });
  } else if (known.slots !== null) {
    if (slots === null) known.slots = null;
    else for (const slot of slots) if (!known.slots.includes(slot)) known.slots.push(slot);
  }
}
