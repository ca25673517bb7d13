// Turns records into token samples: what is asked in exactly the form in which chat and completion ask it, and a mask that
// learns the answer with its end token and nothing else. Deterministic: a record always gives the same samples.
// It reads no files, packs nothing, and does not know losses.
import { EngineError } from "../../base/errors.ts";
import type { TrainingMessage, TrainingPrompt, TrainingRecord } from "../../base/trainingRecord.ts";
import type { ChatRendering, SampleTokenizer } from "./sampleTokenizer.ts";
import { learntCount, sampleOf } from "./tokenSample.ts";
import type { TokenSample, TrainingUnit } from "./tokenSample.ts";

/** What rendering did to make a record fit; see RenderReport. */
export interface Rendered {
  readonly units: readonly TrainingUnit[];
  readonly truncatedPrompts: number;
  readonly truncatedCompletions: number;
  /** Why nothing came of the record; "" where something did. */
  readonly skipped: string;
}

/** The share of a sample that a prompt keeps at least where a completion is too long (our choice). */
const LEAST_PROMPT_SHARE = 0.25;
/** A text's last window joins the one before where it is shorter than this share of a window. */
const LEAST_WINDOW_SHARE = 0.05;

interface Fitted {
  readonly sample: TokenSample;
  readonly promptCut: boolean;
  readonly completionCut: boolean;
}

/** Renders records for one model and one longest sample. */
export class Renderer {
  readonly #tokenizer: SampleTokenizer;
  readonly #longest: number;

  /** `longest` is the most tokens of a sample. Errors: `badRequest` where that is under 8. */
  constructor(tokenizer: SampleTokenizer, longest: number) {
    if (!Number.isInteger(longest) || longest < 8) throw new EngineError("badRequest", `The longest sample is ${longest} tokens; it must be at least 8. Set sequenceLength higher.`, { longest });
    this.#tokenizer = tokenizer;
    this.#longest = longest;
  }

  /**
   * The units that `record` gives. A record that holds nothing to learn (an empty completion, no turn of the assistant) is
   * skipped with a reason. Errors: `modelIncapable` where the model has no chat template or no infill markers for it.
   */
  render(record: TrainingRecord): Rendered {
    const problem = "prompt" in record ? problemOf(record.prompt) : "";
    if (problem !== "") return skip(problem);
    switch (record.kind) {
      case "text": return this.#text(record.text, record.origin.at);
      case "conversation": return this.#conversation(record.messages, record.origin.at);
      case "example": return record.completion === "" ? skip("the completion is empty") : this.#unit(record.origin.at, [this.#fit(record.prompt, record.completion)]);
      case "preference":
        if (record.chosen === record.rejected) return skip("chosen and rejected are the same");
        return this.#unit(record.origin.at, [this.#fit(record.prompt, record.chosen), this.#fit(record.prompt, record.rejected)]);
      case "judged": return record.completion === "" ? skip("the completion is empty") : this.#unit(record.origin.at, [this.#fit(record.prompt, record.completion)], record.good);
      case "task": {
        const tokens = this.prompt(record.prompt, this.#longest);
        return tokens.length === 0 ? skip("the prompt is empty") : { ...nothing, units: [{ at: record.origin.at, samples: [sampleOf(tokens, [])] }] };
      }
    }
  }

  /** The tokens of a prompt, shortened to at most `budget`: from its beginning, which is farthest from what is asked. */
  prompt(prompt: TrainingPrompt, budget: number): readonly number[] {
    switch (prompt.form) {
      case "text": return lastTokens(this.#opened(this.#tokenizer.encode(prompt.text)), budget, this.#tokenizer.beginning);
      case "infill": return this.#infill().prompt({ prefix: prompt.prefix, suffix: prompt.suffix, path: prompt.path ?? "" }, budget);
      case "chat": return this.#chatPrompt(prompt.messages, budget);
    }
  }

  /** The token at which a reply to `prompt` ends, or null where the vocabulary has none. */
  endOf(prompt: TrainingPrompt): number | null {
    switch (prompt.form) {
      case "text": return this.#tokenizer.endOfText;
      case "infill": return this.#infill().endOfMiddle;
      case "chat": return this.#chat().endOfTurn;
    }
  }

  #unit(at: string, fitted: readonly Fitted[], good?: boolean): Rendered {
    const samples = fitted.map((f) => f.sample);
    if (samples.some((sample) => learntCount(sample) === 0)) return skip("no token of it is learnt");
    return {
      units: [{ at, samples, ...good === undefined ? {} : { good } }],
      truncatedPrompts: fitted.filter((f) => f.promptCut).length,
      truncatedCompletions: fitted.filter((f) => f.completionCut).length,
      skipped: "",
    };
  }

  /** A prompt and its completion in at most the longest sample: the prompt gives way first. */
  #fit(prompt: TrainingPrompt, completion: string): Fitted {
    const end = this.endOf(prompt);
    const whole = [...this.#tokenizer.encode(completion), ...end === null ? [] : [end]];
    const leastPrompt = Math.ceil(this.#longest * LEAST_PROMPT_SHARE);
    if (prompt.form === "infill") {
      // A window around the caret, cut as completion cuts it for this room: that is no loss, and not counted as one.
      const room = Math.min(whole.length, this.#longest - leastPrompt);
      const around = this.prompt(prompt, this.#longest - room);
      // Markers and the least of each part may take more than a very small room.
      const learnt = whole.slice(0, Math.max(0, Math.min(room, this.#longest - around.length)));
      return { sample: sampleOf(around, learnt), promptCut: false, completionCut: learnt.length < whole.length };
    }
    const full = this.prompt(prompt, Infinity);
    if (full.length + whole.length <= this.#longest) return { sample: sampleOf(full, whole), promptCut: false, completionCut: false };
    // A completion that is too long is learnt as far as it goes, without an end token: it does not end there.
    const learnt = whole.slice(0, this.#longest - Math.min(full.length, leastPrompt));
    const shortened = this.prompt(prompt, this.#longest - learnt.length);
    return { sample: sampleOf(shortened, learnt), promptCut: shortened.length < full.length, completionCut: learnt.length < whole.length };
  }

  /** Windows that follow one another; only the last one ends with the end of the text. */
  #text(text: string, at: string): Rendered {
    const end = this.#tokenizer.endOfText;
    const content = [...this.#tokenizer.encode(text), ...end === null ? [] : [end]];
    const opening = this.#tokenizer.beginning === null ? [] : [this.#tokenizer.beginning];
    // A single token has nothing before it that it could be predicted from.
    if (text === "" || opening.length + content.length < 2) return skip("the text is empty");
    const room = this.#longest - opening.length;
    const units: TrainingUnit[] = [];
    for (let from = 0; from < content.length; from += room) {
      const part = content.slice(from, from + room);
      if (units.length > 0 && part.length < Math.max(2, room * LEAST_WINDOW_SHARE)) break;
      units.push({ at, samples: [sampleOf([], [...opening, ...part])] });
    }
    return { ...nothing, units };
  }

  /**
   * Each turn of the assistant is learnt after the very prompt that inference would build for it. Where one prompt goes on
   * exactly from the turn before, they stand in one sample; where the template writes past turns differently (dropped
   * thoughts), a new one begins. So every mask is right by construction.
   */
  #conversation(messages: readonly TrainingMessage[], at: string): Rendered {
    const chat = this.#chat();
    const turns = messages.flatMap((message, i) => (message.role === "assistant" && message.content.trim() !== "" ? [i] : []));
    if (turns.length === 0) return skip(messages.some((m) => m.role === "assistant") ? "the assistant's turns are empty" : "it has no turn of the assistant");
    if (turns[0] === 0) return skip("it begins with the assistant, so there is nothing to answer");
    const units: TrainingUnit[] = [];
    let truncatedPrompts = 0;
    let truncatedCompletions = 0;
    let tokens: number[] = [];
    let learnt: number[] = [];
    const flush = (): void => {
      if (tokens.length > 0) units.push({ at, samples: [{ tokens: Int32Array.from(tokens), learnt: Uint8Array.from(learnt) }] });
      tokens = [];
      learnt = [];
    };
    for (const turn of turns) {
      const earlier = messages.slice(0, turn);
      const reply = [...this.#tokenizer.encode(messages[turn]?.content ?? ""), ...endOfTurn(chat)];
      const prompt = chat.prompt(earlier);
      const continues = tokens.length > 0 && prompt.length >= tokens.length && tokens.every((token, i) => prompt[i] === token);
      if (continues && prompt.length + reply.length <= this.#longest) {
        const between = prompt.slice(tokens.length);
        tokens.push(...between, ...reply);
        learnt.push(...between.map(() => 0), ...reply.map(() => 1));
        continue;
      }
      flush();
      const fitted = this.#fit({ form: "chat", messages: earlier }, messages[turn]?.content ?? "");
      if (fitted.promptCut) truncatedPrompts++;
      if (fitted.completionCut) truncatedCompletions++;
      tokens = Array.from(fitted.sample.tokens);
      learnt = Array.from(fitted.sample.learnt);
    }
    flush();
    return { units, truncatedPrompts, truncatedCompletions, skipped: "" };
  }

  /** The oldest turns go first, then the beginning of the last message; the template around them stays whole. */
  #chatPrompt(messages: readonly TrainingMessage[], budget: number): readonly number[] {
    const chat = this.#chat();
    let tokens = chat.prompt(messages);
    if (tokens.length <= budget) return tokens;
    const system = messages.filter((m, i) => m.role === "system" && i === 0);
    let rest = messages.slice(system.length);
    while (rest.length > 1) {
      // What follows a dropped question begins with the next question.
      const next = rest.findIndex((m, i) => i > 0 && m.role === "user");
      if (next === -1) break;
      rest = rest.slice(next);
      tokens = chat.prompt([...system, ...rest]);
      if (tokens.length <= budget) return tokens;
    }
    const last = rest.at(-1);
    if (last === undefined) return lastTokens(tokens, budget, this.#tokenizer.beginning);
    let text = last.content;
    while (text.length > 0) {
      const over = tokens.length - budget;
      const perToken = Math.max(1, text.length / Math.max(1, this.#tokenizer.encode(text).length));
      text = text.slice(Math.min(text.length, Math.max(1, Math.ceil(over * perToken))));
      tokens = chat.prompt([...system, { ...last, content: text }]);
      if (tokens.length <= budget) return tokens;
    }
    return lastTokens(tokens, budget, this.#tokenizer.beginning);
  }

  #opened(tokens: readonly number[]): readonly number[] {
    return this.#tokenizer.beginning === null ? tokens : [this.#tokenizer.beginning, ...tokens];
  }

  #chat(): ChatRendering {
    if (this.#tokenizer.chat === null) throw new EngineError("modelIncapable", "The data hold conversations, but the model has no chat template to write them in. Choose an instruct model, or data in the forms text, prompt and completion, or infill.");
    return this.#tokenizer.chat;
  }

  #infill(): NonNullable<SampleTokenizer["infill"]> {
    if (this.#tokenizer.infill === null) throw new EngineError("modelIncapable", "The data hold code to be filled in, but the model has no infill markers in its vocabulary. Choose a code model with infill, or prepare the data without it.");
    return this.#tokenizer.infill;
  }
}

const nothing = { truncatedPrompts: 0, truncatedCompletions: 0, skipped: "" } as const;

function skip(reason: string): Rendered {
  return { ...nothing, units: [], skipped: reason };
}

/** What makes a prompt unusable, or "". */
function problemOf(prompt: TrainingPrompt): string {
  switch (prompt.form) {
    case "text": return "";
    case "infill": return "";
    case "chat":
      if (prompt.messages.length === 0) return "the prompt has no message";
      return prompt.messages.at(-1)?.role === "user" ? "" : `the prompt ends with the ${prompt.messages.at(-1)?.role ?? ""}'s message instead of the user's`;
  }
}

/** Errors: `modelIncapable`: a model that never learns to end its turn would go on for ever. */
function endOfTurn(chat: ChatRendering): number[] {
  if (chat.endOfTurn === null) throw new EngineError("modelIncapable", "The model's chat template ends the assistant's turn with no token of its own, so a model trained on it would never stop. Choose another build of the model.");
  return [chat.endOfTurn];
}

/** The last `budget` tokens, after the token that the model expects before everything. */
function lastTokens(tokens: readonly number[], budget: number, beginning: number | null): readonly number[] {
  if (tokens.length <= budget) return tokens;
  if (beginning === null || budget < 2) return tokens.slice(tokens.length - Math.max(0, budget));
  return [beginning, ...tokens.slice(tokens.length - budget + 1)];
}
