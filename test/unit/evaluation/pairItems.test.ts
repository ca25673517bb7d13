// Items of two runs side by side: who was right, what is the item and what is whose, and which are left by a filter.
import assert from "node:assert/strict";
import { byName, itemsPage } from "../../../src/engine/evaluation/runs/pairItems.ts";
import type { StoredRun } from "../../../src/engine/evaluation/runs/runStore.ts";
import type { ItemsQuery } from "../../../src/engine/protocol/evaluation.ts";

const stored = (id: string, items: Record<string, unknown>[]): StoredRun => ({ id, suite: "completion", n: items.length, seconds: 1, metrics: {}, settings: {}, items, provenance: { at: "2026-01-01T00:00:00.000Z", data: "", engineVersion: "1", node: "", platform: "", processor: "", cores: 1 } });
const item = (id: string, exact: number, text: string, ms = 10): Record<string, unknown> => ({ id, before: "const a =", exact, likeness: exact / 2 + 0.1, text, ms });
const a = stored("a", [item("1", 1, "one;"), item("2", 0, "wrong;"), item("3", 1, "three;"), item("only a", 1, "x")]);
const b = stored("b", [item("3", 0, "drei;"), item("2", 1, "two;"), item("1", 1, "one;")]);
const all: ItemsQuery = { score: null, filter: "all", words: "", offset: 0, limit: 100 };

describe("items of two runs", () => {
  it("stand side by side with what both have alike once, and who was right", () => {
    const page = itemsPage(a, b, all);
    assert.deepEqual([page.score, page.binary, page.scores, page.counts, page.found], ["exact", true, ["exact", "likeness"], { all: 3, changed: 2, before: 1, after: 1 }, 3]);
    assert.deepEqual(page.items.map(({ id, winner }) => [id, winner]), [["1", null], ["2", "after"], ["3", "before"]]);
    const [same, changed] = page.items;
    assert.deepEqual([same?.own, changed?.own], [[], [{ name: "text", before: "wrong;", after: "two;" }]]);
    assert.deepEqual(changed?.shared, [{ name: "before", text: "const a =" }, { name: "ms", text: "10" }]);
    assert.deepEqual(changed?.scores[0], { name: "exact", before: 0, after: 1 });
  });

  it("are filtered by who was right and by words, and come page by page", () => {
    const ids = (query: Partial<ItemsQuery>): string[] => itemsPage(a, b, { ...all, ...query }).items.map(({ id }) => id);
    assert.deepEqual([ids({ filter: "changed" }), ids({ filter: "before" }), ids({ filter: "after" })], [["2", "3"], ["3"], ["2"]]);
    assert.deepEqual([ids({ words: "DREI const" }), ids({ words: "nowhere" }), ids({ offset: 1, limit: 1 })], [["3"], [], ["2"]]);
    assert.throws(() => itemsPage(a, b, { ...all, score: "text" }), /no score "text".*exact, likeness/);
  });

  it("of a score of which less is better go to the lesser", () => {
    const timed = (id: string, perplexity: number): StoredRun => stored(id, [{ id: "1", perplexity }]);
    assert.equal(itemsPage(timed("a", 9), timed("b", 7), all).items[0]?.winner, "after");
  });

  it("of one run have no winner, and those of the same name are told apart", () => {
    const page = itemsPage(a, null, all);
    assert.deepEqual([page.found, page.items[0]?.winner, page.items[0]?.scores[0]], [4, null, { name: "exact", before: 1, after: null }]);
    assert.deepEqual([...byName([{ id: "x" }, { id: "x" }, { question: "no name" }]).keys()], ["x", "x (2)"]);
    assert.throws(() => itemsPage(stored("a", [{ question: "q", hit: 1 }]), stored("b", [{ question: "q", hit: 0 }]), all), /no item in common/);
  });
});
