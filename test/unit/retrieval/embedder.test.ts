import assert from "node:assert/strict";
import { statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { symmetricCrossEntropy } from "../../../src/engine/retrieval/embedder/contrastiveStep.ts";
import type { EncoderWeights, Pair, TrainingState } from "../../../src/engine/retrieval/embedder/contrastiveStep.ts";
import { bagOf, trainContrastive } from "../../../src/engine/retrieval/embedder/contrastiveTrainer.ts";
import type { PairSource } from "../../../src/engine/retrieval/embedder/contrastiveTrainer.ts";
import { EmbeddedEmbedder, openEmbedder, readEncoder, writeEncoder } from "../../../src/engine/retrieval/embedder/embeddedEmbedder.ts";
import { Subwords, wordsOf } from "../../../src/engine/retrieval/embedder/subwords.ts";
import { dot } from "../../../src/engine/retrieval/store/vectorCodec.ts";
import { removeTemporaryFolders, temporaryFolder } from "./support.ts";

const encoder = () => {
  const random = new SeededRandom(9);
  const words = ["read", "file", "json", "=>"];
  return { words, nBuckets: 60, dimension: 32, vectors: Float32Array.from({ length: 64 * 32 }, () => random.normal()), queryGains: Float32Array.from({ length: 64 }, () => random.uniform()), description: "a test" };
};

/** Two topics told apart by words alone, with different words on the two sides. */
function toyPairs(n: number): { pairs: PairSource; nRows: number } {
  const random = new SeededRandom(2);
  const pairs: Pair[] = [];
  for (let i = 0; i < n; i++) {
    const topic = i % 16;
    const counts = new Map([[topic, 1], [32 + random.integer(8), 1]]);
    pairs.push({ query: bagOf(counts), passage: bagOf(new Map([[16 + topic, 1], [32 + random.integer(8), 1]])) });
  }
  return { pairs: { size: n, group: () => 0, pair: (at) => pairs[at] as Pair }, nRows: 40 };
}

const training = (nRows: number) => ({ nRows, dimension: 16, epochs: 6, batchSize: 16, learningRate: 0.02, temperature: 0.1, seed: 4, dropout: 0, initialGains: new Float32Array(nRows).fill(1) });

describe("subwords", () => {
  it("are parts of identifiers, short numbers and operators", () => {
    assert.deepEqual(wordsOf("readJSONFile(x => 42); 123456"), ["read", "json", "file", "(", "x", "=>", "42", ");"]);
    assert.deepEqual(wordsOf(""), []);
  });

  it("fall back on character n-grams that words alike share, counting once in all", () => {
    const subwords = new Subwords(["read"], 1_000);
    assert.deepEqual([...subwords.count("read read")], [[0, 2]]);
    const [a, b] = [subwords.count("tokenizer"), subwords.count("tokenizers")];
    assert.ok(Math.abs([...a.values()].reduce((sum, n) => sum + n, 0) - 1) < 1e-9);
    const shared = [...a.keys()].filter((row) => b.has(row)).length;
    assert.ok(shared > a.size / 2, `${shared} of ${a.size}`);
    assert.ok([...a.keys()].every((row) => row >= 1 && row < 1_001));
    assert.equal(new Subwords(["read"], 0).count("unknown").size, 0);
  });
});

describe("the contrastive trainer", () => {
  it("has the gradient of its loss (finite differences)", () => {
    const n = 5;
    const random = new SeededRandom(11);
    const similarities = Float64Array.from({ length: n * n }, () => random.normal() / 3);
    const { gradient } = symmetricCrossEntropy(similarities, n, 0.2);
    for (let i = 0; i < similarities.length; i++) {
      const shifted = (by: number) => symmetricCrossEntropy(similarities.map((x, j) => (j === i ? x + by : x)), n, 0.2).loss;
      const numeric = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
      assert.ok(Math.abs(numeric - (gradient[i] as number)) < 1e-6, `${i}: ${numeric} against ${gradient[i]}`);
    }
  });

  it("brings partners together, the same way each time", async () => {
    const { pairs, nRows } = toyPairs(320);
    const losses: number[] = [];
    const run = () => trainContrastive(pairs, { ...training(nRows), onStep: (_step, _n, loss) => losses.push(loss) });
    const first = await run();
    const half = losses.length;
    assert.ok((losses[half - 1] as number) < 0.5 * (losses[0] as number), `${losses[0]} → ${losses[half - 1]}`);
    const second = await run();
    assert.deepEqual(first.vectors, second.vectors);
    const vector = (model: EncoderWeights, row: number) => model.vectors.subarray(row * 16, row * 16 + 16);
    const cosine = (a: Float32Array, b: Float32Array) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
    let right = 0;
    for (let topic = 0; topic < 16; topic++) {
      const scores = Array.from({ length: 16 }, (_, other) => cosine(vector(first, topic), vector(first, 16 + other)));
      if (scores.indexOf(Math.max(...scores)) === topic) right++;
    }
    assert.ok(right >= 15, `${right} of 16`);
  });

  it("goes on from a kept state as if it had not stopped", async () => {
    const { pairs, nRows } = toyPairs(160);
    const options = { ...training(nRows), dropout: 0.2 };
    const whole = await trainContrastive(pairs, options);
    let kept: TrainingState | null = null;
    const stop = new AbortController();
    await assert.rejects(trainContrastive(pairs, { ...options, signal: stop.signal, onState: { everySteps: 17, save: (state) => {
      kept = structuredClone(state);
      stop.abort();
    } } }), { name: "CancelledError" });
    const onwards = await trainContrastive(pairs, { ...options, from: kept as unknown as TrainingState });
    assert.deepEqual(onwards.vectors, whole.vectors);
    assert.deepEqual(onwards.queryGains, whole.queryGains);
  });

  it("stops when cancelled", async () => {
    const { pairs, nRows } = toyPairs(64);
    await assert.rejects(trainContrastive(pairs, { ...training(nRows), signal: AbortSignal.abort() }), { name: "CancelledError" });
  });
});

describe("the embedded encoder", () => {
  afterEach(removeTemporaryFolders);

  it("is written and read again with little loss, and identified by its file", async () => {
    const file = path.join(temporaryFolder(), "e.gguf");
    const written = encoder();
    await writeEncoder(file, written);
    const read = await readEncoder(file);
    assert.deepEqual([read.words, read.nBuckets, read.dimension, read.description], [written.words, 60, 32, "a test"]);
    assert.deepEqual(read.queryGains, written.queryGains);
    read.vectors.forEach((x, i) => assert.ok(Math.abs(x - (written.vectors[i] as number)) < 0.03));
    const opened = await openEmbedder(SILENT_LOG, file);
    assert.match(opened?.hash ?? "", /^[0-9a-f]{64}$/);
    const [a] = await new EmbeddedEmbedder(written, "x").embed(["read the json file"], "passage");
    const [b] = await (opened as EmbeddedEmbedder).embed(["read the json file"], "passage");
    assert.ok(dot(a as Float32Array, b as Float32Array) > 0.999);
  });

  it("gives unit vectors, the zero vector for nothing, and other weights to queries", async () => {
    const embedder = new EmbeddedEmbedder(encoder(), "x");
    const [passage, empty] = await embedder.embed(["read json", "  \n"], "passage");
    const [query] = await embedder.embed(["read json"], "query");
    assert.ok(Math.abs(dot(passage as Float32Array, passage as Float32Array) - 1) < 1e-5);
    assert.ok((empty as Float32Array).every((x) => x === 0));
    assert.ok(dot(passage as Float32Array, query as Float32Array) < 0.9999);
  });

  it("is missing, truncated or foreign: search goes by words", async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, "e.gguf");
    assert.equal(await openEmbedder(SILENT_LOG, file), null);
    await writeEncoder(file, encoder());
    truncateSync(file, statSync(file).size - 100);
    assert.equal(await openEmbedder(SILENT_LOG, file), null);
    writeFileSync(file, "not a model");
    assert.equal(await openEmbedder(SILENT_LOG, file), null);
  });

  it("stops embedding when cancelled", async () => {
    const embedder = new EmbeddedEmbedder(encoder(), "x");
    await assert.rejects(embedder.embed(Array.from({ length: 4_000 }, () => "read the json file ".repeat(100)), "passage", AbortSignal.abort()), { name: "CancelledError" });
  });
});
