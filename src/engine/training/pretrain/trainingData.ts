// The folder of training data, as the corpus builder makes it: tokenizer.json, train.u16, heldout.u16 and heldout.json.
// It reads and checks them, and marks what is to be filled in; it cuts no windows (tokenStream.ts).
import { readFile } from "node:fs/promises";
import path from "node:path";
import { EngineError, errnoCode } from "../../base/errors.ts";
import { sha256File } from "../../base/files.ts";
import type { TokenizerFile } from "./exportGguf.ts";
import { readTokens } from "./tokenStream.ts";

/** A run of held-out tokens of one language. */
export interface HeldOutDocument {
  readonly language: string;
  /** First token and number of tokens in the held-out stream. */
  readonly start: number;
  readonly tokens: number;
}

export interface TrainingData {
  readonly tokenizer: TokenizerFile;
  readonly train: Uint16Array;
  readonly heldOut: Uint16Array;
  readonly documents: readonly HeldOutDocument[];
  /** SHA-256 of train.u16. */
  readonly hash: string;
}

/** Reads a data folder. Errors: `notFound` and `unreadable` (naming the file), `dataInvalid`. */
export async function readTrainingData(folder: string): Promise<TrainingData> {
  const tokenizer = (await readJson(path.join(folder, "tokenizer.json"))) as Partial<TokenizerFile>;
  if (!Array.isArray(tokenizer.tokens) || !Array.isArray(tokenizer.merges) || typeof tokenizer.special !== "object") {
    throw new EngineError("dataInvalid", `${path.join(folder, "tokenizer.json")} is not a tokenizer: tokens, merges and special are expected. Prepare the corpus again.`, { folder });
  }
  const nVocab = tokenizer.tokens.length;
  const heldOutInfo = (await readJson(path.join(folder, "heldout.json"))) as { documents?: HeldOutDocument[] };
  return {
    tokenizer: tokenizer as TokenizerFile,
    train: await readTokens(path.join(folder, "train.u16"), nVocab),
    heldOut: await readTokens(path.join(folder, "heldout.u16"), nVocab),
    documents: heldOutInfo.documents ?? [],
    hash: await sha256File(path.join(folder, "train.u16")),
  };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new EngineError("dataInvalid", `${file} is not valid JSON: ${error.message}. Prepare the corpus again.`, { file }, error);
    const missing = errnoCode(error) === "ENOENT";
    throw new EngineError(missing ? "notFound" : "unreadable", `${file} ${missing ? "does not exist" : "cannot be read"}. Prepare the corpus first, or name its folder.`, { file }, error);
  }
}

/**
 * Marks with 1 every token that a model should learn to fill in: those after `<|fim_middle|>` up to and including `<|end|>`
 * (or the end of the text).
 */
export function markFillIns(tokens: Uint16Array, special: TokenizerFile["special"]): Uint8Array {
  const marks = new Uint8Array(tokens.length);
  const middle = special["<|fim_middle|>"];
  const ends = new Set([special["<|end|>"], special["<|endoftext|>"]]);
  let inside = false;
  for (const [i, token] of tokens.entries()) {
    if (inside) marks[i] = 1;
    if (token === middle) inside = true;
    else if (ends.has(token)) inside = false;
  }
  return marks;
}

/** UTF-8 bytes of each token's text; 0 for special tokens. In the byte alphabet every character stands for one byte. */
export function bytesPerToken(tokenizer: TokenizerFile): Uint16Array {
  const special = new Set(Object.values(tokenizer.special));
  return Uint16Array.from(tokenizer.tokens, (token, id) => (special.has(id) ? 0 : Array.from(token).length));
}
