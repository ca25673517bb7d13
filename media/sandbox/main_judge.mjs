// Holds the tests of a task and says how many held. The reply runs elsewhere; its functions are called over a channel.
// `assert` (of node:assert/strict), console.assert, expect(…).toBe and the like, and test(name, work) count by themselves.
import nodeAssert from "node:assert/strict";
import fs from "node:fs";
import module, { createRequire } from "node:module";
import { Channel, describe, isContainer, rebuild, update } from "./wire.mjs";

const typed = fs.existsSync("tests.mts");
const source = fs.readFileSync(typed ? "tests.mts" : "tests.mjs", "utf8");
const reply = fs.readFileSync("reply.txt", "utf8");
const names = JSON.parse(fs.readFileSync("names.json", "utf8"));

class Gone extends Error {}
const given = [];
const classes = {};
const errors = {};
const handles = new WeakMap();
const channel = new Channel(keep, find);

function keep(value) {
  if (handles.has(value)) return { own: handles.get(value) };
  if (typeof value !== "function") return undefined;
  if (Object.values(classes).includes(value)) return { class: value.name };
  given.push(value);
  return { cb: given.length - 1 };
}

function find(coded) {
  if ("f" in coded) return remoteFunction({ do: "call", kept: coded.f });
  if ("h" in coded && Object.hasOwn(classes, coded.k)) return wrap(classes[coded.k], coded.h);
  if ("p" in coded) return Promise.resolve(channel.decode(coded.p));
  if ("pe" in coded) return Promise.reject(rebuild(coded.pe, errors));
  return {};
}

let touched = /\breply\b/.test(source);

function ask(message) {
  if (message.do !== "names") touched = true;
  channel.send(message);
  for (;;) {
    let answer;
    try {
      answer = channel.receive();
    } catch {
      // Whatever talks there no longer keeps to the form: nothing more is asked of it.
    }
    if (answer === null || typeof answer !== "object" || "gone" in answer) throw new Gone("The reply's process ended.");
    if ("cb" in answer) {
      try {
        channel.send({ value: channel.encode(given[answer.cb](...answer.args.map((item) => channel.decode(item)))) });
      } catch (error) {
        channel.send(describe(error));
      }
      continue;
    }
    if ("error" in answer) throw rebuild(answer.error, errors);
    return answer;
  }
}

function call(message, args) {
  const answer = ask({ ...message, args: args.map((item) => channel.encode(item)) });
  answer.args?.forEach((now, i) => {
    if (now !== null && isContainer(args[i])) update(args[i], channel.decode(now));
  });
  return channel.decode(answer.value);
}

function remoteFunction(message) {
  return (...args) => call(message, args);
}

/** Stands for an object of a class of the reply's that the tests name. */
function wrap(kind, number) {
  const proxy = new Proxy(Object.create(kind.prototype), {
    get(target, key) {
      if (key === Symbol.iterator) return () => call({ do: "iterate", kept: number }, [])[Symbol.iterator]();
      if (typeof key === "symbol" || key === "then" || key === "constructor") return target[key];
      const answer = ask({ do: "get", kept: number, key });
      return answer.method ? remoteFunction({ do: "method", kept: number, key }) : channel.decode(answer.value);
    },
    set(_, key, value) {
      ask({ do: "set", kept: number, key: String(key), args: [channel.encode(value)] });
      return true;
    },
  });
  handles.set(proxy, number);
  return proxy;
}

function make(name, [kind, line]) {
  if (kind === "function") return remoteFunction({ do: "call", name });
  if (kind === "error") {
    const parent = line.slice(1).map((base) => ({ TypeError, RangeError, SyntaxError })[base]).find((base) => base !== undefined) ?? Error;
    errors[name] = { [name]: class extends parent {} }[name];
    return errors[name];
  }
  if (kind === "class") {
    classes[name] = { [name]: class { constructor(...args) { return call({ do: "new", name }, args); } } }[name];
    return classes[name];
  }
  return channel.decode(ask({ do: "value", name }).value);
}

let passed = 0;
let ran = 0;
const problems = [];
const waiting = [];

/** Counts one check: `work` throws or rejects where it does not hold. */
function check(work) {
  const failed = (error) => {
    if (error instanceof Gone) gone = true;
    problems.push(`${error?.name ?? "Error"}: ${error?.message ?? error}`.slice(0, 300));
  };
  ran++;
  try {
    const result = work();
    if (typeof result?.then !== "function") { passed++; return undefined; }
    const settled = result.then(() => { passed++; }, failed);
    waiting.push(settled);
    return settled;
  } catch (error) {
    failed(error);
    return undefined;
  }
}

let gone = false;
const assert = new Proxy((...args) => check(() => nodeAssert(...args)), {
  get(_, name) {
    if (name === "strict") return assert;
    const value = nodeAssert[name];
    return typeof value === "function" && name !== "AssertionError" ? (...args) => check(() => value(...args)) : value;
  },
});
console.assert = (held, ...rest) => { check(() => nodeAssert(held, rest.join(" ") || undefined)); };

function expect(value, negated = false) {
  const that = (held) => check(() => nodeAssert.equal(Boolean(held()), !negated));
  const same = (a, b) => { try { nodeAssert.deepStrictEqual(a, b); return true; } catch { return false; } };
  const throws = (wanted) => {
    try { value(); return false; } catch (error) {
      if (error instanceof Gone) throw error;
      if (wanted === undefined) return true;
      if (typeof wanted === "function") return error instanceof wanted;
      return wanted instanceof RegExp ? wanted.test(error.message) : error.message.includes(wanted);
    }
  };
  return {
    get not() { return expect(value, !negated); },
    toBe: (other) => that(() => Object.is(value, other)), toEqual: (other) => that(() => same(value, other)), toStrictEqual: (other) => that(() => same(value, other)),
    toBeTruthy: () => that(() => value), toBeFalsy: () => that(() => !value), toBeNull: () => that(() => value === null), toBeUndefined: () => that(() => value === undefined),
    toBeGreaterThan: (other) => that(() => value > other), toBeLessThan: (other) => that(() => value < other), toBeCloseTo: (other, digits = 2) => that(() => Math.abs(value - other) < 10 ** -digits / 2),
    toContain: (other) => that(() => value.includes(other)), toHaveLength: (other) => that(() => value.length === other), toThrow: (wanted) => that(() => throws(wanted)),
  };
}

const cases = [];
const test = (_, work) => { cases.push(work); };
const describeTests = (_, work) => { work(); };

function prepared() {
  const plain = typed ? module.stripTypeScriptTypes(source) : source;
  return plain
    .replace(/^\s*import\s+[^;'"]*from\s*["'](?:node:)?assert(?:\/strict)?["'];?\s*$/gm, "")
    .replace(/^\s*(?:const|let|var)\s+assert\s*=\s*require\([^)]*\)(?:\.strict)?;?\s*$/gm, "")
    .replace(/^\s*import\s+\*\s+as\s+(\w+)\s+from\s*(["'][^"']+["']);?/gm, "const $1 = await import($2);")
    .replace(/^\s*import\s+\{([^}]*)\}\s*from\s*(["'][^"']+["']);?/gm, (_, list, from) => `const {${list.replace(/\s+as\s+/g, ": ")}} = await import(${from});`)
    .replace(/^\s*import\s+(\w+)\s+from\s*(["'][^"']+["']);?/gm, "const { default: $1 } = await import($2);");
}

async function judge() {
  const found = names.length === 0 ? {} : ask({ do: "names", names }).names;
  const values = Object.fromEntries(Object.entries(found).map(([name, kind]) => [name, make(name, kind)]));
  const scope = { assert, expect, test, it: test, describe: describeTests, require: createRequire(`${process.cwd()}/`), reply, ...values };
  const AsyncFunction = (async () => undefined).constructor;
  const text = prepared();
  // What the tests declare themselves is theirs.
  const own = new Set([...text.matchAll(/\b(?:function\s*\*?|class|const|let|var)\s+(\w+)/g)].map((match) => match[1]));
  const parameters = Object.keys(scope).filter((name) => !own.has(name));
  let work;
  try {
    work = new AsyncFunction(...parameters, `"use strict";\n${text}`);
  } catch (error) {
    return { passed: 0, total: 1, invalid: `${error.name}: ${error.message}` };
  }
  let broken = 0;
  const attempt = async (part) => {
    try {
      await part();
    } catch (error) {
      broken++;
      problems.push(`${error?.name ?? "Error"}: ${error?.message ?? error}`.slice(0, 300));
    }
  };
  await attempt(() => work(...parameters.map((name) => scope[name])));
  for (const part of cases) await attempt(part);
  await Promise.all(waiting);
  const written = source.replace(/^\s*\/\/.*$/gm, "").match(/\bassert(\.\w+)*\s*\(|\bexpect\s*\([^)]*\)[^;]*?\.to\w+\s*\(/g)?.length ?? 0;
  const failing = source.match(/\bassert\.fail\s*\(/g)?.length ?? 0;
  const awaited = Math.max(ran, written - failing);
  const total = awaited === 0 ? 1 : awaited + (broken > 0 ? 1 : 0);
  // Nothing passes by default: tests that used nothing of the reply say nothing about it.
  if (!touched) return { passed: 0, total, error: problems[0] ?? "The tests used nothing that the reply defines.", looks: names.length > 0 };
  return { passed: awaited === 0 ? (broken > 0 ? 0 : 1) : passed, total, error: problems[0] ?? (gone ? "The reply's process ended." : null), looks: true };
}

let verdict;
try {
  verdict = await judge();
} catch (error) {
  verdict = { passed: 0, total: 1, error: String(error.message), looks: true };
}
channel.send({ verdict });
process.exit(0);
