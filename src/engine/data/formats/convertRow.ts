// Tells which of the usual formats a row has, and makes a training record of it or says in a sentence why that is impossible.
// Each row is judged by itself: a file may mix formats. Reading files is for readers/, cleaning for cleaning/.
import type { RecordOrigin, TrainingRecord } from "../../base/trainingRecord.ts";
import { has, readInstruction, readPrompt, readReply } from "./fields.ts";
import { isObject, readMessages, turnProblem } from "./messages.ts";
import type { Read } from "./messages.ts";
import { readOwnRecord } from "./ownForm.ts";
import { convertPreference } from "./preference.ts";
import { convertTask } from "./task.ts";

type Row = Readonly<Record<string, unknown>>;

/** Everything that a row may be, for the sentence that says it is none of it. */
const EXPECTED = "messages, prompt and completion, instruction and output, conversations, text, prompt with chosen and rejected, prompt with completion and label, or prompt with tests";

/**
 * The record that the row at `at` stands for. Formats: our own, `messages`, ShareGPT (`conversations`), preference pairs
 * (with or without `prompt`), KTO (`completion` and `label`), tasks (`tests`), `prompt`/`completion`, alpaca
 * (`instruction`, `input`, `output`), fill-in-the-middle (`prefix`, `suffix`, `middle`), `text`.
 */
export function convertRow(row: unknown, at: string): Read<TrainingRecord> {
  if (!isObject(row)) return { sentence: `Expected an object, but found ${row === null ? "null" : Array.isArray(row) ? "a list" : `a ${typeof row}`}.` };
  const origin = originOf(row, at);
  if (typeof row["kind"] === "string" && isObject(row["origin"])) return readOwnRecord(row, at);
  if (has(row, "chosen") && has(row, "rejected")) return convertPreference(row, origin);
  if (has(row, "messages")) return conversation(row["messages"], "messages", row, origin);
  if (has(row, "conversations")) return conversation(row["conversations"], "conversations", row, origin);
  if (has(row, "conversation")) return conversation(row["conversation"], "conversation", row, origin);
  if (typeof row["prefix"] === "string" && typeof row["suffix"] === "string") return infill(row, row["prefix"], row["suffix"], origin);
  if (has(row, "instruction")) return alpaca(row, origin);
  const task = convertTask(row, origin);
  if (task !== null) return task;
  if (has(row, "prompt")) return promptAndCompletion(row, "prompt", origin);
  if (has(row, "question")) return promptAndCompletion(withContext(row), "question", origin);
  if (has(row, "input") && has(row, "output")) return promptAndCompletion(row, "input", origin);
  for (const field of ["text", "content", "code"]) if (typeof row[field] === "string") return text(row[field], field, origin);
  if (row["prompt"] === "") return { sentence: "\"prompt\" is empty." };
  const fields = Object.keys(row).slice(0, 8).map((name) => `"${name.slice(0, 40)}"`);
  return { sentence: fields.length === 0 ? `The object is empty; expected ${EXPECTED}.` : `No known format has the fields ${fields.join(", ")}; expected ${EXPECTED}.` };
}

function conversation(list: unknown, field: string, row: Row, origin: RecordOrigin): Read<TrainingRecord> {
  const read = readMessages(list, field);
  if ("sentence" in read) return read;
  const system = row["system"];
  const messages = typeof system === "string" && system.trim() !== "" && read.value[0]?.role !== "system" ? [{ role: "system" as const, content: system }, ...read.value] : read.value;
  if (!messages.some(({ role }) => role === "assistant")) return { sentence: `"${field}" has no turn of the assistant, so nothing would be learnt from it.` };
  const problem = turnProblem(messages, field);
  return problem === null ? { value: { kind: "conversation", messages, origin } } : { sentence: problem };
}

function alpaca(row: Row, origin: RecordOrigin): Read<TrainingRecord> {
  const question = readInstruction(row, "instruction");
  if ("sentence" in question) return question;
  const field = "output" in row ? "output" : "response" in row ? "response" : "output";
  const reply = readReply(row[field], field);
  if ("sentence" in reply) return reply;
  const system = typeof row["system"] === "string" && row["system"].trim() !== "" ? [{ role: "system" as const, content: row["system"] }] : [];
  return { value: { kind: "conversation", messages: [...system, { role: "user", content: question.value }, { role: "assistant", content: reply.value }], origin } };
}

function promptAndCompletion(row: Row, promptField: string, origin: RecordOrigin): Read<TrainingRecord> {
  const field = ["completion", "response", "output", "answer"].find((name) => row[name] !== undefined && row[name] !== null);
  const prompt = readPrompt(row, promptField);
  if ("sentence" in prompt) return prompt;
  if (field === undefined) return { sentence: `"${promptField}" stands without "completion".` };
  const reply = readReply(row[field], field);
  if ("sentence" in reply) return reply;
  if (!has(row, "label") && typeof row["label"] !== "boolean") return { value: { kind: "example", prompt: prompt.value, completion: reply.value, origin } };
  const good = readLabel(row["label"]);
  if (good === null) return { sentence: "\"label\" must be true (good) or false (bad)." };
  return { value: { kind: "judged", prompt: prompt.value, completion: reply.value, good, origin } };
}

/** Rows of question answering bring the text that is asked about along. */
function withContext(row: Row): Row {
  const question = readInstruction(row, "question");
  return "value" in question ? { ...row, question: question.value } : row;
}

function readLabel(label: unknown): boolean | null {
  if (typeof label === "boolean") return label;
  if (typeof label === "bigint") return readLabel(Number(label));
  if (label === 1 || label === 0) return label === 1;
  if (typeof label !== "string") return null;
  return /^\s*(true|1)\s*$/i.test(label) ? true : /^\s*(false|0)\s*$/i.test(label) ? false : null;
}

function infill(row: Row, prefix: string, suffix: string, origin: RecordOrigin): Read<TrainingRecord> {
  const field = "middle" in row ? "middle" : "completion";
  const reply = readReply(row[field], field);
  if ("sentence" in reply) return reply;
  const path = typeof row["path"] === "string" ? { path: row["path"] } : {};
  return { value: { kind: "example", prompt: { form: "infill", prefix, suffix, ...path }, completion: reply.value, origin } };
}

function text(value: string, field: string, origin: RecordOrigin): Read<TrainingRecord> {
  return value.trim() === "" ? { sentence: `"${field}" is empty.` } : { value: { kind: "text", text: value, origin } };
}

/** Licence, language and time where the row names them under one of the usual names. */
function originOf(row: Row, at: string): RecordOrigin {
  const textOf = (...names: string[]): string | undefined => {
    const value = names.map((name) => row[name]).find((item) => typeof item === "string" && item !== "" && item.length <= 100);
    return value as string | undefined;
  };
  const licence = textOf("licence", "license");
  const language = textOf("language", "lang", "programming_language");
  const commit = textOf("commit");
  const time = timeOf(row["timestamp"] ?? row["created_at"] ?? row["time"] ?? row["date"]);
  return { at, ...(commit === undefined ? {} : { commit }), ...(time === null ? {} : { time }), ...(licence === undefined ? {} : { licence }), ...(language === undefined ? {} : { language }) };
}

/** Milliseconds since 1970 from a date, an ISO text, or a number of seconds or milliseconds; null otherwise. */
function timeOf(value: unknown): number | null {
  const number = value instanceof Date ? value.getTime() : typeof value === "bigint" ? Number(value) : typeof value === "string" && /^\d{4}-\d\d-\d\d/.test(value) ? Date.parse(value) : value;
  if (typeof number !== "number" || !Number.isFinite(number) || number <= 0) return null;
  // Seconds stay below 1e11 until the year 5138, milliseconds have been above since 1973.
  return number < 1e11 ? number * 1_000 : number;
}
