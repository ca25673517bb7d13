// The look-up's fitted weights as arrays. Where they come from stands in lookupWeights.json ("provenance").
import fitted from "./lookupWeights.json" with { type: "json" };
import type { MixtureWeights } from "./lexemePredictor.ts";

/** The weights that ship. */
export function fittedWeights(): MixtureWeights {
  return {
    sources: Float32Array.from(fitted.sources), escapes: Float32Array.from(fitted.escapes),
    extras: Float32Array.from(fitted.extras), escapeBias: Float32Array.from(fitted.escapeBias),
  };
}
