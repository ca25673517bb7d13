// What a suite of `kalactica evaluate` is to the command line.
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import type { CommandContext, OptionSpec } from "./command.ts";

export interface Suite {
  readonly summary: string;
  /** Whether --data must, may or cannot be given; "required" where absent. */
  readonly data?: "required" | "optional" | "none";
  readonly options?: Readonly<Record<string, OptionSpec>>;
  /** `data` is an absolute path, "" where none was given. */
  run(data: string, hooks: EvaluationHooks, context: CommandContext): Promise<EvaluationResult>;
}
