// Values and calls between the process that holds a reply and the one that holds its tests, as lines of JSON.
// Only plain data crosses, rebuilt from built-in types; neither side trusts what it reads.
import fs from "node:fs";

const LONGEST_ITERATOR = 100_000;
const TYPED = { Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array };
const wait = new Int32Array(new SharedArrayBuffer(4));

/** Lines out and in, blocking. `keep` turns a function or an object into a reference, `find` back. */
export class Channel {
  #rest = "";
  #decoder = new TextDecoder();
  #bytes = Buffer.alloc(65536);

  constructor(keep, find) {
    this.keep = keep;
    this.find = find;
  }

  send(message) {
    let bytes = Buffer.from(`${JSON.stringify(message)}\n`);
    while (bytes.length > 0) {
      try {
        bytes = bytes.subarray(fs.writeSync(1, bytes));
      } catch (error) {
        if (error.code !== "EAGAIN") throw error;
        Atomics.wait(wait, 0, 0, 1);
      }
    }
  }

  /** The next message, or undefined where the other side is gone. */
  receive() {
    for (;;) {
      const at = this.#rest.indexOf("\n");
      if (at >= 0) {
        const line = this.#rest.slice(0, at);
        this.#rest = this.#rest.slice(at + 1);
        return JSON.parse(line);
      }
      try {
        const n = fs.readSync(0, this.#bytes);
        if (n === 0) return undefined;
        this.#rest += this.#decoder.decode(this.#bytes.subarray(0, n), { stream: true });
      } catch (error) {
        if (error.code === "EOF") return undefined;
        if (error.code !== "EAGAIN") throw error;
        Atomics.wait(wait, 0, 0, 1);
      }
    }
  }

  encode(value, depth = 0) {
    if (depth > 500) throw new RangeError("nested too deeply, or a cycle");
    const each = (items) => Array.from(items, (item) => this.encode(item, depth + 1));
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number") return Number.isFinite(value) && !Object.is(value, -0) ? value : { n: Object.is(value, -0) ? "-0" : String(value) };
    if (value === undefined) return { u: 1 };
    if (typeof value === "bigint") return { bi: String(value) };
    if (typeof value === "symbol") return { sy: String(value.description) };
    if (Array.isArray(value)) return { a: each(value) };
    if (typeof value === "function") return this.keep(value);
    if (value instanceof Map) return { m: Array.from(value, ([key, item]) => [this.encode(key, depth + 1), this.encode(item, depth + 1)]) };
    if (value instanceof Set) return { s: each(value) };
    if (value instanceof Date) return { d: Number(value) };
    if (value instanceof RegExp) return { r: [value.source, value.flags] };
    if (value instanceof Error) return { e: describe(value).error };
    for (const [name, kind] of Object.entries(TYPED)) if (value instanceof kind) return { ta: [name, Array.from(value)] };
    const kept = this.keep(value);
    if (kept !== undefined) return kept;
    if (typeof value[Symbol.iterator] === "function" && typeof value.next === "function") {
      const items = [];
      for (const item of value) {
        if (items.length >= LONGEST_ITERATOR) break;
        items.push(this.encode(item, depth + 1));
      }
      return { it: items };
    }
    return { o: Object.keys(value).map((key) => [key, this.encode(value[key], depth + 1)]), ...(Object.getPrototypeOf(value) === null ? { bare: 1 } : {}) };
  }

  decode(coded) {
    if (coded === null || typeof coded !== "object") return coded;
    if ("a" in coded) return coded.a.map((item) => this.decode(item));
    if ("o" in coded) {
      const made = coded.bare ? Object.create(null) : {};
      for (const [key, item] of coded.o) Object.defineProperty(made, key, { value: this.decode(item), enumerable: true, writable: true, configurable: true });
      return made;
    }
    if ("u" in coded) return undefined;
    if ("n" in coded) return Number(coded.n);
    if ("bi" in coded) return BigInt(coded.bi);
    if ("sy" in coded) return Symbol(coded.sy);
    if ("m" in coded) return new Map(coded.m.map(([key, item]) => [this.decode(key), this.decode(item)]));
    if ("s" in coded) return new Set(coded.s.map((item) => this.decode(item)));
    if ("d" in coded) return new Date(coded.d);
    if ("r" in coded) return new RegExp(coded.r[0], coded.r[1]);
    if ("e" in coded) return rebuild(coded.e);
    if ("ta" in coded && Object.hasOwn(TYPED, coded.ta[0])) return TYPED[coded.ta[0]].from(coded.ta[1]);
    if ("it" in coded) return coded.it.map((item) => this.decode(item))[Symbol.iterator]();
    return this.find(coded);
  }
}

const ERRORS = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError };

export function describe(thrown) {
  if (!(thrown instanceof Error)) return { error: ["Error", ["Error"], String(thrown).slice(0, 2000)] };
  const line = [];
  for (let at = Object.getPrototypeOf(thrown); at && at !== Object.prototype; at = Object.getPrototypeOf(at)) line.push(String(at.constructor?.name));
  return { error: [String(thrown.name), line, String(thrown.message).slice(0, 2000)] };
}

/** An error of the class that tests may name: one of `known` (the reply's own), or the nearest built-in one. */
export function rebuild([name, line, message], known = {}) {
  const kind = line.map((candidate) => known[candidate] ?? (Object.hasOwn(ERRORS, candidate) ? ERRORS[candidate] : undefined)).find((found) => found !== undefined) ?? Error;
  const made = Object.create(kind.prototype);
  Object.defineProperty(made, "message", { value: message, writable: true, configurable: true });
  Object.defineProperty(made, "name", { value: name, writable: true, configurable: true });
  return made;
}

/** Makes a container hold what `source` holds, as a function that changes its argument did. */
export function update(target, source) {
  if (Array.isArray(target)) target.splice(0, Infinity, ...source);
  else if (target instanceof Map) { target.clear(); for (const [key, item] of source) target.set(key, item); }
  else if (target instanceof Set) { target.clear(); for (const item of source) target.add(item); }
  else {
    for (const key of Object.keys(target)) delete target[key];
    Object.assign(target, source);
  }
}

/** Whether a function may have changed it so that its caller sees it. */
export function isContainer(value) {
  return Array.isArray(value) || value instanceof Map || value instanceof Set || (value !== null && typeof value === "object" && [Object.prototype, null].includes(Object.getPrototypeOf(value)));
}
