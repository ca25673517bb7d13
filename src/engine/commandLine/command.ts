// What a subcommand of the command line is, and how its arguments are read. Prints nothing but what it returns.
import { parseArgs } from "node:util";
import type { Progress } from "./progress.ts";

/** One option of a command. "value" options take a text. */
export interface OptionSpec {
  type: "flag" | "value";
  short?: string;
  /** Shown in the help as `--name VALUE`. */
  placeholder?: string;
  description: string;
}

export interface CommandContext {
  positionals: string[];
  flags: ReadonlySet<string>;
  values: ReadonlyMap<string, string>;
  signal: AbortSignal;
  progress: Progress;
  /** Whether the result goes out as one JSON object. */
  json: boolean;
}

/** The result of a command: `json` for scripts, `text` for people. */
export interface CommandOutput {
  json: unknown;
  text: string;
  /** 1 where the command did its work and its finding is a failure (`doctor` with a problem). */
  exitCode?: 0 | 1;
}

export interface Command {
  /** Words that select it, for example ["models", "list"]. */
  words: readonly string[];
  /** Positional arguments as shown in the help. */
  usage: string;
  summary: string;
  options: Readonly<Record<string, OptionSpec>>;
  run(context: CommandContext): Promise<CommandOutput>;
}

/** Wrong usage: shown with the command's help; exit code 2. */
export class UsageError extends Error {
  constructor(sentence: string) {
    super(sentence);
    this.name = "UsageError";
  }
}

/** Options that every command takes. */
export const COMMON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  workspace: { type: "value", placeholder: "DIR", description: "The folder to work on. Default: the current folder." },
  model: { type: "value", placeholder: "ID|FILE", description: "The model to use instead of the chosen one." },
  json: { type: "flag", description: "Print one JSON object on standard output; progress goes to standard error." },
  set: { type: "value", placeholder: "KEY=VALUE", description: "Override a setting, for example --set completion.gate=0.3. Several are separated by commas." },
  help: { type: "flag", short: "h", description: "Show this help." },
};

/** The command that `words` start with, and what is left of them; undefined when there is none. */
export function findCommand(commands: readonly Command[], words: readonly string[]): { command: Command; rest: string[] } | undefined {
  const found = commands
    .filter((command) => command.words.every((word, i) => words[i] === word))
    .sort((a, b) => b.words.length - a.words.length)[0];
  return found ? { command: found, rest: words.slice(found.words.length) } : undefined;
}

/** Reads the arguments of `command`. Errors: {@link UsageError} for an unknown option or a missing value. */
export function readArguments(command: Command, args: readonly string[]): { positionals: string[]; flags: Set<string>; values: Map<string, string> } {
  const specs = { ...COMMON_OPTIONS, ...command.options };
  let parsed;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      strict: true,
      options: Object.fromEntries(Object.entries(specs).map(([name, spec]) => [name, { type: spec.type === "flag" ? "boolean" as const : "string" as const, ...(spec.short ? { short: spec.short } : {}) }])),
    });
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\. To specify.*$/s, "."));
  }
  const flags = new Set<string>();
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(parsed.values)) {
    if (typeof value === "string") values.set(name, value);
    else if (value === true) flags.add(name);
  }
  return { positionals: parsed.positionals, flags, values };
}

/** A number option, or its default. Errors: {@link UsageError} where it is not an integer of at least `minimum`. */
export function integerOption(values: ReadonlyMap<string, string>, name: string, fallback: number | null, minimum = 1): number {
  const text = values.get(name);
  if (text === undefined) {
    if (fallback === null) throw new UsageError(`--${name} is missing; it needs a whole number of at least ${minimum}.`);
    return fallback;
  }
  const value = Number(text);
  if (!Number.isInteger(value) || value < minimum) throw new UsageError(`--${name} is "${text}", but must be a whole number of at least ${minimum}.`);
  return value;
}

/** The help of one command. */
export function helpOf(command: Command): string {
  const own = Object.entries(command.options);
  const line = ([name, spec]: [string, OptionSpec]): string => {
    const left = `  ${spec.short ? `-${spec.short}, ` : ""}--${name}${spec.placeholder ? ` ${spec.placeholder}` : ""}`;
    return `${left.padEnd(26)} ${spec.description}`;
  };
  return [
    `kalactica ${command.words.join(" ")}${command.usage ? ` ${command.usage}` : ""}`, "", command.summary, "",
    ...(own.length > 0 ? ["Options", ...own.map(line), ""] : []),
    "Common options", ...Object.entries(COMMON_OPTIONS).map(line),
  ].join("\n");
}
