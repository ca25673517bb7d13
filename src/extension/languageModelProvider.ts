// Offers the loaded local model to VS Code's own chat and to other extensions. A model that writes no prose is not offered. Calling of
// tools by the model is not offered either: no chat template of a model that fits these machines was tried with it yet.
import { randomUUID } from "node:crypto";
import * as vscode from "vscode";
import type { ChatText } from "../engine/protocol/types.ts";
import type { TrainingEngine } from "./trainingState.ts";

/** Kept free of the prompt for what the model writes, in tokens; at most half of the context. Our choice. */
const OUTPUT_TOKENS = 1024;

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
      vscode.lm.registerLanguageModelChatProvider("kalactica", this),
    ];
  }

  async provideLanguageModelChatInformation(): Promise<vscode.LanguageModelChatInformation[]> {
    const { model } = await this.#engine.request("engine/status", null);
    if (!model.capabilities.answer || model.id === null || model.contextSize === 0) return [];
    const maxOutputTokens = Math.min(OUTPUT_TOKENS, Math.floor(model.contextSize / 2));
    return [{
      id: model.id, name: model.name ?? model.id, family: "kalactica", version: model.adapter ?? "base", maxInputTokens: model.contextSize - maxOutputTokens, maxOutputTokens,
      detail: model.remote?.leavesMachine ? vscode.l10n.t("at {0}: leaves this machine", model.remote.host) : vscode.l10n.t("on this machine"), tooltip: model.explanation, capabilities: {},
    }];
  }

  async provideLanguageModelChatResponse(model: vscode.LanguageModelChatInformation, messages: readonly vscode.LanguageModelChatRequestMessage[], { modelOptions = {} }: vscode.ProvideLanguageModelChatResponseOptions, progress: vscode.Progress<vscode.LanguageModelResponsePart>, token: vscode.CancellationToken): Promise<void> {
    const id = randomUUID();
    const listening = this.#engine.onNotification("chat/text", (piece: ChatText) => {
      if (piece.id === id) progress.report(new vscode.LanguageModelTextPart(piece.text));
    });
    try {
      const { temperature } = modelOptions as { temperature?: unknown };
      await this.#engine.request("chat/generate", {
        id, model: model.id, maxTokens: model.maxOutputTokens, messages: messages.map((message) => ({ role: message.role === vscode.LanguageModelChatMessageRole.Assistant ? "assistant" : "user", text: textOf(message) })),
        ...(typeof temperature === "number" ? { temperature } : {}),
      }, token);
    } finally {
      listening.dispose();
    }
  }

  async provideTokenCount(_model: vscode.LanguageModelChatInformation, text: string | vscode.LanguageModelChatRequestMessage): Promise<number> {
    return (await this.#engine.request("chat/countTokens", { text: typeof text === "string" ? text : textOf(text) })).tokens;
  }

  dispose(): void {
    for (const disposable of [...this.#listening, this.#changed]) disposable.dispose();
  }
}

/** What the model can read of a message: its texts, and what tools said. */
function textOf({ content }: vscode.LanguageModelChatRequestMessage): string {
  return content.map((part) => {
    if (part instanceof vscode.LanguageModelTextPart) return part.value;
    if (part instanceof vscode.LanguageModelToolResultPart) return part.content.map((inner) => (inner instanceof vscode.LanguageModelTextPart ? inner.value : "")).join("");
    return "";
  }).join("");
}
