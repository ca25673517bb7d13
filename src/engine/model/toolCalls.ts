// Calls of tools in the format that a model's own chat template has: which format that is, and calls read out of what the model
// writes. It runs no tool, and knows neither prompts nor tokens.
import type { ChatWrapper, LlamaText } from "node-llama-cpp";
import { readGguf } from "../base/gguf.ts";
import type { ToolCall, ToolOffer } from "../protocol/types.ts";

export interface CallFormat {
  /** What begins a call: "<tool_call>". Empty: an answer that begins with "{" is a call. */
  marker: string;
  /** Between name and arguments, where the call is no single JSON object that holds both; else null. */
  betweenNameAndInput: string | null;
}

/** The format that the template teaches, or null where it has none and a format of ours would be a guess. */
export function callFormatOf(wrapper: ChatWrapper): CallFormat | null {
  if (!("usingJinjaFunctionCallTemplate" in wrapper) || wrapper.usingJinjaFunctionCallTemplate !== true) return null;
  const { prefix, paramsPrefix } = wrapper.settings.functions.call;
  const before = plain(prefix).trimStart();
  const object = before.indexOf("{");
  return { marker: (object < 0 ? before : before.slice(0, object)).trimEnd(), betweenNameAndInput: object < 0 ? plain(paramsPrefix) : null };
}

/** Whether the chat template in the model file `file` teaches calls; false where it cannot be read or rendered. Loads no weights. */
export async function modelCallsTools(file: string): Promise<boolean> {
  try {
    const template = (await readGguf(file)).metadata.get("tokenizer.chat_template");
    if (typeof template !== "string") return false;
    const { JinjaTemplateChatWrapper } = await import("node-llama-cpp");
    return callFormatOf(new JinjaTemplateChatWrapper({ template, reasoning: false })) !== null;
  } catch {
    return false;
  }
}

/** Tools as the library renders them. Markers of templates in their texts are taken apart: a description opens no turn. */
export function functionsOf(tools: readonly ToolOffer[]): Record<string, { description: string; params: never }> {
  return Object.fromEntries(tools.map(({ name, description, input }) => [name, { description: withoutMarkers(description), params: JSON.parse(withoutMarkers(JSON.stringify(input))) as never }]));
}

/** The same for the arguments of an earlier call. */
export function safeInput(input: object): object {
  return JSON.parse(withoutMarkers(JSON.stringify(input))) as object;
}

/** Passes text on until a call begins; what follows is read at the end. What turns out to be no call of a known tool is passed on as text. */
export class ToolCallStream {
  readonly #format: CallFormat;
  readonly #names: ReadonlySet<string>;
  readonly #onText: (piece: string) => void;
  #held = "";
  #passed = false;

  constructor(format: CallFormat, names: ReadonlySet<string>, onText: (piece: string) => void) {
    this.#format = format;
    this.#names = names;
    this.#onText = onText;
  }

  push(piece: string): void {
    this.#held += piece;
    const { marker } = this.#format;
    const begins = marker === "" ? !this.#passed && /^\s*(?:\{|$)/.test(this.#held) : this.#held.includes(marker);
    if (begins) {
      const at = marker === "" ? 0 : this.#held.indexOf(marker);
      this.#pass(this.#held.slice(0, at));
      this.#held = this.#held.slice(at);
      return;
    }
    const kept = marker === "" ? 0 : overlap(this.#held, marker);
    this.#pass(this.#held.slice(0, this.#held.length - kept));
    this.#held = this.#held.slice(this.#held.length - kept);
  }

  end(): ToolCall[] {
    const calls = readCalls(this.#held, this.#format, this.#names);
    if (calls.length === 0) this.#pass(this.#held);
    this.#held = "";
    return calls;
  }

  #pass(piece: string): void {
    if (piece === "") return;
    this.#passed ||= piece.trim() !== "";
    this.#onText(piece);
  }
}

/** All calls of known tools; none where anything that begins like a call is not one, so that nothing half understood is run. */
export function readCalls(text: string, { marker, betweenNameAndInput }: CallFormat, names: ReadonlySet<string>): ToolCall[] {
  const calls: ToolCall[] = [];
  for (let at = text.indexOf(marker); at >= 0; at = marker === "" ? (/\S/.test(text.slice(at)) ? at : -1) : text.indexOf(marker, at)) {
    at += marker.length;
    let name: unknown;
    if (betweenNameAndInput !== null) {
      const end = text.indexOf(betweenNameAndInput, at);
      name = end < 0 ? "" : text.slice(at, end).trim();
      at = end < 0 ? text.length : end + betweenNameAndInput.length;
    }
    const start = text.indexOf("{", at);
    const end = start < 0 || text.slice(at, start).trim() !== "" ? -1 : endOfObject(text, start);
    if (end < 0) return [];
    let value: unknown = parsed(text.slice(start, end));
    if (betweenNameAndInput === null) {
      const call = (value ?? {}) as { name?: unknown; arguments?: unknown; parameters?: unknown };
      name = call.name;
      value = call.arguments ?? call.parameters ?? {};
      // Some models write the arguments as a text that holds JSON.
      if (typeof value === "string") value = parsed(value);
    }
    if (typeof name !== "string" || !names.has(name) || typeof value !== "object" || value === null || Array.isArray(value)) return [];
    calls.push({ name, input: value as Record<string, unknown> });
    at = end;
    if (marker === "") return calls;
  }
  return calls;
}

/** Behind the brace that closes the one at `start`, or -1. */
function endOfObject(text: string, start: number): number {
  let depth = 0;
  let quoted = false;
  for (let i = start; i < text.length; i++) {
    const character = text[i];
    if (quoted) {
      if (character === "\\") i++;
      else if (character === "\"") quoted = false;
    } else if (character === "\"") quoted = true;
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return i + 1;
  }
  return -1;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function plain(text: string | LlamaText): string {
  if (typeof text === "string") return text;
  return text.values.map((value) => (typeof value === "string" ? value : "value" in value && typeof value.value === "string" ? value.value : "")).join("");
}

/** "<|im_end|>" in a text is not the template's own. */
function withoutMarkers(text: string): string {
  return text.replaceAll(/<(?=[|｜/]|(?:start|end|s|tool|function)[\w:]*>)/gi, "< ");
}

/** The length of the longest end of `text` that is a beginning of `marker`. */
function overlap(text: string, marker: string): number {
  for (let n = Math.min(text.length, marker.length - 1); n > 0; n--) if (text.endsWith(marker.slice(0, n))) return n;
  return 0;
}
