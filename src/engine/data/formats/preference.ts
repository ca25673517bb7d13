// Preference pairs in their usual forms: with a prompt, or with the prompt inside both sides (TRL's "implicit prompt").
// Which of the two is truly better is not judged here.
import type { RecordOrigin, TrainingMessage, TrainingPrompt, TrainingRecord } from "../../base/trainingRecord.ts";
import { has, readInstruction, readPrompt, readReply } from "./fields.ts";
import { isMessageList, readMessages, turnProblem } from "./messages.ts";
import type { Read } from "./messages.ts";

type Row = Readonly<Record<string, unknown>>;

/** A row with `chosen` and `rejected`, as texts or messages. */
export function convertPreference(row: Row, origin: RecordOrigin): Read<TrainingRecord> {
  const sides = isLong(row["chosen"]) || isLong(row["rejected"]) ? wholeConversations(row) : withPrompt(row);
  if ("sentence" in sides) return sides;
  const { prompt, chosen, rejected } = sides.value;
  if (chosen.trim() === "") return { sentence: "\"chosen\" is empty." };
  // An empty reply may well be the worse one, but a model learns nothing from "not nothing".
  if (rejected.trim() === "") return { sentence: "\"rejected\" is empty." };
  if (chosen === rejected) return { sentence: "\"chosen\" and \"rejected\" are the same, so nothing is preferred." };
  return { value: { kind: "preference", prompt, chosen, rejected, origin } };
}

interface Sides {
  prompt: TrainingPrompt;
  chosen: string;
  rejected: string;
}

/** More than the reply alone: a list that holds turns of the user too. */
function isLong(value: unknown): boolean {
  return isMessageList(value) && value.length > 1;
}

function withPrompt(row: Row): Read<Sides> {
  const field = ["prompt", "question", "instruction", "conversations", "messages"].find((name) => has(row, name));
  if (field === undefined) return implicitTexts(row);
  const instruction = field === "instruction" ? readInstruction(row, field) : null;
  if (instruction !== null && "sentence" in instruction) return instruction;
  const prompt = readPrompt(instruction === null ? row : { ...row, [field]: instruction.value }, field);
  if ("sentence" in prompt) return prompt;
  const chosen = readReply(row["chosen"], "chosen");
  if ("sentence" in chosen) return chosen;
  const rejected = readReply(row["rejected"], "rejected");
  return "sentence" in rejected ? rejected : { value: { prompt: prompt.value, chosen: chosen.value, rejected: rejected.value } };
}

/** Both sides are whole conversations that share their beginning. */
function wholeConversations(row: Row): Read<Sides> {
  const chosen = readMessages(row["chosen"], "chosen");
  if ("sentence" in chosen) return chosen;
  const rejected = readMessages(row["rejected"], "rejected");
  if ("sentence" in rejected) return rejected;
  const same = (a: TrainingMessage | undefined, b: TrainingMessage | undefined): boolean => a?.role === b?.role && a?.content === b?.content;
  let shared = 0;
  while (shared < chosen.value.length && shared < rejected.value.length && same(chosen.value[shared], rejected.value[shared])) shared++;
  const [lastChosen, lastRejected] = [chosen.value.at(-1), rejected.value.at(-1)];
  if (shared !== chosen.value.length - 1 || shared !== rejected.value.length - 1 || lastChosen?.role !== "assistant" || lastRejected?.role !== "assistant") {
    return { sentence: "\"chosen\" and \"rejected\" must be the same conversation up to their last message, which must be the assistant's and differ." };
  }
  const messages = chosen.value.slice(0, shared);
  const problem = shared === 0 ? "\"chosen\" and \"rejected\" hold replies only; a \"prompt\" is missing." : turnProblem(messages, "chosen");
  if (problem !== null) return { sentence: problem };
  return { value: { prompt: { form: "chat", messages }, chosen: lastChosen.content, rejected: lastRejected.content } };
}

/**
 * Both sides are texts, or single messages, that begin with the prompt: the longest common beginning is it, cut back to the
 * end of a word (as TRL's extract_prompt does for a space), so that the two replies begin where the model would.
 */
function implicitTexts(row: Row): Read<Sides> {
  const { chosen, rejected } = row;
  if (typeof chosen !== "string" || typeof rejected !== "string") return { sentence: "\"chosen\" and \"rejected\" hold replies only; a \"prompt\" is missing." };
  if (chosen === rejected) return { sentence: "\"chosen\" and \"rejected\" are the same, so nothing is preferred." };
  let shared = 0;
  while (shared < chosen.length && chosen[shared] === rejected[shared]) shared++;
  while (shared > 0 && /\w/.test(chosen[shared - 1] as string) && (/\w/.test(chosen[shared] ?? "") || /\w/.test(rejected[shared] ?? ""))) shared--;
  while (shared > 0 && chosen[shared - 1] === " ") shared--;
  if (chosen.slice(0, shared).trim() === "") return { sentence: "\"prompt\" is missing, and \"chosen\" and \"rejected\" do not begin with the same text." };
  return { value: { prompt: { form: "text", text: chosen.slice(0, shared) }, chosen: chosen.slice(shared), rejected: rejected.slice(shared) } };
}
