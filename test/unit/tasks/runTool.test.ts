import assert from "node:assert/strict";
import type { SearchHit } from "../../../src/engine/protocol/types.ts";
import { runTool } from "../../../src/engine/tasks/runTool.ts";
import type { ToolEngine } from "../../../src/engine/tasks/runTool.ts";

const hit = (text: string): SearchHit => ({ path: "a.ts", startLine: 1, endLine: 2, score: 1, crop: "long", via: ["words"], text, breadcrumb: [], language: "typescript" }) as unknown as SearchHit;
const engineWith = (text: string, asked: unknown[] = []): ToolEngine => ({
  search: (query, k) => { asked.push([query, k]); return Promise.resolve({ results: text === "" ? [] : [hit(text)] }); },
  ask: () => Promise.reject(new Error("not asked")),
  memory: { recall: () => ({ items: [], tokens: 0, tokenBudget: 0, ms: 0 }) },
});

describe("a tool that another assistant calls", () => {
  it("says places with their text, and nothing found as such", async () => {
    const asked: unknown[] = [];
    assert.match(await runTool(engineWith("const a = 1;", asked), "kalactica_search", { query: "a" }), /^a\.ts:1-2 \(words\)\n```\nconst a = 1;\n```$/);
    assert.deepEqual(asked, [["a", 8]]);
    assert.equal(await runTool(engineWith(""), "kalactica_search", { query: "a", count: 3 }), "Nothing was found.");
    assert.equal(await runTool(engineWith(""), "kalactica_recall", { query: "a" }), "Nothing was recalled.");
  });

  it("never gives a secret away", async () => {
    const key = ["ghp", "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"].join("_");
    assert.ok(!(await runTool(engineWith(`const token = "${key}";`), "kalactica_search", { query: "token" })).includes(key));
  });

  it("refuses what it does not take, with a sentence for the model that called", async () => {
    const refused = (name: string, input: unknown): Promise<unknown> => runTool(engineWith("x"), name, input);
    await assert.rejects(refused("kalactica_fly", {}), /There is no tool "kalactica_fly"/);
    await assert.rejects(refused("kalactica_search", null), /takes an object/);
    await assert.rejects(refused("kalactica_search", {}), /no "query"/);
    await assert.rejects(refused("kalactica_search", { query: " " }), /not empty/);
    await assert.rejects(refused("kalactica_search", { query: "a", count: 99 }), /whole number from 1 to 50/);
    await assert.rejects(refused("kalactica_search", { query: "a", path: "b" }), /unknown "path"/);
    await assert.rejects(refused("kalactica_check", { text: "ls", kind: "spell" }), /one of command, code/);
  });
});
