import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import * as vscode from "vscode";
import { indexed, product } from "./product.ts";

describe("the extension host", () => {
  it("is not held up by an index of the folder, nor by an answer", async () => {
    const { engine } = await product();
    await indexed();
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    await engine.request("index/update", { full: true });
    await engine.request("answer/ask", { askId: "host", question: "What does the worker do when a handler throws?", history: [], attachments: [] });
    delay.disable();
    const p99 = delay.percentile(99) / 1e6;
    // The 99th percentile, as a single pause can be the machine's: other processes share the processors with this test.
    assert.ok(p99 <= 50, `blocked for ${p99.toFixed(0)} ms`);
  });

  it("says which setting is of the wrong type, and works on", async () => {
    const configuration = vscode.workspace.getConfiguration("kalactica");
    await configuration.update("completion.timeoutMs", "fast", vscode.ConfigurationTarget.Workspace);
    try {
      const { engine } = await product();
      const { refused } = await engine.request("engine/configure", { settings: { "completion.timeoutMs": "fast" }, trusted: true });
      assert.equal(refused.length, 1);
      assert.match(refused[0] ?? "", /"kalactica\.completion\.timeoutMs" is "fast", but must be a number/);
      await engine.request("engine/status", null);
    } finally {
      await configuration.update("completion.timeoutMs", undefined, vscode.ConfigurationTarget.Workspace);
    }
  });
});
