// The small pure parts of training: schedule, windows of the token stream, fill-in marks, held-out windows, configuration.
import assert from "node:assert/strict";
import { heldOutWindows } from "../../../src/engine/training/pretrain/heldOut.ts";
import { nParameters, weightSpecs } from "../../../src/engine/training/network/llamaShape.ts";
import { completeConfig, fingerprintOf } from "../../../src/engine/training/pretrain/pretrainConfig.ts";
import { phaseOf, rateAt } from "../../../src/engine/training/schedule.ts";
import { TokenStream } from "../../../src/engine/training/pretrain/tokenStream.ts";
import { bytesPerToken, markFillIns } from "../../../src/engine/training/pretrain/trainingData.ts";

describe("schedule", () => {
  const schedule = { steps: 100, warmupSteps: 10, decaySteps: 20 };

  it("warms up linearly, stays, and decays to nothing by 1 − √", () => {
    assert.deepEqual([1, 5, 10, 50, 80].map((step) => rateAt(schedule, step)), [0.1, 0.5, 1, 1, 1]);
    assert.ok(Math.abs(rateAt(schedule, 85) - (1 - Math.sqrt(5 / 21))) < 1e-12);
    assert.ok(rateAt(schedule, 100) > 0 && rateAt(schedule, 100) < 0.03);
    assert.deepEqual([10, 11, 80, 81, 100, 101].map((step) => phaseOf(schedule, step)), ["warmup", "stable", "stable", "decay", "decay", "done"]);
  });

  it("is the same before the decay however long the run is", () => {
    for (let step = 1; step <= 80; step++) assert.equal(rateAt(schedule, step), rateAt({ ...schedule, steps: 1000 }, step));
  });
});

describe("token stream", () => {
  const tokens = Uint16Array.from({ length: 1001 }, (_, i) => i);
  const take = (stream: TokenStream): number => {
    const input = new Int32Array(10);
    const labels = new Int32Array(10);
    const start = stream.next(input, labels, 0);
    assert.deepEqual([...input], Array.from({ length: 10 }, (_, i) => start + i));
    assert.deepEqual([...labels], Array.from({ length: 10 }, (_, i) => start + i + 1));
    return start;
  };

  it("visits every window once per epoch, in another order and at another offset each time", () => {
    const stream = new TokenStream(tokens, 10, 1);
    const first = Array.from({ length: 99 }, () => take(stream));
    assert.equal(new Set(first).size, 99);
    assert.equal(new Set(first.map((start) => start % 10)).size, 1);
    assert.notDeepEqual(first, [...first].sort((a, b) => a - b));
    while (stream.position.epoch === 0) take(stream);
    const second = Array.from({ length: 50 }, () => take(stream));
    assert.notDeepEqual(second, first.slice(0, 50));
  });

  it("goes on from a saved position, across epochs", () => {
    const stream = new TokenStream(tokens, 10, 7);
    for (let i = 0; i < 150; i++) take(stream);
    const { position } = stream;
    const wanted = Array.from({ length: 120 }, () => take(stream));
    const other = new TokenStream(tokens, 10, 7);
    other.seek(position);
    assert.deepEqual(Array.from({ length: 120 }, () => take(other)), wanted);
  });

  it("begins windows at samples where it is told to, and stays inside the stream", () => {
    const samples = Uint16Array.from({ length: 1001 }, (_, i) => (i % 7 === 6 ? 0 : 1));
    const stream = new TokenStream(samples, 10, 1, 0);
    for (let i = 0; i < 300; i++) {
      const labels = new Int32Array(10);
      const start = stream.next(new Int32Array(10), labels, 0);
      assert.ok(start % 7 === 0 || start > 980, `start ${start}`);
      assert.ok(start + 10 < samples.length);
    }
  });

  it("refuses a stream that is too short", () => {
    assert.throws(() => new TokenStream(tokens.subarray(0, 15), 10, 1), /fewer than two windows/);
  });
});

describe("training data", () => {
  const special = { "<|endoftext|>": 0, "<|fim_middle|>": 3, "<|end|>": 4 };

  it("marks what is to be filled in, its end included, and stops at the end of a text", () => {
    assert.deepEqual([...markFillIns(Uint16Array.of(9, 3, 8, 7, 4, 0, 9, 3, 8, 0, 9), special)], [0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 0]);
  });

  it("counts the bytes of tokens, none for special ones", () => {
    assert.deepEqual([...bytesPerToken({ tokens: ["<|endoftext|>", "Ġab", "Ã©"], merges: [], special: { "<|endoftext|>": 0 } })], [0, 3, 2]);
  });

  it("spreads held-out windows evenly and takes all where all fit", () => {
    assert.deepEqual(heldOutWindows(101, 10, 30), [0, 30, 60]);
    assert.equal(heldOutWindows(101, 10, Infinity).length, 10);
    assert.equal(heldOutWindows(100, 10, 1e9).length, 9);
  });
});

describe("run configuration", () => {
  it("counts the embedded model's weights", () => {
    const { shape } = completeConfig({}, 8192);
    assert.equal(nParameters(shape), 4_229_568);
    assert.equal(weightSpecs(shape).length, 2 + 9 * shape.nLayers);
  });

  it("lets the schedule and loss weights change on resumption, but not what the numbers mean", () => {
    const print = (given: object): string => fingerprintOf(completeConfig(given, 300), "data");
    assert.equal(print({ schedule: { steps: 5000 }, evaluateEverySteps: 3, fillInWeight: 1, batch: { headChunk: 64 } }), print({}));
    for (const given of [{ seed: 2 }, { shape: { dim: 384 } }, { batch: { microBatchesPerStep: 8 } }]) assert.notEqual(print(given), print({}));
  });

  it("names what is wrong", () => {
    const cases: [unknown, RegExp][] = [
      [[], /must be an object/], [{ shape: 3 }, /shape is 3; it must be an object/], [{ steps: 3 }, /unknown key "steps"/],
      [{ schedule: { decaySteps: 9999 } }, /schedule.decaySteps/], [{ optimizer: { beta1: 1 } }, /optimizer.beta1/],
      [{ shape: { nKvHeads: 4 } }, /multiple of nKvHeads/], [{ initialisation: { kind: "magic" } }, /initialisation.kind/],
    ];
    for (const [given, sentence] of cases) assert.throws(() => completeConfig(given, 300), sentence);
  });
});
