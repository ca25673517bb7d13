// The workspace as look-up material: which texts are in the index, replaced as they change, compacted when stale,
// bounded in memory. It does not read files: texts are handed in.
import path from "node:path";
import { ContextIndex } from "./contextIndex.ts";
import { lex, type LexedText } from "./lexer.ts";
import { isLineBreak, Lexicon } from "./lexicon.ts";

/** A text of the workspace. `path` is relative with forward slashes. */
export interface WorkspaceText {
  path: string;
  language: string;
  text: string;
}

interface KnownText {
  number: number;
  path: string;
  language: string;
  lexemes: number;
  /** Its first position in the index. */
  start: number;
}

/**
 * Most lexemes held. 1.5 million are about 5 MB of source (measured: 3.4 characters per lexeme with its spacing) and
 * about 150 MB here, which leaves most of the engine's 1 GB to the model and the search index.
 */
export const WORKSPACE_LEXEMES = 1_500_000;
const headBits = 19;

/** Longer texts are data or generated, and lexing them would hold up a keystroke; our choice. */
const longestText = 400_000;

/** Same folder and same language count more; our choice. */
const sameFolderWeight = 1.5;
const otherLanguageWeight = 0.35;

export class WorkspaceTexts {
  readonly lexicon: Lexicon;
  readonly #index: ContextIndex;
  readonly #capacity: number;
  readonly #known = new Map<string, KnownText>();
  readonly #paths: (KnownText | null)[] = [];
  #stale = 0;
  /** The weights last asked for, good until a text comes or goes. */
  #weights: { key: string; values: Float32Array } | null = null;

  constructor(capacity = WORKSPACE_LEXEMES, lexicon = new Lexicon()) {
    this.lexicon = lexicon;
    this.#capacity = capacity;
    this.#index = new ContextIndex(this.lexicon, capacity, headBits);
  }

  get index(): ContextIndex {
    return this.#index;
  }

  get texts(): number {
    return this.#known.size;
  }

  /** Bytes held, apart from the lexicon. */
  get bytes(): number {
    return this.#index.bytes;
  }

  /** Whether so much of the index was replaced, in share or for want of room, that {@link compacted} is due. */
  get needsCompaction(): boolean {
    const { length } = this.#index;
    return (this.#stale > 20_000 && this.#stale > 0.4 * length) || (length > 0.9 * this.#capacity && this.#stale > 0.1 * length);
  }

  /** Adds or replaces a text. Returns false where it is too long or the capacity is used up; the text is then left out. */
  set(text: WorkspaceText): boolean {
    this.remove(text.path);
    if (text.text.length > longestText) return false;
    return this.#take(text.path, text.language, lex(text.text, this.lexicon));
  }

  #take(filePath: string, language: string, lexed: LexedText): boolean {
    const lexemes = lexed.ids.length;
    if (this.#index.length + lexemes > this.#capacity) return false;
    const known: KnownText = { number: this.#paths.length, path: filePath, language, lexemes, start: this.#index.length };
    this.#paths.push(known);
    this.#weights = null;
    this.#index.add(known.number, lexed);
    this.#known.set(filePath, known);
    return true;
  }

  remove(filePath: string): void {
    const known = this.#known.get(filePath);
    if (!known) return;
    this.#known.delete(filePath);
    this.#weights = null;
    this.#paths[known.number] = null;
    this.#stale += known.lexemes;
  }

  /** The same texts without what was replaced, text by text so that the caller can breathe between them. */
  *compacted(): Generator<void, WorkspaceTexts> {
    const fresh = new WorkspaceTexts(this.#capacity, this.lexicon);
    for (const known of [...this.#known.values()]) {
      // Replaced or removed while the caller breathed: the caller brings changes in afterwards.
      if (this.#paths[known.number] !== known) continue;
      fresh.#take(known.path, known.language, this.#read(known));
      yield;
    }
    return fresh;
  }

  /** A text's lexemes as they stand in the index. */
  #read({ start, lexemes }: KnownText): LexedText {
    const ids = Array.from({ length: lexemes }, (_, i) => this.#index.lexeme(start + i));
    const lineStarts = ids.length > 0 ? [0] : [];
    for (const [i, id] of ids.entries()) if (isLineBreak(id) && i + 1 < ids.length) lineStarts.push(i + 1);
    return { ids, gaps: Array.from({ length: lexemes }, (_, i) => this.#index.gap(start + i)), lineStarts, lineIndents: [] };
  }

  /** Weight of each text when completing `filePath`: 0 for that file itself and for replaced ones. */
  weightsFor(filePath: string, language: string): Float32Array {
    const key = `${language} ${filePath}`;
    if (this.#weights?.key === key) return this.#weights.values;
    const folder = path.posix.dirname(filePath);
    const weights = new Float32Array(this.#paths.length);
    for (const [number, known] of this.#paths.entries()) {
      if (!known || known.path === filePath) continue;
      let weight = sameFamily(known.language, language) ? 1 : otherLanguageWeight;
      if (path.posix.dirname(known.path) === folder) weight *= sameFolderWeight;
      weights[number] = weight;
    }
    this.#weights = { key, values: weights };
    return weights;
  }
}

const families: Record<string, string> = {
  typescriptreact: "script", typescript: "script", javascript: "script", javascriptreact: "script", vue: "script", svelte: "script",
  c: "c", cpp: "c", "objective-c": "c", cuda: "c",
};

function sameFamily(a: string, b: string): boolean {
  return (families[a] ?? a) === (families[b] ?? b);
}
