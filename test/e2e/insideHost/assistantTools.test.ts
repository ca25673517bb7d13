// KaLactica's tools as VS Code's own chat and other extensions call them.
import assert from "node:assert/strict";
import { lm } from "vscode";
import type { LanguageModelTextPart } from "vscode";
import { ASSISTANT_TOOLS } from "../../../src/engine/protocol/assistantTools.ts";
import { indexed } from "./product.ts";

describe("the tools for other assistants", () => {
  before(() => indexed());

  const call = async (name: string, input: object): Promise<string> => {
    const { content } = await lm.invokeTool(name, { input, toolInvocationToken: undefined });
    return content.map((part) => (part as LanguageModelTextPart).value).join("");
  };

  it("are known to VS Code with what they take", () => {
    for (const { name, description, input } of ASSISTANT_TOOLS) {
      const known = lm.tools.find((tool) => tool.name === name);
      assert.equal(known?.description, description, name);
      assert.deepEqual(known?.inputSchema, input);
    }
  });

  it("search and answer with places", async () => {
    assert.match(await call("kalactica_search", { query: "permits a second with bursts", count: 2 }), /^src\/rateLimiter\.ts:\d+-\d+ \(/);
    assert.match(await call("kalactica_ask", { question: "What does RateLimiter do?" }), /\[1\] src\/rateLimiter\.ts:\d+-\d+/);
  });

  it("check a command", async () => {
    assert.match(await call("kalactica_check", { text: "rm -rf /", kind: "command" }), /^Verdict: block\./);
  });

  it("say what is wrong with a call", async () => {
    await assert.rejects(call("kalactica_search", { count: 3 }), /no "query"/);
  });
});
