// Inputs to try a function on: those of examples first, then examples varied without changing their types, then values of the
// types that its signature tells. Seeded; it runs nothing.
import type { SeededRandom } from "../../base/random.ts";
import type { Value } from "./literals.ts";
import { writeValue } from "./literals.ts";
import type { Parameter, TypeShape } from "./signature.ts";

const WORDS = ["", "a", "abc", "hello world", "Hello World", "level", "aabbcc", "12321", "a1b2c3", "AEIOU xyz", "racecar", "the quick brown fox", "  x ", "zzz", "([]{})", "(()", "1,2,3", "Python3", "apple", "banana"];
const INTEGERS = [0, 1, 2, 3, 5, 7, 10, 12, 15, 16, 25, 37, 100, -1, -3, 8, 64, 121, 1000];
const FLOATS = [0, 0.5, 1, 1.5, 2, 2.75, 3.14, 10, -1.5, 100.25, 0.1];
const MOST_ITEMS = 8;
/** Types that a parameter without any hint is tried with. */
const GUESSES: readonly TypeShape[] = [
  { of: "int" }, { of: "string" }, { of: "list", items: [{ of: "int" }] }, { of: "list", items: [{ of: "string" }] }, { of: "dict", items: [{ of: "string" }, { of: "int" }] },
  { of: "list", items: [{ of: "tuple", items: [{ of: "int" }, { of: "int" }] }] },
];

/** Up to `count` different argument lists. `examples` come first; without parameters and examples there is the empty call. */
export function generateInputs(parameters: readonly Parameter[] | null, examples: readonly (readonly Value[])[], count: number, random: SeededRandom): Value[][] {
  const made = new Map<string, Value[]>();
  const add = (values: readonly Value[]): void => {
    if (made.size >= count) return;
    const key = values.map((value) => writeValue(value, "python")).join(", ");
    if (key.length <= 2_000 && !made.has(key)) made.set(key, [...values]);
  };
  const arity = parameters?.length;
  const required = parameters?.filter(({ optional }) => !optional).length ?? 0;
  const usable = examples.filter(({ length }) => arity === undefined || (length <= arity && length >= required));
  for (const values of usable.slice(0, Math.ceil(count * 0.6))) add(values);
  if (parameters?.length === 0) add([]);
  // Half of what is left by varying examples, which have the right types and the right relations between arguments.
  const target = made.size + Math.ceil((count - made.size) / (usable.length > 0 ? 1.5 : Infinity));
  for (let tries = 0; usable.length > 0 && made.size < target && tries < 10 * count; tries++) {
    const values = usable[random.integer(usable.length)]!;
    const changed = random.integer(Math.max(1, values.length));
    add(values.map((value, at) => at === changed || random.uniform() < 0.3 ? vary(value, random) : value));
  }
  for (let tries = 0; parameters && parameters.length > 0 && made.size < count && tries < 10 * count; tries++) {
    const guess = GUESSES[tries % GUESSES.length]!;
    add(parameters.map(({ type }, at) => draw(resolved(type, usable, at, guess), random)));
  }
  return [...made.values()];
}

/** The type that examples show where the signature shows none. */
function resolved(type: TypeShape, examples: readonly (readonly Value[])[], at: number, guess: TypeShape): TypeShape {
  const shown = examples[0]?.[at];
  if (shown && (type.of === "any" || examples.length >= 3)) return shapeOf(shown);
  return type.of === "any" ? guess : type;
}

function shapeOf(value: Value): TypeShape {
  switch (value.kind) {
    case "int": case "float": case "string": case "bool": case "none": return { of: value.kind };
    case "tuple": return { of: "tuple", items: value.items.map(shapeOf) };
    case "dict": return { of: "dict", items: value.entries[0] ? [shapeOf(value.entries[0][0]), shapeOf(value.entries[0][1])] : [{ of: "string" }, { of: "int" }] };
    default: return { of: value.kind, items: [value.items[0] ? shapeOf(value.items[0]) : { of: "int" }] };
  }
}

function draw(type: TypeShape, random: SeededRandom): Value {
  const pick = <T>(from: readonly T[]): T => from[random.integer(from.length)]!;
  const several = (item: TypeShape | undefined): Value[] => Array.from({ length: random.integer(MOST_ITEMS) }, () => draw(item ?? { of: "int" }, random));
  switch (type.of) {
    case "int": return { kind: "int", value: BigInt(random.uniform() < 0.7 ? pick(INTEGERS) : random.integer(40) - 5) };
    case "float": return { kind: "float", value: random.uniform() < 0.7 ? pick(FLOATS) : Math.round(random.normal() * 1000) / 100 };
    case "string": return { kind: "string", value: random.uniform() < 0.7 ? pick(WORDS) : Array.from({ length: random.integer(10) }, () => pick(Array.from("abcdeABC 012aeiou"))).join("") };
    case "bool": return { kind: "bool", value: random.uniform() < 0.5 };
    case "none": return { kind: "none" };
    case "any": return draw(pick(GUESSES), random);
    case "tuple": return { kind: "tuple", items: type.items.map((item) => draw(item, random)) };
    case "dict": return { kind: "dict", entries: several(type.items[0]).map((key): [Value, Value] => [key, draw(type.items[1], random)]) };
    default: return { kind: type.of, items: several(type.items[0]) };
  }
}

/** A value of the same type, near to `value`. */
export function vary(value: Value, random: SeededRandom): Value {
  const one = <T>(...from: readonly (() => T)[]): T => from[random.integer(from.length)]!();
  switch (value.kind) {
    case "int": return { kind: "int", value: one(() => value.value + 1n, () => value.value - 1n, () => value.value * 2n, () => -value.value, () => 0n, () => 1n, () => value.value / 2n, () => BigInt(random.integer(30))) };
    case "float": return { kind: "float", value: one(() => value.value + 1, () => -value.value, () => value.value / 2, () => 0, () => Math.round(value.value), () => Math.round(random.normal() * 100) / 10) };
    case "string": return { kind: "string", value: varyText(value.value, random) };
    case "bool": return { kind: "bool", value: !value.value };
    case "none": return value;
    case "dict": {
      const entries = [...value.entries];
      if (entries.length > 0 && random.uniform() < 0.4) entries.splice(random.integer(entries.length), 1);
      return { kind: "dict", entries: entries.map(([key, item]) => random.uniform() < 0.5 ? [random.uniform() < 0.3 ? vary(key, random) : key, vary(item, random)] as const : [key, item] as const) };
    }
    case "tuple": return { kind: "tuple", items: value.items.map((item) => random.uniform() < 0.5 ? vary(item, random) : item) };
    default: {
      const items = [...value.items];
      const at = random.integer(Math.max(1, items.length));
      return { kind: value.kind, items: one(
        () => random.shuffle(items), () => items.slice(0, at), () => [...items].reverse(), () => [],
        () => items.map((item) => random.uniform() < 0.5 ? vary(item, random) : item),
        () => items[at] ? [...items, items[at]] : items, () => items[at] ? [...items, vary(items[at], random)] : items,
      ) };
    }
  }
}

function varyText(text: string, random: SeededRandom): string {
  const at = random.integer(text.length + 1);
  switch (random.integer(9)) {
    case 0: return text.slice(0, at);
    case 1: return text.slice(at);
    case 2: return Array.from(text).reverse().join("");
    case 3: return text.toUpperCase();
    case 4: return text + text.slice(0, at);
    case 5: return random.shuffle(Array.from(text)).join("");
    case 6: return text.slice(0, at) + (text[random.integer(Math.max(1, text.length))] ?? "a") + text.slice(at);
    case 7: return WORDS[random.integer(WORDS.length)]!;
    default: return text.length > 1 ? text.slice(0, at) + text.slice(at + 1) : `${text}b`;
  }
}
