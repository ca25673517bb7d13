// Texts that the model writes for a few held-out prompts, before training and at each validation, for people to look at.
import path from "node:path";
import { rm } from "node:fs/promises";
import { isCancelled } from "../../base/errors.ts";
import type { UnitStore } from "../samples/unitStore.ts";
import { spreadOver } from "./evaluate.ts";
import type { LoopParts } from "./loopParts.ts";

const MOST_TOKENS = 64;
/** Of a text without a prompt, this many tokens are shown to be gone on from. */
const OPENING_TOKENS = 48;

interface Prompt {
  readonly tokens: readonly number[];
  readonly reference: string;
}

/** Gives the function that writes and shows samples at a step; it does nothing where there is nothing to write with. */
export async function sampleShower(parts: Omit<LoopParts, "showSamples">, validation: UnitStore | null): Promise<(step: number) => Promise<void>> {
  const { options, config, model, hooks, stop, stopTokens } = parts;
  const { rollouts, tokenizer } = options;
  if (rollouts === undefined || validation === null || config.shownSamples === 0 || hooks.onSample === undefined) return () => Promise.resolve();
  const prompts: Prompt[] = [];
  for (const i of spreadOver(validation.count, config.shownSamples)) {
    const [sample] = (await validation.read(i)).samples;
    if (sample === undefined) continue;
    const learntFrom = sample.learnt.indexOf(1);
    const from = learntFrom === -1 ? sample.tokens.length : learntFrom > 1 ? learntFrom : Math.min(OPENING_TOKENS, sample.tokens.length >> 1);
    if (from > 0) prompts.push({ tokens: Array.from(sample.tokens.subarray(0, from)), reference: tokenizer.decodeText(Array.from(sample.tokens.subarray(from, from + MOST_TOKENS))) });
  }
  const write = async (adapterFile: string | null): Promise<string[]> => (await rollouts.generate(prompts.map((p) => p.tokens), {
    n: 1, temperature: 0, seed: config.seed, maxTokens: MOST_TOKENS, stopTokens, adapterFile, signal: stop,
  })).map((replies) => replies[0]?.text ?? "");
  let before: string[] | undefined;
  const show = async (step: number): Promise<void> => {
    before ??= await write(null);
    const { file } = await options.writeAdapter(path.join(options.runFolder, "rollouts"), model.adapter(), config.adapter);
    const after = await write(file);
    await rm(file, { force: true }).catch(() => undefined);
    for (const [i, { tokens, reference }] of prompts.entries()) {
      hooks.onSample?.({ step, prompt: tokenizer.decode(tokens), before: before[i] ?? "", after: after[i] ?? "", ...reference === "" ? {} : { reference } });
    }
  };
  let failed = false;
  return async (step) => {
    if (failed) return;
    try {
      await show(step);
    } catch (error) {
      // Texts are for looking at: a run goes on without them where there is no memory for a second copy of the model.
      if (isCancelled(error)) throw error;
      failed = true;
      hooks.onLog?.(`Texts before and after cannot be shown: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
}
