// Reads what the caret stands on in the composer: `/command` at the start, `@file`, `#selection`. Pure text work.
import { MEMORY_COMMANDS, SLASH_COMMANDS } from "../protocol.ts";
import type { MemoryCommand, SlashCommand } from "../protocol.ts";
import { t } from "../shared/l10n.ts";

/** The word being typed that a list of suggestions can finish; `start` to `end` is what a choice replaces. */
export interface Trigger {
  kind: "command" | "file" | "context";
  query: string;
  start: number;
  end: number;
}

/** The trigger at the caret, or null. A trigger begins a word: `a@b.c` and `x/y` are none. */
export function triggerAt(text: string, caret: number): Trigger | null {
  const before = text.slice(0, caret);
  const command = /^\s*\/([a-z]*)$/i.exec(before);
  if (command) return { kind: "command", query: (command[1] ?? "").toLowerCase(), start: before.lastIndexOf("/"), end: caret };
  const mention = /(?:^|[\s(])([@#])([^\s@#]*)$/.exec(before);
  if (!mention) return null;
  const query = mention[2] ?? "";
  return { kind: mention[1] === "@" ? "file" : "context", query, start: caret - query.length - 1, end: caret };
}

/** `text` with the trigger replaced, and where the caret then stands. One space follows the replacement. */
export function replaceTrigger(text: string, trigger: Trigger, replacement: string): { text: string; caret: number } {
  const head = text.slice(0, trigger.start);
  const tail = text.slice(trigger.end).replace(/^ /, "");
  const gap = replacement === "" ? "" : " ";
  return { text: `${head}${replacement}${gap}${tail}`, caret: head.length + replacement.length + gap.length };
}

/** Splits a leading `/command` from the question. An unknown command is part of the question. */
export function splitCommand(text: string): { command: SlashCommand | null; question: string } {
  const match = /^\s*\/([a-z]+)(?:\s+|$)/i.exec(text);
  const found = SLASH_COMMANDS.find(({ name }) => name === match?.[1]?.toLowerCase());
  if (!match || !found) return { command: null, question: text.trim() };
  return { command: found.name, question: text.slice(match[0].length).trim() };
}

/** Splits a leading `/remember`, `/forget` or `/why` from its text, or null. */
export function splitMemoryCommand(text: string): { command: MemoryCommand; text: string } | null {
  const match = /^\s*\/([a-z]+)(?:\s+|$)/i.exec(text);
  const found = MEMORY_COMMANDS.find(({ name }) => name === match?.[1]?.toLowerCase());
  return match && found ? { command: found.name, text: text.slice(match[0].length).trim() } : null;
}

/** What is asked when a command stands alone, about what is attached or open. */
export function defaultQuestion(command: SlashCommand): string {
  switch (command) {
    case "explain": return t("Explain this code.");
    case "fix": return t("Fix the problems in this code.");
    case "tests": return t("Write tests for this code.");
    case "doc": return t("Write documentation for this code.");
    case "search": return "";
  }
}
