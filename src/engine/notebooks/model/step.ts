// Takes one statement, as its facts describe it, on a session: says what it read, and leaves the session as it would be
// afterwards. Calls are judged here, where it is known what the callee is.
import type { Call, Definition, FunctionSummary, Mutation, MutationKind, Slot, StatementFacts } from "../analysis/facts.ts";
import { addUse, overlaps } from "../analysis/facts.ts";
import { fileName } from "../analysis/python/effects.ts";
import { continuesFitting, isBuiltin, isDrawing, methodEffect, soundsChanging } from "../analysis/python/methods.ts";
import { hashOf } from "./session.ts";
import type { Hash, ObjectKind, Session, SessionObject, Transform, Writer } from "./session.ts";

/** One name that a statement read. `hash`: of what it saw, "" where there was nothing. */
export interface Input {
  name: string;
  hash: Hash;
  writer: Writer | null;
  /** The cells that made it what it was, the definition first. */
  writers: Writer[];
}

export interface Step {
  hash: Hash;
  inputs: Input[];
  outputs: string[];
}

/** What stands for a statement whose outcome differs from run to run: gives the mark of the run that counts. */
export type Chance = (hash: Hash) => string;

export function takeStep(session: Session, facts: StatementFacts, writer: Writer, chance: Chance): Step {
  const calls = expandCalls(session, facts);
  const mutations = [...facts.mutates.filter(({ name }) => !calls.unchanged.has(name)), ...calls.mutates].filter(({ name }) => session.names.has(name) || isHidden(name) || facts.defines.some((definition) => definition.name === name));
  const uses = facts.uses.map((use) => ({ ...use, slots: use.slots === null ? null : [...use.slots] }));
  for (const use of calls.uses) addUse(uses, use.name, use.slots);
  for (const { name, slot, kind } of mutations) {
    if (kind === "set") {
      // What is set as a whole does not depend on what was there.
      if (slot !== null) addUse(uses, name, []);
    } else addUse(uses, name, slot === null ? null : [slot]);
  }
  for (const { name, sure } of facts.defines) if (!sure && session.names.has(name)) addUse(uses, name, null);

  const uncertain = facts.nondeterministic || calls.nondeterministic || isUnseeded(session, mutations);
  const look = (rewound: ReadonlyMap<number, State>): { inputs: Input[]; hash: Hash } => {
    const inputs = [...uses].sort((a, b) => (a.name < b.name ? -1 : 1)).map(({ name, slots }) => inputOf(session, name, slots, rewound));
    const hash = hashOf(facts.text, ...inputs.flatMap((input) => [input.name, input.hash]));
    return { inputs, hash: uncertain ? hashOf(hash, chance(hash)) : hash };
  };
  // Where this very statement, with the same inputs, made what it finds, it finds what that was made from.
  const earlier = rewind(session, facts, mutations, writer.cell);
  const before = new Map([...earlier].map(([id, made]) => [id, stateBefore(session.objects.get(id) as SessionObject, made)]));
  const again = earlier.size > 0 ? look(before) : null;
  const isAgain = again !== null && [...earlier.values()].every((made) => made.hash === again.hash);
  const rewound: ReadonlyMap<number, State> = isAgain ? before : new Map();
  const { inputs, hash } = isAgain ? again : look(rewound);

  for (const mutation of mutations) applyMutation(session, mutation, hash, facts, writer, rewound);
  if (facts.opaque !== null) {
    const untold = session.objectOf(UNTOLD) ?? session.make(UNTOLD, hashOf(UNTOLD), { is: "value" }, writer);
    // What a module brings does not depend on when it is imported.
    session.set(untold, facts.text, facts.text.startsWith("from ") ? hashOf(facts.text) : hash, writer);
  }
  for (const name of facts.deletes) session.unbind(name, writer);
  for (const definition of facts.defines) define(session, definition, hash, facts, writer, rewound);
  for (const name of calls.assigns) if (!facts.defines.some((definition) => definition.name === name)) define(session, { name, sure: true, origin: { from: "value" }, transform: false }, hash, facts, writer, rewound);
  return { hash, inputs, outputs: [...new Set([...facts.defines.map(({ name }) => name), ...calls.assigns, ...mutations.map(({ name }) => name)])] };
}

function inputOf(session: Session, name: string, slots: readonly Slot[] | null, rewound: ReadonlyMap<number, State>): Input {
  const object = session.objectOf(name);
  if (!object) {
    const removedBy = session.removed.get(name);
    const untold = isBuiltin(name) || isHidden(name) ? null : session.objectOf(UNTOLD);
    if (!removedBy && untold) return { name, hash: session.view(untold, null), writer: untold.writer, writers: untold.writers };
    return { name, hash: "", writer: removedBy ?? null, writers: removedBy ? [removedBy] : [] };
  }
  const whole = object.kind.is === "module" || (object.kind.is === "instance" && object.kind.of?.hasProperties === true);
  const state = rewound.get(object.id);
  return { name, hash: session.view(state ?? object, whole ? null : slots), writer: object.writer, writers: [...object.writers] };
}

/** Stands for the names that a star import, `exec` or `%run` brings. */
export const UNTOLD = "‹names that the text does not tell›";

function isHidden(name: string): boolean {
  return name.startsWith("‹");
}

function isRandom(name: string): boolean {
  return name.endsWith("random numbers›");
}

/** Chance without a seed differs from run to run. */
function isUnseeded(session: Session, mutations: readonly Mutation[]): boolean {
  return mutations.some(({ name, kind }) => isRandom(name) && kind === "accumulate" && !session.names.has(name));
}

interface CallEffects {
  uses: StatementFacts["uses"];
  /** Names whose suspected change the class of the notebook denies. */
  unchanged: Set<string>;
  mutates: Mutation[];
  assigns: string[];
  nondeterministic: boolean;
}

/** What the functions and classes that a statement uses read and change, through all that they call in turn. */
function expandCalls(session: Session, facts: StatementFacts): CallEffects {
  const found: CallEffects = { uses: [], unchanged: new Set(), mutates: [], assigns: [], nondeterministic: false };
  const seen = new Set<FunctionSummary>();
  const summaryOf = (name: string): FunctionSummary | null => {
    // A function that this statement defines is not called by it, unless it calls itself later.
    const object = session.objectOf(name);
    if (!object) return null;
    if (object.kind.is === "function" || object.kind.is === "class") return object.kind.summary;
    return object.kind.is === "instance" ? object.kind.of : null;
  };
  const enter = (name: string): void => {
    const summary = summaryOf(name);
    if (!summary || seen.has(summary)) return;
    seen.add(summary);
    for (const use of summary.uses) {
      addUse(found.uses, use.name, use.slots);
      enter(use.name);
    }
    found.mutates.push(...summary.mutates);
    found.assigns.push(...summary.assigns, ...summary.effects.filesWritten.map(fileName));
    for (const path of summary.effects.filesRead) addUse(found.uses, fileName(path), null);
    found.nondeterministic ||= summary.nondeterministic;
    judgeCalls(summary.calls, summary);
  };
  const judgeCalls = (calls: readonly Call[], inside: FunctionSummary | null): void => {
    for (const call of calls) {
      if (call.local) continue;
      const callee = session.objectOf(call.root);
      const summary = call.path.length === 0 ? summaryOf(call.root) : null;
      const change = (name: string | null | undefined, kind: MutationKind, slot: Slot | null = null): void => {
        if (name !== null && name !== undefined && inside?.parameters.includes(name) !== true && session.names.has(name) && session.objectOf(name)?.kind.is !== "module") found.mutates.push({ name, slot, kind });
      };
      if (summary) {
        for (const [position, methods] of changedParameters(summary)) {
          const name = call.arguments[position] ?? call.named.find(([keyword]) => keyword === summary.parameters[position])?.[1];
          const given = name !== null && name !== undefined ? session.objectOf(name)?.kind : undefined;
          // A method of the notebook's own class is known; others are suspected where nobody looks at their result.
          const own = given?.is === "instance" ? given.of : null;
          if (methods !== null && own && methods.every((method) => methodOf(session, own, method)?.changesSelf === null)) continue;
          change(name, "accumulate");
        }
        continue;
      }
      const method = call.path.at(-1);
      if (method === undefined) {
        // A function from elsewhere whose name says that it changes what it is given.
        if (call.discarded && callee?.kind.is === "module" && soundsChanging(call.root)) for (const name of [...call.arguments, ...call.named.map(([, value]) => value)]) change(name, "accumulate");
        continue;
      }
      if (callee?.kind.is === "module") {
        if (call.discarded && call.path.length === 1 && !isWellKnown(callee.kind.path) && soundsChanging(method)) for (const name of call.arguments) change(name, "accumulate");
        continue;
      }
      if (callee?.kind.is === "instance" && callee.kind.of) {
        const own = methodOf(session, callee.kind.of, method);
        if (own) {
          if (own.changesSelf === null) found.unchanged.add(call.root);
          else change(call.root, own.changesSelf, own.changesSelf === "set" ? `*${call.text}` : null);
          for (const position of own.changesParameters) change(call.arguments[position], "accumulate");
          continue;
        }
      }
      if (callee?.kind.is === "instance" && isDrawing(callee.kind.callee)) change(call.root, "accumulate");
      else if (method === "fit" && callee?.kind.is === "instance" && continuesFitting(callee.kind.callee)) change(call.root, "accumulate");
      else if (call.discarded && methodEffect(method) === undefined && callee?.kind.is !== "class") change(call.root, "accumulate");
    }
  };
  /** Positions of parameters that a function changes; with the methods by which it is suspected to, or null where it is sure. */
  const changedParameters = (summary: FunctionSummary, depth = 0): Map<number, string[] | null> => {
    const positions = new Map<number, string[] | null>(summary.changesParameters.map((position) => [position, null]));
    for (const call of summary.calls) {
      const method = call.path.at(-1);
      const suspected = method === undefined ? -1 : summary.parameters.indexOf(call.root);
      if (suspected >= 0 && call.discarded && methodEffect(method as string) === undefined && positions.get(suspected) !== null) positions.set(suspected, [...positions.get(suspected) ?? [], method as string]);
      const inner = depth >= 8 || call.local || call.path.length > 0 ? null : summaryOf(call.root);
      if (!inner || inner === summary) continue;
      for (const [position, methods] of changedParameters(inner, depth + 1)) {
        const own = summary.parameters.indexOf(call.arguments[position] ?? "");
        if (own >= 0 && positions.get(own) !== null) positions.set(own, methods === null ? null : [...positions.get(own) ?? [], ...methods]);
      }
    }
    return positions;
  };
  for (const use of facts.uses) enter(use.name);
  judgeCalls(facts.calls, null);
  return found;
}

function methodOf(session: Session, summary: { methods: Map<string, { changesSelf: MutationKind | null; changesParameters: number[] }>; bases: string[] }, name: string, depth = 0): { changesSelf: MutationKind | null; changesParameters: number[] } | null {
  const own = summary.methods.get(name);
  if (own || depth > 8) return own ?? null;
  for (const base of summary.bases) {
    const object = session.objectOf(base);
    const inherited = object?.kind.is === "class" ? methodOf(session, object.kind.summary, name, depth + 1) : null;
    if (inherited) return inherited;
  }
  return null;
}

function isWellKnown(path: string): boolean {
  return /^(?:numpy|pandas|matplotlib|math|os|sys|json|re|torch|scipy|seaborn|plotly|time|datetime|itertools|functools|collections|string|statistics|pathlib|shutil|logging|warnings|sklearn|requests|copy|pickle|csv|random|PIL|cv2|IPython|pprint)\b/.test(path);
}

type State = Pick<SessionObject, "base" | "slots">;

/** Of objects that this statement transforms and that hold what it had already made of them: how it made that. */
function rewind(session: Session, facts: StatementFacts, mutations: readonly Mutation[], cell: string): Map<number, Transform> {
  const earlier = new Map<number, Transform>();
  const targets = [...mutations.filter(({ kind }) => kind === "transform"), ...facts.defines.filter(({ transform }) => transform).map(({ name }) => ({ name, slot: null }))];
  for (const { name, slot } of targets) {
    const object = session.objectOf(name);
    if (!object) continue;
    let state: State = object;
    for (let depth = 0; depth < 64; depth++) {
      const made = session.transforms.get(keyOf(session, state, slot));
      if (!made) break;
      if (made.text === facts.text) {
        earlier.set(object.id, made);
        break;
      }
      // Further back only over what the same cell did: another cell would have shown the state in between.
      if (made.cell !== cell) break;
      state = stateBefore(state, made);
    }
  }
  return earlier;
}

function keyOf(session: Session, state: State, slot: Slot | null): Hash {
  return slot === null ? session.view(state, null) : hashOf(slot, session.view(state, [slot]));
}

/** The state that a transform was applied to; of a part, with the other parts as they are now. */
function stateBefore(state: State, { before, slot }: Transform): State {
  if (slot === null) return before;
  return { base: state.base, slots: new Map([...[...state.slots].filter(([known]) => !overlaps(known, slot)), ...[...before.slots].filter(([known]) => overlaps(known, slot))]) };
}

function applyMutation(session: Session, { name, slot, kind }: Mutation, hash: Hash, facts: StatementFacts, writer: Writer, rewound: ReadonlyMap<number, State>): void {
  const object = session.objectOf(name) ?? (isHidden(name) && !(kind === "accumulate" && isRandom(name)) ? session.make(name, hashOf("hidden", name), { is: "value" }, writer) : null);
  if (!object) return;
  const before = rewound.get(object.id) ?? { base: object.base, slots: new Map(object.slots) };
  if (kind === "transform") {
    object.base = before.base;
    object.slots = new Map(before.slots);
  }
  session.set(object, slot, kind === "set" && slot !== null ? hash : hashOf(hash, name), writer);
  if (kind === "transform") noteTransform(session, object, { text: facts.text, cell: writer.cell, slot, hash, before });
}

/** A transform that changed nothing is no news: noting it would lead from a state to itself. */
function noteTransform(session: Session, object: SessionObject, made: Transform): void {
  const after = keyOf(session, object, made.slot);
  if (after !== keyOf(session, made.before, made.slot)) session.transforms.set(after, made);
}

function define(session: Session, { name, origin, transform }: Definition, hash: Hash, facts: StatementFacts, writer: Writer, rewound: ReadonlyMap<number, State>): void {
  const old = transform ? session.objectOf(name) : null;
  const before = old && (rewound.get(old.id) ?? { base: old.base, slots: new Map(old.slots) });
  let kind: ObjectKind = { is: "value" };
  let holds: number[] = [];
  const idsOf = (names: readonly string[]): number[] => names.flatMap((held) => session.names.get(held) ?? []).filter((id) => session.objects.get(id)?.kind.is !== "module");
  switch (origin.from) {
    case "module":
      session.module(name, origin.path, writer);
      return;
    case "alias": {
      const of = session.objectOf(origin.of);
      if (of) {
        session.bind(name, of.id);
        return;
      }
      break;
    }
    case "part": {
      const of = session.objectOf(origin.of);
      // An attribute of a module is found by the module's name alone.
      if (of && of.kind.is === "module") {
        session.module(name, `${of.kind.path}.${origin.slot}`, writer);
        return;
      }
      session.make(name, hashOf(hash, name), { is: "value" }, writer, of ? { object: of.id, slot: origin.slot } : null);
      return;
    }
    case "function":
    case "class":
      kind = origin.from === "function" ? { is: "function", summary: origin.summary } : { is: "class", summary: origin.summary };
      break;
    case "call":
      kind = instanceOf(session, origin.callee);
      if (kind.is === "instance" && kind.of) holds = idsOf(origin.with);
      break;
    case "container":
      holds = idsOf(origin.of);
      break;
    case "augmented": {
      const known = session.objectOf(name);
      if (known?.partOf?.slot.startsWith("*[") === true) {
        session.set(known, null, hashOf(hash, name), writer);
        return;
      }
      break;
    }
    case "value":
      break;
  }
  const object = session.make(name, hashOf(hash, name), kind, writer, null, holds);
  if (before) noteTransform(session, object, { text: facts.text, cell: writer.cell, slot: null, hash, before });
}

function instanceOf(session: Session, callee: string): ObjectKind {
  const [root = "", ...rest] = callee.split(".");
  const object = session.objectOf(root);
  if (object?.kind.is === "class" && rest.length === 0) return { is: "instance", callee, of: object.kind.summary };
  return { is: "instance", callee: object?.kind.is === "module" ? [object.kind.path, ...rest].join(".") : callee, of: null };
}
