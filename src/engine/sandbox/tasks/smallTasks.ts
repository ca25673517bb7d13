// Very small tasks with one right answer each, drawn without end from a seed: so easy that even a model of four million
// parameters gets some right by chance, which is what GRPO needs to start from. Each shows a few worked lines and breaks
// off in the last one. Where a task has tests, the reply is run (`testsReward`), else it is compared (`SMALL_TASK_MATCH`).
//
// Base rates of the embedded model (kalactica-base.gguf), 100 tasks × 2 replies at temperature 1, seed 1, 95 % intervals,
// by `test/bench/taskRates.ts`: the reply begins with the reference; in brackets, its first line is the reference.
//   close 48.5 % [37.0]   closeTwo 22.0 % [20.0]   quote 68.0 % [50.0]   truth 43.5 % [42.0]   again 19.0 % [0]
//   kind 13.5 % [9.0]     succession 11.5 % [0]    parity 10.5 % [2.5]   brackets 6.5 % [4.5]   numbered 2.0 % [1.5]
//   runnable, by its tests (60 tasks × 2 replies): 26.7 %, interval 18 to 36 %
// The others were below 3 % in 15 tasks: they are for larger models.
import { EngineError } from "../../base/errors.ts";
import { SeededRandom } from "../../base/random.ts";
import type { TaskRecord } from "../../base/reward.ts";

interface SmallTask {
  readonly prompt: string;
  readonly reference: string;
  /** Where the reply is run: what must hold then. The whole prompt is the program's beginning. */
  readonly tests?: string;
}

/** One kind of task. `make` draws one; its last line is to be completed. */
export interface TaskFamily {
  readonly name: string;
  readonly make: (random: SeededRandom) => SmallTask;
}

/** How replies to these tasks are compared, for `matchReward`: what follows the reference does not matter. */
export const SMALL_TASK_MATCH = { compare: "trimmed", startsWith: true } as const;

const WORDS = (
  "user file name list count index value total start end first last node tree path line text page item order price color width height table row "
  + "cell group member token key map set queue stack event state view model field button menu image title label link query result error message "
  + "status level score point vector matrix buffer stream socket server client port host cache timer clock date month year week hour"
).split(" ");

function draw<T>(random: SeededRandom, items: readonly T[]): T {
  return items[random.integer(items.length)] as T;
}

function different(random: SeededRandom, count: number): string[] {
  return random.shuffle([...WORDS]).slice(0, count);
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}

/** Worked lines from `pairs` and the beginning of the last one. */
function shown(pairs: readonly (readonly [left: string, right: string])[], between: string): SmallTask {
  const [left, right] = pairs.at(-1) as readonly [string, string];
  return { prompt: [...pairs.slice(0, -1).map(([a, b]) => `${a}${between}${b}`), `${left}${between}`].join("\n").trimEnd(), reference: right };
}

const CLOSING: Record<string, string> = { "(": ")", "[": "]", "{": "}" };

/** Five worked lines and a sixth to be completed, from a way to make one. */
function six(make: () => [string, string]): SmallTask {
  return shown(Array.from({ length: 6 }, make), "");
}

export const FAMILIES: readonly TaskFamily[] = [
  {
    name: "close", // width(3 → )
    make: (random) => six(() => {
      const open = draw(random, ["(", "[", "{"]);
      return [`${draw(random, WORDS)}${open}${random.integer(10)}`, CLOSING[open] ?? ""];
    }),
  },
  {
    name: "closeTwo", // width[level(3 → )]
    make: (random) => six(() => {
      const outer = draw(random, ["(", "["]), inner = draw(random, ["(", "["]);
      return [`${draw(random, WORDS)}${outer}${draw(random, WORDS)}${inner}${random.integer(10)}`, `${CLOSING[inner] ?? ""}${CLOSING[outer] ?? ""}`];
    }),
  },
  {
    name: "quote", // width = "level → "
    make: (random) => six(() => {
      const mark = draw(random, ["\"", "'", "`"]);
      return [`${draw(random, WORDS)} = ${mark}${draw(random, WORDS)}`, mark];
    }),
  },
  {
    name: "runnable", // def depth():⏎ return max([2, 9 → ]) — run with an assert on its value
    make: (random) => {
      const names = different(random, 4);
      let value = "";
      const pairs = names.map((name): [string, string] => {
        const a = random.integer(10), b = random.integer(10);
        const [begun, rest, result] = draw<[string, string, string]>(random, [
          [`max(${a}, ${b}`, ")", String(Math.max(a, b))], [`min([${a}, ${b}`, "])", String(Math.min(a, b))], [`sum([${a}, ${b}`, "])", String(a + b)],
          [`[${a}, ${b}`, "]", `[${a}, ${b}]`], [`"${name}`, "\"", `"${name}"`],
        ]);
        value = result;
        return [`def ${name}():\n    return ${begun}`, rest];
      });
      return { ...shown(pairs, ""), tests: `assert ${names.at(-1) ?? ""}() == ${value}` };
    },
  },
  {
    name: "parity", // 7 is odd
    make: (random) => six(() => {
      const number = random.integer(10);
      return [`${number} is `, number % 2 === 0 ? "even" : "odd"];
    }),
  },
  {
    name: "truth", // 3 < 5 is true
    make: (random) => six(() => {
      const a = random.integer(10), b = random.integer(10);
      return [`${a} < ${b} is `, String(a < b)];
    }),
  },
  {
    name: "kind", // "width" is string
    make: (random) => six(() => draw<() => [string, string]>(random, [
      () => [`${random.integer(100)} is `, "number"], () => [`"${draw(random, WORDS)}" is `, "string"], () => [`[${random.integer(10)}] is `, "list"],
    ])()),
  },
  {
    name: "again", // width width width width
    make: (random) => six(() => {
      const word = draw(random, WORDS);
      return [`${word} ${word} ${word} `, word];
    }),
  },
  {
    name: "succession", // 3 4 5 6
    make: (random) => six(() => {
      const first = random.integer(7);
      return [`${first} ${first + 1} ${first + 2} `, String(first + 3)];
    }),
  },
  {
    name: "setter", // self.width = width, with one name to choose
    make: (random) => {
      const pairs = different(random, 4).map((name): [string, string] => [`def set_${name}(self, ${name}):\n    self.${name} = `, name]);
      return shown(pairs, "");
    },
  },
  {
    name: "assign", // self.width = → width
    make: (random) => {
      const names = different(random, 4);
      const lines = names.map((name): [string, string] => [`        self.${name} = `, name]);
      const task = shown(lines, "");
      return { prompt: `class ${capital(draw(random, WORDS))}:\n    def __init__(self, ${names.join(", ")}):\n${task.prompt}`, reference: task.reference };
    },
  },
  {
    name: "getter", // getSize() { return this. → size; }
    make: (random) => shown(different(random, 4).map((name): [string, string] => [`  get${capital(name)}() { return this.`, `${name}; }`]), ""),
  },
  {
    name: "numbered", // item3 = load(3)
    make: (random) => {
      const [name, action] = different(random, 2) as [string, string];
      const first = 1 + random.integer(5);
      return shown([0, 1, 2, 3].map((i): [string, string] => [`${name}${first + i} = `, `${action}(${first + i})`]), "");
    },
  },
  {
    name: "progression", // 3, 6, 9, 12, → 15
    make: (random) => {
      const step = 1 + random.integer(5), first = 1 + random.integer(9);
      const numbers = [0, 1, 2, 3, 4, 5].map((i) => first + i * step);
      return { prompt: `numbers = [${numbers.slice(0, 5).join(", ")},`, reference: `${numbers[5] ?? 0}]` };
    },
  },
  {
    name: "camelCase", // first_name → firstName
    make: (random) => {
      const words = different(random, 8);
      return shown([0, 2, 4, 6].map((i): [string, string] => [`${words[i] ?? ""}_${words[i + 1] ?? ""}: `, `${words[i] ?? ""}${capital(words[i + 1] ?? "")}`]), "");
    },
  },
  {
    name: "brackets", // f(a[{b → }])
    make: (random) => {
      const line = (depth: number): [string, string] => {
        const open = Array.from({ length: depth }, () => draw(random, ["(", "[", "{"]));
        const names = different(random, depth);
        return [open.map((bracket, i) => `${names[i] ?? ""}${bracket}`).join("") + draw(random, WORDS), open.reverse().map((bracket) => CLOSING[bracket] ?? "").join("")];
      };
      return shown([line(1), line(2), line(2), line(2)], "");
    },
  },
  {
    name: "json", // width=3 → {"width": 3}
    make: (random) => shown(different(random, 4).map((name): [string, string] => {
      const value = random.integer(10);
      return [`${name}=${value} -> {"`, `${name}": ${value}}`];
    }), ""),
  },
  {
    name: "lowercase", // const WIDTH = "width";
    make: (random) => shown(different(random, 4).map((name): [string, string] => [`const ${name.toUpperCase()} = "`, `${name}";`]), ""),
  },
  {
    name: "swap", // (a, b) → (b, a)
    make: (random) => {
      const names = different(random, 8);
      return shown([0, 2, 4, 6].map((i): [string, string] => [`swap(${names[i] ?? ""}, ${names[i + 1] ?? ""}) -> (`, `${names[i + 1] ?? ""}, ${names[i] ?? ""})`]), "");
    },
  },
  {
    name: "tag", // <width>3 → </width>
    make: (random) => shown(different(random, 4).map((name): [string, string] => [`<${name}>${random.integer(10)}`, `</${name}>`]), ""),
  },
  {
    name: "export", // export { width } from "./width";
    make: (random) => shown(different(random, 4).map((name): [string, string] => [`export { ${name} } from "./`, `${name}";`]), ""),
  },
  {
    name: "repeat", // "ab" * 2 → "abab"
    make: (random) => shown([0, 1, 2, 3].map((): [string, string] => {
      const letters = draw(random, ["a", "b", "x", "y", "ab", "xy"]), times = 2 + random.integer(3);
      return [`"${letters}" * ${times} == "`, `${letters.repeat(times)}"`];
    }), ""),
  },
];

/** Families whose base rate for the embedded model lies between 5 and 60 %: GRPO finds both right and wrong replies in its groups. All are compared; "runnable", which is run, makes a data set of its own. */
export const FAMILIES_FOR_GRPO = ["close", "closeTwo", "truth", "kind", "again", "succession", "parity", "brackets"] as const;

/**
 * `count` tasks of the given families in turn, all different from each other; the same seed gives the same tasks.
 * Errors: `badRequest` for an unknown family.
 */
export function smallTasks(options: { readonly seed: number; readonly count: number; readonly families: readonly string[] }): TaskRecord[] {
  const families = options.families.map((name) => {
    const family = FAMILIES.find((known) => known.name === name);
    if (family === undefined) throw new EngineError("badRequest", `There is no family of tasks named "${name}". Known are ${FAMILIES.map((known) => known.name).join(", ")}.`, { name });
    return family;
  });
  if (families.length === 0) throw new EngineError("badRequest", "Name at least one family of tasks.");
  const random = new SeededRandom(options.seed);
  const seen = new Set<string>();
  const tasks: TaskRecord[] = [];
  for (let attempt = 0; tasks.length < options.count; attempt++) {
    // Families of numbers alone have only some hundreds of tasks.
    if (attempt > options.count * 50 + 1000) throw new EngineError("badRequest", `These families have only ${tasks.length} different tasks. Ask for fewer or name more families.`, { families: options.families });
    const family = families[tasks.length % families.length] as TaskFamily;
    const { prompt, reference, tests } = family.make(random);
    if (seen.has(prompt)) continue;
    seen.add(prompt);
    tasks.push({ kind: "task", prompt: { form: "text", text: prompt }, reference, ...(tests === undefined ? {} : { check: { language: "python" as const, tests, preamble: prompt } }), origin: { at: `${family.name}:${tasks.length}` } });
  }
  return tasks;
}
