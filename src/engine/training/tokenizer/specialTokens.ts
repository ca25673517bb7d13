// The special tokens of the project's own base model. They stand for structure, never for text: encoding text
// cannot produce them. Does not define prompts (fimLayout.ts does).

/** In the order of their ids, 0–11. */
export const specialTokens = [
  "<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>", "<|repo_name|>",
  "<|file_sep|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<|pad|>",
] as const;

export type SpecialToken = (typeof specialTokens)[number];
