// The state of a kernel as provenance: for every name, a hash of the statements and inputs that made its value. Two states
// with the same hash were made in the same way; that is how "is what I see what running everything from the top would show?"
// is decided without running anything. The same steps are taken for what was run and for what would be run.
//
// A hash covers the statement, the parts of objects that it reads, and what functions that it calls read. Repeating a
// statement that sets a part anew, or that is a transform (analysis/facts.ts), gives the same hash again.
import { createHash } from "node:crypto";
import type { ClassSummary, FunctionSummary, Slot } from "../analysis/facts.ts";
import { overlaps, SHAPE, SLOT_SEPARATOR } from "../analysis/facts.ts";

export type Hash = string;

/** An object that names stand for. */
export interface SessionObject {
  readonly id: number;
  /** How it came to be. */
  base: Hash;
  /** Parts that were set since, in the order in which they were set. */
  slots: Map<Slot, Hash>;
  kind: ObjectKind;
  /** The last cell (and execution) that made or changed it. */
  writer: Writer | null;
  /** All that changed it since it was made, the one that made it first. */
  writers: Writer[];
  /** Objects that can be reached through it. */
  holds: number[];
  /** To change it is to change that object. */
  partOf: { object: number; slot: Slot } | null;
}

export type ObjectKind =
  | { is: "value" }
  | { is: "module"; path: string }
  | { is: "function"; summary: FunctionSummary }
  | { is: "class"; summary: ClassSummary }
  /** `callee`: with the alias of the module resolved, where it is known. `of`: a class of the notebook. */
  | { is: "instance"; callee: string; of: ClassSummary | null };

/** Who wrote: a cell, and the number of the execution in the record (null where it is only imagined). */
export interface Writer {
  cell: string;
  execution: number | null;
}

const MOST_WRITERS = 64;
/** Objects in objects in objects: so deep is looked. */
const MOST_HELD_DEPTH = 4;

export interface Transform {
  text: string;
  cell: string;
  /** The part that was transformed; null: the whole. */
  slot: Slot | null;
  /** Of the statement that made it. */
  hash: Hash;
  before: { base: Hash; slots: Map<Slot, Hash> };
}

export class Session {
  readonly names = new Map<string, number>();
  readonly objects = new Map<number, SessionObject>();
  /** By the hash that a transform left: what it was made from. */
  readonly transforms: Map<Hash, Transform>;
  /** Writer of names that were removed. */
  readonly removed = new Map<string, Writer>();
  #nextId: number;

  constructor(from?: Session) {
    this.#nextId = 0;
    this.transforms = from?.transforms ?? new Map<Hash, Transform>();
    if (!from) return;
    this.#nextId = from.#nextId;
    for (const [name, id] of from.names) this.names.set(name, id);
    for (const [name, writer] of from.removed) this.removed.set(name, writer);
    for (const [id, object] of from.objects) this.objects.set(id, { ...object, slots: new Map(object.slots), writers: [...object.writers] });
    this.#collect();
  }

  /** Takes over the state of `other`, which must not be used afterwards. */
  become(other: Session): void {
    this.names.clear();
    this.objects.clear();
    this.removed.clear();
    for (const [name, id] of other.names) this.names.set(name, id);
    for (const [id, object] of other.objects) this.objects.set(id, object);
    for (const [name, writer] of other.removed) this.removed.set(name, writer);
    this.#nextId = Math.max(this.#nextId, other.#nextId);
  }

  /** Takes over the files that `other` knows. */
  keepFiles(other: Session): this {
    for (const [name, id] of other.names) {
      const object = other.objects.get(id);
      if (name.startsWith("‹file ") && object?.writer) this.make(name, object.base, object.kind, object.writer);
    }
    return this;
  }

  copy(): Session {
    return new Session(this);
  }

  objectOf(name: string): SessionObject | null {
    const id = this.names.get(name);
    return id === undefined ? null : this.objects.get(id) ?? null;
  }

  /** A new object under `name`. */
  make(name: string, base: Hash, kind: ObjectKind, writer: Writer, partOf: SessionObject["partOf"] = null, holds: number[] = []): SessionObject {
    const object: SessionObject = { id: this.#nextId++, base, slots: new Map(), kind, writer, writers: [writer], holds, partOf };
    this.objects.set(object.id, object);
    this.bind(name, object.id);
    return object;
  }

  bind(name: string, id: number): void {
    this.names.set(name, id);
    this.removed.delete(name);
    if (this.objects.size > 2 * this.names.size + 256) this.#collect();
  }

  unbind(name: string, writer: Writer): void {
    this.names.delete(name);
    this.removed.set(name, writer);
  }

  /** The object of a module is one, however often it is imported. */
  module(name: string, path: string, writer: Writer): void {
    const known = [...this.objects.values()].find(({ kind }) => kind.is === "module" && kind.path === path);
    if (known) this.bind(name, known.id);
    else this.make(name, hashOf("module", path), { is: "module", path }, writer);
  }

  /** A hash of what reading `slots` of the object sees; null: the whole. */
  view(object: Pick<SessionObject, "base" | "slots"> & { holds?: readonly number[] }, slots: readonly Slot[] | null, depth = 0): Hash {
    if (slots?.length === 1 && slots[0] === SHAPE) return hashOf(object.base, ...[...object.slots.keys()].sort());
    const ordered = [...object.slots].some(([slot]) => slot.startsWith("*"));
    const seen = [...object.slots].filter(([slot]) => slots === null || slots.some((read) => overlaps(slot, read)));
    if (!ordered) seen.sort(([a], [b]) => (a < b ? -1 : 1));
    const held = slots?.length === 0 || depth >= MOST_HELD_DEPTH ? [] : (object.holds ?? []).map((id) => this.objects.get(id)).filter((inner) => inner !== undefined).map((inner) => this.view(inner, null, depth + 1));
    return hashOf(object.base, ...seen.flat(), ...held);
  }

  /** A part (null: the whole) of the object gets a value; the object it is a part of changes with it. */
  set(object: SessionObject, slot: Slot | null, hash: Hash, writer: Writer): void {
    if (slot === null) {
      object.base = hash;
      object.slots.clear();
    } else {
      for (const known of [...object.slots.keys()]) if (known === slot || known.startsWith(slot + SLOT_SEPARATOR)) object.slots.delete(known);
      object.slots.set(slot, hash);
    }
    object.writer = writer;
    if (!object.writers.some(({ cell, execution }) => cell === writer.cell && execution === writer.execution)) {
      object.writers.push(writer);
      if (object.writers.length > MOST_WRITERS) object.writers.splice(1, 1);
    }
    // What is done to all elements is done to the objects that the container holds.
    if (slot?.startsWith("*for ") === true) {
      for (const id of object.holds) {
        const held = this.objects.get(id);
        if (held && held !== object) this.set(held, slot, hash, writer);
      }
    }
    const parent = object.partOf && this.objects.get(object.partOf.object);
    if (object.partOf && parent && parent !== object) this.set(parent, slot === null ? object.partOf.slot || null : [object.partOf.slot, slot].filter((part) => part !== "").join(SLOT_SEPARATOR), hash, writer);
  }

  /** Forgets objects that no name leads to; a module stays loaded. */
  #collect(): void {
    const held = new Set<number>();
    const hold = (id: number): void => {
      if (held.has(id)) return;
      held.add(id);
      const object = this.objects.get(id);
      if (object?.partOf) hold(object.partOf.object);
      for (const inner of object?.holds ?? []) hold(inner);
    };
    for (const id of this.names.values()) hold(id);
    for (const [id, { kind }] of this.objects) if (!held.has(id) && kind.is !== "module") this.objects.delete(id);
  }
}

export function hashOf(...parts: readonly string[]): Hash {
  const hash = createHash("sha1");
  for (const part of parts) hash.update(part).update("\x01");
  return hash.digest("base64url").slice(0, 20);
}
