// The terms of all episodes in memory, read once from the graph and kept up with it: postings, lengths, neighbours in a thread.
// It counts and looks up; how a question is scored is bm25f.ts's and features.ts's business. About 40 bytes and 8 a term an episode.
import { EPISODE_KINDS } from "../graph/episode.ts";
import type { EpisodeKind } from "../graph/episode.ts";
import { decodeTerms } from "./terms.ts";

/** One row as the graph gives it. */
export interface IndexedRow {
  id: number;
  kind: EpisodeKind;
  session: string;
  validFrom: number;
  terms: Uint8Array;
}

/** Rows after an id, in the order of storing; fewer than `limit` where there are no more. */
export type RowSource = (afterId: number, limit: number) => readonly IndexedRow[];

/** So few that reading them between other work takes some milliseconds. */
const PAGE = 400;
const KINDS = Object.keys(EPISODE_KINDS) as EpisodeKind[];
const NONE = -1;

/** A list of numbers in one buffer that doubles. */
class Growing {
  values = new Uint32Array(4);
  length = 0;

  push(value: number): void {
    if (this.length === this.values.length) {
      const larger = new Uint32Array(this.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.length++] = value;
  }
}

/** Documents are numbered from 0 in the order of storing; terms in the order of their first appearance. */
export class RecallIndex {
  readonly #source: RowSource;
  #lastId = 0;
  readonly #vocabulary = new Map<number, number>();
  /** By term: documents in which it stands, each once; label hits apart. */
  readonly #postings: Growing[] = [];
  readonly #labelPostings: Growing[] = [];
  /** Terms of the bodies and of the labels, one document after another. */
  readonly #body = new Growing();
  readonly #label = new Growing();
  readonly #bodyStart: number[] = [0];
  readonly #labelStart: number[] = [0];
  readonly #sessions = new Map<string, number>();
  readonly #lastOfSession = new Map<string, number>();
  readonly ids: number[] = [];
  readonly times: number[] = [];
  readonly kinds: EpisodeKind[] = [];
  readonly sessions: number[] = [];
  /** Where a document stands in its thread, from 0. */
  readonly positions: number[] = [];
  readonly previous: number[] = [];
  readonly next: number[] = [];

  constructor(source: RowSource) {
    this.#source = source;
  }

  get size(): number {
    return this.ids.length;
  }

  get averageBody(): number {
    return this.size === 0 ? 1 : Math.max(1, this.#body.length / this.size);
  }

  /** Reads at most `pages` of what was stored since; true where nothing is left. */
  catchUp(pages = Infinity): boolean {
    for (let page = 0; page < pages; page++) {
      const rows = this.#source(this.#lastId, PAGE);
      for (const row of rows) this.#add(row);
      if (rows.length < PAGE) return true;
    }
    return false;
  }

  term(hash: number): number | undefined {
    return this.#vocabulary.get(hash);
  }

  /** Documents whose text has `term`, ascending. */
  documents(term: number): Uint32Array {
    const list = this.#postings[term];
    return list ? list.values.subarray(0, list.length) : new Uint32Array(0);
  }

  labelDocuments(term: number): Uint32Array {
    const list = this.#labelPostings[term];
    return list ? list.values.subarray(0, list.length) : new Uint32Array(0);
  }

  /** Terms of a document's text, in its order. */
  body(document: number): Uint32Array {
    return this.#body.values.subarray(this.#bodyStart[document], this.#bodyStart[document + 1]);
  }

  label(document: number): Uint32Array {
    return this.#label.values.subarray(this.#labelStart[document], this.#labelStart[document + 1]);
  }

  /** Robertson–Spärck Jones weight, never below 0 (Robertson & Zaragoza 2009, with 1 added inside the logarithm). */
  idf(term: number): number {
    const n = this.#postings[term]?.length ?? 0;
    return Math.log(1 + (this.size - n + 0.5) / (n + 0.5));
  }

  /** The document `steps` before (negative) or after (positive) in the thread, or -1. */
  neighbour(document: number, steps: number): number {
    const links = steps < 0 ? this.previous : this.next;
    let at = document;
    for (let i = Math.abs(steps); i > 0 && at !== NONE; i--) at = links[at] ?? NONE;
    return at;
  }

  #add({ id, kind, session, validFrom, terms }: IndexedRow): void {
    const document = this.size;
    const { label, body } = decodeTerms(terms);
    this.#lastId = id;
    this.ids.push(id);
    this.times.push(validFrom);
    this.kinds.push(KINDS.includes(kind) ? kind : "note");
    let number = this.#sessions.get(session);
    if (number === undefined) this.#sessions.set(session, number = this.#sessions.size);
    this.sessions.push(number);
    const before = session === "" ? undefined : this.#lastOfSession.get(session);
    this.previous.push(before ?? NONE);
    this.positions.push(before === undefined ? 0 : (this.positions[before] as number) + 1);
    this.next.push(NONE);
    if (before !== undefined) this.next[before] = document;
    this.#lastOfSession.set(session, document);
    this.#file(document, body, this.#body, this.#postings);
    this.#bodyStart.push(this.#body.length);
    this.#file(document, label, this.#label, this.#labelPostings);
    this.#labelStart.push(this.#label.length);
  }

  #file(document: number, hashes: Uint32Array, forward: Growing, postings: Growing[]): void {
    for (const hash of hashes) {
      let term = this.#vocabulary.get(hash);
      if (term === undefined) this.#vocabulary.set(hash, term = this.#vocabulary.size);
      forward.push(term);
      const list = postings[term] ??= new Growing();
      if (list.length === 0 || list.values[list.length - 1] !== document) list.push(document);
    }
  }
}
