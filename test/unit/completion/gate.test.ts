// The gate gives probabilities, its weights fit its features, and surer evidence never makes it less sure.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import fitted from "../../../src/engine/completion/gateWeights.json" with { type: "json" };
import lookupWeights from "../../../src/engine/completion/lookupWeights.json" with { type: "json" };
import { gateFeatures, gateProbability, LOOKUP_FEATURES, MODEL_FEATURES, type CandidateEvidence } from "../../../src/engine/completion/gate.ts";
import { startingWeights } from "../../../src/engine/completion/lexemePredictor.ts";

function evidence(logProbability: number, change: Partial<CandidateEvidence> = {}): CandidateEvidence {
  return {
    text: "input, options);", lookupRank: 0, bestOther: -6, typedWord: false, atLineStart: false, sameLinesNear: 0, sameLinesFar: 0, model: null,
    lookup: {
      text: "input, options);", lexemes: [1, 2, 3, 4, 5], logProbability, leastLogProbability: logProbability / 2, firstLogProbability: logProbability / 3,
      endLogProbability: -0.05, worstEscape: -4, firstOrder: 6, meanOrder: 6,
    },
    ...change,
  };
}

describe("the gate", () => {
  it("has a weight for every feature, from repositories that are named", () => {
    assert.equal(fitted.lookupAlone.length, LOOKUP_FEATURES.length);
    assert.equal(fitted.withModel.length, LOOKUP_FEATURES.length + MODEL_FEATURES.length);
    assert.ok(fitted.provenance.repositories.length > 0);
    for (const tested of ["twinny", "litgpt", "rxjs", "httpx"]) {
      assert.ok(!fitted.provenance.repositories.includes(tested) && !lookupWeights.provenance.repositories.includes(tested), `${tested} is for testing`);
    }
    for (const repository of fitted.provenance.repositories) assert.ok(!lookupWeights.provenance.repositories.includes(repository), `${repository} was used for both`);
  });

  it("has look-up weights of the size that the code expects", () => {
    const expected = startingWeights();
    for (const group of ["sources", "escapes", "extras", "escapeBias"] as const) assert.equal(lookupWeights[group].length, expected[group].length, group);
  });

  it("is a probability that rises with that of the look-up", () => {
    const probabilities = [-12, -6, -3, -1.5, -0.5, -0.05].map((logProbability) => gateProbability(evidence(logProbability)));
    for (const p of probabilities) assert.ok(p > 0 && p < 1);
    assert.deepEqual(probabilities, [...probabilities].sort((a, b) => a - b));
    assert.ok((probabilities[0] as number) < 0.1);
    assert.ok((probabilities.at(-1) as number) > 0.6);
  });

  it("takes impossible tokens and empty judgements without giving nonsense", () => {
    for (const tokenLogProbs of [[], [-Infinity], [-0.1, -Infinity], [-50]]) {
      const p = gateProbability(evidence(-1, { model: { tokenLogProbs, endLogProb: -Infinity, wrote: false } }));
      assert.ok(p >= 0 && p <= 1, `${p} for ${String(tokenLogProbs)}`);
    }
  });

  it("gives as many features as it names", () => {
    assert.equal(gateFeatures(evidence(-1)).length, LOOKUP_FEATURES.length);
    assert.equal(gateFeatures(evidence(-1, { model: { tokenLogProbs: [-1], endLogProb: -1, wrote: true } })).length, LOOKUP_FEATURES.length + MODEL_FEATURES.length);
  });
});
