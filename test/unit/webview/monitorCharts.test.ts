import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { RunFigures } from "../../../src/engine/protocol/training.ts";
import { bandPath, linePath, projection, roundStep, scaleOf, tightScale } from "../../../src/webview/monitor/scale.ts";
import { chartsOf, nearest, pointsOf, smoothed, summaryOf, thinned } from "../../../src/webview/monitor/series.ts";
import type { Point } from "../../../src/webview/monitor/series.ts";

const points = (...ys: number[]): Point[] => ys.map((y, i) => ({ x: i + 1, step: i + 1, y, deviation: 0 }));

describe("the monitor's charts", () => {
  it("show for every method what people watch there", () => {
    const keys = (method: Parameters<typeof chartsOf>[0]): string[] => chartsOf(method).flatMap(({ series }) => series.flatMap(({ key, deviation }) => [key, ...(deviation ? [deviation] : [])]));
    const everywhere = ["loss", "validationLoss", "rate", "gradientNorm", "tokensPerSecond", "residentMb"];
    for (const key of everywhere) for (const method of ["sft", "dpo", "kto", "grpo"] as const) assert.ok(keys(method).includes(key), `${method} ${key}`);
    for (const key of ["margin", "accuracy", "chosenLogProbability", "rejectedLogProbability"]) for (const method of ["dpo", "kto"] as const) assert.ok(keys(method).includes(key), `${method} ${key}`);
    for (const key of ["reward", "rewardDeviation", "zeroDeviationShare", "kl", "entropy", "clippedShare", "replyTokens"]) assert.ok(keys("grpo").includes(key), key);
    for (const method of ["sft", "dpo", "kto", "grpo"] as const) assert.equal(new Set(chartsOf(method).map(({ id }) => id)).size, chartsOf(method).length);
  });

  it("leave out what was not measured and what is no number", () => {
    const figures: RunFigures[] = [{ step: 1, at: 1000, loss: 2 }, { step: 2, at: 3000, loss: NaN }, { step: 2, at: 3000, validationLoss: 3 }, { step: 4, at: 7000, loss: 1 }];
    const series = { key: "loss", label: "" } as const;
    assert.deepEqual(pointsOf(figures, series, "step").map(({ x, y }) => [x, y]), [[1, 2], [4, 1]]);
    assert.deepEqual(pointsOf(figures, series, "time").map(({ x }) => x), [0, 6]);
    assert.deepEqual(pointsOf(figures, { key: "kl", label: "" }, "step"), []);
  });

  it("smooth without a pull towards zero at the start, and not at all at weight 0", () => {
    assert.deepEqual(smoothed(points(4, 4, 4), 0.9).map(({ y }) => Number(y.toFixed(12))), [4, 4, 4]);
    // (0.5·0·0.5 + 0.5·2) / 0.75 for the second, by hand.
    assert.deepEqual(smoothed(points(0, 2), 0.5).map(({ y }) => Number(y.toFixed(6))), [0, 1.333333]);
    assert.deepEqual(smoothed(points(1, 5), 0).map(({ y }) => y), [1, 5]);
  });

  it("take a value and itself smoothed for one, and keep their ticks apart", () => {
    for (let i = 1; i <= 2_000; i++) {
      const value = 672.123 * Math.sqrt(i);
      const [once] = smoothed(points(value), 0.6);
      const { low, high, ticks } = scaleOf([value, once!.y], 3);
      assert.ok(low < value && high > value && new Set(ticks).size === ticks.length && ticks.length >= 2, `${value} and ${once!.y}: ${ticks.join(", ")}`);
      assert.ok(high - low > value * 0.01, `${low} to ${high}`);
    }
  });

  it("thin a long run and keep its extremes and its end", () => {
    const long = Array.from({ length: 20_000 }, (_, i): Point => ({ x: i, step: i, y: i === 7_777 ? 99 : i === 12_345 ? -99 : Math.sin(i), deviation: 0 }));
    const kept = thinned(long, 600);
    assert.ok(kept.length <= 602, `${kept.length}`);
    assert.ok(kept.some(({ y }) => y === 99) && kept.some(({ y }) => y === -99));
    assert.equal(kept.at(-1), long.at(-1));
    assert.ok(kept.every((point, i) => i === 0 || point.x > kept[i - 1]!.x), "in the order of x");
    assert.deepEqual(thinned(points(1, 2, 3), 600), points(1, 2, 3));
  });

  it("find the nearest measurement", () => {
    const at = [1, 2, 10].map((x): Point => ({ x, step: x, y: 0, deviation: 0 }));
    assert.deepEqual([-5, 1.4, 1.6, 5, 7, 99].map((x) => nearest(at, x)?.x), [1, 1, 2, 2, 10, 10]);
    assert.equal(nearest([], 1), null);
  });

  it("tell in words what they show", () => {
    assert.equal(summaryOf("Loss", points(3, 1, 2), String), "Loss: from 3 at step 1 to 2 at step 3, lowest 1 at step 2.");
    assert.equal(summaryOf("Loss", [], String), "Loss: no values yet.");
  });
});

describe("the monitor's scales", () => {
  it("have round ticks that enclose the values", () => {
    assert.deepEqual([7, 0.03, 1200, 1].map((span) => roundStep(span, 5)), [2, 0.01, 500, 0.2]);
    const { low, high, ticks } = scaleOf([1.27, 3.51], 5);
    assert.deepEqual([low, high, ticks.length], [1, 4, 7]);
    for (const values of [[5], [0], [-3], [1e300, -1e300], [1e-12, 2e-12]]) {
      const scale = scaleOf(values, 4);
      assert.ok(scale.low <= Math.min(...values) && scale.high >= Math.max(...values) && scale.high > scale.low, JSON.stringify(values));
      assert.ok(scale.ticks.length <= 12 && scale.ticks.every(Number.isFinite), JSON.stringify(values));
    }
    assert.deepEqual(scaleOf([], 4).ticks.length > 1, true);
    assert.deepEqual([scaleOf([0.4, 0.5], 3, [0, 1]).low, scaleOf([0.4, 0.5], 3, [0, 1]).high], [0, 1]);
  });

  it("count in whole steps", () => {
    assert.deepEqual(tightScale(3, 5, 9, 1).ticks, [3, 4, 5]);
    assert.deepEqual(tightScale(7, 7, 4, 1).ticks, [7]);
  });

  it("put values where they belong", () => {
    const x = projection({ low: 1, high: 3 }, 0, 100);
    const y = projection({ low: 0, high: 10 }, 50, 0);
    assert.equal(linePath(points(0, 10, 5), x, y), "M0 50L50 0L100 25");
    assert.equal(bandPath(points(0, 10).map((point) => ({ ...point, deviation: 2 })), x, y), "M0 40L50 -10L50 10L0 60Z");
  });
});
