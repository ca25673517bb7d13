import assert from "node:assert/strict";
import { meanInterval, pairedDifference } from "../../../src/engine/evaluation/intervals.ts";
import { allWithin, anyWithin, ndcgWithin, recallWithin, reciprocalRank } from "../../../src/engine/evaluation/ranking.ts";

const ranked = ["a", "b", "c", "d"];

describe("evaluation/ranking", () => {
  it("tells whether all or any of the right ones are among the first", () => {
    assert.equal(allWithin(ranked, ["a", "c"], 3), true);
    assert.equal(allWithin(ranked, ["a", "c"], 2), false);
    assert.equal(anyWithin(ranked, ["d", "c"], 3), true);
    assert.equal(anyWithin(ranked, ["d"], 3), false);
  });

  it("gives recall, reciprocal rank and nDCG as the textbooks do", () => {
    assert.equal(recallWithin(ranked, ["a", "d", "x"], 3), 1 / 3);
    assert.equal(reciprocalRank(ranked, ["c"]), 1 / 3);
    assert.equal(reciprocalRank(ranked, ["c"], 2), 0);
    assert.equal(reciprocalRank(ranked, ["x"]), 0);
    assert.equal(ndcgWithin(ranked, ["a", "b"], 10), 1);
    assert.ok(Math.abs(ndcgWithin(ranked, ["b"], 10) - 1 / Math.log2(3)) < 1e-12);
    assert.ok(Math.abs(ndcgWithin(ranked, ["a", "c"], 10) - 1.5 / (1 + 1 / Math.log2(3))) < 1e-12);
  });
});

describe("evaluation/intervals", () => {
  it("covers the mean about as often as it says", () => {
    // 200 samples of 100 draws with p = 0.3: 95 % intervals should hold 0.3 about 190 times.
    let covered = 0;
    for (let sample = 0; sample < 200; sample++) {
      let state = sample * 7919 + 1;
      const draws = Array.from({ length: 100 }, () => Number((state = (state * 48271) % 2147483647) / 2147483647 < 0.3));
      const [low, high] = meanInterval(draws, sample);
      if (low <= 0.3 && high >= 0.3) covered++;
    }
    assert.ok(covered >= 178 && covered <= 199, `covered ${covered} of 200`);
  });

  it("gives the same interval for the same data, and none for no data", () => {
    assert.deepEqual(meanInterval([0, 1, 1, 0, 1]), meanInterval([0, 1, 1, 0, 1]));
    assert.deepEqual(meanInterval([]), [NaN, NaN]);
  });

  it("sees a paired difference that single intervals would not", () => {
    const hard = Array.from({ length: 60 }, (_, i) => (i % 3) / 3);
    const better = hard.map((value) => value + 0.02);
    const { difference, low, pNotBetter } = pairedDifference(better, hard);
    assert.ok(Math.abs(difference - 0.02) < 1e-12 && low > 0 && pNotBetter === 0);
    assert.throws(() => pairedDifference([1], [1, 2]), RangeError);
  });
});
