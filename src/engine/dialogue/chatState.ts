// What a developer wants from this conversation: goal, constraints, decisions, open questions, pending actions, each with the turn that
// says so. Rules over sentences, in microseconds; later turns replace what earlier ones said of the same thing. It keeps nothing:
// the conversation is replayed (tasks/trackDialogue.ts).
import type { DialogueEntity, DialogueItem, DialogueState } from "../protocol/dialogue.ts";
import { readReport, readTurn, sentencesOf } from "./acts.ts";
import type { Focus } from "./focus.ts";
import type { Resolution } from "./references.ts";
import { stem, wordsOf } from "./schema.ts";

const MAXIMUM_ITEMS = 8;
const MAXIMUM_FOCUS = 8;
const MAXIMUM_CHARACTERS = 160;
/** Beyond this a message is pasted material: its beginning and end are read. */
const MAXIMUM_READ = 4_000;

const GOAL = /\b(?:i(?:'m| am) (?:trying|going|working|about) (?:to|on)|i (?:want|need|would like|have|plan|intend) to|i'd like to|my goal is(?: to)?|the (?:goal|aim|task|plan) is(?: to)?|we(?:'re| are) (?:trying|going|about) to|we (?:want|need|have) to|help me(?: to)?|i(?:'m| am) (?:implementing|building|writing|adding|fixing|refactoring|migrating|debugging|working on|porting|replacing))\b/i;
const CONSTRAINT = /\b(?:must(?:n't| not)?|should(?:n't| not)|(?:do not|don't|never|without|no|avoid) (?:use|using|add(?:ing)?|change|changing|touch(?:ing)?|break(?:ing)?|new|any|external|extra|modify(?:ing)?|remov(?:e|ing))|only (?:use|with|in|on)|has to|have to (?:be|stay|work|support|keep)|needs? to (?:be|stay|work|support|keep|run)|make sure|keep (?:it|the|this|that)|at (?:most|least)|no (?:more|less) than|has to|compatible with|works? (?:on|with) (?:python|node|windows|linux|macos|java|es\d)|is required|requirement)\b/i;
const DECISION = /\b(?:let's (?:use|go with|do|keep|take|stick|switch|make|call|put|drop|not)|we(?:'ll| will| decided| agreed|'ve decided| have decided)(?: to| on)?|i(?:'ll| will)(?: just)? (?:use|go with|take|keep|do it|switch|drop|stick)|i(?:'ve| have)? decided|decided (?:to|on|against)|(?:ok(?:ay)?|yes|fine|good|great),? (?:use|go with|do (?:it|that)|take|keep|let's)|go with|agreed|instead of .{2,40} (?:we|i|let's) (?:use|will))\b/i;
const PENDING = /\b(?:(?:i|we)(?:'ll| will| should| need to| have to| must| still (?:have|need) to) (?:then |also |later |now |next )?(?:add|write|fix|test|check|run|update|change|rename|move|remove|delete|refactor|document|look|try|implement|merge|push|commit|release|migrate|replace|benchmark|review|verify|clean)|todo\b|remind me|don't forget|later\b.{0,20}\b(?:add|fix|write|check|test)|next(?:,| step)|please (?:add|write|fix|change|rename|remove|refactor|implement|update))\b/i;
const DONE = /\b(?:i(?:'ve| have)?|we(?:'ve| have)?|it(?:'s| is| has been)?|that(?:'s| is)?|now) (?:just |already |now |been )*(?:added|written|wrote|fixed|tested|checked|ran|updated|changed|renamed|moved|removed|deleted|refactored|documented|implemented|merged|pushed|committed|done|replaced|solved|works|working|finished|verified)\b/i;
const UNANSWERED = /\b(?:nothing (?:was|is) found|not found|no (?:match|source|result|definition)|i (?:don't|do not|can't|cannot) (?:know|find|tell|say)|unclear|not (?:sure|certain|able)|could not be (?:found|determined)|nothing in the index)\b/i;

export class ChatStateTracker {
  #turn = -1;
  #goal: DialogueItem | null = null;
  #constraints: DialogueItem[] = [];
  #decisions: DialogueItem[] = [];
  #openQuestions: DialogueItem[] = [];
  #pending: DialogueItem[] = [];

  exchange(question: string, answer: string): void {
    this.question(question);
    this.#answered(answer);
  }

  question(text: string): void {
    if (text.trim() === "") return;
    this.#turn++;
    const read = prose(text);
    const acts = readTurn(read.slice(0, 300));
    if (acts.affirms || DONE.test(read)) this.#settle(read);
    for (const { text: sentence, isQuestion } of sentencesOf(read)) {
      const item: DialogueItem = { text: clip(sentence), turn: this.#turn, said: "user", by: "rules" };
      const asks = isQuestion || /\?\s*$/.test(sentence);
      if (GOAL.test(sentence)) this.#goal = item;
      if (asks) continue;
      if (DECISION.test(sentence)) this.#decisions = withItem(withoutRivals(this.#decisions, sentence), item);
      else if (CONSTRAINT.test(sentence)) this.#constraints = withItem(this.#constraints, item);
      if (PENDING.test(sentence) && !DONE.test(sentence)) this.#pending = withItem(this.#pending, item);
    }
    if (this.#goal === null && this.#turn === 0 && text.trim().length > 12) this.#goal = { text: clip(firstLine(read)), turn: 0, said: "user", by: "rules" };
    if (/\?\s*$/m.test(read) || /^(?:what|when|where|which|who|how|why|do|does|is|are|can|could|explain|show)\b/i.test(read.trim())) {
      this.#openQuestions = withItem(this.#openQuestions, { text: clip(lastQuestion(read)), turn: this.#turn, said: "user", by: "rules" });
    }
  }

  /** The state as it stands, with what is in focus and what the last question referred to. */
  state(focus: Focus, references: readonly Resolution[]): DialogueState {
    const seen = new Set<string>();
    return {
      goal: this.#goal, constraints: this.#constraints, decisions: this.#decisions, openQuestions: this.#openQuestions, pendingActions: this.#pending,
      focus: focus.all().slice(0, MAXIMUM_FOCUS).map(({ kind, name, path, line, turn, said }): DialogueEntity => ({ kind, name, path, line, turn, said, by: "rules" })),
      references: references.flatMap(({ phrase, mention }) => (seen.has(mention.name) ? [] : (seen.add(mention.name), [{ phrase, name: mention.kind === "file" ? mention.path ?? mention.name : mention.name, kind: mention.kind }]))),
    };
  }

  /** An answer closes the question it answers; what it proposes waits for a yes. */
  #answered(answer: string): void {
    if (answer.trim() !== "" && !UNANSWERED.test(answer.slice(0, 400))) this.#openQuestions = this.#openQuestions.filter(({ turn }) => turn !== this.#turn);
    for (const { text } of sentencesOf(prose(answer).slice(0, 1_500))) {
      if (/\b(?:you (?:should|could|need to|have to|must)|i (?:suggest|recommend|propose)|next step)\b/i.test(text)) this.#pending = withItem(this.#pending, { text: clip(text.replace(/\s*\[\d+\]/g, "")), turn: this.#turn, said: "assistant", by: "rules" });
    }
  }

  /** What is reported as done is pending no more. */
  #settle(text: string): void {
    if (!DONE.test(text) || readReport(text) === "failure") return;
    const words = new Set(wordsOf(text).map(stem));
    this.#pending = this.#pending.filter((item) => overlap(item.text, words) < 0.34);
  }
}

/** The text without code and quotations, its beginning and end. */
function prose(text: string): string {
  const plain = text.replaceAll("’", "'").replace(/```[\s\S]*?(?:```|$)/g, " ").replace(/^\s*>.*$/gm, " ");
  return plain.length <= MAXIMUM_READ ? plain : `${plain.slice(0, MAXIMUM_READ / 2)}\n${plain.slice(-MAXIMUM_READ / 2)}`;
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line.trim() !== "")?.trim() ?? "";
}

function lastQuestion(text: string): string {
  return sentencesOf(text).findLast(({ isQuestion, text: sentence }) => isQuestion || sentence.endsWith("?"))?.text ?? firstLine(text);
}

function clip(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= MAXIMUM_CHARACTERS ? line : `${line.slice(0, MAXIMUM_CHARACTERS - 1)}…`;
}

function withItem(items: readonly DialogueItem[], item: DialogueItem): DialogueItem[] {
  return [...items.filter((other) => other.text.toLowerCase() !== item.text.toLowerCase()), item].slice(-MAXIMUM_ITEMS);
}

/** A decision that is taken back or made anew replaces the one about the same thing. */
function withoutRivals(items: readonly DialogueItem[], sentence: string): DialogueItem[] {
  if (!/\b(?:instead|not|no longer|rather|switch|drop|actually)\b/i.test(sentence)) return [...items];
  const words = new Set(wordsOf(sentence).map(stem));
  return items.filter((item) => overlap(item.text, words) < 0.25);
}

const COMMON = new Set("the a an to of for in on at with and or we i you it is are be let use using will go do that this our my by as so then now just ok okay yes not instead rather i'll we'll i've we've today tomorrow later soon next".split(" ").map(stem));

/** Share of the telling words of `text` that are in `words`. */
function overlap(text: string, words: ReadonlySet<string>): number {
  const own = wordsOf(text).map(stem).filter((word) => !COMMON.has(word));
  return own.length === 0 ? 0 : own.filter((word) => words.has(word)).length / own.length;
}
