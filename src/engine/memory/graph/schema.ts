// The tables of the memory graph. Migrations only ever grow at the end of the list; openDatabase applies what is missing.
import type { RoomSchema } from "../../base/database.ts";

export const MEMORY_GRAPH_SCHEMA: RoomSchema = {
  room: "memoryGraph",
  migrations: [
    `
    -- What happened, never changed afterwards. Ids are never reused: recall recognises new episodes by them.
    CREATE TABLE memoryNode (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      key TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      text TEXT NOT NULL,
      label TEXT NOT NULL,
      session TEXT NOT NULL,
      provenance TEXT NOT NULL,      -- JSON
      data TEXT NOT NULL,            -- JSON
      validFrom INTEGER NOT NULL,    -- when it became true, as it was known when it was recorded
      validTo INTEGER,
      learnedAt INTEGER NOT NULL,    -- when it was recorded
      terms BLOB NOT NULL            -- what recall looks for: hashes of stems (recall/terms.ts)
    ) STRICT;
    CREATE INDEX memoryNodeByKind ON memoryNode (kind, id);
    CREATE INDEX memoryNodeBySession ON memoryNode (session, id);
    CREATE INDEX memoryNodeByTime ON memoryNode (validFrom);

    -- What was learnt about an episode later. No row: nothing.
    CREATE TABLE memoryState (
      node INTEGER PRIMARY KEY REFERENCES memoryNode (id) ON DELETE CASCADE,
      endedAt INTEGER,               -- from when on it is not true
      invalidatedAt INTEGER,         -- when that was recorded
      invalidReason TEXT NOT NULL DEFAULT '',
      supersededBy INTEGER REFERENCES memoryNode (id) ON DELETE SET NULL,
      doubtedAt INTEGER,
      doubtedBecauseOf INTEGER REFERENCES memoryNode (id) ON DELETE SET NULL,
      uses INTEGER NOT NULL DEFAULT 0,
      lastUsedAt INTEGER,
      dismissals INTEGER NOT NULL DEFAULT 0,
      sightings INTEGER NOT NULL DEFAULT 0,
      pinned INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX memoryStateBySuccessor ON memoryState (supersededBy) WHERE supersededBy IS NOT NULL;
    CREATE INDEX memoryStateByDoubt ON memoryState (doubtedBecauseOf) WHERE doubtedBecauseOf IS NOT NULL;

    CREATE TABLE memoryEdge (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      type TEXT NOT NULL,
      source INTEGER NOT NULL REFERENCES memoryNode (id) ON DELETE CASCADE,
      target INTEGER NOT NULL REFERENCES memoryNode (id) ON DELETE CASCADE,
      weight REAL NOT NULL,
      validFrom INTEGER NOT NULL,
      validTo INTEGER,
      learnedAt INTEGER NOT NULL,
      invalidatedAt INTEGER
    ) STRICT;
    -- One edge of a type between two nodes at a time; one that ended may be followed by another.
    CREATE UNIQUE INDEX memoryEdgeOnce ON memoryEdge (source, target, type) WHERE validTo IS NULL;
    CREATE INDEX memoryEdgeBySource ON memoryEdge (source, type);
    CREATE INDEX memoryEdgeByTarget ON memoryEdge (target, type);

    CREATE TABLE memoryFact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    `,
  ],
};
