// The vocabulary and the templates of a model for training, without its weights: prompts come from the very code that chat and
// completion ask the model with (chat.ts, infillPrompt.ts), so that what is trained is what will be asked.
// It renders no samples and decides no masks (training/samples/ does, through the interface that this fulfils).
import type { LlamaModel, Token } from "node-llama-cpp";
import { EngineError } from "../base/errors.ts";
import { SILENT_LOG } from "../base/log.ts";
import type { Log } from "../base/log.ts";
import type { TrainingMessage } from "../base/trainingRecord.ts";
import { openBackend } from "./backend.ts";
import { Chat } from "./chat.ts";
import { exactDetokenizer } from "./exactText.ts";
import { plainTokenizer, resolveTokens, specialToken } from "./infill.ts";
import { InfillPromptBuilder } from "./infillPrompt.ts";
import { inspectModel } from "./inspect.ts";

/** Ends of texts and of middles, the first that a vocabulary has; a chat model's own end token would end a turn instead. */
const TEXT_ENDS = ["<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "</s>", "<eos>"] as const;
const MIDDLE_ENDS = ["<|endoftext|>", "▁<EOT>", "<EOT>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "</s>", "<eos>"] as const;
/** The project's own base model, which declares its layout, ends middles with a token of their own (base/fimLayout.ts). */
const DECLARED_MIDDLE_END = "<|end|>";

export interface ModelSampleTokenizer {
  readonly nVocab: number;
  readonly beginning: number | null;
  readonly endOfText: number | null;
  encode(text: string): readonly number[];
  decode(tokens: readonly number[]): string;
  decodeText(tokens: readonly number[]): string;
  readonly chat: { prompt(messages: readonly TrainingMessage[]): readonly number[]; readonly endOfTurn: number | null } | null;
  readonly infill: { prompt(parts: { readonly prefix: string; readonly suffix: string; readonly path: string }, budget: number): readonly number[]; readonly endOfMiddle: number } | null;
  close(): Promise<void>;
}

/** Opens the vocabulary of `modelFile`; takes little memory. Errors: those of inspectModel, `modelLoadFailed`, `nativeMissing`. */
export async function openSampleTokenizer(modelFile: string, log: Log = SILENT_LOG): Promise<ModelSampleTokenizer> {
  const details = await inspectModel(modelFile);
  const backend = await openBackend("cpu", log);
  let model: LlamaModel;
  try {
    model = await backend.llama.loadModel({ modelPath: modelFile, vocabOnly: true });
  } catch (error) {
    await backend.release();
    throw new EngineError("modelLoadFailed", `The vocabulary of ${modelFile} could not be loaded: ${error instanceof Error ? error.message : String(error)}. Download it again, or choose another model.`, { file: modelFile }, error);
  }
  const encode = plainTokenizer(model);
  const ending = (texts: readonly string[]): number | null => {
    const named = texts.map((text) => specialToken(model, text)).find((token) => token !== null && model.isEogToken(token));
    return named ?? model.tokens.eos;
  };
  const infillTokens = resolveTokens(model, details.infill);
  const endOfMiddle = ending(details.infill?.limits !== null && details.infill?.limits !== undefined ? [DECLARED_MIDDLE_END, ...MIDDLE_ENDS] : MIDDLE_ENDS);
  return {
    nVocab: details.vocabularySize,
    beginning: model.tokens.shouldPrependBosToken ? model.tokens.bos : null,
    endOfText: ending(TEXT_ENDS),
    encode,
    decode: (tokens) => exactDetokenizer(model).detokenize(tokens as Token[], true),
    decodeText: (tokens) => exactDetokenizer(model).detokenize(tokens as Token[], false),
    chat: await chatRendering(model, encode),
    infill: details.infill === null || endOfMiddle === null ? null : {
      // A builder each time: it remembers where it cut before, and a sample must not depend on the one before it.
      prompt: (parts, budget) => new InfillPromptBuilder(infillTokens, encode).build({ ...parts, context: [] }, budget),
      endOfMiddle,
    },
    close: async () => {
      await model.dispose();
      await backend.release();
    },
  };
}

async function chatRendering(model: LlamaModel, encode: (text: string) => readonly Token[]): Promise<ModelSampleTokenizer["chat"]> {
  let chat: Chat;
  try {
    chat = await Chat.create(model);
  } catch (error) {
    if (error instanceof EngineError && error.reason === "modelIncapable") return null;
    throw error;
  }
  const prompt = (messages: readonly TrainingMessage[]): readonly Token[] => chat.promptTokens(messages.map(({ role, content }) => ({ role, text: content }))).tokens;
  return { prompt, endOfTurn: findEndOfTurn(model, chat, prompt, encode) };
}

/** The token that stands after the assistant's words in a rendered conversation and ends generating. */
function findEndOfTurn(model: LlamaModel, chat: Chat, prompt: (messages: readonly TrainingMessage[]) => readonly Token[], encode: (text: string) => readonly Token[]): Token | null {
  const { stopTokens } = chat.promptTokens([{ role: "user", text: "a" }]);
  const ends = (token: Token): boolean => model.isEogToken(token) || stopTokens.has(token);
  const before = [...prompt([{ role: "user", content: "a" }]), ...encode("b")];
  const after = prompt([{ role: "user", content: "a" }, { role: "assistant", content: "b" }, { role: "user", content: "c" }]);
  if (before.every((token, i) => after[i] === token)) {
    const found = after.slice(before.length).find((token) => model.isSpecialToken(token) || ends(token));
    if (found !== undefined && ends(found)) return found;
  }
  return [...stopTokens].find((token) => model.isEogToken(token)) ?? model.tokens.eot ?? model.tokens.eos;
}
