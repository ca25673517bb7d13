// What the base model says of samples (the adapter off): sums of log p over their learnt tokens, which DPO and KTO compare
// with. They never change, so each is computed once and kept on disk by the sample's content. A step's missing ones are
// computed together and appended as one line, so that a killed run, resumed, comes to the same numbers bit for bit.
import { createHash } from "node:crypto";
import { appendFile, readFile } from "node:fs/promises";
import { writeFailure } from "../../base/files.ts";
import type { AdaptedModel } from "../adaptedModel.ts";
import { sum } from "../losses/sft.ts";
import { learntOf, pack } from "../samples/pack.ts";
import type { TokenSample } from "../samples/tokenSample.ts";
import { BATCH_MULTIPLE } from "./computeStep.ts";

export class ReferenceCache {
  readonly #file: string;
  readonly #known = new Map<string, number>();

  private constructor(file: string) {
    this.#file = file;
  }

  /** Reads what was kept in `file`, which belongs to one base model; a torn last line, of a kill, is passed over. */
  static async open(file: string): Promise<ReferenceCache> {
    const cache = new ReferenceCache(file);
    const text = await readFile(file, "utf8").catch(() => "");
    for (const line of text.split("\n")) {
      try {
        for (const [key, value] of Object.entries(JSON.parse(line) as Record<string, number>)) cache.#known.set(key, value);
      } catch {
        // The torn line, or the empty one after the last; what it held is computed again.
      }
    }
    // What is appended must not join a torn line.
    if (text !== "" && !text.endsWith("\n")) await appendFile(file, "\n");
    return cache;
  }

  /** Sums of log p over the learnt tokens of each sample, the adapter off. Errors: `diskFull`, CancelledError, those of the model. */
  async sums(model: AdaptedModel, samples: readonly TokenSample[], signal?: AbortSignal): Promise<number[]> {
    const keys = samples.map(keyOf);
    const missing = [...new Map(keys.map((key, i) => [key, samples[i] as TokenSample])).entries()].filter(([key]) => !this.#known.has(key));
    if (missing.length > 0) {
      const found: Record<string, number> = {};
      for (const { batch, samples: placed } of pack(missing.map(([, sample]) => [sample]), model.maxTokens, BATCH_MULTIPLE)) {
        const values = await model.logProbabilities(batch, "off", signal);
        for (const at of placed) found[missing[at.unit]?.[0] ?? ""] = sum(learntOf(values, batch, at));
      }
      try {
        await appendFile(this.#file, `${JSON.stringify(found)}\n`);
      } catch (error) {
        throw writeFailure(this.#file, error);
      }
      for (const [key, value] of Object.entries(found)) this.#known.set(key, value);
    }
    return keys.map((key) => this.#known.get(key) ?? NaN);
  }
}

function keyOf({ tokens, learnt }: TokenSample): string {
  return createHash("sha256").update(new Uint8Array(tokens.buffer, tokens.byteOffset, tokens.byteLength)).update("|").update(learnt).digest("hex").slice(0, 32);
}
