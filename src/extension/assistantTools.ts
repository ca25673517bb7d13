// Offers KaLactica's tools to VS Code's own chat and to other extensions. What they do is the engine's business.
import * as vscode from "vscode";
import { ASSISTANT_TOOLS } from "../engine/protocol/assistantTools.ts";
import type { AssistantTool, ToolName } from "../engine/protocol/assistantTools.ts";
import type { EngineClient } from "./engineClient.ts";
import { sentenceFor } from "./messages.ts";

export function registerAssistantTools(engine: Pick<EngineClient, "request">): vscode.Disposable {
  return vscode.Disposable.from(...ASSISTANT_TOOLS.map((tool) => vscode.lm.registerTool(tool.name, toolOf(tool, engine))));
}

function toolOf({ name }: AssistantTool, engine: Pick<EngineClient, "request">): vscode.LanguageModelTool<object> {
  return {
    prepareInvocation: () => ({ invocationMessage: vscode.l10n.t("KaLactica: {0}", titleOf(name)) }),
    async invoke({ input }, token) {
      try {
        const { text } = await engine.request("tool/run", { name, input }, token);
        return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(text)]);
      } catch (error) {
        // The sentence is for the model: it says what was wrong with the call.
        throw new Error(sentenceFor(error) ?? "cancelled", { cause: error });
      }
    },
  };
}

/** The tool's title in the user's language; the manifest's, which VS Code translates itself, cannot be read here. */
function titleOf(name: ToolName): string {
  switch (name) {
    case "kalactica_search": return vscode.l10n.t("Search the workspace");
    case "kalactica_ask": return vscode.l10n.t("Ask about the workspace");
    case "kalactica_recall": return vscode.l10n.t("Recall from memory");
    case "kalactica_check": return vscode.l10n.t("Check for safety");
  }
}
