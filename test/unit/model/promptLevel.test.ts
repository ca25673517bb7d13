// The length of completion prompts follows the measured speed, without wavering.
import assert from "node:assert/strict";
import { promptLevel } from "../../../src/engine/model/promptCache.ts";

describe("model/promptCache: promptLevel", () => {
  it("begins in the middle, and grows or shrinks to what is computed in two seconds", () => {
    assert.equal(promptLevel(0, null), 512);
    assert.equal(promptLevel(0.1, null), 8192);
    assert.equal(promptLevel(1, null), 1024);
    assert.equal(promptLevel(5, null), 512);
    assert.equal(promptLevel(7, null), 256);
    assert.equal(promptLevel(100, null), 256);
  });

  it("keeps its level while the speed wavers about a boundary", () => {
    let level = promptLevel(1.2, 1024);
    for (const msPerToken of [1.7, 2.2, 1.6, 2.6, 1.9]) {
      assert.equal(promptLevel(msPerToken, level), 1024);
      level = promptLevel(msPerToken, level);
    }
    assert.equal(promptLevel(3.5, 1024), 512);
  });
});
