// Which records made of feedback and notebooks a person has taken out of training, by the records' ids, whatever data set
// they come into. It knows nothing of the records themselves.
import type { DatabaseSync, RoomSchema } from "../base/database.ts";

export const TRAINING_REVIEW_SCHEMA: RoomSchema = {
  room: "trainingReview",
  migrations: ["CREATE TABLE trainingReview (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;"],
};

export class TrainingReview {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Ids of the records that are left out. */
  list(): Set<string> {
    return new Set(this.#database.prepare("SELECT id FROM trainingReview ORDER BY id").all().map((row) => row["id"] as string));
  }

  /** Takes records out; those that are out stay so. */
  exclude(ids: Iterable<string>, now = Date.now()): void {
    const insert = this.#database.prepare("INSERT OR IGNORE INTO trainingReview VALUES (?, ?)");
    for (const id of ids) insert.run(id, now);
  }

  /** Takes records back in. */
  include(ids: Iterable<string>): void {
    const remove = this.#database.prepare("DELETE FROM trainingReview WHERE id = ?");
    for (const id of ids) remove.run(id);
  }
}
