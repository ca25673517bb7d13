// Reads the fields that formats share: prompts and replies, as texts or as messages. Which format a row has is for convertRow.ts.
import type { TrainingPrompt } from "../../base/trainingRecord.ts";
import { isMessageList, isObject, readMessages, turnProblem } from "./messages.ts";
import type { Read } from "./messages.ts";

type Row = Readonly<Record<string, unknown>>;

/** Present and neither null nor, as CSV leaves it, an empty text. */
export function has(row: Row, field: string): boolean {
  const value = row[field];
  return value !== undefined && value !== null && value !== "";
}

/** The prompt in field `field`: a text, or messages, to which a `system` text of the row is added. */
export function readPrompt(row: Row, field: string): Read<TrainingPrompt> {
  const value = row[field];
  const system = typeof row["system"] === "string" && row["system"].trim() !== "" ? row["system"] : null;
  if (isMessageList(value)) {
    const read = readMessages(value, field);
    if ("sentence" in read) return read;
    const messages = system !== null && read.value[0]?.role !== "system" ? [{ role: "system" as const, content: system }, ...read.value] : read.value;
    const problem = turnProblem(messages, field);
    if (problem !== null) return { sentence: problem };
    if (messages.at(-1)?.role !== "user") return { sentence: `"${field}" must end with a message of the user, as the assistant's reply follows it.` };
    return { value: { form: "chat", messages } };
  }
  if (isObject(value) && typeof value["prefix"] === "string" && typeof value["suffix"] === "string") {
    return { value: { form: "infill", prefix: value["prefix"], suffix: value["suffix"], ...(typeof value["path"] === "string" ? { path: value["path"] } : {}) } };
  }
  if (typeof value !== "string") return { sentence: `"${field}" must be a text or a list of messages.` };
  if (value.trim() === "") return { sentence: `"${field}" is empty.` };
  return system === null ? { value: { form: "text", text: value } } : { value: { form: "chat", messages: [{ role: "system", content: system }, { role: "user", content: value }] } };
}

/** An instruction or question in field `field` with what it is about: `input` (alpaca) or `context` (Dolly, question answering). */
export function readInstruction(row: Row, field: string): Read<string> {
  const instruction = row[field];
  const about = row["input"] ?? row["context"];
  if (typeof instruction !== "string" || instruction.trim() === "") return { sentence: `"${field}" must be a text that is not empty.` };
  if (about !== undefined && about !== null && typeof about !== "string") return { sentence: "\"input\" must be a text." };
  return { value: typeof about === "string" && about.trim() !== "" ? `${instruction}\n\n${about}` : instruction };
}

/** The reply in `value`: a text that is not blank, or a list with one message of the assistant. */
export function readReply(value: unknown, field: string): Read<string> {
  if (typeof value === "string") return value.trim() === "" ? { sentence: `"${field}" is empty, so nothing would be learnt from it.` } : { value };
  if (value === undefined || value === null) return { sentence: `"${field}" is missing.` };
  const list = isObject(value) ? [value] : value;
  const read = readMessages(list, field);
  if ("sentence" in read) return read;
  const [only] = read.value;
  if (read.value.length !== 1 || only?.role !== "assistant") return { sentence: `"${field}" must be a text or one message of the assistant.` };
  return only.content.trim() === "" ? { sentence: `"${field}" is empty, so nothing would be learnt from it.` } : { value: only.content };
}
