import assert from "node:assert/strict";
import type { AdaptedModel, NamedTensor, PackedBatch } from "../../../../src/engine/training/adaptedModel.ts";
import type { TokenSample } from "../../../../src/engine/training/samples/tokenSample.ts";
import { fitStrength } from "../../../../src/engine/training/tune/strength.ts";

const rule = { generalMargin: 0.02, draws: 200 };

/** A model whose adapter makes every token of unrelated text `cost(b)` nats less likely, with b the one weight of lora_b. */
function forgetful(cost: (b: number, firstToken: number) => number): AdaptedModel & { b(): number } {
  let state: NamedTensor[] = [{ name: "blk.0.attn_q.weight.lora_a", shape: [1], values: Float32Array.of(3) }, { name: "blk.0.attn_q.weight.lora_b", shape: [1], values: Float32Array.of(1) }, { name: "blk.0.attn_q.weight.lora_b.mean", shape: [1], values: Float32Array.of(7) }];
  const b = (): number => state[1]?.values[0] ?? NaN;
  return {
    b, nVocab: 8, maxTokens: 64, nTrainable: 2, memoryBytes: 0,
    logProbabilities: ({ nTokens, learnt, tokens, positions }: PackedBatch, adapter) => Promise.resolve(Float32Array.from({ length: nTokens }, (_, t) => (learnt[t] === 1 ? -2 - (adapter === "on" ? cost(b(), tokens[t - (positions[t] ?? 0)] ?? 0) : 0) : 0))),
    accumulate: () => assert.fail("nothing is trained here"), clearGradients: () => undefined, step: () => assert.fail("nothing is trained here"),
    adapter: () => state.slice(0, 2), state: () => state.map((tensor) => ({ ...tensor, values: tensor.values.slice() })),
    restore: (given) => { state = given.map((tensor) => ({ ...tensor, values: tensor.values.slice() })); }, close: () => undefined,
  };
}

const samples = Array.from({ length: 12 }, (_, i): TokenSample => ({ tokens: Int32Array.from({ length: 9 }, (_, t) => (i + t) % 8), learnt: Uint8Array.from({ length: 9 }, (_, t) => (t > 0 ? 1 : 0)) }));

describe("training/tune/strength", () => {
  it("leaves an adapter alone that forgets little", async () => {
    const model = forgetful((b) => 0.01 * b ** 2);
    const { strength, unrelated } = await fitStrength(model, samples, samples, rule);
    assert.equal(strength, 1);
    assert.equal(model.b(), 1);
    assert.ok(Math.abs((unrelated.change?.value ?? 0) - Math.expm1(0.01)) < 1e-6);
  });

  it("applies a forgetful one as strongly as the margin allows, and little less", async () => {
    const model = forgetful((b) => 0.16 * b ** 2);
    const { strength, unrelated } = await fitStrength(model, samples, samples, rule);
    // The strength at which the cost is the margin: √(ln 1.02 / 0.16) = 0.352.
    assert.ok(strength <= 0.352 && strength > 0.29, `strength ${strength}`);
    assert.ok(Math.abs(model.b() - strength) < 1e-6, "the model must hold what was measured");
    assert.ok((unrelated.change?.high ?? 1) <= rule.generalMargin);
    assert.equal(model.state()[0]?.values[0], 3, "only lora_b is scaled");
    assert.equal(model.state()[2]?.values[0], 7);
  });

  it("goes back up where the first step down went too far", async () => {
    // Forgetting that sets in late: at the first guess next to nothing is left of it.
    const model = forgetful((b) => 0.3 * b ** 6);
    const { strength, unrelated } = await fitStrength(model, samples, samples, rule);
    // 0.3 · s⁶ = ln 1.02 at s = 0.636.
    assert.ok(strength <= 0.636 && strength > 0.5, `strength ${strength}`);
    assert.ok(Math.abs(model.b() - strength) < 1e-6);
    assert.ok((unrelated.change?.high ?? 1) <= rule.generalMargin);
  });

  it("lets other texts than those that chose send it further down, and no further up", async () => {
    // Samples that begin with token 0 forget more than the rest.
    const judge = samples.filter(({ tokens }) => tokens[0] === 0);
    const fit = samples.filter(({ tokens }) => tokens[0] !== 0);
    const model = forgetful((b, first) => (first === 0 ? 0.32 : 0.16) * b ** 2);
    const { strength, unrelated } = await fitStrength(model, fit, judge, rule);
    // The texts that judge allow √(ln 1.02 / 0.32) = 0.249.
    assert.ok(strength <= 0.249 && strength > 0.18, `strength ${strength}`);
    assert.ok(Math.abs(model.b() - strength) < 1e-6 && (unrelated.change?.high ?? 1) <= rule.generalMargin);
    const easier = forgetful((b, first) => (first === 0 ? 0.01 : 0.16) * b ** 2);
    const kept = await fitStrength(easier, fit, judge, rule);
    assert.ok(kept.strength <= 0.352 && kept.strength > 0.29 && (kept.unrelated.change?.high ?? 1) < 0.002, `strength ${kept.strength}`);
  });

  it("puts full strength back where nothing would be left", async () => {
    const model = forgetful((b) => 40 * b ** 2);
    const { strength, unrelated } = await fitStrength(model, samples, samples, rule);
    assert.equal(strength, 1);
    assert.equal(model.b(), 1);
    assert.ok((unrelated.change?.value ?? 0) > 1);
  });
});
