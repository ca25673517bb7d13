import assert from "node:assert/strict";
import type { SearchHit } from "../../../src/engine/protocol/types.ts";
import { CompletionContext } from "../../../src/engine/tasks/completionContext.ts";

const hit = (path: string): SearchHit => ({ path, startLine: 1, endLine: 2, score: 1, crop: "short", via: [], text: `text of ${path}`, sha256: "", language: "typescript", breadcrumb: [] });
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe("CompletionContext", () => {
  it("stays the same while the user types and is renewed when time has passed", async () => {
    let now = 0;
    const queries: string[] = [];
    const context = new CompletionContext(async (query) => { queries.push(query); return [hit("a.ts"), hit("own.ts"), hit("b.ts")]; }, () => now);
    assert.deepEqual(context.pieces({ path: "own.ts", prefix: "const x" }), []);
    await settle();
    const first = context.pieces({ path: "own.ts", prefix: "const x = f" });
    assert.deepEqual(first.map((piece) => piece.path), ["b.ts", "a.ts"]);
    for (let i = 0; i < 20; i++) assert.equal(context.pieces({ path: "own.ts", prefix: `const x = f${i}` }), first);
    assert.equal(queries.length, 1);
    now = 10_000;
    context.pieces({ path: "own.ts", prefix: "y" });
    await settle();
    assert.equal(queries.length, 2);
  });

  it("forgets another file's pieces at once and survives a search that fails", async () => {
    const context = new CompletionContext(async () => { throw new Error("closed"); });
    context.pieces({ path: "a.ts", prefix: "x" });
    await settle();
    assert.deepEqual(context.pieces({ path: "b.ts", prefix: "x" }), []);
  });
});
