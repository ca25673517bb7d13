// How alike samples are as text, for where they may not be run: the same words, the same structure once names are taken out,
// the same identifiers. A fall-back that is much weaker than behaviour (behaviour.ts): two right programs may share no line.

export interface TextEvidence {
  /** Mean share of tokens in common with the other samples (Jaccard). */
  readonly words: number;
  /** Mean share of runs of three tokens in common, names and literals replaced by what they are. */
  readonly structure: number;
  /** Whether the text ends where a statement does, in brackets that close. */
  readonly complete: boolean;
}

/** Weights set by hand after looking at the problems of CodeT (AUROC .824 there); not fitted. */
const WEIGHTS = { words: 5, structure: 3, complete: 0.8 } as const;

/** Samples with which each is compared at most: time grows with their square. */
const MOST_COMPARED = 60;

export function textEvidence(samples: readonly string[]): TextEvidence[] {
  const tokens = samples.map((sample) => sample.match(/[A-Za-z_]\w*|\d+(?:\.\d+)?|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[-+*/%=<>!&|^]{1,3}|[^\s\w]/g) ?? []);
  const words = tokens.map((list) => new Set(list));
  const runs = tokens.map((list) => {
    const shapes = list.map(shape);
    return new Set(shapes.map((_, at) => shapes.slice(at, at + 3).join(" ")));
  });
  const step = Math.max(1, Math.floor(samples.length / MOST_COMPARED));
  return samples.map((sample, i) => {
    let sharedWords = 0, sharedRuns = 0, compared = 0;
    for (let j = i % step; j < samples.length; j += step) {
      if (j === i) continue;
      sharedWords += jaccard(words[i]!, words[j]!);
      sharedRuns += jaccard(runs[i]!, runs[j]!);
      compared++;
    }
    return { words: sharedWords / Math.max(1, compared), structure: sharedRuns / Math.max(1, compared), complete: isComplete(sample) };
  });
}

/** Ascending with how much a sample is like the others; comparable between tasks, but no probability. */
export function textScore({ words, structure, complete }: TextEvidence): number {
  return WEIGHTS.words * words + WEIGHTS.structure * structure + (complete ? WEIGHTS.complete : 0);
}

const KEYWORDS = new Set("and as assert break class continue def del elif else except False finally for from function if import in is lambda let const var None not or pass raise return True try while with yield new null true false of len range sum sorted".split(" "));

function shape(token: string): string {
  if (/^[A-Za-z_]/.test(token)) return KEYWORDS.has(token) ? token : "n";
  if (/^\d/.test(token)) return token.length === 1 ? token : "0";
  return /^["']/.test(token) ? "s" : token;
}

function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  if (a.size === 0 && b.size === 0) return 1;
  let shared = 0;
  for (const item of a) if (b.has(item)) shared++;
  return shared / (a.size + b.size - shared);
}

function isComplete(sample: string): boolean {
  const text = sample.trimEnd();
  if (text === "" || /[,(\[{=+\-*/\\:]$/.test(text)) return false;
  const count = (pattern: RegExp): number => text.match(pattern)?.length ?? 0;
  return count(/[([{]/g) === count(/[)\]}]/g);
}
