// The infill (fill-in-the-middle) markers of the known code models, and in which order each model wants its parts.
// It does not tokenise and does not build prompts (infillPrompt.ts does).
import { infillLayoutKey } from "../base/fimLayout.ts";

/**
 * Order of the parts of an infill prompt; the model writes the middle at its end.
 * - `psm`: PREFIX prefix SUFFIX suffix MIDDLE
 * - `spm`: SUFFIX suffix PREFIX prefix [MIDDLE] — the growing prefix comes last, so that hardly anything is computed
 *   twice while the user types. The project's own base model (base/fimLayout.ts), and Codestral, which has no MIDDLE.
 * - `spmJoined`: PREFIX SUFFIX suffix MIDDLE prefix — the same advantage; prefix and middle are one text. Source:
 *   Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle", §3 ("SPM, variant 2"), which
 *   StarCoder and Granite were trained with on half of their infill examples.
 * - `prefix`: the prefix alone, for models without infill markers
 */
export type InfillLayout = "psm" | "spm" | "spmJoined" | "prefix";

/** The markers of one family of models, as the texts of their special tokens. */
export interface InfillMarkers {
  readonly family: string;
  readonly prefix: string;
  readonly suffix: string;
  /** Absent where the layout needs none. */
  readonly middle: string | null;
  /** Begins a file: marker, path, newline, text. Null: files are introduced by a comment line. */
  readonly file: string | null;
  readonly layout: InfillLayout;
  /** Lengths in tokens that the model was trained for; null where the context window is the only limit. */
  readonly limits: InfillLimits | null;
}

export interface InfillLimits {
  readonly prefix: number;
  readonly suffix: number;
  /** Files of context, and tokens of each. */
  readonly files: number;
  readonly fileTokens: number;
}

/** What the project's own base model saw in training; see base/fimLayout.ts and tools/base-model/samples.ts. */
const BASE_MODEL_LIMITS: InfillLimits = { prefix: 300, suffix: 130, files: 2, fileTokens: 160 };

/** Ordered so that the first family whose markers all stand in a vocabulary is the right one. */
export const INFILL_FAMILIES: readonly InfillMarkers[] = [
  // Qwen2.5-Coder technical report §3.2; the project's own base model uses the same texts, and says its layout itself.
  { family: "qwen", prefix: "<|fim_prefix|>", suffix: "<|fim_suffix|>", middle: "<|fim_middle|>", file: "<|file_sep|>", layout: "psm", limits: null },
  // StarCoder2 report §5 and Granite Code report §3.3: both orders, half each.
  { family: "starcoder2", prefix: "<fim_prefix>", suffix: "<fim_suffix>", middle: "<fim_middle>", file: "<file_sep>", layout: "spmJoined", limits: null },
  { family: "starcoder", prefix: "<fim_prefix>", suffix: "<fim_suffix>", middle: "<fim_middle>", file: "<filename>", layout: "spmJoined", limits: null },
  { family: "granite", prefix: "<fim_prefix>", suffix: "<fim_suffix>", middle: "<fim_middle>", file: null, layout: "spmJoined", limits: null },
  { family: "stable-code", prefix: "<fim-prefix>", suffix: "<fim-suffix>", middle: "<fim-middle>", file: null, layout: "psm", limits: null },
  // DeepSeek-Coder's README: begin, prefix, hole, suffix, end.
  { family: "deepseek", prefix: "<｜fim▁begin｜>", suffix: "<｜fim▁hole｜>", middle: "<｜fim▁end｜>", file: null, layout: "psm", limits: null },
  { family: "codegemma", prefix: "<|fim_prefix|>", suffix: "<|fim_suffix|>", middle: "<|fim_middle|>", file: "<|file_separator|>", layout: "psm", limits: null },
  { family: "qwen-without-files", prefix: "<|fim_prefix|>", suffix: "<|fim_suffix|>", middle: "<|fim_middle|>", file: null, layout: "psm", limits: null },
  { family: "codellama", prefix: "▁<PRE>", suffix: "▁<SUF>", middle: "▁<MID>", file: null, layout: "psm", limits: null },
  { family: "codellama", prefix: "<PRE>", suffix: "<SUF>", middle: "<MID>", file: null, layout: "psm", limits: null },
  { family: "glm", prefix: "<|code_prefix|>", suffix: "<|code_suffix|>", middle: "<|code_middle|>", file: null, layout: "psm", limits: null },
  { family: "falcon-coder", prefix: "<|prefix|>", suffix: "<|suffix|>", middle: "<|middle|>", file: null, layout: "psm", limits: null },
  // Codestral: mistral-common's InstructRequest for infill, "[SUFFIX]…[PREFIX]…".
  { family: "codestral", prefix: "[PREFIX]", suffix: "[SUFFIX]", middle: null, file: null, layout: "spm", limits: null },
];

/** The metadata key by which a model says its layout itself ("spm" or "psm"). */
export const LAYOUT_KEY = infillLayoutKey;

/** Texts of tokens that end a middle; those that the vocabulary does not have are ignored. */
export const END_MARKERS: readonly string[] = [
  "<|endoftext|>", "<|im_end|>", "<|end|>", "<|fim_pad|>", "<|file_sep|>", "<|repo_name|>", "<fim_pad>", "<file_sep>", "<|file_separator|>",
  "<EOT>", "▁<EOT>", "</s>", "<|eot_id|>", "<|end_of_text|>", "<eos>", "<end_of_turn>", "<｜end▁of▁sentence｜>", "<|EOT|>",
];

/**
 * The family whose markers `has` all knows, with the layout that the model declares where it declares one; null where
 * the vocabulary holds no family's markers. `declaredLayout` is the value of {@link LAYOUT_KEY}.
 */
export function findInfillMarkers(has: (text: string) => boolean, declaredLayout?: unknown): InfillMarkers | null {
  const family = INFILL_FAMILIES.find((f) => [f.prefix, f.suffix, f.middle, f.file].every((text) => text === null || has(text)));
  if (family === undefined) return null;
  return declaredLayout === "spm" || declaredLayout === "psm" ? { ...family, layout: declaredLayout, limits: BASE_MODEL_LIMITS } : family;
}
