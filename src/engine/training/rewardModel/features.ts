// What the reward model sees of a reply: its length, its style, how it relates to the prompt, and, where they are passed
// in, its likelihood under the base model and its embedding. Numbers only; it fits nothing.
import { SeededRandom } from "../../base/random.ts";
import type { TrainingPrompt } from "../../base/trainingRecord.ts";

export interface PromptAndReply {
  readonly prompt: TrainingPrompt;
  readonly reply: string;
}

/** Sources of features that need a model. Their ids are kept with a fitted model, which refuses others. */
export interface FeatureSources {
  /** Text embeddings, all of `dimension` numbers. */
  readonly embedding?: { readonly id: string; readonly dimension: number; embed(texts: readonly string[], signal?: AbortSignal): Promise<readonly Float32Array[]> };
  /** log p of the reply given the prompt under the base model, summed over its tokens. */
  readonly likelihood?: { readonly id: string; logProbability(prompt: TrainingPrompt, reply: string, signal?: AbortSignal): Promise<{ readonly sum: number; readonly tokens: number }> };
}

/** Embeddings are projected to this many numbers: feedback is scarce, and every feature must be paid for by it. Our choice. */
const EMBEDDING_FEATURES = 32;
const PROJECTION_SEED = 20_211;

/** The one feature of the baseline that a model must beat. */
export const LENGTH_FEATURE = "log length";

interface TextFeature {
  readonly name: string;
  readonly of: (reply: string, prompt: string) => number;
}

const TEXT_FEATURES: readonly TextFeature[] = [
  { name: LENGTH_FEATURE, of: (reply) => Math.log1p(reply.length) },
  { name: "lines", of: (reply) => Math.log1p(linesOf(reply).length) },
  { name: "longest line", of: (reply) => Math.log1p(Math.max(0, ...linesOf(reply).map((line) => line.length))) },
  { name: "share of code", of: (reply) => share(reply, fenced(reply)) },
  { name: "fenced blocks", of: (reply) => Math.log1p((reply.match(/^[ \t]*```/gm)?.length ?? 0) / 2) },
  { name: "list items", of: (reply) => Math.log1p(reply.match(/^\s*(?:[-*•]|\d+[.)])\s/gm)?.length ?? 0) },
  { name: "headings", of: (reply) => Math.log1p(reply.match(/^#{1,6}\s/gm)?.length ?? 0) },
  { name: "comment lines", of: (reply) => portion(linesOf(reply), (line) => /^\s*(?:#|\/\/|\/\*|\*|--)/.test(line)) },
  { name: "indented lines", of: (reply) => portion(linesOf(reply), (line) => /^\s{2,}\S/.test(line)) },
  { name: "repeated lines", of: (reply) => repeated(linesOf(reply).map((line) => line.trim()).filter((line) => line.length > 3)) },
  { name: "share of letters", of: (reply) => share(reply, reply.match(/\p{L}/gu)?.length ?? 0) },
  { name: "share of digits", of: (reply) => share(reply, reply.match(/\d/g)?.length ?? 0) },
  { name: "questions", of: (reply) => Math.log1p(reply.match(/\?/g)?.length ?? 0) },
  { name: "names cited", of: (reply) => Math.log1p(reply.match(/`[^`\n]+`|\b[\w/.-]+\.\w{1,4}:\d+|\[\d+\]/g)?.length ?? 0) },
  { name: "words from the prompt", of: (reply, prompt) => overlap(reply, prompt) },
  { name: "hedging", of: (reply) => Math.log1p(reply.match(/\b(?:may|might|perhaps|possibly|probably|sorry|unfortunately|cannot|not sure)\b/gi)?.length ?? 0) },
  { name: "unclosed brackets", of: (reply) => Math.log1p(unclosed(reply)) },
];

export function featureNames(sources: FeatureSources): string[] {
  const { embedding, likelihood } = sources;
  return [
    ...TEXT_FEATURES.map((feature) => feature.name),
    ...(likelihood ? ["log p per token", "log p in all"] : []),
    ...(embedding ? Array.from({ length: Math.min(EMBEDDING_FEATURES, embedding.dimension) }, (_, i) => `embedding ${i}`) : []),
  ];
}

/** Features of each item, `(nItems, nFeatures)` in the order of `featureNames`. */
export async function featuresOf(items: readonly PromptAndReply[], sources: FeatureSources, signal?: AbortSignal): Promise<Float64Array[]> {
  const embeddings = sources.embedding ? await sources.embedding.embed(items.map((item) => item.reply), signal) : [];
  const rows: Float64Array[] = [];
  for (const [i, { prompt, reply }] of items.entries()) {
    const text = promptText(prompt);
    const row = TEXT_FEATURES.map((feature) => feature.of(reply, text));
    if (sources.likelihood) {
      const { sum, tokens } = await sources.likelihood.logProbability(prompt, reply, signal);
      row.push(tokens === 0 ? 0 : sum / tokens, sum);
    }
    const embedding = embeddings[i];
    if (embedding !== undefined) row.push(...project(embedding));
    rows.push(Float64Array.from(row));
  }
  return rows;
}

/** A fixed random projection (Johnson & Lindenstrauss 1984), which keeps distances about as they are. */
function project(embedding: Float32Array): number[] {
  if (embedding.length <= EMBEDDING_FEATURES) return [...embedding];
  const n = embedding.length;
  let matrix = projections.get(n);
  if (matrix === undefined) {
    const random = new SeededRandom(PROJECTION_SEED);
    matrix = Float64Array.from({ length: n * EMBEDDING_FEATURES }, () => random.normal() / Math.sqrt(EMBEDDING_FEATURES));
    projections.set(n, matrix);
  }
  const rows = matrix;
  return Array.from({ length: EMBEDDING_FEATURES }, (_, row) => embedding.reduce((sum, value, i) => sum + value * (rows[row * n + i] as number), 0));
}

const projections = new Map<number, Float64Array>();

export function promptText(prompt: TrainingPrompt): string {
  switch (prompt.form) {
    case "text": return prompt.text;
    case "chat": return prompt.messages.map((message) => message.content).join("\n");
    case "infill": return `${prompt.prefix}\n${prompt.suffix}`;
  }
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line) => line.trim() !== "");
}

function share(text: string, part: number): number {
  return text.length === 0 ? 0 : part / text.length;
}

function portion(lines: readonly string[], is: (line: string) => boolean): number {
  return lines.length === 0 ? 0 : lines.filter(is).length / lines.length;
}

function fenced(text: string): number {
  let length = 0;
  for (const match of text.matchAll(/^[ \t]*```[^\n]*\n([\s\S]*?)(?:^[ \t]*```|(?![\s\S]))/gm)) length += match[1]?.length ?? 0;
  return length;
}

function repeated(lines: readonly string[]): number {
  return lines.length === 0 ? 0 : 1 - new Set(lines).size / lines.length;
}

/** Share of the reply's different words that the prompt has too. */
function overlap(reply: string, prompt: string): number {
  const words = new Set(reply.toLowerCase().match(/\w{3,}/g) ?? []);
  const known = new Set(prompt.toLowerCase().match(/\w{3,}/g) ?? []);
  return words.size === 0 ? 0 : [...words].filter((word) => known.has(word)).length / words.size;
}

function unclosed(text: string): number {
  let depth = 0;
  for (const character of text) {
    if ("([{".includes(character)) depth++;
    else if (")]}".includes(character)) depth--;
  }
  return Math.abs(depth);
}
