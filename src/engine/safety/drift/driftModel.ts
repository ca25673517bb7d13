// What a workspace's own code of one language is like, and how far a snippet is from it, by one figure an aspect. Counts are
// kept by file, so that a file's own snippets are measured as if the file were not there. It knows no threshold (calibration.ts).
import { codeTokens } from "./codeTokens.ts";
import type { CodeToken } from "./codeTokens.ts";
import { NgramModel } from "./ngramModel.ts";
import type { FileCounts } from "./ngramModel.ts";
import { mergeStyles, styleDistances, styleOf } from "./style.ts";
import type { StyleSample } from "./style.ts";
import { layoutStream, lexicalStream, namesOf, wordBag } from "./tokenStreams.ts";
import { sortedCopy, upwardTransport } from "../transport/wasserstein1d.ts";

/** The aspects that are measured, each the larger the more foreign. */
export const ASPECTS = ["unknownNames", "unknownWords", "lexical", "surprisal", "cloud", "marks", "lineLength", "nameLength", "lineOrder", "layout", "structure"] as const;
/** Names and words no other file has (shares); words in common with the nearest file (one minus a cosine); surprisal and chunks of meaning (transport to the workspace's); quotes, spacing and
 * keywords, lengths of lines and names (1-Wasserstein distances); what follows what: lines, layout, syntax (mean bits). */
export type Aspect = (typeof ASPECTS)[number];
export type Measures = Readonly<Record<Aspect, number>>;

/** Of each node of a syntax tree, in document order: its parent, its sibling before it, and itself. */
export type Structure = readonly string[];

/** What is handed in, as this room knows neither grammars nor embedders; null where there is none. */
export interface DriftSenses {
  readonly structureOf: ((text: string, language: string) => Promise<Structure | null>) | null;
  readonly embed: ((texts: readonly string[]) => Promise<readonly Float32Array[]>) | null;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Quantiles that stand for the workspace's surprisal. */
const QUANTILES = 1000;
/** Points that stand for the workspace's chunks, and lines a chunk. */
const CLOUD_POINTS = 800;
const POINTS_A_FILE = 16;
const POINTS_A_DRAFT = 8;
export const CHUNK_LINES = 8;

interface KnownFile {
  readonly lexical: { readonly ids: Int32Array };
  readonly layout: { readonly ids: Int32Array };
  structure: { readonly ids: Int32Array } | null;
  readonly words: ReadonlyMap<string, number>;
  readonly style: StyleSample;
  readonly points: readonly Float32Array[];
  counts: { lexical: FileCounts; layout: FileCounts; structure: FileCounts | null } | null;
}

export class DriftModel {
  readonly language: string;
  readonly #senses: DriftSenses;
  readonly #lexical = new NgramModel(3);
  readonly #layout = new NgramModel(5);
  readonly #structure = new NgramModel(3);
  readonly #files = new Map<string, KnownFile>();
  /** Chunk points of all files, one after another, and where each file's begin. */
  #cloud: { values: Float64Array; files: readonly string[] } | null = null;
  /** Files that hold each word. */
  readonly #documents = new Map<string, number>();
  /** Lengths of the files' TF-IDF vectors, by the file that is left out. */
  readonly #lengths = new Map<KnownFile | undefined, Map<KnownFile, number>>();
  #style: StyleSample | null = null;
  #reference: Float64Array | null = null;

  constructor(language: string, senses: DriftSenses) {
    this.language = language;
    this.#senses = senses;
  }

  get fileCount(): number {
    return this.#files.size;
  }

  has(path: string): boolean {
    return this.#files.has(path);
  }

  async add(file: SourceFile): Promise<void> {
    const tokens = codeTokens(file.text, this.language);
    const words = wordBag(tokens);
    for (const word of words.keys()) this.#documents.set(word, (this.#documents.get(word) ?? 0) + 1);
    const structure = await this.#senses.structureOf?.(file.text, this.language) ?? null;
    this.#files.set(file.path, {
      lexical: this.#lexical.add(lexicalStream(tokens)), layout: this.#layout.add(layoutStream(tokens)),
      structure: structure && this.#structure.add(structure),
      words, style: styleOf(file.text, tokens), points: await this.#chunkPoints(file.text, POINTS_A_FILE), counts: null,
    });
    this.#style = null;
    this.#cloud = null;
    this.#lengths.clear();
  }

  /** Once all files are added: sets what surprisal is usual, from snippets of the files, each measured without its file. */
  setReference(snippets: readonly { readonly path: string; readonly text: string }[]): void {
    const lexical: number[] = [];
    for (const { path, text } of snippets) {
      lexical.push(...this.#lexical.surprisal(lexicalStream(codeTokens(text, this.language)), this.#countsOf(path)?.lexical));
    }
    this.#reference = quantiles(lexical);
  }

  /** Every aspect of `text`; `without` names the file that it was taken from. Needs {@link setReference}. */
  async measure(text: string, without?: string): Promise<Measures> {
    const file = without === undefined ? undefined : this.#files.get(without);
    const counts = without === undefined ? null : this.#countsOf(without);
    const tokens = codeTokens(text, this.language);
    const lexical = this.#lexical.surprisal(lexicalStream(tokens), counts?.lexical);
    const layout = this.#layout.surprisal(layoutStream(tokens), counts?.layout);
    const structure = await this.#senses.structureOf?.(text, this.language) ?? null;
    const { lineLength, nameLength, marks } = styleDistances(styleOf(text, tokens), this.#styleWithout(file));
    return {
      unknownNames: this.unknownNames(tokens, counts?.lexical).share,
      unknownWords: this.#unknownWords(tokens, file),
      lexical: this.#lexicalDistance(tokens, file),
      surprisal: this.#reference && lexical.length > 0 ? upwardTransport(sortedCopy(lexical), this.#reference) : 0,
      cloud: await this.#cloudDistance(text, without),
      marks, lineLength, nameLength,
      lineOrder: mean(layout.filter((_, at) => tokens[at]!.kind === "newline" || tokens[at - 1]?.kind === "newline")),
      layout: mean(layout),
      structure: structure && structure.length > 0 ? mean(this.#structure.surprisal(structure, counts?.structure ?? undefined)) : 0,
    };
  }

  /** Marks without the file's own; lengths of lines and names with them, as one file hardly moves their quantiles. */
  #styleWithout(file: KnownFile | undefined): StyleSample {
    const all = this.#style ??= mergeStyles([...this.#files.values()].map((known) => known.style));
    if (!file) return all;
    const marks = new Map(all.marks);
    for (const [mark, n] of file.style.marks) marks.set(mark, (marks.get(mark) ?? 0) - n);
    return { ...all, marks };
  }

  /** The names of a snippet that no other file of the workspace has, and their share. */
  unknownNames(tokens: readonly CodeToken[], without?: FileCounts): { readonly names: string[]; readonly share: number } {
    const names = namesOf(tokens);
    const unknown = names.filter((name) => this.#lexical.seen(name, without) <= 0);
    return { names: unknown, share: unknown.length / Math.max(1, names.length) };
  }

  /** The unknown names of code in order of appearance, for telling the user. */
  unknownNamesIn(text: string): string[] {
    return this.unknownNames(codeTokens(text, this.language)).names;
  }

  #unknownWords(tokens: readonly CodeToken[], file: KnownFile | undefined): number {
    const words = [...wordBag(tokens).keys()];
    const unknown = words.filter((word) => (this.#documents.get(word) ?? 0) <= (file?.words.has(word) ? 1 : 0));
    return unknown.length / Math.max(1, words.length);
  }

  /** One minus the cosine of TF-IDF vectors to the nearest file (Salton & Buckley 1988). */
  #lexicalDistance(tokens: readonly CodeToken[], file: KnownFile | undefined): number {
    // As if the file were not there in every respect: a word that only it has would else weigh less here than it does in a draft.
    const nFiles = this.#files.size - (file ? 1 : 0);
    const weigh = (word: string, count: number): number => (1 + Math.log(count)) * Math.log((nFiles + 1) / ((this.#documents.get(word) ?? 0) - (file?.words.has(word) ? 1 : 0) + 0.5));
    let lengths = this.#lengths.get(file);
    if (!lengths) this.#lengths.set(file, lengths = new Map<KnownFile, number>());
    const draft = [...wordBag(tokens)].map(([word, count]) => ({ word, weight: weigh(word, count) }));
    const length = Math.hypot(...draft.map(({ weight }) => weight));
    let nearest = 0;
    for (const other of this.#files.values()) {
      if (other === file) continue;
      let otherLength = lengths.get(other);
      if (otherLength === undefined) lengths.set(other, otherLength = Math.sqrt([...other.words].reduce((sum, [word, count]) => sum + weigh(word, count) ** 2, 0)));
      let product = 0;
      for (const { word, weight } of draft) {
        const count = other.words.get(word);
        if (count !== undefined) product += weight * weigh(word, count);
      }
      nearest = Math.max(nearest, product / (length * otherLength || 1));
    }
    return 1 - nearest;
  }

  /**
   * One-sided transport of the draft's chunks to the workspace's (pointCloud.ts, `freeTransport`): the mean chord to the nearest.
   * Written out over one array, as it is the dearest part of a measurement.
   */
  async #cloudDistance(text: string, without: string | undefined): Promise<number> {
    const drafts = await this.#chunkPoints(text, POINTS_A_DRAFT);
    const { values, files } = this.#cloud ??= this.#packCloud();
    if (drafts.length === 0 || files.length === 0) return 0;
    const dimension = values.length / files.length;
    let total = 0;
    for (const draft of drafts) {
      let best = -1;
      for (let row = 0, from = 0; row < files.length; row++, from += dimension) {
        if (files[row] === without) continue;
        let even = 0, odd = 0;
        for (let d = 0; d < dimension; d += 2) {
          even += draft[d]! * values[from + d]!;
          odd += draft[d + 1]! * values[from + d + 1]!;
        }
        if (even + odd > best) best = even + odd;
      }
      total += Math.sqrt(Math.max(0, 2 - 2 * best));
    }
    return total / drafts.length;
  }

  /** An even sample where files have more chunks than are kept. */
  #packCloud(): { values: Float64Array; files: readonly string[] } {
    const all = [...this.#files].flatMap(([path, file]) => file.points.map((point) => ({ path, point })));
    const step = Math.max(1, all.length / CLOUD_POINTS);
    const kept = Array.from({ length: Math.min(all.length, CLOUD_POINTS) }, (_, i) => all[Math.floor(i * step)]!);
    const dimension = kept[0]?.point.length ?? 0;
    const values = new Float64Array(kept.length * dimension);
    for (const [row, { point }] of kept.entries()) values.set(point, row * dimension);
    return { values, files: kept.map(({ path }) => path) };
  }

  async #chunkPoints(text: string, most: number): Promise<readonly Float32Array[]> {
    if (!this.#senses.embed) return [];
    const chunks = chunksOf(text);
    // Spread over the file where there are more than are kept.
    const step = Math.max(1, chunks.length / most);
    return this.#senses.embed(Array.from({ length: Math.min(chunks.length, Math.floor(most)) }, (_, i) => chunks[Math.floor(i * step)]!));
  }

  #countsOf(path: string): KnownFile["counts"] {
    const file = this.#files.get(path);
    if (!file) return null;
    return file.counts ??= {
      lexical: this.#lexical.countsOf(file.lexical), layout: this.#layout.countsOf(file.layout), structure: file.structure && this.#structure.countsOf(file.structure),
    };
  }

  /** Frees what only measuring without files needs. */
  forgetCounts(): void {
    for (const file of this.#files.values()) file.counts = null;
    this.#lengths.clear();
  }
}

/** Runs of lines that hold anything, half overlapping. */
export function chunksOf(text: string): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const chunks: string[] = [];
  for (let at = 0; at === 0 || at + CHUNK_LINES / 2 < lines.length; at += CHUNK_LINES / 2) chunks.push(lines.slice(at, at + CHUNK_LINES).join("\n"));
  return chunks;
}

function quantiles(values: readonly number[]): Float64Array {
  const sorted = sortedCopy(values);
  if (sorted.length <= QUANTILES) return sorted;
  return Float64Array.from({ length: QUANTILES }, (_, i) => sorted[Math.floor((i + 0.5) * sorted.length / QUANTILES)]!);
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return values.length === 0 ? 0 : sum / values.length;
}
