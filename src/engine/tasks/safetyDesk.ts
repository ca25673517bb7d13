// What the client asks of the checks outside of an answer: judge a block about to be used, keep and take back what the user
// allows. Also holds what checks of answers need beyond the text: fingerprints of files under other licences.
import type { Log } from "../base/log.ts";
import { isCancelled } from "../base/errors.ts";
import type { SafetyOverrides } from "../memory/safetyOverrides.ts";
import type { JudgedBlock, SafetyOverride } from "../protocol/safety.ts";
import { CopyIndex } from "../safety/copies/copyIndex.ts";
import type { CopySource } from "../safety/copies/copyIndex.ts";
import { NO_POLICY } from "../safety/policy.ts";
import type { Policy } from "../safety/policy.ts";
import { judgeBlock } from "./checkAnswer.ts";
import type { AnswerScreens } from "./checkAnswer.ts";
import type { ProjectChecks } from "./checkDriftDesk.ts";

export interface SafetyDeskOptions {
  overrides: SafetyOverrides;
  /** All files of the workspace, or null where it is not indexed. */
  files: (() => Iterable<CopySource>) | null;
  /** Checks of code against the project; null where it is not indexed. */
  project: ProjectChecks | null;
  /** The workspace's policy as its file stands now. */
  policy: () => Promise<{ policy: Policy; refused: readonly string[] }>;
  log: Log;
}

/** Fingerprints are read again after this long, where somebody asks. */
const COPIES_AGE_MS = 10 * 60_000;
/** The policy is read again for completions after this long. */
const POLICY_AGE_MS = 5_000;

export class SafetyDesk {
  readonly #options: SafetyDeskOptions;
  #copies: CopyIndex | null = null;
  #copiesAt = -Infinity;
  #reading = false;
  #refused = "";
  #policy: Policy = NO_POLICY;
  #policyAt = -Infinity;

  constructor(options: SafetyDeskOptions) {
    this.#options = options;
  }

  /** What an answer is checked with. Files under other licences are read behind it; the first answer may come without them. */
  async screens(signal?: AbortSignal): Promise<AnswerScreens> {
    const policy = await this.policy();
    this.#readCopies(signal);
    void this.#options.project?.prepare();
    const { overrides, project } = this.#options;
    const isAllowed = (key: string): boolean => overrides.isAllowed(key);
    return { copies: this.#copies, isAllowed, policy, ...(project ? { project: (blocks, budgetMs) => project.check(blocks, isAllowed, budgetMs) } : {}) };
  }

  async judge({ code, language }: { code: string; language: string }): Promise<JudgedBlock> {
    return judgeBlock({ code, language }, await this.screens());
  }

  /** The workspace's policy; what of it does not count is told once in the log. */
  async policy(): Promise<Policy> {
    const { policy, refused } = await this.#options.policy();
    const told = refused.join("\n");
    if (told !== this.#refused) for (const sentence of refused) this.#options.log.warn(sentence);
    this.#refused = told;
    this.#policy = policy;
    this.#policyAt = performance.now();
    return policy;
  }

  /** The same as it was read last, for those who cannot wait; read again behind them now and then. */
  lastPolicy(): Policy {
    if (performance.now() - this.#policyAt > POLICY_AGE_MS) {
      this.#policyAt = performance.now();
      this.policy().catch((error: unknown) => this.#options.log.warn("The policy could not be read", { error: String(error) }));
    }
    return this.#policy;
  }

  allow(override: Omit<SafetyOverride, "at">): null {
    this.#options.overrides.allow(override);
    if (override.check === "drift") this.#options.project?.accept(override.key);
    this.#options.log.info("A finding was allowed", { check: override.check, rule: override.rule });
    return null;
  }

  overrides(): SafetyOverride[] {
    return this.#options.overrides.list();
  }

  withdraw(keys: readonly string[]): null {
    this.#options.overrides.withdraw(keys);
    this.#options.project?.withdraw(keys);
    return null;
  }

  #readCopies(signal?: AbortSignal): void {
    const { files, log } = this.#options;
    if (!files || this.#reading || performance.now() - this.#copiesAt < COPIES_AGE_MS) return;
    this.#reading = true;
    CopyIndex.build(files, signal).then((index) => {
      this.#copies = index;
      this.#copiesAt = performance.now();
    }, (error: unknown) => {
      if (!isCancelled(error)) log.warn("Files under other licences could not be read", { error: String(error) });
    }).finally(() => { this.#reading = false; });
  }
}
