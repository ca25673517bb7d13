// What stands in which field of a file and of its chunks, as stemmed words: the input of the field index.
// It neither stores nor scores.
import { porterStem } from "../../base/porterStemmer.ts";
import type { Chunk, ParsedFile } from "../chunking/parsedFile.ts";
import { indexWords } from "./analyzer.ts";

/**
 * Fields by their bit. The first two belong to the file as a whole, the others to a chunk; the body holds every word of the
 * chunk, so that a word that stands in a more telling field counts there besides.
 */
export const FIELDS = ["path", "base", "symbols", "signatures", "comments", "strings", "body"] as const;
export const N_FIELDS = FIELDS.length;
export const FIRST_CHUNK_FIELD = 2;

/** How often each word stands in each field: word → {@link N_FIELDS} counts. */
export type FieldCounts = Map<string, Uint16Array>;

export interface FileWords {
  /** Words of the path (without the base name's extension) and of the base name. */
  header: FieldCounts;
  chunks: FieldCounts[];
}

/** Stems met before: code repeats its words. Bounded. */
const stems = new Map<string, string>();

export function stemOf(word: string): string {
  let stem = stems.get(word);
  if (stem === undefined) {
    stem = porterStem(word);
    if (stems.size >= 100_000) stems.clear();
    stems.set(word, stem);
  }
  return stem;
}

/** The words of a file by field. Signatures are those of the symbols that begin in a chunk. */
export function fieldWords(path: string, parsed: Pick<ParsedFile, "chunks" | "symbols">): FileWords {
  const header: FieldCounts = new Map();
  const base = path.slice(path.lastIndexOf("/") + 1).replace(/\.\w+$/, "");
  count(header, path, 0);
  count(header, base, 1);
  const bySignature = [...parsed.symbols].sort((a, b) => a.startLine - b.startLine);
  let next = 0;
  const chunks = parsed.chunks.map((chunk) => {
    const signatures: string[] = [];
    for (; next < bySignature.length && (bySignature[next] as { startLine: number }).startLine <= chunk.endLine; next++) signatures.push((bySignature[next] as { signature: string }).signature);
    return chunkWords(chunk, signatures);
  });
  return { header, chunks };
}

function chunkWords(chunk: Chunk, signatures: readonly string[]): FieldCounts {
  const counts: FieldCounts = new Map();
  const text = chunk.source ?? chunk.text;
  count(counts, [...chunk.breadcrumb, ...chunk.names].join(" "), 2);
  for (const signature of signatures) count(counts, signature, 3);
  count(counts, chunk.comments, 4);
  for (const [literal] of text.matchAll(LITERAL)) count(counts, literal, 5);
  count(counts, text, 6);
  return counts;
}

/** String literals on one line; an apostrophe in prose may pass for one, which costs little. */
const LITERAL = /"(?:[^"\\\n]|\\.){2,300}"|'(?:[^'\\\n]|\\.){2,300}'|`(?:[^`\\\n]|\\.){2,300}`/g;

function count(counts: FieldCounts, text: string, field: number): void {
  for (const word of indexWords(text)) {
    const stem = stemOf(word);
    let entry = counts.get(stem);
    if (!entry) counts.set(stem, entry = new Uint16Array(N_FIELDS));
    entry[field] = Math.min(65_535, (entry[field] as number) + 1);
  }
}
