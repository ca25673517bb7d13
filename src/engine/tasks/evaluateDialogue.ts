// Hands the dialogue room's tracker to the evaluation suite.
import { SchemaTracker } from "../dialogue/schemaTracker.ts";
import { evaluateDialogue } from "../evaluation/dialogue.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";

export function runDialogue(folder: string, hooks: EvaluationHooks): Promise<EvaluationResult> {
  return evaluateDialogue(folder, (services) => new SchemaTracker(services), hooks);
}
