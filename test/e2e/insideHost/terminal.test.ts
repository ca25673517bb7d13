// A command in VS Code's own terminal reaches the memory, once the user allows it.
import assert from "node:assert/strict";
import * as vscode from "vscode";
import { product, until } from "./product.ts";

describe("the terminal", () => {
  const setting = (value: boolean | undefined) => vscode.workspace.getConfiguration("kalactica").update("memory.recordTerminal", value, vscode.ConfigurationTarget.Global);
  let terminal: vscode.Terminal;

  before(async () => {
    await (await product()).engine.whenReady();
    terminal = vscode.window.createTerminal({ name: "test", shellPath: "/bin/bash" });
    terminal.show();
    await until("the shell is integrated", () => terminal.shellIntegration);
  });
  after(async () => {
    terminal.dispose();
    await setting(undefined);
  });

  it("is remembered only where the user allows it, with how commands ended and what they printed", async () => {
    const { engine } = await product();
    const run = async (command: string): Promise<void> => {
      const ended = new Promise<void>((resolve) => {
        const watch = vscode.window.onDidEndTerminalShellExecution(() => {
          watch.dispose();
          resolve();
        });
      });
      terminal.shellIntegration?.executeCommand(command);
      await ended;
    };
    const remembered = async () => (await engine.request("memory/list", { kinds: ["execution"], session: "terminal" })).items.map(({ text }) => text);
    await run("echo not-to-be-kept");
    await setting(true);
    // VS Code hands on what is printed once it has told of the start: what prints at once may be missed.
    await run("sleep 1 && ls no-such-folder-here");
    const texts = await until("the command is remembered", async () => {
      const list = await remembered();
      return list.length > 0 && list;
    });
    assert.equal(texts.length, 1, texts.join("\n"));
    assert.match(texts[0] as string, /^\$ sleep 1 && ls no-such-folder-here\nfailed with exit code 2\n[^\n]*no-such-folder-here[^\n]*No such file/);
  });
});
