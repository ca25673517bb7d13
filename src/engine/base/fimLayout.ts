// The order of parts in an infill prompt of the project's own base model, as it was trained. Used by the corpus packer
// and by whoever builds prompts from raw tokens. Does not choose what the parts hold, and does not know other models.
//
//   (<|file_sep|>OTHER/PATH\n SNIPPET)*  <|file_sep|>PATH\n  <|fim_suffix|>SUFFIX  <|fim_prefix|>PREFIX  <|fim_middle|>  →  MIDDLE <|end|>
//
// Suffix first, since the prefix then grows at the end while the user types and everything before stays in the KV cache
// (and since the experiment of design/base-model.md found it better); it is the order of llama.cpp's `--spm-infill`.
// The marker stands after the prefix, so that the model knows where the cursor cuts through a token. One sample in ten
// was prefix first (`psm`), for tools that know only that.

/** GGUF metadata key by which a model says which order of parts it was trained on, and the value for this layout. */
export const infillLayoutKey = "kalactica.infill.layout";
export const infillLayout = "spm";

/** Ids of the special tokens the layout needs. */
export interface FimTokenIds {
  fileSeparator: number;
  prefix: number;
  suffix: number;
  middle: number;
}

export interface FimParts {
  /** Path of the file, relative to its repository, with `/`; undefined leaves the header out. */
  path?: string | undefined;
  /** Text before the cursor, best cut at the start of a line; trained up to about 300 tokens. */
  prefix: string;
  /** Text after the cursor, with the rest of its line; trained up to about 130 tokens. */
  suffix: string;
  /** Excerpts of other files, at most two were trained, about ten lines each; the best one last. */
  snippets?: readonly { path: string; text: string }[];
}

/**
 * Token ids of an infill prompt; the model then writes the middle and `<|end|>`. `encode` gives the ids of plain text
 * without special tokens. Each part is encoded by itself, as in training.
 */
export function fimPromptTokens(parts: FimParts, ids: FimTokenIds, encode: (text: string) => ArrayLike<number>, order: "spm" | "psm" = "spm"): number[] {
  const out: number[] = [];
  const add = (text: string): void => {
    if (text !== "") for (const id of Array.from(encode(text))) out.push(id);
  };
  for (const snippet of parts.snippets ?? []) {
    out.push(ids.fileSeparator);
    add(`${snippet.path}\n`);
    add(snippet.text);
  }
  if (parts.path !== undefined) {
    out.push(ids.fileSeparator);
    add(`${parts.path}\n`);
  }
  if (order === "psm") {
    out.push(ids.prefix);
    add(parts.prefix);
  }
  out.push(ids.suffix);
  add(parts.suffix);
  if (order === "spm") {
    out.push(ids.prefix);
    add(parts.prefix);
  }
  out.push(ids.middle);
  return out;
}
