// What the client asks of the checks outside of an answer: judge a block about to be used, keep and take back what the user
// allows. Also holds what checks of answers need beyond the text: fingerprints of files under other licences.
import type { Log } from "../base/log.ts";
import { isCancelled } from "../base/errors.ts";
import type { SafetyOverrides } from "../memory/safetyOverrides.ts";
import type { JudgedBlock, SafetyOverride } from "../protocol/safety.ts";
import { CopyIndex } from "../safety/copies/copyIndex.ts";
import type { CopySource } from "../safety/copies/copyIndex.ts";
import { judgeBlock } from "./checkAnswer.ts";
import type { AnswerScreens } from "./checkAnswer.ts";
import type { ProjectChecks } from "./checkDriftDesk.ts";

export interface SafetyDeskOptions {
  overrides: SafetyOverrides;
  /** All files of the workspace, or null where it is not indexed. */
  files: (() => Iterable<CopySource>) | null;
  /** Checks of code against the project; null where it is not indexed. */
  project: ProjectChecks | null;
  log: Log;
}

/** Fingerprints are read again after this long, where somebody asks. */
const COPIES_AGE_MS = 10 * 60_000;

export class SafetyDesk {
  readonly #options: SafetyDeskOptions;
  #copies: CopyIndex | null = null;
  #copiesAt = -Infinity;
  #reading = false;

  constructor(options: SafetyDeskOptions) {
    this.#options = options;
  }

  /** What an answer is checked with. Files under other licences are read behind it; the first answer may come without them. */
  screens(signal?: AbortSignal): AnswerScreens {
    this.#readCopies(signal);
    void this.#options.project?.prepare();
    const { overrides, project } = this.#options;
    const isAllowed = (key: string): boolean => overrides.isAllowed(key);
    return { copies: this.#copies, isAllowed, ...(project ? { project: (blocks, budgetMs) => project.check(blocks, isAllowed, budgetMs) } : {}) };
  }

  judge({ code, language }: { code: string; language: string }): Promise<JudgedBlock> {
    return judgeBlock({ code, language }, this.screens());
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
