// Training data as one long stream of token ids (Uint16, little-endian), cut into windows that are visited in a seeded order.
// Every window is seen once per epoch; the position can be saved and restored exactly. It knows nothing of what tokens mean.
import { readFile } from "node:fs/promises";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { SeededRandom } from "../../base/random.ts";

/** Reads a stream of token ids. Errors: `notFound`, `unreadable`, `dataInvalid` (an odd number of bytes, or an id ≥ nVocab). */
export async function readTokens(file: string, nVocab: number): Promise<Uint16Array> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") throw new EngineError("notFound", `There is no token file ${file}. Prepare the corpus first, or name its folder.`, { file }, error);
    throw new EngineError("unreadable", `The token file ${file} cannot be read (${errnoCode(error) ?? "unknown error"}).`, { file }, error);
  }
  if (bytes.length % 2 !== 0) throw new EngineError("dataInvalid", `The token file ${file} has an odd number of bytes (${bytes.length}): it is cut off. Prepare the corpus again.`, { file });
  const tokens = new Uint16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  for (const [position, token] of tokens.entries()) {
    if (token >= nVocab) throw new EngineError("dataInvalid", `The token file ${file} holds token ${token} at position ${position}, but the vocabulary has ${nVocab} tokens. Prepare the corpus again with this tokenizer.`, { file, position, token });
  }
  return tokens;
}

/** Where a run stands in its data. */
export interface StreamPosition {
  readonly epoch: number;
  /** Windows of this epoch already taken. */
  readonly window: number;
}

export class TokenStream {
  readonly #tokens: Uint16Array;
  readonly #length: number;
  readonly #seed: number;
  #epoch = -1;
  #window = 0;
  readonly #endOfSample: number | undefined;
  #order = new Uint32Array(0);
  #offset = 0;

  /**
   * Windows have `length` tokens and the one that follows. Where `endOfSample` is given, a window moves on to the
   * first sample that starts in it, because prompts start there too; what it passes over mostly ends the window before.
   * Errors: `dataInvalid` where the stream is shorter than two windows.
   */
  constructor(tokens: Uint16Array, length: number, seed: number, endOfSample?: number) {
    if (tokens.length < 2 * length + 1) throw new EngineError("dataInvalid", `The training data have ${tokens.length} tokens, fewer than two windows of ${length}. Add data, or choose a shorter sequence.`);
    this.#tokens = tokens;
    this.#length = length;
    this.#seed = seed;
    this.#endOfSample = endOfSample;
    this.#startEpoch(0);
  }

  get position(): StreamPosition {
    return { epoch: this.#epoch, window: this.#window };
  }

  seek(position: StreamPosition): void {
    this.#startEpoch(position.epoch);
    this.#window = position.window;
  }

  /** Fills the next window's tokens and right next tokens into `tokens` and `labels`, from `at`; gives where it starts in the stream. */
  next(tokens: Int32Array, labels: Int32Array, at: number): number {
    if (this.#window >= this.#order.length) this.#startEpoch(this.#epoch + 1);
    const start = this.#aligned(this.#offset + (this.#order[this.#window++] ?? 0) * this.#length);
    for (let t = 0; t < this.#length; t++) {
      tokens[at + t] = this.#tokens[start + t] ?? 0;
      labels[at + t] = this.#tokens[start + t + 1] ?? 0;
    }
    return start;
  }

  /** The first sample start within a window's length from `start`, or `start` where there is none. */
  #aligned(start: number): number {
    if (this.#endOfSample === undefined) return start;
    const last = Math.min(start + this.#length, this.#tokens.length - this.#length - 1);
    for (let at = start; at < last; at++) if (at === 0 || this.#tokens[at - 1] === this.#endOfSample) return at;
    return start;
  }

  /** Each epoch cuts the stream at another place, so that no boundary falls always on the same token. */
  #startEpoch(epoch: number): void {
    if (epoch !== this.#epoch) {
      const random = new SeededRandom(this.#seed + 0x9e3779b9 * (epoch + 1));
      this.#offset = random.integer(this.#length);
      const nWindows = Math.floor((this.#tokens.length - 1 - this.#offset) / this.#length);
      this.#order = Uint32Array.from({ length: nWindows }, (_, i) => i);
      for (let i = nWindows - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        const held = this.#order[i] ?? 0;
        this.#order[i] = this.#order[j] ?? 0;
        this.#order[j] = held;
      }
      this.#epoch = epoch;
    }
    this.#window = 0;
  }
}
