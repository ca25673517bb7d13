// Offers the loaded local model to VS Code's own chat and to other extensions. A model that writes no prose is not offered; an entry
// that stands for @kalactica is, since VS Code sends no participant a request while its chat has no model to choose.
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import type { ChatText, GenerateParams, ModelStatus } from "../engine/protocol/types.ts";
import type { TrainingEngine } from "./trainingState.ts";

/** Kept free of the prompt for what the model writes, in tokens; at most half of the context. Our choice. */
const OUTPUT_TOKENS = 1024;
/** The entry by which @kalactica is reached where no model can be offered for VS Code's default mode. It writes nothing itself. */
const PARTICIPANT_MODEL = "kalactica-participant";
const PARTICIPANT_TOKENS = 4_096;

export function registerLanguageModel(engine: Pick<TrainingEngine, "request" | "onNotification">): vscode.Disposable {
  const provider = new LanguageModelProvider(engine);
  const registration = vscode.lm.registerLanguageModelChatProvider("kalactica", provider);
  // VS Code asks for models when somebody wants one; a first question to @kalactica must not meet a chat that knows of none.
  void makeKnown();
  return vscode.Disposable.from(provider, registration);
}

async function makeKnown(): Promise<void> {
  try {
    await vscode.lm.selectChatModels({ vendor: "kalactica" });
  } catch {
    // Then VS Code asks when its chat is opened.
  }
}

export class LanguageModelProvider implements vscode.LanguageModelChatProvider, vscode.Disposable {
  readonly #engine: Pick<TrainingEngine, "request" | "onNotification">;
  readonly #changed = new vscode.EventEmitter<void>();
  readonly #listening: readonly { dispose(): void }[];
  #offered = "";
  readonly onDidChangeLanguageModelChatInformation = this.#changed.event;

  constructor(engine: Pick<TrainingEngine, "request" | "onNotification">) {
    this.#engine = engine;
    this.#listening = [
      engine.onNotification("engine/statusChanged", ({ model }) => {
        const offered = model.capabilities.answer ? `${model.id ?? ""} ${model.contextSize}` : "";
        if (offered === this.#offered) return;
        this.#offered = offered;
        this.#changed.fire();
      }),
    ];
  }

  async provideLanguageModelChatInformation(): Promise<vscode.LanguageModelChatInformation[]> {
    const models = await this.#loaded();
    return models.some(({ capabilities }) => capabilities.toolCalling) ? models : [...models, participantModel()];
  }

  async #loaded(): Promise<vscode.LanguageModelChatInformation[]> {
    let model: ModelStatus;
    try {
      ({ model } = await this.#engine.request("engine/status", null));
    } catch {
      // The participant says what is wrong with the engine, and what to do.
      return [];
    }
    if (!model.capabilities.answer || model.id === null || model.contextSize === 0) return [];
    const { tools } = await this.#engine.request("chat/describe", null);
    const maxOutputTokens = Math.min(OUTPUT_TOKENS, Math.floor(model.contextSize / 2));
    return [{
      id: model.id, name: model.name ?? model.id, family: "kalactica", version: model.adapter ?? "base", maxInputTokens: model.contextSize - maxOutputTokens, maxOutputTokens,
      detail: vscode.l10n.t("on this machine"), tooltip: model.explanation, capabilities: { toolCalling: tools },
    }];
  }

  async provideLanguageModelChatResponse(model: vscode.LanguageModelChatInformation, messages: readonly vscode.LanguageModelChatRequestMessage[], { modelOptions = {}, tools = [], toolMode }: vscode.ProvideLanguageModelChatResponseOptions, progress: vscode.Progress<vscode.LanguageModelResponsePart>, token: vscode.CancellationToken): Promise<void> {
    if (model.id === PARTICIPANT_MODEL) throw vscode.LanguageModelError.NotFound(vscode.l10n.t("This entry answers as @kalactica only. For a model that writes by itself, run \"KaLactica: Choose Model\"."));
    if (toolMode === vscode.LanguageModelChatToolMode.Required && tools.length > 0) throw new Error(vscode.l10n.t("The local model decides by itself whether it calls a tool; it cannot be made to."));
    const id = randomUUID();
    const listening = this.#engine.onNotification("chat/text", (piece: ChatText) => {
      if (piece.id === id) progress.report(new vscode.LanguageModelTextPart(piece.text));
    });
    try {
      const { temperature } = modelOptions as { temperature?: unknown };
      const { calls } = await this.#engine.request("chat/generate", {
        id, model: model.id, maxTokens: model.maxOutputTokens, messages: messagesOf(messages),
        ...(tools.length > 0 ? { tools: tools.map(({ name, description, inputSchema }) => ({ name, description, input: inputSchema ?? { type: "object" } })) } : {}),
        ...(typeof temperature === "number" ? { temperature } : {}),
      }, token);
      for (const { name, input } of calls) progress.report(new vscode.LanguageModelToolCallPart(randomUUID(), name, input));
    } finally {
      listening.dispose();
    }
  }

  async provideTokenCount(_model: vscode.LanguageModelChatInformation, text: string | vscode.LanguageModelChatRequestMessage): Promise<number> {
    return (await this.#engine.request("chat/countTokens", { text: typeof text === "string" ? text : everythingOf(text) })).tokens;
  }

  dispose(): void {
    for (const disposable of [...this.#listening, this.#changed]) disposable.dispose();
  }
}

/** VS Code's default mode lists only models that are offered tools; this one is offered them and never calls any. */
function participantModel(): vscode.LanguageModelChatInformation {
  return {
    id: PARTICIPANT_MODEL, name: "@kalactica", family: "kalactica-participant", version: "1", maxInputTokens: PARTICIPANT_TOKENS, maxOutputTokens: PARTICIPANT_TOKENS,
    detail: vscode.l10n.t("cited answers about this folder"), tooltip: vscode.l10n.t("Ask with @kalactica. Without it, this entry writes nothing."), capabilities: { toolCalling: true },
  };
}

/** Messages as the engine takes them: what came of a call stands with the call, whichever message brought it. */
export function messagesOf(messages: readonly vscode.LanguageModelChatRequestMessage[]): GenerateParams["messages"] {
  const results = new Map(messages.flatMap(({ content }) => content.flatMap((part) => (part instanceof vscode.LanguageModelToolResultPart ? [[part.callId, resultOf(part)] as const] : []))));
  return messages.flatMap((message): GenerateParams["messages"] => {
    const role = message.role === vscode.LanguageModelChatMessageRole.Assistant ? "assistant" as const : "user" as const;
    const calls = message.content.flatMap((part) => (part instanceof vscode.LanguageModelToolCallPart ? [{ name: part.name, input: part.input as Record<string, unknown>, result: results.get(part.callId) ?? "" }] : []));
    const text = textOf(message);
    // A message that brings nothing but results has said it all.
    if (role === "user" && text === "" && message.content.some((part) => part instanceof vscode.LanguageModelToolResultPart)) return [];
    return [{ role, text, ...(calls.length > 0 ? { calls } : {}) }];
  });
}

function resultOf({ content }: vscode.LanguageModelToolResultPart): string {
  return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join("");
}

/** What the model can read of a message by itself: its texts. */
function textOf({ content }: vscode.LanguageModelChatRequestMessage): string {
  return content.map((part) => (part instanceof vscode.LanguageModelTextPart ? part.value : "")).join("");
}

/** For counting: what calls and results take counts too. */
function everythingOf(message: vscode.LanguageModelChatRequestMessage): string {
  return [textOf(message), ...message.content.map((part) => (part instanceof vscode.LanguageModelToolResultPart ? resultOf(part) : part instanceof vscode.LanguageModelToolCallPart ? JSON.stringify({ name: part.name, arguments: part.input }) : ""))].join("");
}
