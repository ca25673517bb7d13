// One program with its arguments, as rules see it, and the few questions that rules ask of arguments.
import type { Concern } from "./findings.ts";
import type { Field, Value } from "./values.ts";

export interface CommandCall {
  /** The program's name without folder and ".exe". */
  name: string;
  args: readonly Field[];
  /** What stands on its standard input, or null where nothing is piped in. */
  input: Value | null;
  /** The folder it runs in, relative to the workspace ("."), absolute, or beginning with "~". */
  folder: string;
  /** Content of files that the text itself wrote or downloaded, by normal path. */
  fileContent: (path: string) => Value | null;
}

export type Rule = (call: CommandCall) => readonly Concern[];

/** Arguments that are no options; what follows "--" counts whatever it looks like. `valued`: options that take the next argument. */
export function operands(call: Pick<CommandCall, "args">, valued: readonly string[] = []): Field[] {
  const found: Field[] = [];
  let options = true;
  for (let i = 0; i < call.args.length; i++) {
    const arg = call.args[i] as Field;
    if (options && arg.text === "--") options = false;
    else if (options && arg.text.length > 1 && arg.text.startsWith("-")) {
      if (valued.includes(arg.text)) i++;
    } else found.push(arg);
  }
  return found;
}

/** Whether a short option letter (also within a group, "-rf") or one of the long options is given. */
export function hasOption(call: Pick<CommandCall, "args">, letters: string, ...long: readonly string[]): boolean {
  for (const { text } of call.args) {
    if (text === "--") return false;
    if (text.startsWith("--")) {
      if (long.some((name) => text === name || text.startsWith(`${name}=`))) return true;
    } else if (long.includes(text)) return true;
    else if (/^-[A-Za-z0-9]+$/.test(text) && Array.from(letters).some((letter) => text.includes(letter, 1))) return true;
  }
  return false;
}

/** Values of an option, as "-o X", "-oX", "--output X" and "--output=X". */
export function optionValues(call: Pick<CommandCall, "args">, ...names: readonly string[]): Field[] {
  const values: Field[] = [];
  call.args.forEach((arg, i) => {
    for (const name of names) {
      const next = call.args[i + 1];
      if (arg.text === name && next) values.push(next);
      else if (name.startsWith("--") && arg.text.startsWith(`${name}=`)) values.push({ ...arg, text: arg.text.slice(name.length + 1) });
      else if (!name.startsWith("--") && name.length === 2 && arg.text.startsWith(name) && arg.text.length > 2) values.push({ ...arg, text: arg.text.slice(2) });
    }
  });
  return values;
}

/** "a", "a and b", "a, b and 3 more", for consequences. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => (name.length > 60 ? `${name.slice(0, 57)}…` : name));
  if (names.length > 3) return `${shown.slice(0, 2).join(", ")} and ${names.length - 2} more`;
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1) ?? ""}`;
}

/** An argument as shown to the user: what cannot be foreseen is an ellipsis. */
export function shownText(text: string): string {
  const plain = text.replaceAll("\uE000", "…").replace(/\s+/g, " ");
  return plain.length > 60 ? `${plain.slice(0, 57)}…` : plain;
}
