// Holds a reply: runs its code and answers calls. It never sees the tests (only the names that they mention), and no
// verdict is taken from it.
import fs from "node:fs";
import { createRequire } from "node:module";
import { Channel, describe, isContainer, rebuild } from "./wire.mjs";

const file = fs.existsSync("reply.mts") ? "reply.mts" : "reply.mjs";
const kept = [];
const classes = new Map();
const channel = new Channel(keep, find);

function keep(value) {
  if (typeof value === "function") {
    kept.push(value);
    return { f: kept.length - 1 };
  }
  const name = classes.get(value.constructor);
  if (name === undefined) return undefined;
  kept.push(value);
  return { h: kept.length - 1, k: name };
}

function find(coded) {
  if ("own" in coded) return kept[coded.own];
  if ("class" in coded) return found[coded.class];
  if ("cb" in coded) return (...args) => callBack(coded.cb, args);
  throw new TypeError("not a value that can be passed");
}

function callBack(number, args) {
  channel.send({ cb: number, args: args.map((item) => channel.encode(item)) });
  for (;;) {
    const message = channel.receive();
    if (message === undefined) process.exit(0);
    if ("error" in message) throw rebuild(message.error);
    if ("value" in message) return channel.decode(message.value);
    const answer = perform(message);
    channel.send(answer instanceof Promise ? describe(new TypeError("a promise inside a callback")) : answer);
  }
}

function perform(message) {
  try {
    if (message.do === "names") return { names: Object.fromEntries(message.names.filter((name) => Object.hasOwn(found, name)).map((name) => [name, kindOf(name)])) };
    if (message.do === "value") return { value: channel.encode(found[message.name]) };
    const args = (message.args ?? []).map((item) => channel.decode(item));
    const target = message.name === undefined ? kept[message.kept] : found[message.name];
    if (message.do === "get") {
      const value = target[message.key];
      return typeof value === "function" ? { method: true } : { value: channel.encode(value) };
    }
    if (message.do === "set") {
      target[message.key] = args[0];
      return { value: null };
    }
    if (message.do === "iterate") return { value: channel.encode([...target]) };
    let value;
    if (message.do === "new") value = new target(...args);
    else if (message.do === "method") value = target[message.key](...args);
    else if (message.do === "call") value = target(...args);
    else throw new TypeError(`unknown: ${message.do}`);
    if (typeof value?.then === "function") return settle(value);
    const after = args.map((item, i) => {
      if (!isContainer(item)) return null;
      const now = channel.encode(item);
      return JSON.stringify(now) === JSON.stringify(message.args[i]) ? null : now;
    });
    return { value: channel.encode(value), args: after };
  } catch (error) {
    return describe(error);
  }
}

async function settle(value) {
  try {
    return { value: { p: channel.encode(await value) } };
  } catch (error) {
    return { value: { pe: describe(error).error } };
  }
}

function kindOf(name) {
  const value = found[name];
  if (typeof value !== "function") return ["value"];
  const isClass = /^class\b/.test(Function.prototype.toString.call(value)) || Object.getOwnPropertyNames(value.prototype ?? {}).length > 1;
  if (!isClass) return ["function"];
  if (value.prototype instanceof Error) return ["error", describe(Object.create(value.prototype)).error[1]];
  classes.set(value, name);
  return ["class"];
}

const names = JSON.parse(fs.readFileSync("names.json", "utf8"));
// A reply may only stand in for a built-in where the task itself asks for a function of that name.
const asked = JSON.parse(fs.readFileSync("asked.json", "utf8"));
// The reply's own text, then one line that hands its names over; a default export gets the name "default".
const text = fs.readFileSync(file, "utf8").replace(/^export\s+default\s+(?=(async\s+)?function\s*\*?\s*\w|class\s+\w)/gm, "");
fs.writeFileSync(file, `${text}\n;globalThis[Symbol.for("handed over")]={${names.map((name) => `get ${name}(){return typeof ${name}==="undefined"?undefined:${name}}`).join(",")}};\n`);
globalThis.require = createRequire(`${process.cwd()}/`);
globalThis.module = { exports: {} };
globalThis.exports = globalThis.module.exports;
const builtin = new Set(Object.getOwnPropertyNames(globalThis));
for (const name of ["log", "info", "debug", "table", "dir"]) console[name] = () => undefined;

const found = {};
let problem = null;
try {
  const module = await import(`./${file}`);
  const handed = globalThis[Symbol.for("handed over")] ?? {};
  for (const name of names) {
    if (builtin.has(name) && !asked.includes(name)) continue;
    const value = handed[name] ?? module[name] ?? globalThis.module.exports?.[name] ?? globalThis.exports?.[name];
    if (value !== undefined) found[name] = value;
  }
} catch (error) {
  problem = describe(error).error;
}
channel.send({ loaded: problem });
for (let message = channel.receive(); message !== undefined; message = channel.receive()) channel.send(await perform(message));
process.exit(0);
