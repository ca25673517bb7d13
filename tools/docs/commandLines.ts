// Reads the commands in a document's `sh` and `console` blocks: the small part of shell syntax that our documents use (words, quotes,
// `#`, `&&`, `|`, `<`, a line that goes on after a backslash). What it does not know it refuses, so that nothing goes untested unseen.
import type { CodeBlock } from "./markdown.ts";

/** One program with its words; `input` is a file for its standard input, `piped` takes what the one before printed. */
export interface SimpleCommand {
  words: string[];
  input: string | null;
  piped: boolean;
  line: number;
}

/** Commands with what the document says they print: null in an `sh` block, which shows none. */
export interface ShownCommand {
  text: string;
  commands: SimpleCommand[];
  output: string[] | null;
  /** 0-based lines of the output within the block's text, first and past the last. */
  outputLines: { from: number; to: number } | null;
  line: number;
}

export class ShellSyntaxError extends Error {}

/** The commands of a block; none where it is of another language. */
export function commandsOf(block: CodeBlock): ShownCommand[] {
  if (block.language !== "sh" && block.language !== "console") return [];
  const lines = block.text.replace(/\n$/, "").split("\n");
  const shown: ShownCommand[] = [];
  for (let i = 0; i < lines.length;) {
    const first = i;
    const prompted = lines[i]!.startsWith("$ ");
    if (block.language === "console" && !prompted) {
      const last = shown.at(-1);
      if (!last?.output) throw new ShellSyntaxError(`line ${block.line + i}: a console block begins with a command after "$ "`);
      last.output.push(lines[i]!);
      last.outputLines!.to = i + 1;
      i++;
      continue;
    }
    let text = prompted ? lines[i]!.slice(2) : lines[i]!;
    i++;
    while (text.endsWith("\\") && i < lines.length) text = `${text.slice(0, -1)} ${lines[i++]!.trim()}`;
    const line = block.line + first;
    const commands = parseLine(text, line);
    if (commands.length > 0) shown.push({ text, commands, output: block.language === "console" ? [] : null, outputLines: block.language === "console" ? { from: i, to: i } : null, line });
  }
  return shown;
}

/** Splits one line into commands. Errors: {@link ShellSyntaxError} for syntax that it does not know. */
export function parseLine(text: string, line: number): SimpleCommand[] {
  const commands: SimpleCommand[] = [];
  let command: SimpleCommand = { words: [], input: null, piped: false, line };
  let word: string | null = null;
  let takesInput = false;
  const endWord = (): void => {
    if (word === null) return;
    if (takesInput) command.input = word;
    else command.words.push(word);
    takesInput = false;
    word = null;
  };
  const endCommand = (piped: boolean): void => {
    endWord();
    if (command.words.length === 0) throw new ShellSyntaxError(`line ${line}: there is no command before an operator in "${text}"`);
    commands.push(command);
    command = { words: [], input: null, piped, line };
  };
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "'" || char === "\"") {
      const end = closingQuote(text, i);
      if (end === -1) throw new ShellSyntaxError(`line ${line}: a quote is not closed in "${text}"`);
      const inside = text.slice(i + 1, end);
      if (char === "\"" && /[$`]/.test(inside)) throw new ShellSyntaxError(`line ${line}: no shell expands "${inside}" in a test`);
      word = (word ?? "") + (char === "\"" ? inside.replaceAll(/\\(["\\])/g, "$1") : inside);
      i = end;
    } else if (/\s/.test(char)) {
      endWord();
    } else if (char === "#" && word === null) {
      break;
    } else if (char === "&" && text[i + 1] === "&") {
      endCommand(false);
      i++;
    } else if (char === "|" && text[i + 1] !== "|") {
      endCommand(true);
    } else if (char === "<") {
      endWord();
      takesInput = true;
    } else if (/[|&;()<>$`*\\]/.test(char)) {
      throw new ShellSyntaxError(`line ${line}: "${char}" in "${text}" is shell syntax that the documents' test does not know`);
    } else {
      word = (word ?? "") + char;
    }
  }
  endWord();
  if (command.words.length > 0) commands.push(command);
  return commands;
}

function closingQuote(text: string, at: number): number {
  const quote = text[at];
  for (let i = at + 1; i < text.length; i++) {
    if (quote === "\"" && text[i] === "\\") i++;
    else if (text[i] === quote) return i;
  }
  return -1;
}

/** The arguments of `kalactica` where the command is one, else null. */
export function kalacticaArguments({ words }: SimpleCommand): string[] | null {
  if (words[0] === "kalactica") return words.slice(1);
  return words[0] === "npx" && words[1] === "kalactica" ? words.slice(2) : null;
}

/** Whether a command printed what a document shows, variables aside. A last line of "…" says that more is printed than is shown. */
export function printsAsShown(printed: string, shown: readonly string[]): boolean {
  const lines = withoutBlankEnd(printed.split("\n")).map(withoutVariables);
  const expected = withoutBlankEnd(shown).map(withoutVariables);
  const cut = expected.at(-1) === "…";
  return (cut ? lines.slice(0, expected.length - 1) : lines).join("\n") === (cut ? expected.slice(0, -1) : expected).join("\n");
}

function withoutBlankEnd(lines: readonly string[]): string[] {
  return lines.slice(0, lines.findLastIndex((line) => line.trim() !== "") + 1);
}

/** What differs from machine to machine and from run to run, taken out of a line: times, rates, sizes, dates, hashes, decimals. */
export function withoutVariables(line: string): string {
  return line
    .replaceAll(/\b\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:?\d{2}(?::\d{2})?(?:\.\d+)?Z?)?/g, "<date>")
    .replaceAll(/\b(?=[0-9a-f]*\d)[0-9a-f]{6,64}\b/g, "<hash>")
    .replaceAll(/\b\d+(?:[.,]\d+)?(?= ?(?:ms|s|min|kB|MB|GB|M|files\/s|passages\/s|tokens\/s)\b)/g, "<n>")
    .replaceAll(/\b\d+\.\d+\b/g, "<n>")
    .replaceAll(/\s+/g, " ").trimEnd();
}
