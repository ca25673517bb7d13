// Every measure against another implementation on random inputs: scikit-learn, SciPy, NumPy and rapidfuzz, frozen by test/fixtures/metrics/peers.py.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { auroc } from "../../../src/engine/evaluation/auroc.ts";
import { meanInterval, percentile } from "../../../src/engine/evaluation/intervals.ts";
import { passAtK } from "../../../src/engine/evaluation/model/passAtK.ts";
import { editSimilarity, levenshtein } from "../../../src/engine/evaluation/model/textMatch.ts";
import { pairedP } from "../../../src/engine/evaluation/pairedTest.ts";
import { ndcgWithin, recallWithin, reciprocalRank } from "../../../src/engine/evaluation/ranking.ts";
import { evaluateSafety } from "../../../src/engine/evaluation/safety.ts";

interface Peers {
  auroc: { labels: boolean[]; scores: number[]; auroc: number }[];
  ranking: { ranked: string[]; gold: string[]; k: number; ndcg: number; recall: number; reciprocalRank: number }[];
  decisions: { truth: boolean[]; said: boolean[]; recall: number; precision: number; falsePositiveRate: number; accuracy: number }[];
  paired: { a: number[]; b: number[]; p: number; tolerance: number }[];
  texts: { a: string; b: string; distance: number }[];
  means: { values: number[]; low: number; high: number; percentiles: [number, number][] }[];
  passAtK: [number, number, number, number][];
}
const peers = JSON.parse(readFileSync(path.join(import.meta.dirname, "../../fixtures/metrics/peers.json"), "utf8")) as Peers;

function near(ours: number, theirs: number, tolerance = 1e-9): void {
  assert.ok(Math.abs(ours - theirs) <= tolerance, `${ours} is not ${theirs}`);
}

describe("measures against other implementations", () => {
  it("areas under the curve, ties counting half", () => {
    for (const { labels, scores, auroc: theirs } of peers.auroc) near(auroc(scores.map((score, i) => ({ score, positive: labels[i]! }))), theirs);
  });

  it("nDCG, recall and reciprocal rank", () => {
    for (const { ranked, gold, k, ndcg, recall, reciprocalRank: rank } of peers.ranking) {
      near(ndcgWithin(ranked, gold, k), ndcg);
      near(recallWithin(ranked, gold, k), recall);
      near(reciprocalRank(ranked, gold, k), rank);
    }
  });

  it("recall, precision, false positives and accuracy of a detector", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "kalactica-peers-"));
    try {
      for (const { truth, said, ...theirs } of peers.decisions) {
        const file = path.join(folder, "rows.jsonl");
        writeFileSync(file, truth.map((harmful, i) => JSON.stringify({ id: String(i), detector: "request", text: String(i), label: harmful ? "harmful" : "benign" })).join("\n"));
        const { metrics } = await evaluateSafety(file, { detectors: ["request"], settings: {}, judge: ({ text }) => Promise.resolve({ action: said[Number(text)]! ? "block" : "allow", score: 1, checked: true, ms: 0 }) });
        const ours = (metrics["detectors"] as Record<string, Record<string, number>>)["request"]!;
        for (const name of ["recall", "precision", "falsePositiveRate", "accuracy"] as const) near(ours[name]!, theirs[name], 5e-5);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("paired tests, exact for few pairs and for right or wrong", () => {
    for (const { a, b, p, tolerance } of peers.paired) {
      near(pairedP(a, b), p, tolerance);
      assert.equal(pairedP(a, b), pairedP(b, a), "two-sided");
    }
    assert.equal(pairedP([1, 2], [1, 2]), 1);
    assert.throws(() => pairedP([1], [1, 2]), RangeError);
  });

  it("edit distances", () => {
    for (const { a, b, distance } of peers.texts) near(levenshtein(a, b), distance);
    near(editSimilarity("kitten", "sitting"), 1 - 3 / 7);
  });

  it("percentiles and bootstrap intervals", () => {
    for (const { values, low, high, percentiles } of peers.means) {
      for (const [share, theirs] of percentiles) near(percentile(values, share), theirs);
      const ours = meanInterval(values);
      // Two Monte Carlo estimates of the same bounds.
      near(ours[0], low, 0.05 * (high - low));
      near(ours[1], high, 0.05 * (high - low));
    }
  });

  it("pass@k", () => {
    for (const [n, c, k, theirs] of peers.passAtK) near(passAtK(n, c, k), theirs, 1e-12);
  });
});
