import assert from "node:assert/strict";
import * as vscode from "vscode";
import { product } from "./product.ts";

interface Manifest {
  readonly contributes: { readonly commands: readonly { readonly command: string }[]; readonly configuration: unknown };
}

describe("the extension in its host", () => {
  it("activates and starts its engine", async () => {
    const { engine } = await product();
    await engine.whenReady();
    assert.equal(engine.state.name, "ready");
    assert.notEqual(engine.pid, process.pid);
  });

  it("registers every command that its manifest names, and no other", async () => {
    await product();
    const manifest = vscode.extensions.getExtension("kalactica.kalactica")?.packageJSON as Manifest;
    const promised = manifest.contributes.commands.map(({ command }) => command).sort();
    // VS Code itself adds commands for the view (kalactica.chat.focus and its like); internal ones are for no palette.
    const registered = (await vscode.commands.getCommands(true)).filter((id) => /^kalactica\.(?!(?:chat|memory|internal)\.)/.test(id)).sort();
    assert.deepEqual(registered, promised);
  });
});
