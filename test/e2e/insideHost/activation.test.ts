import assert from "node:assert/strict";
import * as vscode from "vscode";

describe("the extension in its host", () => {
  it("is found and activates", async () => {
    const extension = vscode.extensions.getExtension("kalactica.kalactica");
    assert.ok(extension, "kalactica.kalactica is not installed");
    await extension.activate();
    assert.equal(extension.isActive, true);
  });
});
