// The memory of one workspace as a graph in its database: immutable episodes, typed edges, and for both when they were true and
// when that was learnt. This is what other rooms are given; each operation is one transaction, so that a killed process leaves
// either all or nothing of it. What is recalled for a question is ../recall/'s, what is worth remembering the tasks'.
import { inTransaction } from "../../base/database.ts";
import type { DatabaseSync, StatementSync } from "../../base/database.ts";
import { TERMS_VERSION, encodeTerms } from "../recall/terms.ts";
import { consolidate } from "./consolidation.ts";
import type { ConsolidationReport } from "./consolidation.ts";
import type { Edge, EdgeType, Episode, EpisodeFilter, EpisodeKind, MemoryCounts, Neighbour, NewEdge, NewEpisode, Stored } from "./episode.ts";
import { EpisodeWriter } from "./episodeWriter.ts";
import { forget } from "./forgetting.ts";
import type { ForgetReport } from "./forgetting.ts";
import { EPISODE_COLUMNS, EPISODE_TABLES, edgeOf, episodeOf } from "./rows.ts";
import type { EpisodeRow } from "./rows.ts";
import { GraphTransfer } from "./transfer.ts";
import type { ImportReport } from "./transfer.ts";
import { neighboursOf, pathBetween } from "./traversal.ts";
import type { NeighbourOptions, PathOptions, PathStep } from "./traversal.ts";
import { Validity } from "./validity.ts";
import type { InvalidateOptions } from "./validity.ts";

export interface MemoryGraphOptions {
  /** Takes secrets and personal data out of text; it runs before anything is written. */
  scrub: (text: string) => string;
  /** ms since 1970. Default: Date.now. */
  now?: () => number;
}

const DEFAULT_LIMIT = 100;
const MOST_ROWS = 10_000;

export class MemoryGraph {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #writer: EpisodeWriter;
  readonly #validity: Validity;
  readonly #transfer: GraphTransfer;
  readonly now: () => number;

  /** `database` has been opened with MEMORY_GRAPH_SCHEMA. */
  constructor(database: DatabaseSync, { scrub, now = Date.now }: MemoryGraphOptions) {
    this.#database = database;
    this.now = now;
    // What is deleted is overwritten with zeros, so that forgetting means gone.
    database.exec("PRAGMA secure_delete = ON");
    this.#writer = new EpisodeWriter((sql) => this.#prepare(sql), scrub, now);
    this.#validity = new Validity((sql) => this.#prepare(sql), now);
    this.#transfer = new GraphTransfer((sql) => this.#prepare(sql), this.#writer);
    this.#renewTerms();
  }

  /** Runs `work` as one transaction; within one that runs already, as a part of it. */
  batch<T>(work: () => T): T {
    return this.#database.isTransaction ? work() : inTransaction(this.#database, work);
  }

  /** Stores an episode, or counts a sighting of the one that is there already. Errors: `badRequest`. */
  store(episode: NewEpisode): Stored {
    return this.batch(() => this.#writer.store(episode));
  }

  /** Stores many at once; `edges` may name their keys in the order given. One transaction. */
  storeMany(episodes: Iterable<NewEpisode>, edges?: (keys: readonly string[]) => Iterable<NewEdge>): Stored[] {
    return this.batch(() => {
      const stored = Array.from(episodes, (episode) => this.#writer.store(episode));
      if (edges) for (const edge of edges(stored.map(({ key }) => key))) this.#writer.link(edge);
      return stored;
    });
  }

  /** Adds an edge; one that is there already stays. True where it is new. Errors: `notFound` for an end that is not there. */
  link(edge: NewEdge): boolean {
    return this.batch(() => this.#writer.link(edge));
  }

  linkMany(edges: Iterable<NewEdge>): void {
    this.batch(() => {
      for (const edge of edges) this.#writer.link(edge);
    });
  }

  /** Ends an edge at `at` (default: now); it stays as history. */
  unlink(source: string, type: EdgeType, target: string, at = this.now()): boolean {
    return this.batch(() => this.#writer.unlink(source, type, target, at));
  }

  get(key: string): Episode | null {
    const row = this.#prepare(`SELECT ${EPISODE_COLUMNS} FROM ${EPISODE_TABLES} WHERE m.key = ?`).get(key);
    return row ? episodeOf(row as unknown as EpisodeRow) : null;
  }

  /** Episodes by what they are, newest recorded first. */
  retrieve(filter: EpisodeFilter = {}): Episode[] {
    const { where, values } = conditions(filter);
    const limit = Math.max(1, Math.min(MOST_ROWS, filter.limit ?? DEFAULT_LIMIT));
    const rows = this.#prepare(`SELECT ${EPISODE_COLUMNS} FROM ${EPISODE_TABLES} ${where} ORDER BY m.id DESC LIMIT ?`).all(...values, limit);
    return (rows as unknown as EpisodeRow[]).map(episodeOf);
  }

  /**
   * What was true at `time`. `knownAt`: as the memory knew it then (default: as it is known now), so that what was recorded
   * later, and ends that were learnt later, do not count.
   */
  at(time: number, { knownAt = Infinity, kinds, limit = DEFAULT_LIMIT }: { knownAt?: number; kinds?: readonly EpisodeKind[]; limit?: number } = {}): Episode[] {
    const known = Math.min(knownAt, Number.MAX_SAFE_INTEGER);
    const rows = this.#prepare(`SELECT ${EPISODE_COLUMNS} FROM ${EPISODE_TABLES}
      WHERE m.learnedAt <= ?1 AND m.validFrom <= ?2
        AND coalesce(CASE WHEN s.invalidatedAt <= ?1 THEN s.endedAt END, m.validTo, ?2 + 1) > ?2
        AND (?3 = '' OR instr(?3, ',' || m.kind || ',') > 0)
      ORDER BY m.id DESC LIMIT ?4`).all(known, time, kinds ? `,${kinds.join(",")},` : "", Math.max(1, Math.min(MOST_ROWS, limit)));
    return (rows as unknown as EpisodeRow[]).map(episodeOf);
  }

  /** Episodes one edge away, strongest edge first. */
  neighbours(key: string, options: NeighbourOptions = {}): Neighbour[] {
    return neighboursOf((sql) => this.#prepare(sql), key, options);
  }

  /** A shortest way from one episode to another along edges in either direction; null where there is none within the bounds. */
  path(from: string, to: string, options: PathOptions = {}): PathStep[] | null {
    return pathBetween((sql) => this.#prepare(sql), (key) => this.get(key), from, to, options);
  }

  /** Edges between episodes of one thread or any, in the order of storing; for views. */
  edges({ types, limit = 1_000 }: { types?: readonly EdgeType[]; limit?: number } = {}): Edge[] {
    const rows = this.#prepare(`SELECT e.type, a.key AS source, b.key AS target, e.weight, e.validFrom, e.validTo, e.learnedAt, e.invalidatedAt
      FROM memoryEdge e JOIN memoryNode a ON a.id = e.source JOIN memoryNode b ON b.id = e.target
      WHERE ?1 = '' OR instr(?1, ',' || e.type || ',') > 0 ORDER BY e.id DESC LIMIT ?2`).all(types ? `,${types.join(",")},` : "", limit);
    return rows.map((row) => edgeOf(row));
  }

  /** The thread's neighbours of an episode in the order of storing, itself in its place. */
  around(key: string, before: number, after: number): Episode[] {
    const here = this.#prepare("SELECT id, session FROM memoryNode WHERE key = ?").get(key) as { id: number; session: string } | undefined;
    if (!here) return [];
    if (here.session === "") return [this.get(key)].filter((episode) => episode !== null);
    const earlier = this.#prepare(`SELECT ${EPISODE_COLUMNS} FROM ${EPISODE_TABLES} WHERE m.session = ? AND m.id < ? ORDER BY m.id DESC LIMIT ?`).all(here.session, here.id, before);
    const later = this.#prepare(`SELECT ${EPISODE_COLUMNS} FROM ${EPISODE_TABLES} WHERE m.session = ? AND m.id >= ? ORDER BY m.id LIMIT ?`).all(here.session, here.id, after + 1);
    return ([...earlier.reverse(), ...later] as unknown as EpisodeRow[]).map(episodeOf);
  }

  /**
   * Stores what takes the place of `key`, ends that one where the new one begins, and marks what rested on it as doubtful.
   * The same content again changes nothing. Errors: `notFound`.
   */
  supersede(key: string, successor: NewEpisode): Stored {
    return this.batch(() => {
      const old = this.#writer.idOf(key);
      const validFrom = successor.validFrom ?? this.now();
      const stored = this.#writer.store({ ...successor, validFrom });
      if (stored.key === key) return stored;
      this.#writer.link({ type: "supersedes", source: stored.key, target: key, validFrom });
      this.#validity.invalidate(old, { at: validFrom, reason: "superseded" }, this.#writer.idOf(stored.key));
      return stored;
    });
  }

  /**
   * Records that an episode is not true any more (from `at` on), or never was (`retract`), and marks everything that depends on
   * it, directly or through others, as doubtful. Gives the keys of what was marked. Errors: `notFound`.
   */
  invalidate(key: string, options: InvalidateOptions = {}): string[] {
    return this.batch(() => this.#validity.invalidate(this.#writer.idOf(key), options));
  }

  /** Takes the doubt from an episode: it holds although what it rested on does not. Errors: `notFound`. */
  confirm(key: string): void {
    this.batch(() => this.#validity.confirm(this.#writer.idOf(key)));
  }

  /** Counts that an episode was used in an answer; what is used stays strong. */
  used(keys: Iterable<string>): void {
    this.batch(() => {
      for (const key of keys) this.#validity.used(key);
    });
  }

  /** The user did not want to see this: each time halves its strength. False where it is not there. */
  dismiss(key: string): boolean {
    return this.batch(() => this.#validity.dismiss(key));
  }

  /** Keeps an episode from fading and from being consolidated away. False where it is not there. */
  pin(key: string, pinned = true): boolean {
    return this.batch(() => this.#validity.pin(key, pinned));
  }

  /** Deletes episodes, what was drawn from them, and every trace of their text in the database files. */
  forget(keys: readonly string[]): ForgetReport {
    return forget(this.#database, (sql) => this.#prepare(sql), keys);
  }

  /** Folds what was repeated without change and removes the weakest beyond `maximumNodes`. Deterministic for the same `now`. */
  consolidate(options: { now?: number; maximumNodes?: number } = {}): ConsolidationReport {
    return this.batch(() => consolidate((sql) => this.#prepare(sql), { now: options.now ?? this.now(), ...(options.maximumNodes === undefined ? {} : { maximumNodes: options.maximumNodes }) }));
  }

  /** The whole memory as JSON Lines: a header, the episodes, the edges. */
  export(): Generator<string> {
    return this.#transfer.export();
  }

  /** Takes in what {@link export} gave: all of it or, on a bad line, nothing. What is there already stays. Errors: `dataInvalid`. */
  import(lines: Iterable<string>): ImportReport {
    return this.batch(() => this.#transfer.import(lines));
  }

  counts(): MemoryCounts {
    const count = (sql: string): number => (this.#prepare(sql).get() as { n: number }).n;
    const grouped = (sql: string): Record<string, number> => Object.fromEntries((this.#prepare(sql).all() as { name: string; n: number }[]).map(({ name, n }) => [name, n]));
    return {
      nodes: count("SELECT count(*) AS n FROM memoryNode"),
      edges: count("SELECT count(*) AS n FROM memoryEdge"),
      byKind: grouped("SELECT kind AS name, count(*) AS n FROM memoryNode GROUP BY kind"),
      byEdgeType: grouped("SELECT type AS name, count(*) AS n FROM memoryEdge GROUP BY type"),
      invalidated: count("SELECT count(*) AS n FROM memoryState WHERE invalidatedAt IS NOT NULL"),
      doubted: count("SELECT count(*) AS n FROM memoryState WHERE doubtedAt IS NOT NULL"),
      bytes: count("SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()"),
    };
  }

  /** Rows as recall reads them, from an id on; see ../recall/recallIndex.ts. */
  rowsFrom(id: number, limit: number): { id: number; kind: EpisodeKind; session: string; validFrom: number; terms: Uint8Array }[] {
    return this.#prepare("SELECT id, kind, session, validFrom, terms FROM memoryNode WHERE id > ? ORDER BY id LIMIT ?").all(id, limit) as never;
  }

  /** The episode of a row; null where it is gone. */
  byId(id: number): Episode | null {
    const row = this.#prepare(`SELECT ${EPISODE_COLUMNS} FROM ${EPISODE_TABLES} WHERE m.id = ?`).get(id);
    return row ? episodeOf(row as unknown as EpisodeRow) : null;
  }

  /** What was learnt of rows by id, for those that are there. One statement for all: a call each costs more than what it reads. */
  statesByIds(ids: readonly number[]): { id: number; invalidatedAt: number | null; doubtedAt: number | null; dismissals: number }[] {
    return this.#prepare(`SELECT m.id, s.invalidatedAt, s.doubtedAt, coalesce(s.dismissals, 0) AS dismissals
      FROM json_each(?) j JOIN memoryNode m ON m.id = j.value LEFT JOIN memoryState s ON s.node = m.id`).all(JSON.stringify(ids)) as never;
  }

  /** The texts of rows, for those that are there. */
  textsByIds(ids: readonly number[]): { id: number; text: string }[] {
    return this.#prepare("SELECT m.id, m.text FROM json_each(?) j JOIN memoryNode m ON m.id = j.value").all(JSON.stringify(ids)) as never;
  }

  /** Open edges from and to the rows of these ids, as ids; at most `limit`. */
  edgesOf(ids: readonly number[], limit: number): { source: number; target: number; type: EdgeType; weight: number }[] {
    return this.#prepare(`SELECT e.source, e.target, e.type, e.weight FROM json_each(?1) j JOIN memoryEdge e ON e.source = j.value WHERE e.validTo IS NULL
      UNION ALL SELECT e.source, e.target, e.type, e.weight FROM json_each(?1) j JOIN memoryEdge e ON e.target = j.value WHERE e.validTo IS NULL LIMIT ?2`).all(JSON.stringify(ids), limit) as never;
  }

  /** Stored hashes are those of the analysis that recall uses now. */
  #renewTerms(): void {
    const stored = this.#prepare("SELECT value FROM memoryFact WHERE name = 'termsVersion'").get() as { value: string } | undefined;
    if (stored?.value === TERMS_VERSION) return;
    this.batch(() => {
      const rows = this.#prepare("SELECT id, label, text FROM memoryNode WHERE id > ? ORDER BY id LIMIT 1000");
      const update = this.#prepare("UPDATE memoryNode SET terms = ? WHERE id = ?");
      for (let last = 0, page = rows.all(last); page.length > 0; page = rows.all(last)) {
        for (const { id, label, text } of page as { id: number; label: string; text: string }[]) {
          update.run(encodeTerms(label, text), id);
          last = id;
        }
      }
      this.#prepare("INSERT INTO memoryFact VALUES ('termsVersion', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value").run(TERMS_VERSION);
    });
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }
}

function conditions(filter: EpisodeFilter): { where: string; values: (string | number)[] } {
  const parts: string[] = [];
  const values: (string | number)[] = [];
  const add = (sql: string, ...more: (string | number)[]): void => {
    parts.push(sql);
    values.push(...more);
  };
  if (filter.kinds) add(`m.kind IN (${filter.kinds.map(() => "?").join(", ")})`, ...filter.kinds);
  if (filter.session !== undefined) add("m.session = ?", filter.session);
  if (filter.label !== undefined) add("m.label = ?", filter.label);
  if (filter.to !== undefined) add("m.validFrom < ?", filter.to);
  if (filter.from !== undefined) add("coalesce(s.endedAt, m.validTo, 9007199254740991) > ?", filter.from);
  if (filter.invalidated !== true) parts.push("s.invalidatedAt IS NULL");
  if (filter.contains !== undefined && filter.contains !== "") add("(instr(lower(m.text), lower(?)) > 0 OR instr(lower(m.label), lower(?)) > 0)", filter.contains, filter.contains);
  if (filter.before !== undefined) add("m.id < (SELECT id FROM memoryNode WHERE key = ?)", filter.before);
  return { where: parts.length === 0 ? "" : `WHERE ${parts.join(" AND ")}`, values };
}
