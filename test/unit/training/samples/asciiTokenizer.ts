// A vocabulary of ASCII characters and a few markers, with a chat template and an infill layout, for tests of rendering.
import type { TrainingMessage } from "../../../../src/engine/base/trainingRecord.ts";
import type { SampleTokenizer } from "../../../../src/engine/training/samples/sampleTokenizer.ts";

export const marker = { endOfText: 128, endOfTurn: 129, user: 130, assistant: 131, system: 132, prefix: 133, suffix: 134, middle: 135, endOfMiddle: 136, beginning: 137 } as const;
const written: Record<number, string> = { 128: "<end>", 129: "<eot>", 130: "<user>", 131: "<assistant>", 132: "<system>", 133: "<pre>", 134: "<suf>", 135: "<mid>", 136: "<eom>", 137: "<bos>" };

export interface AsciiOptions {
  /** Writes past turns of the assistant without what stands in parentheses, as templates of reasoning models do. */
  readonly dropsThoughts?: boolean;
  readonly beginning?: boolean;
  readonly chat?: boolean;
  readonly infill?: boolean;
  readonly endOfTurn?: boolean;
}

export function asciiTokenizer(options: AsciiOptions = {}): SampleTokenizer {
  const encode = (text: string): number[] => Array.from(Buffer.from(text, "ascii"), (byte) => byte & 127);
  const turn = ({ role, content }: TrainingMessage): number[] => {
    const text = role === "assistant" && options.dropsThoughts === true ? content.replace(/\(.*?\)/g, "") : content;
    return [marker[role], ...encode(text), marker.endOfTurn, ...encode("\n")];
  };
  return {
    nVocab: 138,
    beginning: options.beginning === true ? marker.beginning : null,
    endOfText: marker.endOfText,
    encode,
    decode: (tokens) => tokens.map((token) => written[token] ?? String.fromCharCode(token)).join(""),
    decodeText: (tokens) => tokens.filter((token) => token < 128).map((token) => String.fromCharCode(token)).join(""),
    chat: options.chat === false ? null : {
      prompt: (messages) => [...options.beginning === true ? [marker.beginning] : [], ...messages.flatMap(turn), marker.assistant],
      endOfTurn: options.endOfTurn === false ? null : marker.endOfTurn,
    },
    infill: options.infill === false ? null : {
      prompt: ({ prefix, suffix }, budget) => {
        const kept = suffix.slice(0, Math.floor(budget / 4));
        return [marker.suffix, ...encode(kept), marker.prefix, ...encode(prefix.slice(Math.max(0, prefix.length - Math.max(0, Math.min(1e6, budget) - kept.length - 3)))), marker.middle];
      },
      endOfMiddle: marker.endOfMiddle,
    },
  };
}
