// The memory as JSON Lines and back. A header, then every episode in the order of storing with what was learnt of it, then every
// edge: what is exported from one memory and imported into an empty one is exported the same again, byte for byte.
import type { StatementSync } from "../../base/database.ts";
import { EngineError } from "../../base/errors.ts";
import type { Edge, Episode, JsonObject } from "./episode.ts";
import type { EpisodeWriter } from "./episodeWriter.ts";
import { checkEdgeType, checkInterval, checkKind, EDGE_COLUMNS, edgeOf, EPISODE_COLUMNS, EPISODE_TABLES, episodeOf } from "./rows.ts";
import type { EpisodeRow } from "./rows.ts";

const FORMAT = "kalactica-memory";
const VERSION = 1;
const KEY = /^[a-z]+-[0-9a-f]{16}$/;
const TEXT_CHARACTERS = 32_000;

export interface ImportReport {
  nodes: number;
  edges: number;
  /** Episodes and edges that were there already. */
  known: number;
}

/** An episode's line: when it was to end as recorded, and when it was found to have ended, told apart. */
type EpisodeLine = { type: "episode" } & Omit<Episode, "validTo"> & { validTo: number | null; endedAt: number | null };

export class GraphTransfer {
  readonly #prepare: (sql: string) => StatementSync;
  readonly #writer: EpisodeWriter;

  constructor(prepare: (sql: string) => StatementSync, writer: EpisodeWriter) {
    this.#prepare = prepare;
    this.#writer = writer;
  }

  *export(): Generator<string> {
    yield JSON.stringify({ type: FORMAT, version: VERSION });
    for (const row of this.#prepare(`SELECT ${EPISODE_COLUMNS}, m.validTo AS plannedEnd, s.endedAt FROM ${EPISODE_TABLES} ORDER BY m.id`).iterate()) {
      const { plannedEnd, endedAt, ...rest } = row as unknown as EpisodeRow & { plannedEnd: number | null; endedAt: number | null };
      yield JSON.stringify({ type: "episode", ...episodeOf(rest), validTo: plannedEnd, endedAt });
    }
    for (const row of this.#prepare(`SELECT ${EDGE_COLUMNS} FROM memoryEdge e ORDER BY e.id`).iterate()) {
      const { type, ...rest } = edgeOf(row);
      yield JSON.stringify({ type: "edge", edge: type, ...rest });
    }
  }

  import(lines: Iterable<string>): ImportReport {
    const report = { nodes: 0, edges: 0, known: 0 };
    const learnt: EpisodeLine[] = [];
    let line = 0;
    const bad = (found: string, expected: string): EngineError => new EngineError("dataInvalid", `Line ${line} of the memory file: ${found}; expected ${expected}. Nothing was imported.`, { line });
    for (const text of lines) {
      line++;
      if (text.trim() === "") continue;
      let value: Record<string, unknown>;
      try {
        value = JSON.parse(text) as Record<string, unknown>;
      } catch {
        throw bad("this is not JSON", "one object a line");
      }
      if (line === 1) {
        if (value["type"] !== FORMAT) throw bad("this is no memory file", `{"type": "${FORMAT}", "version": ${VERSION}} on the first line, as "kalactica memory export" writes it`);
        if (value["version"] !== VERSION) throw bad(`version ${String(value["version"])}`, `version ${VERSION}; update KaLactica to read a newer one`);
      } else if (value["type"] === "episode") {
        const episode = value as unknown as EpisodeLine;
        try {
          if (this.#importEpisode(episode)) {
            report.nodes++;
            learnt.push(episode);
          } else report.known++;
        } catch (error) {
          throw error instanceof EngineError ? bad(error.message, "a valid episode") : bad("fields are missing or of the wrong type", "an episode as exported");
        }
      } else if (value["type"] === "edge") {
        try {
          if (this.#importEdge(value as unknown as Edge & { edge: Edge["type"] })) report.edges++;
          else report.known++;
        } catch (error) {
          throw error instanceof EngineError ? bad(error.message, "a valid edge") : bad("fields are missing or of the wrong type", "an edge as exported");
        }
      } else throw bad(`a line of type ${JSON.stringify(value["type"])}`, "\"episode\" or \"edge\"");
    }
    if (line === 0) throw bad("the file is empty", "a memory file");
    for (const episode of learnt) this.#importState(episode);
    return report;
  }

  #importEpisode(episode: EpisodeLine): boolean {
    const { key, kind, text, label, session, provenance, data, validFrom, validTo, learnedAt } = episode;
    checkKind(kind);
    if (typeof key !== "string" || !KEY.test(key) || typeof text !== "string" || typeof label !== "string" || typeof session !== "string" || !Number.isSafeInteger(learnedAt)) throw new TypeError("episode");
    checkInterval(validFrom, validTo);
    // The file may have been written by anyone: it is scrubbed like everything else.
    const clean = (one: string): string => this.#writer.clean(one, TEXT_CHARACTERS);
    return this.#writer.insert({
      key, kind, text: clean(text), label: clean(label), session: clean(session), 
      provenance: JSON.stringify(this.#writer.cleanJson(object(provenance))), data: JSON.stringify(this.#writer.cleanJson(object(data))), validFrom, validTo, learnedAt,
    });
  }

  #importEdge({ edge: type, source, target, weight, validFrom, validTo, learnedAt, invalidatedAt }: Edge & { edge: Edge["type"] }): boolean {
    checkEdgeType(type);
    checkInterval(validFrom, validTo);
    if (typeof weight !== "number" || !Number.isSafeInteger(learnedAt)) throw new TypeError("edge");
    if (validTo !== null && this.#endedEdge(type, source, target, validFrom, validTo)) return false;
    return this.#writer.insertEdge({ type, source, target, weight, validFrom, validTo, learnedAt, invalidatedAt });
  }

  /** Edges that ended may stand several times between two nodes, so that the database's own uniqueness does not hold them off. */
  #endedEdge(type: string, source: string, target: string, from: number, to: number): boolean {
    return this.#prepare("SELECT 1 FROM memoryEdge WHERE type = ? AND source = ? AND target = ? AND validFrom = ? AND validTo = ?").get(type, this.#writer.idOf(source), this.#writer.idOf(target), from, to) !== undefined;
  }

  /** After all episodes are there, as one may name another that comes later. */
  #importState({ key, endedAt, invalidatedAt, invalidReason, supersededBy, doubtedAt, doubtedBecauseOf, uses, lastUsedAt, dismissals, sightings, pinned }: EpisodeLine): void {
    const untouched = endedAt === null && invalidatedAt === null && doubtedAt === null && uses === 0 && dismissals === 0 && sightings === 0 && !pinned && lastUsedAt === null;
    if (untouched) return;
    const idOf = (other: string | null): number | null => (other === null ? null : this.#writer.idOf(other));
    this.#prepare(`INSERT INTO memoryState (node, endedAt, invalidatedAt, invalidReason, supersededBy, doubtedAt, doubtedBecauseOf, uses, lastUsedAt, dismissals, sightings, pinned)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
      .run(this.#writer.idOf(key), endedAt, invalidatedAt, this.#writer.clean(invalidReason, TEXT_CHARACTERS), idOf(supersededBy), doubtedAt, idOf(doubtedBecauseOf), uses, lastUsedAt, dismissals, sightings, pinned ? 1 : 0);
  }
}

function object(value: unknown): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new TypeError("object");
  return value as JsonObject;
}
