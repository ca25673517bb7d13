import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Extension } from "vscode";
import type { KaLacticaApi } from "../../../src/extension/extension.ts";
import { writeTinyModel } from "../../../tools/random-model.ts";
import { ChatView } from "../chatView.ts";
import { enginePid, processorSeconds } from "../engineProcess.ts";
import { repository, Workbench } from "../workbench.ts";

const sample = path.join(repository, "test/fixtures/workspace");

describe("an answer that is being written", function () {
  let workbench: Workbench;
  let chat: ChatView;

  before(async () => {
    workbench = await Workbench.open({
      workspace: sample,
      // A short prompt and a very long answer, so that there is time to stop it on any machine.
      settings: { "kalactica.model.device": "cpu", "kalactica.answer.sources": 1, "kalactica.answer.maximumTokens": 6000 },
      // A model with random weights that is marked as able to answer: what it writes is nonsense, and takes its time.
      prepare: async ({ models }) => {
        mkdirSync(models, { recursive: true });
        await writeTinyModel(path.join(models, "slow-random.gguf"), { layers: 4, embedding: 128, contextLength: 8192 });
        writeFileSync(path.join(models, "capabilities.json"), JSON.stringify({ "slow-random": { answer: true } }));
        writeFileSync(path.join(models, "active.json"), JSON.stringify({ id: "slow-random" }));
      },
    });
    chat = await ChatView.open(workbench);
    await chat.indexReady();
    await workbench.until("the model is loaded", () =>
      workbench.inHost(async (vscode) => {
        const { engine } = (vscode.extensions.getExtension("kalactica.kalactica") as Extension<KaLacticaApi>).exports;
        return (await engine.request("engine/status", null)).model.state === "ready";
      }), 60_000);
  });
  after(() => workbench?.close());
  afterEach(function () {
    return workbench.pictureOfFailure(this.currentTest);
  });

  it("streams below its card", async () => {
    await chat.send("What does shouldRetry do?");
    await chat.lastAnswer.getByTestId("card").waitFor();
    const prose = chat.lastAnswer.locator(".prose");
    await prose.waitFor({ timeout: 60_000 });
    const first = (await prose.innerText()).length;
    await workbench.until("more has been written", async () => (await prose.innerText()).length > first);
    await workbench.picture("chat-streaming");
  });

  it("stops at the press of the button, and computes no more", async () => {
    assert.equal(await chat.lastAnswer.getAttribute("data-state"), "running", "the answer ended before it could be stopped");
    await chat.stopButton.click();
    assert.equal(await chat.ended(2_000), "stopped");
    const pid = enginePid(workbench) ?? 0;
    await workbench.page.waitForTimeout(300);
    const before = processorSeconds(pid);
    await workbench.page.waitForTimeout(2_000);
    const used = processorSeconds(pid) - before;
    assert.ok(used < 0.3, `the engine still used ${used.toFixed(2)} s of processor time in 2 s`);
  });

  it("can be asked again", async () => {
    assert.equal(await chat.stopButton.count(), 0);
    await chat.send("Where is RateLimiter?");
    await chat.lastAnswer.getByTestId("card").waitFor();
    await chat.composer.press("Escape");
    await chat.ended(5_000);
  });

  it("is written for other extensions too, by VS Code's own way to a model, and stops when they cancel", async () => {
    const offered = await workbench.inHost(async (vscode) => {
      const [model] = await vscode.lm.selectChatModels({ vendor: "kalactica" });
      return model === undefined ? null : { id: model.id, room: model.maxInputTokens, tokens: await model.countTokens("const total = 1;") };
    });
    assert.equal(offered?.id, "slow-random");
    assert.ok(offered.room > 1_000 && offered.tokens > 3 && offered.tokens <= 16, JSON.stringify(offered));
    const reply = workbench.inHost(async (vscode) => {
      const [model] = await vscode.lm.selectChatModels({ vendor: "kalactica" });
      const source = new vscode.CancellationTokenSource();
      const response = await model!.sendRequest([vscode.LanguageModelChatMessage.User("Say something.")], { justification: "a test" }, source.token);
      let pieces = 0;
      try {
        for await (const part of response.stream) if ((part as { value?: unknown }).value !== "" && ++pieces === 5) source.cancel();
      } catch (error) {
        return { pieces, ended: String(error) };
      }
      return { pieces, ended: "quietly" };
    });
    // VS Code asks once before another extension may use a model.
    const allow = workbench.page.locator(".monaco-dialog-box").getByRole("button", { name: "Allow" });
    const { pieces, ended } = await Promise.race([reply, allow.click({ timeout: 30_000 }).then(() => reply, () => reply)]);
    assert.ok(pieces >= 5 && pieces < 100, `${pieces} pieces; it ended ${ended}`);
  });
});
