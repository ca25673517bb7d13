// Hands the safety room's measures of agreement to their evaluation suite, with the sandbox to try samples in. Where nothing isolates
// on this machine, samples are compared as text only, and the settings of the result say so.
import { isCancelled } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { evaluateConsistency } from "../evaluation/consistency.ts";
import type { ConsistencyRow } from "../evaluation/consistency.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import { behaviourEvidence, behaviourScore, planBehaviour } from "../safety/consistency/behaviour.ts";
import { textEvidence, textScore } from "../safety/consistency/textAgreement.ts";
import { Sandbox } from "../sandbox/sandbox.ts";
import { tryBehaviours } from "./tryBehaviours.ts";

export async function runConsistency(data: string, hooks: EvaluationHooks, log: Log): Promise<EvaluationResult> {
  let why: string | undefined;
  const sandbox = await Sandbox.open({ log }).catch((error: unknown) => {
    if (isCancelled(error)) throw error;
    why = error instanceof Error ? error.message : String(error);
    return null;
  });
  try {
    return await evaluateConsistency(data, {
      methods: [...(sandbox ? ["behaviour"] : []), "text", "lexical", "length"],
      score: async (row, signal) => {
        const bodies = row.samples.map((sample) => functionPart(sample));
        const text = textEvidence(bodies);
        return {
          ...(sandbox ? { behaviour: await behaviourScores(sandbox, row, signal) } : {}),
          text: text.map(textScore), lexical: text.map(({ words }) => words), length: row.samples.map((sample) => -sample.length),
        };
      },
      settings: { execution: sandbox ? sandbox.isolation.name : "none", ...(why === undefined ? {} : { why }) },
    }, hooks);
  } finally {
    await sandbox?.close();
  }
}

async function behaviourScores(sandbox: Sandbox, row: ConsistencyRow, signal: AbortSignal | undefined): Promise<number[]> {
  const name = row.entry_point ?? [...row.prompt.matchAll(/^\s*def\s+(\w+)/gm)].at(-1)?.[1];
  if (name === undefined) return row.samples.map(() => 0);
  const programs = row.samples.map((sample) => programOf(row.prompt, sample, name));
  const plan = planBehaviour(row.prompt, row.samples, programs, name);
  return behaviourEvidence(plan, await tryBehaviours(sandbox, plan.request, signal)).map(behaviourScore);
}

/** The prompt continued by the sample's function; a sample that defines the function itself stands alone after the prompt's imports. */
function programOf(prompt: string, sample: string, name: string): string {
  const fenced = /```(?:python|py)?[^\n]*\n([\s\S]*?)(?:```|$)/.exec(sample)?.[1] ?? sample;
  if (new RegExp(`^def\\s+${name}\\b`, "m").test(fenced)) return `${prompt.slice(0, Math.max(0, prompt.search(/^(?:def|class|async def)\s/m)))}\n${fenced}`;
  return prompt + functionPart(fenced);
}

/** Up to where the function ends: a model that is not told when to stop goes on with tests and other functions. */
function functionPart(sample: string): string {
  const lines = sample.split("\n");
  const end = lines.findIndex((line, at) => at > 0 && /^\S/.test(line) && !/^[)\]}#]/.test(line));
  return (end < 0 || /^def\s/.test(sample) ? lines : lines.slice(0, end)).join("\n");
}
