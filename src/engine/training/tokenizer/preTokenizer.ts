// Splits text into the pieces within which byte pairs may merge, exactly as llama.cpp does for a GGUF whose
// tokenizer.ggml.pre is "starcoder": digits one by one, then GPT-2's pattern on what lies between.
// Does not merge.

// llama.cpp applies \p{N} first and GPT-2's pattern to each remaining segment, so a run of white space that a digit
// follows counts as one at the end of its segment: hence the alternative with the look-ahead for \p{N}.
// \p{White_Space} rather than \s: JavaScript's \s takes U+FEFF in and leaves U+0085 out.
const pieces =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?=\p{N}|$)|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/** The pieces of `text`, in order; joined they give `text`. */
export function preTokenize(text: string): string[] {
  return text.match(pieces) ?? [];
}
