// Candidates against the same lines of a repository: what is measured of each, and which is recommended when.
import assert from "node:assert/strict";
import { EngineError } from "../../../src/engine/base/errors.ts";
import type { LineEnding } from "../../../src/engine/evaluation/completion.ts";
import { evaluateRepository, wholeLine } from "../../../src/engine/evaluation/repository.ts";
import type { Candidate, Recommendation } from "../../../src/engine/evaluation/repository.ts";

const endings: LineEnding[] = Array.from({ length: 40 }, (_, i) => ({ id: `a.ts:${i}`, path: "a.ts", line: i, column: 6, prefix: "x\n  const ", suffix: "\nz", expected: `a${i} = 1;` }));

/** Right on the first `right` lines, silent on the others. */
function candidate(name: string, right: number, { ms = 50, current = false, fails = false } = {}): Candidate {
  return {
    name, key: name, use: { model: name, adapter: null }, sizeBytes: 5e6, current,
    with: (work) => {
      if (fails) return Promise.reject(new EngineError("modelTooLarge", `${name} does not fit.`));
      return work({
        complete: ({ line, expected }) => Promise.resolve({ text: line < right ? expected : null, ms }),
        fill: ({ expected }) => Promise.resolve({ text: expected, tokens: 10, ms: 100 }),
        memory: () => ({ now: 300e6, before: 100e6 }),
      });
    },
  };
}
const advised = async (...candidates: Candidate[]): Promise<Recommendation> => (await evaluateRepository(endings, candidates, {})).settings["recommendation"] as Recommendation;

describe("the repository as the benchmark", () => {
  it("asks for the whole line as a gap behind its indentation", () => {
    assert.deepEqual(wholeLine(endings[3]!), { path: "a.ts", prefix: "x\n  ", suffix: "\nz", expected: "const a3 = 1;" });
  });

  it("measures what each gets right, how fast and with how much memory", async () => {
    const { metrics, items, n, settings } = await evaluateRepository(endings, [candidate("weak", 10), candidate("strong", 30)], {});
    const models = metrics["models"] as Record<string, Record<string, unknown>>;
    assert.deepEqual([n, settings["model"], models["weak"]?.["exact"], models["strong"]?.["exact"], models["strong"]?.["exactOfShown"]], [40, "strong", 0.25, 0.75, 1]);
    assert.deepEqual([models["strong"]?.["tokensPerSecond"], models["strong"]?.["memoryMb"], models["strong"]?.["fillExact"], models["strong"]?.["p95Ms"]], [100, 200, 1, 50]);
    const better = models["weak"]?.["recommendedBetterBy"] as { exact: number; p: number };
    assert.ok(better.exact === 0.5 && better.p < 0.001);
    assert.deepEqual([items[0]?.["weak"], items[20]?.["weak"], items[20]?.["strong"]], ["a0 = 1;", "", "a20 = 1;"]);
  });

  it("recommends another only where it is better by more than chance and comes in time", async () => {
    assert.equal((await advised(candidate("now", 10, { current: true }), candidate("better", 30))).name, "better");
    const stays = await advised(candidate("now", 20, { current: true }), candidate("a little better", 22));
    assert.equal(stays.name, "now");
    assert.match(stays.sentence, /not better by more than chance/);
    assert.equal((await advised(candidate("now", 10, { current: true }), candidate("slow", 40, { ms: 900 }))).name, "now");
    assert.match((await advised(candidate("now", 40, { current: true, ms: 900 }), candidate("quick", 10))).sentence, /now, which you use now, takes up to 900 ms/);
  });

  it("says of a model that cannot be loaded why, and measures the others", async () => {
    const { settings, metrics } = await evaluateRepository(endings, [candidate("huge", 40, { fails: true }), candidate("small", 5)], {});
    assert.deepEqual(settings["failed"], [{ name: "huge", why: "huge does not fit." }]);
    assert.deepEqual(Object.keys(metrics["models"] as object), ["small"]);
    await assert.rejects(evaluateRepository(endings, [candidate("huge", 40, { fails: true })], {}), /huge does not fit/);
    await assert.rejects(evaluateRepository([], [candidate("small", 5)], {}), /added no line of code/);
  });
});
