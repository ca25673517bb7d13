// What a model is asked about a conversation, and what of its answer is believed: items whose words the developer really said, and that
// the rules did not find already. The model fills a form under a grammar; whether there is a model is for the task to know.
import type { DialogueItem, DialogueState } from "../protocol/dialogue.ts";
import { stem, wordsOf } from "./schema.ts";

const LIST = { type: "array", items: { type: "string", maxLength: 160 }, maxItems: 4 } as const;

/** The form, as a JSON schema. */
export const DIALOGUE_FORM = { type: "object", properties: { goal: { type: "string", maxLength: 160 }, constraints: LIST, decisions: LIST, todo: LIST } } as const;

export const DIALOGUE_INSTRUCTION = "You read a conversation between a developer and an assistant and fill in a form about what the developer said: goal (what they want to reach), constraints (what must hold), decisions (what they decided), todo (what they said they will still do). Copy the developer's own words, one short sentence an item. Leave empty what was not said.";

const TURN_CHARACTERS = 1_200;
const TURNS_READ = 6;
/** Share of an item's telling words that must stand in one turn of the developer's (our choice: a paraphrase passes, an invention does not). */
const GROUNDED = 0.7;
/** From this share on an item says what one from the rules says. */
const SAME = 0.6;

export interface ReadTurn {
  question: string;
  answer: string;
}

/** The conversation as the model reads it: the last turns, clipped. */
export function dialogueTranscript(turns: readonly ReadTurn[]): string {
  return turns.slice(-TURNS_READ).map(({ question, answer }) => `Developer: ${clip(question)}\nAssistant: ${clip(answer)}`).join("\n\n");
}

/** `state` with what the form adds to it. A form that is no whole JSON of the schema adds nothing. */
export function withModelReading(state: DialogueState, form: string, turns: readonly ReadTurn[]): DialogueState {
  let read: Partial<Record<keyof typeof DIALOGUE_FORM.properties, unknown>>;
  try {
    read = JSON.parse(form) as typeof read;
  } catch {
    return state;
  }
  if (typeof read !== "object" || read === null) return state;
  const said = turns.map(({ question }) => new Set(tellingStems(question)));
  const item = (text: unknown): DialogueItem | null => {
    if (typeof text !== "string" || text.trim() === "") return null;
    const stems = tellingStems(text);
    if (stems.length < 2) return null;
    const shares = said.map((words) => stems.filter((word) => words.has(word)).length / stems.length);
    const best = Math.max(0, ...shares);
    return best < GROUNDED ? null : { text: text.trim(), turn: shares.lastIndexOf(best), said: "user", by: "model" };
  };
  const known = [...state.goal ? [state.goal] : [], ...state.constraints, ...state.decisions, ...state.pendingActions];
  const added = (items: unknown): DialogueItem[] => {
    const fresh: DialogueItem[] = [];
    for (const text of Array.isArray(items) ? items : []) {
      const found = item(text);
      if (found && [...known, ...fresh].every((other) => !isSame(other.text, found.text))) fresh.push(found);
    }
    known.push(...fresh);
    return fresh;
  };
  return {
    ...state, goal: state.goal ?? item(read.goal),
    constraints: [...state.constraints, ...added(read.constraints)], decisions: [...state.decisions, ...added(read.decisions)], pendingActions: [...state.pendingActions, ...added(read.todo)],
  };
}

function tellingStems(text: string): string[] {
  return wordsOf(text).filter((word) => word.length > 2 && !/^(?:the|and|for|with|that|this|you|are|was|have|has|will|not|but|from|our|your|i'm|i'll|let's|we|want|need|must|should)$/.test(word)).map(stem);
}

function isSame(a: string, b: string): boolean {
  const words = new Set(tellingStems(a));
  const other = [...new Set(tellingStems(b))];
  return other.length > 0 && other.filter((word) => words.has(word)).length / Math.min(other.length, Math.max(1, words.size)) >= SAME;
}

function clip(text: string): string {
  const plain = text.replace(/```[\s\S]*?(?:```|$)/g, "[code]").replace(/\s+/g, " ").trim();
  return plain.length <= TURN_CHARACTERS ? plain : `${plain.slice(0, TURN_CHARACTERS)}…`;
}
