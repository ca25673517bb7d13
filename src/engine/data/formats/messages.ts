// Reads lists of chat messages as data files write them, and says in a sentence what is wrong with one.
// Both usual spellings: {role, content} (OpenAI, TRL) and {from, value} (ShareGPT).
import type { TrainingMessage } from "../../base/trainingRecord.ts";

/** Names of roles in data files. Sources: OpenAI's and TRL's formats, ShareGPT exports, Gemma's "model". */
const ROLES: Readonly<Record<string, TrainingMessage["role"]>> = {
  system: "system", developer: "system",
  user: "user", human: "user",
  assistant: "assistant", gpt: "assistant", model: "assistant", chatgpt: "assistant", bot: "assistant", bing: "assistant", bard: "assistant",
};

/** A value of the wanted type, or a sentence saying why there is none. */
export type Read<T> = { readonly value: T } | { readonly sentence: string };

/** Whether `value` looks like a list of messages at all. */
export function isMessageList(value: unknown): value is unknown[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => isObject(item) && ("role" in item || "from" in item));
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The messages of `list`; `field` names it in sentences. Order of roles is not judged here. */
export function readMessages(list: unknown, field: string): Read<TrainingMessage[]> {
  if (!Array.isArray(list)) return { sentence: `"${field}" must be a list of messages, each with "role" and "content".` };
  if (list.length === 0) return { sentence: `"${field}" is an empty list.` };
  const messages: TrainingMessage[] = [];
  for (const [i, item] of list.entries()) {
    const read = readMessage(item, `message ${i + 1} of "${field}"`);
    if ("sentence" in read) return read;
    messages.push(read.value);
  }
  return { value: messages };
}

function readMessage(item: unknown, which: string): Read<TrainingMessage> {
  if (!isObject(item)) return { sentence: `The ${which} must be an object with "role" and "content".` };
  const name = item["role"] ?? item["from"];
  if (typeof name !== "string") return { sentence: `The ${which} has no "role".` };
  const role = ROLES[name.trim().toLowerCase()];
  if (role === undefined) {
    const advice = /^(tool|function|function_call|observation|ipython)$/i.test(name) ? " Calls of tools are not supported; leave such conversations out." : "";
    return { sentence: `The ${which} has the role "${name.slice(0, 40)}"; expected system, user or assistant.${advice}` };
  }
  const content = readContent(item["content"] ?? item["value"]);
  if (content === null) return { sentence: `The ${which} has no text as its "${"from" in item ? "value" : "content"}".` };
  return { value: { role, content } };
}

/** A text, or the texts of OpenAI's list of parts; null for anything else (pictures, nothing). */
function readContent(content: unknown): string | null {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return null;
  const texts = content.map((part) => (isObject(part) && typeof part["text"] === "string" && (part["type"] === undefined || part["type"] === "text") ? part["text"] : null));
  return texts.length === 0 || texts.includes(null) ? null : texts.join("");
}

/**
 * Why chat templates would not take `messages`, or null: a system message anywhere but first, two turns in a row by the same
 * side, an empty turn. `field` names the list.
 */
export function turnProblem(messages: readonly TrainingMessage[], field: string): string | null {
  for (const [i, { role, content }] of messages.entries()) {
    if (role === "system" && i > 0) return `Message ${i + 1} of "${field}" is by the system; only the first may be.`;
    if (i > 0 && role === messages[i - 1]?.role) return `Messages ${i} and ${i + 1} of "${field}" are both by the ${role}; turns of user and assistant must alternate.`;
    if (content.trim() === "" && role !== "system") return `Message ${i + 1} of "${field}", by the ${role}, is empty.`;
  }
  return messages[0]?.role === "assistant" || (messages[0]?.role === "system" && messages[1]?.role === "assistant") ? `"${field}" begins with the assistant; the first turn must be the user's.` : null;
}
