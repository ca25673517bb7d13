// What completion remembers between requests: the look-up's texts, the cache, the outcomes, the work prepared ahead.
// It answers no request itself (tasks/completeCode.ts does) and reads no files: texts are handed in.
import type { DatabaseSync } from "../base/database.ts";
import type { CompletionOutcome } from "../protocol/types.ts";
import { throwIfCancelled } from "../base/errors.ts";
import { CompletionCache } from "./completionCache.ts";
import { Lookup } from "./lookup.ts";
import { fittedWeights } from "./lookupWeights.ts";
import { OutcomeStore, type Redact } from "./outcomes.ts";
import { WorkspaceTexts, WORKSPACE_LEXEMES, type WorkspaceText } from "./workspaceTexts.ts";

export interface CompletionSessionOptions {
  /** Where outcomes are kept; without one (the command line), they are not. */
  database?: DatabaseSync;
  /** Removes secrets before anything is stored. */
  redact?: Redact;
  /** Most lexemes of the workspace held in memory. */
  capacity?: number;
  /** Milliseconds without an edit after which an edited document enters the look-up. */
  settleMs?: number;
}

/** Files added between two breaths of the event loop, in milliseconds of work. */
const sliceMs = 8;

/** One per workspace. */
export class CompletionSession {
  #texts: WorkspaceTexts;
  #lookup: Lookup;
  readonly cache = new CompletionCache();
  readonly outcomes: OutcomeStore | null;
  readonly #capacity: number;
  readonly #settleMs: number;
  /** Documents edited but not yet in the look-up; the caret's own text makes up for it meanwhile. */
  readonly #edited = new Map<string, WorkspaceText>();
  #settle: NodeJS.Timeout | null = null;
  #prepared: AbortController | null = null;
  #compaction: Promise<void> | null = null;
  #duringCompaction: { path: string; language: string; text: string | null }[] | null = null;

  constructor(options: CompletionSessionOptions = {}) {
    this.#capacity = options.capacity ?? WORKSPACE_LEXEMES;
    this.#settleMs = options.settleMs ?? 1_500;
    this.#texts = new WorkspaceTexts(this.#capacity);
    this.#lookup = new Lookup(this.#texts, fittedWeights());
    this.outcomes = options.database ? new OutcomeStore(options.database, options.redact ?? (() => null)) : null;
  }

  get lookup(): Lookup {
    return this.#lookup;
  }

  get texts(): WorkspaceTexts {
    return this.#texts;
  }

  /**
   * Takes in all texts of the workspace, breathing between files; replaces what was there only when done. Texts beyond
   * the memory's bound are left out: returns how many were taken and how many were left.
   */
  async load(texts: Iterable<WorkspaceText>, signal?: AbortSignal): Promise<{ taken: number; left: number }> {
    const fresh = new WorkspaceTexts(this.#capacity);
    let taken = 0;
    let left = 0;
    let sliceStart = performance.now();
    for (const text of texts) {
      if (fresh.set(text)) taken++;
      else left++;
      if (performance.now() - sliceStart > sliceMs) {
        await new Promise((resolve) => setImmediate(resolve));
        throwIfCancelled(signal);
        sliceStart = performance.now();
      }
    }
    this.#use(fresh);
    return { taken, left };
  }

  /** A text of the workspace was added or changed on disk. */
  textChanged(text: WorkspaceText): void {
    if (this.#edited.has(text.path)) return;
    this.#texts.set(text);
    this.#duringCompaction?.push(text);
    this.#compactWhenDue();
  }

  textRemoved(path: string): void {
    this.#edited.delete(path);
    this.#texts.remove(path);
    this.#duringCompaction?.push({ path, language: "", text: null });
    this.cache.forget(path);
  }

  /** A document was opened, edited or saved in the editor; it enters the look-up when the typing pauses. */
  documentTouched(document: WorkspaceText): void {
    this.#edited.set(document.path, document);
    if (this.#settle) clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.settle(), this.#settleMs);
    this.#settle.unref();
  }

  /** Takes in the edited documents now. */
  settle(): void {
    if (this.#settle) clearTimeout(this.#settle);
    this.#settle = null;
    for (const document of this.#edited.values()) {
      this.#texts.set(document);
      this.#duringCompaction?.push(document);
    }
    this.#edited.clear();
    this.#compactWhenDue();
  }

  /** Resolves when a compaction under way is done. */
  whenCompacted(): Promise<void> {
    return this.#compaction ?? Promise.resolve();
  }

  #compactWhenDue(): void {
    if (this.#compaction || !this.#texts.needsCompaction) return;
    this.#duringCompaction = [];
    this.#compaction = this.#compact().finally(() => {
      this.#compaction = null;
      this.#duringCompaction = null;
    });
  }

  /** Rebuilds the index without what was replaced, a few milliseconds at a time; changes made meanwhile are made again. */
  async #compact(): Promise<void> {
    const from = this.#texts;
    const steps = from.compacted();
    for (;;) {
      const sliceStart = performance.now();
      let step = steps.next();
      while (!step.done && performance.now() - sliceStart < sliceMs) step = steps.next();
      if (step.done) {
        // Loaded anew meanwhile: that is newer than this.
        if (this.#texts !== from) return;
        for (const change of this.#duringCompaction ?? []) {
          if (change.text === null) step.value.remove(change.path);
          else step.value.set({ path: change.path, language: change.language, text: change.text });
        }
        this.#use(step.value);
        return;
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #use(texts: WorkspaceTexts): void {
    this.#texts = texts;
    this.#lookup = new Lookup(texts, fittedWeights());
  }

  recordOutcome(outcome: CompletionOutcome): void {
    this.outcomes?.record(outcome);
  }

  /** Ends the work prepared ahead, if any, and returns the signal for the next. */
  prepareAhead(): AbortSignal {
    this.#prepared?.abort();
    this.#prepared = new AbortController();
    return this.#prepared.signal;
  }

  /** Something else than typing along happened: what is being prepared is no longer wanted. */
  cancelPrepared(): void {
    this.#prepared?.abort();
    this.#prepared = null;
  }

  dispose(): void {
    this.cancelPrepared();
    if (this.#settle) clearTimeout(this.#settle);
    this.#settle = null;
  }
}
