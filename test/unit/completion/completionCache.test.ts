// Typing along a suggestion shows its remainder without asking again; anything else misses.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { CompletionCache } from "../../../src/engine/completion/completionCache.ts";

const head = "const x = 1;\n".repeat(100);
const entry = { path: "a.ts", prefix: `${head}call(`, suffix: "\nrest", completionId: "1", text: "alpha, beta);", replacesAfter: 0, confidence: 0.7 };
const filled = () => {
  const cache = new CompletionCache();
  cache.add(entry);
  return cache;
};

describe("the completion cache", () => {
  it("gives the remainder after every typed character", () => {
    const cache = filled();
    for (let typed = 0; typed < entry.text.length; typed++) {
      const hit = cache.find({ path: "a.ts", prefix: entry.prefix + entry.text.slice(0, typed), suffix: entry.suffix });
      assert.equal(hit?.remainder, entry.text.slice(typed));
    }
  });

  it("survives the clipping of a long prefix", () => {
    const typed = (entry.prefix + "alp").slice(3);
    assert.equal(filled().find({ path: "a.ts", prefix: typed, suffix: entry.suffix })?.remainder, "ha, beta);");
  });

  it("replaces the closer that the editor put there meanwhile", () => {
    const cache = new CompletionCache();
    cache.add({ ...entry, prefix: `${head}x = `, text: "call(a);" });
    const hit = cache.find({ path: "a.ts", prefix: `${head}x = call(`, suffix: ")\nrest" });
    assert.equal(hit?.remainder, "a);");
    assert.equal(hit?.replacesAfter, 1);
  });

  it("misses where something else is typed, elsewhere, or when all is typed", () => {
    const cache = filled();
    assert.equal(cache.find({ path: "a.ts", prefix: `${entry.prefix}b`, suffix: entry.suffix }), null);
    assert.equal(cache.find({ path: "b.ts", prefix: entry.prefix, suffix: entry.suffix }), null);
    assert.equal(cache.find({ path: "a.ts", prefix: entry.prefix, suffix: "\nother" }), null);
    assert.equal(cache.find({ path: "a.ts", prefix: entry.prefix + entry.text, suffix: entry.suffix }), null);
    assert.equal(cache.find({ path: "a.ts", prefix: `${head}other(`, suffix: entry.suffix }), null);
  });

  it("prefers the newest and forgets a file", () => {
    const cache = filled();
    cache.add({ ...entry, text: "gamma);", completionId: "2" });
    assert.equal(cache.find(entry)?.entry.completionId, "2");
    cache.forget("a.ts");
    assert.equal(cache.size, 0);
  });
});
