// The local model as VS Code's chat meets it: what is offered, and how messages with calls of tools reach the engine.
import assert from "node:assert/strict";
import * as vscode from "vscode";
import { LanguageModelProvider, messagesOf } from "../../../src/extension/languageModelProvider.ts";
import { product } from "./product.ts";

const { LanguageModelTextPart: Text, LanguageModelToolCallPart: Call, LanguageModelToolResultPart: Result } = vscode;
const said = (role: vscode.LanguageModelChatMessageRole, ...content: vscode.LanguageModelInputPart[]): vscode.LanguageModelChatRequestMessage => ({ role, content, name: undefined });

describe("the local model for VS Code's chat", () => {
  const { User, Assistant } = vscode.LanguageModelChatMessageRole;
  before(() => product());

  it("is an entry for @kalactica alone while the loaded model writes no prose, as VS Code sends a participant nothing without a model", async () => {
    const models = await vscode.lm.selectChatModels({ vendor: "kalactica" });
    assert.deepEqual(models.map(({ name, family }) => [name, family]), [["@kalactica", "kalactica-participant"]]);
  });

  it("is told what came of a call with the call", () => {
    assert.deepEqual(messagesOf([
      said(User, new Text("Rain in Ulm and Bonn?")),
      said(Assistant, new Text("Let me look."), new Call("1", "weather", { town: "Ulm" }), new Call("2", "weather", { town: "Bonn" })),
      said(User, new Result("2", [new Text("rain")]), new Result("1", [new Text("sun")])),
      said(Assistant, new Text("Sun in Ulm.")),
      said(User, new Text("And now?")),
    ]), [
      { role: "user", text: "Rain in Ulm and Bonn?" },
      { role: "assistant", text: "Let me look.", calls: [{ name: "weather", input: { town: "Ulm" }, result: "sun" }, { name: "weather", input: { town: "Bonn" }, result: "rain" }] },
      { role: "assistant", text: "Sun in Ulm." },
      { role: "user", text: "And now?" },
    ]);
  });

  it("reports calls as calls, and says of tools what its template says", async () => {
    const asked: [string, unknown][] = [];
    const answers: Record<string, unknown> = {
      "engine/status": { model: { id: "m", name: "m", contextSize: 4_096, adapter: null, explanation: "", capabilities: { infill: false, answer: true, embed: false } } },
      "chat/describe": { tools: true },
      "chat/generate": { stopReason: "end", tokens: {}, calls: [{ name: "weather", input: { town: "Ulm" } }] },
    };
    const provider = new LanguageModelProvider({
      request: ((method: string, params: unknown) => {
        asked.push([method, params]);
        return Promise.resolve(answers[method]);
      }) as never,
      onNotification: () => ({ dispose: () => undefined }),
    });
    const [model] = await provider.provideLanguageModelChatInformation();
    assert.ok(model);
    assert.deepEqual([model.id, model.capabilities.toolCalling], ["m", true]);
    const reported: vscode.LanguageModelResponsePart[] = [];
    const tools = [{ name: "weather", description: "Weather of a town", inputSchema: { type: "object" } }];
    await provider.provideLanguageModelChatResponse(model, [said(User, new Text("Rain in Ulm?"))], { tools, toolMode: vscode.LanguageModelChatToolMode.Auto }, { report: (part) => reported.push(part) }, new vscode.CancellationTokenSource().token);
    provider.dispose();
    const [call] = reported;
    assert.ok(call instanceof Call && call.callId !== "");
    assert.deepEqual([call.name, call.input], ["weather", { town: "Ulm" }]);
    assert.deepEqual((asked.at(-1)?.[1] as { tools: unknown }).tools, [{ name: "weather", description: "Weather of a town", input: { type: "object" } }]);
  });
});
