// Reads records in the project's own form, as versions hold and export them, and checks every field.
// Other formats are for convertRow.ts.
import type { RecordOrigin, TrainingPrompt, TrainingRecord } from "../../base/trainingRecord.ts";
import { isObject, readMessages, turnProblem } from "./messages.ts";
import type { Read } from "./messages.ts";

type Row = Readonly<Record<string, unknown>>;

/** The record in `row`. Its origin is kept; `at` stands in where it has none. */
export function readOwnRecord(row: Row, at: string): Read<TrainingRecord> {
  const origin = readOrigin(row["origin"], at);
  switch (row["kind"]) {
    case "text":
      return filled(row, ["text"]) ?? { value: { kind: "text", text: row["text"] as string, origin } };
    case "conversation": {
      const read = readMessages(row["messages"], "messages");
      if ("sentence" in read) return read;
      const problem = read.value.some(({ role }) => role === "assistant") ? turnProblem(read.value, "messages") : "\"messages\" has no turn of the assistant, so nothing would be learnt from it.";
      return problem === null ? { value: { kind: "conversation", messages: read.value, origin } } : { sentence: problem };
    }
    case "example": return withPrompt(row, ["completion"], (prompt) => ({ kind: "example", prompt, completion: row["completion"] as string, origin }));
    case "preference": return withPrompt(row, ["chosen", "rejected"], (prompt) => ({ kind: "preference", prompt, chosen: row["chosen"] as string, rejected: row["rejected"] as string, origin }));
    case "judged":
      if (typeof row["good"] !== "boolean") return { sentence: "\"good\" must be true or false." };
      return withPrompt(row, ["completion"], (prompt) => ({ kind: "judged", prompt, completion: row["completion"] as string, good: row["good"] as boolean, origin }));
    case "task": {
      const { check, reference } = row;
      if (check !== undefined && (!isObject(check) || typeof check["tests"] !== "string" || !["python", "javascript", "typescript"].includes(check["language"] as string) || !["string", "undefined"].includes(typeof check["preamble"]))) {
        return { sentence: "\"check\" must have \"language\" (python, javascript or typescript) and \"tests\"." };
      }
      if (reference !== undefined && typeof reference !== "string") return { sentence: "\"reference\" must be a text." };
      return withPrompt(row, [], (prompt) => ({ kind: "task", prompt, ...(check === undefined ? {} : { check: check as unknown as NonNullable<Extract<TrainingRecord, { kind: "task" }>["check"]> }), ...(reference === undefined ? {} : { reference }), origin }));
    }
    default:
      return { sentence: `"kind" is "${String(row["kind"]).slice(0, 40)}"; expected text, conversation, example, preference, judged or task.` };
  }
}

function filled(row: Row, fields: readonly string[]): { sentence: string } | null {
  const wrong = fields.find((field) => typeof row[field] !== "string" || row[field].trim() === "");
  return wrong === undefined ? null : { sentence: `"${wrong}" must be a text that is not empty.` };
}

function withPrompt(row: Row, fields: readonly string[], make: (prompt: TrainingPrompt) => TrainingRecord): Read<TrainingRecord> {
  const wrong = filled(row, fields);
  if (wrong !== null) return wrong;
  const { prompt } = row;
  if (!isObject(prompt)) return { sentence: "\"prompt\" must be an object with \"form\": text, chat or infill." };
  switch (prompt["form"]) {
    case "text":
      return typeof prompt["text"] === "string" ? { value: make({ form: "text", text: prompt["text"] }) } : { sentence: "The prompt's \"text\" must be a text." };
    case "chat": {
      const read = readMessages(prompt["messages"], "messages");
      if ("sentence" in read) return read;
      const problem = turnProblem(read.value, "messages");
      return problem === null ? { value: make({ form: "chat", messages: read.value }) } : { sentence: problem };
    }
    case "infill":
      return typeof prompt["prefix"] === "string" && typeof prompt["suffix"] === "string"
        ? { value: make({ form: "infill", prefix: prompt["prefix"], suffix: prompt["suffix"], ...(typeof prompt["path"] === "string" ? { path: prompt["path"] } : {}) }) }
        : { sentence: "The prompt's \"prefix\" and \"suffix\" must be texts." };
    default: return { sentence: "The prompt's \"form\" must be text, chat or infill." };
  }
}

function readOrigin(value: unknown, at: string): RecordOrigin {
  const origin = isObject(value) ? value : {};
  const text = (name: string): string | undefined => (typeof origin[name] === "string" && origin[name] !== "" ? origin[name] : undefined);
  const [commit, licence, language, time] = [text("commit"), text("licence"), text("language"), origin["time"]];
  return { at: text("at") ?? at, ...(commit === undefined ? {} : { commit }), ...(typeof time === "number" ? { time } : {}), ...(licence === undefined ? {} : { licence }), ...(language === undefined ? {} : { language }) };
}
