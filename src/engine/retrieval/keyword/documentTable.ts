// The documents of the field index, in memory: which chunks belong to which file, how long each field is, which are alive.
// A file is one document for its path followed by one for each chunk. About 20 bytes a chunk. It holds no words.
import { FIRST_CHUNK_FIELD, N_FIELDS } from "./fieldWords.ts";

export class DocumentTable {
  nDocuments = 0;
  nFiles = 0;
  liveFiles = 0;
  liveChunks = 0;
  /** Sums of field lengths over live files; for fields of chunks also the sums over live chunks. */
  readonly lengthSums = new Float64Array(N_FIELDS);
  /** By document: the file's ordinal. */
  fileOf = new Int32Array(1024);
  /** By document and field: words, at most 65,535. */
  lengths = new Uint16Array(1024 * N_FIELDS);
  /** By file and field: words of all its chunks. */
  fileLengths = new Float32Array(256 * N_FIELDS);
  fileIds = new Float64Array(256);
  firstChunkIds = new Float64Array(256);
  firstDocuments = new Int32Array(256);
  chunkCounts = new Int32Array(256);
  alive = new Uint8Array(256);
  readonly #ordinals = new Map<number, number>();

  /** Adds a file; `lengths` has {@link N_FIELDS} numbers for the path and for each chunk. Returns its first document. */
  add(fileId: number, firstChunkId: number, lengths: readonly ArrayLike<number>[]): number {
    const first = this.nDocuments;
    const file = this.nFiles;
    this.#reserve(first + lengths.length, file + 1);
    this.nDocuments += lengths.length;
    this.nFiles++;
    this.fileIds[file] = fileId;
    this.firstChunkIds[file] = firstChunkId;
    this.firstDocuments[file] = first;
    this.chunkCounts[file] = lengths.length - 1;
    this.alive[file] = 1;
    this.#ordinals.set(fileId, file);
    for (const [i, row] of lengths.entries()) {
      this.fileOf[first + i] = file;
      for (let field = 0; field < N_FIELDS; field++) {
        const n = Math.min(65_535, row[field] as number);
        this.lengths[(first + i) * N_FIELDS + field] = n;
        this.fileLengths[file * N_FIELDS + field] = (this.fileLengths[file * N_FIELDS + field] as number) + n;
      }
    }
    this.#count(file, 1);
    return first;
  }

  /** Marks a file as gone; its documents are passed over from now on. */
  remove(fileId: number): void {
    const file = this.#ordinals.get(fileId);
    if (file === undefined || this.alive[file] === 0) return;
    this.alive[file] = 0;
    this.#ordinals.delete(fileId);
    this.#count(file, -1);
  }

  has(fileId: number): boolean {
    return this.#ordinals.has(fileId);
  }

  liveFileIds(): Iterable<number> {
    return this.#ordinals.keys();
  }

  /** The chunk that a document stands for; the document of a path stands for the file's first chunk. */
  chunkId(document: number): number {
    const file = this.fileOf[document] as number;
    return (this.firstChunkIds[file] as number) + Math.max(0, document - (this.firstDocuments[file] as number) - 1);
  }

  /** The document of a chunk; null where the file is not known, or has no such chunk. */
  documentOf(fileId: number, chunkId: number): number | null {
    const file = this.#ordinals.get(fileId);
    if (file === undefined) return null;
    const at = chunkId - (this.firstChunkIds[file] as number);
    return at >= 0 && at < (this.chunkCounts[file] as number) ? (this.firstDocuments[file] as number) + 1 + at : null;
  }

  /** Mean length of a field over the live documents (or files) that have it. */
  meanLength(field: number, of: "chunk" | "file"): number {
    const n = of === "chunk" && field >= FIRST_CHUNK_FIELD ? this.liveChunks : this.liveFiles;
    return n === 0 ? 1 : Math.max(0.1, (this.lengthSums[field] as number) / n);
  }

  #count(file: number, sign: 1 | -1): void {
    this.liveFiles += sign;
    this.liveChunks += sign * (this.chunkCounts[file] as number);
    for (let field = 0; field < N_FIELDS; field++) this.lengthSums[field] = (this.lengthSums[field] as number) + sign * (this.fileLengths[file * N_FIELDS + field] as number);
  }

  #reserve(documents: number, files: number): void {
    if (documents > this.fileOf.length) {
      const n = Math.max(documents, this.fileOf.length * 2);
      this.fileOf = grown(new Int32Array(n), this.fileOf);
      this.lengths = grown(new Uint16Array(n * N_FIELDS), this.lengths);
    }
    if (files > this.fileIds.length) {
      const n = Math.max(files, this.fileIds.length * 2);
      this.fileIds = grown(new Float64Array(n), this.fileIds);
      this.firstChunkIds = grown(new Float64Array(n), this.firstChunkIds);
      this.firstDocuments = grown(new Int32Array(n), this.firstDocuments);
      this.chunkCounts = grown(new Int32Array(n), this.chunkCounts);
      this.alive = grown(new Uint8Array(n), this.alive);
      this.fileLengths = grown(new Float32Array(n * N_FIELDS), this.fileLengths);
    }
  }
}

function grown<T extends { set(from: T): void }>(larger: T, smaller: T): T {
  larger.set(smaller);
  return larger;
}
