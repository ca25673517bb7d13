// Follows runs that trainers work on through their folders: new figures, new states, and a trainer that is gone. It looks every
// now and then, as that works for trainers of any process and on any file system; what is seen is judged by its hooks.
import { statSync } from "node:fs";
import type { Log } from "../base/log.ts";
import type { RunFigures } from "../protocol/training.ts";
import { JsonLinesFollower } from "./jsonLines.ts";
import type { RunRecord, RunStore } from "./runStore.ts";

export interface FollowerHooks {
  onFigures: (id: string, figures: RunFigures) => void;
  /** The state file is another one; null: it is gone. Whether to follow on. */
  onRecord: (id: string, record: RunRecord | null) => Promise<boolean>;
  /** Nothing changed since the last look. Whether to follow on. */
  onQuiet: (id: string) => Promise<boolean>;
}

interface Followed {
  figures: JsonLinesFollower<RunFigures>;
  /** Identity and time of the state file that was last reported. */
  stamp: string;
}

export class RunFollower {
  readonly #store: RunStore;
  readonly #everyMs: number;
  readonly #hooks: FollowerHooks;
  readonly #log: Log;
  readonly #followed = new Map<string, Followed>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(store: RunStore, everyMs: number, hooks: FollowerHooks, log: Log) {
    this.#store = store;
    this.#everyMs = everyMs;
    this.#hooks = hooks;
    this.#log = log;
  }

  /** Follows a run from now on; what was logged before is not reported. */
  follow(id: string): void {
    if (this.#closed) return;
    if (!this.#followed.has(id)) this.#followed.set(id, { figures: new JsonLinesFollower(this.#store.path(id, "log.jsonl"), true), stamp: "" });
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      this.#look().catch((error: unknown) => this.#log.warn("A training run could not be followed", { error: String(error) }));
    }, this.#everyMs);
  }

  forget(id: string): void {
    this.#followed.delete(id);
  }

  /** Reports figures that came since the last look. */
  report(id: string): void {
    for (const figures of this.#followed.get(id)?.figures.next() ?? []) this.#hooks.onFigures(id, figures);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    for (const [id, followed] of [...this.#followed]) {
      this.report(id);
      const stamp = stampOf(this.#store.path(id, "run.json"));
      const changed = stamp !== followed.stamp;
      followed.stamp = stamp;
      const on = changed ? await this.#hooks.onRecord(id, await this.#store.get(id).catch(() => null)) : await this.#hooks.onQuiet(id);
      if (!on && this.#followed.get(id) === followed) this.#followed.delete(id);
    }
    const [next] = this.#followed.keys();
    if (next !== undefined) this.follow(next);
  }
}

function stampOf(file: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(file);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return "gone";
  }
}
