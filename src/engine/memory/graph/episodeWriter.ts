// Writes episodes and edges: scrubs, bounds, names and deduplicates them. Transactions are the caller's (memoryGraph.ts).
import type { StatementSync } from "../../base/database.ts";
import { EngineError } from "../../base/errors.ts";
import { sha256 } from "../../base/files.ts";
import { encodeTerms } from "../recall/terms.ts";
import { EPISODE_KINDS } from "./episode.ts";
import type { EdgeType, JsonObject, JsonValue, NewEdge, NewEpisode, Provenance, Stored } from "./episode.ts";
import { checkEdgeType, checkInterval, checkKind } from "./rows.ts";

/** Bounds, in characters; ours. A cell that prints 200 MB must not end up here. */
const TEXT_CHARACTERS = 32_000;
const LABEL_CHARACTERS = 1_000;
const DATA_CHARACTERS = 64_000;
const KNOWN_NAMES = 2_000;

/** A row of memoryNode without its id. */
export interface NodeRow {
  key: string;
  kind: string;
  text: string;
  label: string;
  session: string;
  provenance: string;
  data: string;
  validFrom: number;
  validTo: number | null;
  learnedAt: number;
}

export class EpisodeWriter {
  readonly #prepare: (sql: string) => StatementSync;
  readonly #scrub: (text: string) => string;
  readonly #now: () => number;
  readonly #names = new Map<string, string>();

  constructor(prepare: (sql: string) => StatementSync, scrub: (text: string) => string, now: () => number) {
    this.#prepare = prepare;
    this.#scrub = scrub;
    this.#now = now;
  }

  store(episode: NewEpisode): Stored {
    const { kind } = episode;
    checkKind(kind);
    if (typeof episode.text !== "string") throw new EngineError("badRequest", "An episode needs a text. Give what was said, run or decided.", {});
    const learnedAt = this.#now();
    const text = this.clean(episode.text, TEXT_CHARACTERS);
    const label = this.#cleanName(episode.label ?? "");
    const session = this.#cleanName(episode.session ?? "");
    const validFrom = episode.validFrom ?? learnedAt;
    const validTo = episode.validTo ?? null;
    checkInterval(validFrom, validTo);
    const row = {
      kind, text, label, session, validFrom, validTo, learnedAt,
      provenance: JSON.stringify(this.#provenance(episode.provenance)), data: this.#data(episode.data),
    };
    // Events are told apart by when and where; anything else is what it is called and what it says.
    const event = EPISODE_KINDS[kind].event;
    const identity = episode.identity !== undefined ? ["identity", this.clean(episode.identity, LABEL_CHARACTERS)] : ["content", label, text, ...(event ? [session, episode.validFrom ?? null] : [])];
    for (let again = 0; ; again++) {
      const key = `${kind}-${sha256(JSON.stringify([kind, ...identity, ...(again > 0 ? [again] : [])])).slice(0, 16)}`;
      if (this.insert({ key, ...row })) return { key, created: true };
      if (this.#holds(key)) {
        this.#prepare("INSERT INTO memoryState (node, sightings) SELECT id, 1 FROM memoryNode WHERE key = ? ON CONFLICT (node) DO UPDATE SET sightings = sightings + 1").run(key);
        return { key, created: false };
      }
      // The same was true before and ceased to be: that it is true again is something new.
    }
  }

  /** Writes a row as it is; false where its key is taken. */
  insert(row: NodeRow): boolean {
    const { key, kind, text, label, session, provenance, data, validFrom, validTo, learnedAt } = row;
    return this.#prepare(`INSERT INTO memoryNode (key, kind, text, label, session, provenance, data, validFrom, validTo, learnedAt, terms)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`)
      .run(key, kind, text, label, session, provenance, data, validFrom, validTo, learnedAt, encodeTerms(label, text)).changes > 0;
  }

  link(edge: NewEdge): boolean {
    const { type, source, target, weight = 1, validFrom = this.#now(), validTo = null } = edge;
    checkEdgeType(type);
    checkInterval(validFrom, validTo);
    if (!(weight > 0 && weight <= 1)) throw new EngineError("badRequest", `The weight of an edge is above 0 and at most 1, but is ${weight}.`, {});
    return this.insertEdge({ type, source, target, weight, validFrom, validTo, learnedAt: this.#now(), invalidatedAt: null });
  }

  insertEdge({ type, source, target, weight, validFrom, validTo, learnedAt, invalidatedAt }: Required<NewEdge> & { learnedAt: number; invalidatedAt: number | null }): boolean {
    return this.#prepare("INSERT INTO memoryEdge (type, source, target, weight, validFrom, validTo, learnedAt, invalidatedAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
      .run(type, this.idOf(source), this.idOf(target), weight, validFrom, validTo, learnedAt, invalidatedAt).changes > 0;
  }

  unlink(source: string, type: EdgeType, target: string, at: number): boolean {
    return this.#prepare("UPDATE memoryEdge SET validTo = max(validFrom, ?), invalidatedAt = ? WHERE source = ? AND type = ? AND target = ? AND validTo IS NULL")
      .run(at, this.#now(), this.idOf(source), type, this.idOf(target)).changes > 0;
  }

  /** Errors: `notFound`. */
  idOf(key: string): number {
    const row = this.#prepare("SELECT id FROM memoryNode WHERE key = ?").get(key) as { id: number } | undefined;
    if (!row) throw new EngineError("notFound", `Nothing is remembered under "${key}". It may have been forgotten; list what there is with "kalactica memory recall".`, { key });
    return row.id;
  }

  /** `text` scrubbed, bounded and in a form that the database gives back as it is. */
  clean(text: string, limit: number): string {
    if (text === "") return text;
    const whole = text.length <= limit ? text : `${text.slice(0, limit - 1).toWellFormed()}…`;
    return this.#scrub(whole.toWellFormed().replaceAll("\0", "\u{FFFD}"));
  }

  #holds(key: string): boolean {
    const row = this.#prepare("SELECT s.invalidatedAt AS ended FROM memoryNode m LEFT JOIN memoryState s ON s.node = m.id WHERE m.key = ?").get(key) as { ended: number | null };
    return row.ended === null;
  }

  /** Labels and threads come again and again: scrubbing them is most of the work of a short episode. */
  #cleanName(name: string): string {
    let clean = this.#names.get(name);
    if (clean === undefined) {
      clean = this.clean(name, LABEL_CHARACTERS);
      if (this.#names.size >= KNOWN_NAMES) this.#names.clear();
      this.#names.set(name, clean);
    }
    return clean;
  }

  #provenance({ by, reference }: Provenance): Provenance {
    if (typeof by !== "string" || !/^[a-zA-Z]{1,20}$/.test(by)) throw new EngineError("badRequest", "An episode needs its provenance: by whom or what it became known.", {});
    return { by, ...(reference === undefined ? {} : { reference: this.clean(reference, LABEL_CHARACTERS) }) };
  }

  #data(data: JsonObject | undefined): string {
    if (data === undefined) return "{}";
    const text = JSON.stringify(this.cleanJson(data));
    if (text.length > DATA_CHARACTERS) throw new EngineError("badRequest", `The data of an episode is ${text.length} characters of JSON, but at most ${DATA_CHARACTERS} are kept. Shorten it.`, {});
    return text;
  }

  /** Every text in `value`, however deep, as {@link clean} gives it. */
  cleanJson(value: JsonValue): JsonValue {
    if (typeof value === "string") return this.clean(value, TEXT_CHARACTERS);
    if (Array.isArray(value)) return value.map((entry: JsonValue) => this.cleanJson(entry));
    if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined).map(([name, entry]) => [name, this.cleanJson(entry)]));
    return value;
  }
}
