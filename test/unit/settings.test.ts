import assert from "node:assert/strict";
import { DEFAULT_SETTINGS, readSettings } from "../../src/engine/settings.ts";

describe("readSettings", () => {
  it("takes good values over the defaults", () => {
    const { settings, refused } = readSettings({ "completion.gate": 0.7, "index.exclude": ["*.gen.ts"] });
    assert.deepEqual(refused, []);
    assert.equal(settings["completion.gate"], 0.7);
    assert.deepEqual(settings["index.exclude"], ["*.gen.ts"]);
    assert.equal(settings["model.device"], DEFAULT_SETTINGS["model.device"]);
  });

  it("refuses wrong types, ranges, choices and unknown keys by name, and keeps the defaults", () => {
    const { settings, refused } = readSettings({ "completion.gate": 7, "completion.enabled": "yes", "model.device": "npu", "index.exclude": [1], "model.fiel": "x" });
    assert.deepEqual(settings, DEFAULT_SETTINGS);
    assert.equal(refused.length, 5);
    assert.match(refused[0]!, /kalactica\.completion\.gate" is 7, but must be a number from 0 to 1 \(probability\)/);
    assert.match(refused[2]!, /one of "auto", "cpu", "gpu"/);
    assert.match(refused[4]!, /no setting "kalactica\.model\.fiel"/);
  });
});
