// Reads long conversations with questions about them in the layout of LoCoMo (Maharana et al. 2024): one conversation a file, or a
// list of them. Sessions "session_1", "session_1_date_time", …; questions with the ids of the turns that hold the answer ("D3:12").
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../base/errors.ts";

export interface ConversationTurn {
  /** "D3:12": session 3, turn 12. */
  id: string;
  session: string;
  speaker: string;
  /** What was said; the caption of a picture that was shared stands behind it in brackets. */
  text: string;
  /** ms since 1970, UTC. */
  at: number;
}

export interface ConversationQuestion {
  question: string;
  /** 1 multi-hop, 2 temporal, 3 open, 4 single-hop, 5 adversarial. */
  category: number;
  /** Ids of turns that are there; never empty. */
  evidence: string[];
}

export interface Conversation {
  name: string;
  turns: ConversationTurn[];
  questions: ConversationQuestion[];
  /** Questions left out because no evidence of theirs is a turn. */
  withoutEvidence: number;
}

/** The conversations of a file or of all *.json files of a folder. Errors: `notFound`, `dataInvalid`. */
export async function readConversations(data: string): Promise<Conversation[]> {
  const files = await filesOf(data);
  const conversations: Conversation[] = [];
  for (const file of files) {
    let value: unknown;
    try {
      value = JSON.parse(await readFile(file, "utf8"));
    } catch (error) {
      throw new EngineError("dataInvalid", `${file} is not JSON (${error instanceof Error ? error.message : String(error)}); expected a conversation in the layout of LoCoMo.`, { file }, error);
    }
    const name = path.basename(file, ".json");
    const list = Array.isArray(value) ? value : [value];
    for (const [at, one] of list.entries()) conversations.push(conversationOf(one as Record<string, unknown>, list.length > 1 ? `${name}#${at}` : name, file));
  }
  return conversations;
}

async function filesOf(data: string): Promise<string[]> {
  const found = await stat(data).catch(() => null);
  if (!found) throw new EngineError("notFound", `There is no ${data}. Name a conversation file or a folder of them with --data.`, { data });
  if (!found.isDirectory()) return [data];
  const files = (await readdir(data)).filter((name) => name.endsWith(".json")).sort().map((name) => path.join(data, name));
  if (files.length === 0) throw new EngineError("notFound", `${data} holds no *.json file. Name a folder of conversations with --data.`, { data });
  return files;
}

function conversationOf(value: Record<string, unknown>, name: string, file: string): Conversation {
  const sessions = (typeof value["conversation"] === "object" && value["conversation"] !== null ? value["conversation"] : value) as Record<string, unknown>;
  const turns: ConversationTurn[] = [];
  const numbers = Object.keys(sessions).flatMap((key) => /^session_(\d+)$/.exec(key)?.[1] ?? []).map(Number).sort((a, b) => a - b);
  for (const number of numbers) {
    const session = sessions[`session_${number}`];
    if (!Array.isArray(session)) continue;
    const began = timeOf(sessions[`session_${number}_date_time`]);
    for (const [at, turn] of (session as Record<string, unknown>[]).entries()) {
      const caption = typeof turn["blip_caption"] === "string" ? ` [shared ${turn["blip_caption"]}]` : "";
      turns.push({ id: text(turn["dia_id"]), session: `session ${number}`, speaker: text(turn["speaker"]), text: text(turn["text"]) + caption, at: began + at * 20_000 });
    }
  }
  const questions = (Array.isArray(value["qa"]) ? value["qa"] : []) as Record<string, unknown>[];
  if (turns.length === 0 || questions.length === 0) throw new EngineError("dataInvalid", `${file} has ${turns.length} turns and ${questions.length} questions; expected "session_1" … with turns {speaker, dia_id, text}, and "qa" with {question, evidence, category}.`, { file });
  const known = new Set(turns.map(({ id }) => id));
  const read = questions.map((one): ConversationQuestion => ({
    question: text(one["question"]), category: Number(one["category"] ?? 0),
    // Some rows hold several ids in one text, or ids that are no turn.
    evidence: [...new Set(JSON.stringify(one["evidence"] ?? []).match(/D\d+:\d+/g) ?? [])].filter((id) => known.has(id)),
  }));
  const withEvidence = read.filter(({ evidence }) => evidence.length > 0);
  return { name, turns, questions: withEvidence, withoutEvidence: read.length - withEvidence.length };
}

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** "1:56 pm on 8 May, 2023" → ms since 1970, read as UTC; 0 where it is written otherwise. */
function timeOf(written: unknown): number {
  const found = /(\d{1,2}):(\d{2})\s*(am|pm)?\s+on\s+(\d{1,2})\s+([A-Za-z]+),?\s+(\d{4})/i.exec(text(written));
  if (!found) return Date.parse(`${text(written)} UTC`) || 0;
  const [, hour = "0", minute = "0", half = "", day = "1", month = "", year = "1970"] = found;
  const hours = Number(hour) % 12 + (/pm/i.test(half) ? 12 : 0);
  return (Date.parse(`${day} ${month} ${year} UTC`) || 0) + (hours * 60 + Number(minute)) * 60_000;
}
