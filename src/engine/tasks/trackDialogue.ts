// Understands a question inside its conversation: replays the turns through the dialogue room and gives the question what it refers to.
// Stateless: the conversation is the state, so a restart, a deleted turn or another window cannot leave a stale one behind.
import { understandQuestion, withHistory } from "../answering/question.ts";
import type { Question, SlashCommand } from "../answering/question.ts";
import { ChatStateTracker } from "../dialogue/chatState.ts";
import { Focus } from "../dialogue/focus.ts";
import type { Mention, NamesRead } from "../dialogue/focus.ts";
import { isEllipsis, resolveReferences } from "../dialogue/references.ts";
import type { Resolution } from "../dialogue/references.ts";
import type { DialogueItem, DialogueState } from "../protocol/dialogue.ts";
import type { ChatTurn } from "../protocol/types.ts";

/** Turns that are replayed; more are not looked back to. */
export const MAXIMUM_TURNS = 40;

export interface QuestionInDialogue {
  question: Question;
  /** The state with this question taken in, its answer still to come. */
  state: DialogueState;
}

/** `history`: earlier turns, oldest first, as they were said. `attached`: "this" means what is attached, so that nothing is looked for in the talk. */
export function understandInDialogue(text: string, command: SlashCommand | undefined, history: readonly ChatTurn[], attached = false): QuestionInDialogue {
  const focus = new Focus();
  const tracker = new ChatStateTracker();
  let intent: Question["intent"] | null = null;
  for (const { question, answer } of exchangesOf(history).slice(-MAXIMUM_TURNS)) {
    const earlier = understood(question);
    const resolved = resolve(earlier, focus);
    intent = carriedIntent(earlier, resolved, intent);
    focus.add(question, namesOf(earlier), resolved.map(({ mention }) => mention), answer);
    tracker.exchange(question, answer);
  }
  const asked = understandQuestion(text, command);
  const resolved = attached ? [] : resolve(asked, focus);
  const fallback = attached || resolved.length > 0 ? asked : withHistory(asked, history.slice(-6));
  const question = { ...withReferences(fallback, resolved), intent: asked.command === null ? carriedIntent(asked, resolved, intent) : asked.intent };
  tracker.question(text);
  focus.add(text, namesOf(asked), resolved.map(({ mention }) => mention), "");
  return { question, state: tracker.state(focus, resolved) };
}

/** The state once `answer` stands, without secrets; `asked` is the state that the question came with, whose references stay those of the question. */
export function dialogueStateAfter(text: string, answer: string, history: readonly ChatTurn[], asked: DialogueState, redact: (text: string) => string): DialogueState {
  const { state } = understandInDialogue("", undefined, [...history, { role: "user", text }, { role: "assistant", text: answer }]);
  const clean = (items: readonly DialogueItem[]): DialogueItem[] => items.map((item) => ({ ...item, text: redact(item.text) }));
  return {
    goal: state.goal && { ...state.goal, text: redact(state.goal.text) },
    constraints: clean(state.constraints), decisions: clean(state.decisions), openQuestions: clean(state.openQuestions), pendingActions: clean(state.pendingActions),
    focus: state.focus.map((entity) => ({ ...entity, name: redact(entity.name) })),
    references: asked.references.map((reference) => ({ ...reference, name: redact(reference.name) })),
  };
}

const UNDERSTOOD = new Map<string, Question>();
const MAXIMUM_UNDERSTOOD = 200;

/** Earlier questions are read again with every new one: their reading, a pure function of the text, is kept. */
function understood(text: string): Question {
  const known = UNDERSTOOD.get(text);
  if (known) return known;
  const question = understandQuestion(text);
  if (UNDERSTOOD.size >= MAXIMUM_UNDERSTOOD) UNDERSTOOD.delete(UNDERSTOOD.keys().next().value ?? "");
  if (text.length <= 4_000) UNDERSTOOD.set(text, question);
  return question;
}

function resolve(question: Question, focus: Focus): Resolution[] {
  const hasSubject = question.paths.length > 0 || question.phrases.length > 0 || question.error !== null || question.intent === "overview"
    || question.identifiers.some(({ mark }) => mark !== "capitalised" && mark !== "named");
  return resolveReferences({ text: question.text, hasSubject }, focus);
}

function namesOf(question: Question): NamesRead {
  return {
    symbols: question.identifiers.filter(({ mark }) => mark !== "capitalised").map(({ name, container, mark }) => ({ name, container, unsure: mark === "named" })),
    paths: question.paths,
    error: question.error && { type: question.error.type, message: question.error.message },
  };
}

/** "and X?" asks of X what was asked before. */
function carriedIntent(question: Question, resolved: readonly Resolution[], before: Question["intent"] | null): Question["intent"] {
  const named = question.identifiers.length + question.paths.length + resolved.length > 0;
  return before !== null && named && isEllipsis(question.text) ? before : question.intent;
}

function withReferences(question: Question, resolved: readonly Resolution[]): Question {
  if (resolved.length === 0) return question;
  const symbols = resolved.flatMap(({ mention }) => (mention.kind === "file" ? [] : [{ name: mention.name, container: [...mention.container], mark: "code" as const }])).filter(({ name }) => name !== "");
  const paths = resolved.flatMap(({ mention }) => (mention.kind === "file" && mention.path !== null ? [{ path: mention.path, line: null }] : []));
  const names = resolved.map(({ mention }) => searchName(mention)).join(" ");
  return { ...question, identifiers: [...symbols, ...question.identifiers], paths: [...paths, ...question.paths], searchQuery: `${names} ${question.searchQuery}` };
}

function searchName(mention: Mention): string {
  return mention.kind === "file" ? mention.path ?? mention.name : mention.name;
}

export function exchangesOf(history: readonly ChatTurn[]): { question: string; answer: string }[] {
  const exchanges: { question: string; answer: string }[] = [];
  for (const { role, text } of history) {
    const last = exchanges.at(-1);
    if (role === "user") exchanges.push({ question: text, answer: "" });
    else if (last) last.answer = last.answer === "" ? text : `${last.answer}\n${text}`;
  }
  return exchanges;
}
