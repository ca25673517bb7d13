// Gathers what a report says about a data set while its records pass by, in bounded memory. It judges nothing.
import type { DatasetProblem, DatasetReport } from "../../protocol/training.ts";

/** Problems that a report lists; further ones are counted. */
export const LISTED_PROBLEMS = 100;
/** Distinct names (licences, languages) that are counted by themselves. */
const MAXIMUM_NAMES = 200;
const MAXIMUM_SENTENCE = 500;
/** Bounds of the histogram of lengths: powers of two from 32 characters to 16 million. */
const BOUNDS = Array.from({ length: 20 }, (_, i) => 32 * 2 ** i);
/** Quantiles are read from classes of 2 % width, so that a length is at most 2 % off. */
const CLASS_RATIO = Math.log(1.02);

export class ReportBuilder {
  read = 0;
  invalid = 0;
  exactDuplicates = 0;
  nearDuplicates = 0;
  leaked = 0;
  secretsRedacted = 0;
  personalDataRedacted = 0;
  readonly #encodings = new Map<string, number>();
  readonly #licences = new Map<string, number>();
  readonly #languages = new Map<string, number>();
  readonly #problems: DatasetProblem[] = [];
  #leftOut = 0;
  #kept = 0;
  #longest = 0;
  #characters = 0;
  #learnt = 0;
  readonly #classes: number[] = [];
  readonly #histogram = new Array<number>(BOUNDS.length + 1).fill(0);

  problem(problem: DatasetProblem): void {
    if (this.#problems.length >= LISTED_PROBLEMS) this.#leftOut++;
    else this.#problems.push({ ...problem, sentence: problem.sentence.slice(0, MAXIMUM_SENTENCE) });
  }

  get problems(): readonly DatasetProblem[] {
    return this.#problems;
  }

  /** A file in this encoding was read. */
  encoding(name: string): void {
    count(this.#encodings, name);
  }

  /** A record of `length` characters stays, `learnt` of which are learnt. */
  keep(length: number, learnt: number, licence: string, language: string): void {
    this.#kept++;
    this.#characters += length;
    this.#learnt += learnt;
    this.#longest = Math.max(this.#longest, length);
    const index = Math.max(0, Math.ceil(Math.log(Math.max(1, length)) / CLASS_RATIO));
    this.#classes[index] = (this.#classes[index] ?? 0) + 1;
    const at = BOUNDS.findIndex((bound) => length < bound);
    this.#histogram[at < 0 ? BOUNDS.length : at]!++;
    count(this.#licences, licence);
    count(this.#languages, language);
  }

  finish(): DatasetReport {
    const quantile = (q: number): number => {
      let left = q * this.#kept;
      for (const [index, n] of this.#classes.entries()) {
        left -= n ?? 0;
        if (n !== undefined && left <= 0) return Math.min(this.#longest, Math.round(Math.exp(index * CLASS_RATIO)));
      }
      return this.#longest;
    };
    const last = this.#histogram.findLastIndex((n) => n > 0);
    const first = this.#histogram.findIndex((n) => n > 0);
    const lengthHistogram = this.#histogram
      .map((n, i) => ({ upTo: BOUNDS[i] ?? this.#longest + 1, count: n }))
      .slice(Math.max(0, first), last + 1);
    return {
      read: this.read, kept: this.#kept, invalid: this.invalid, exactDuplicates: this.exactDuplicates, nearDuplicates: this.nearDuplicates, leaked: this.leaked,
      secretsRedacted: this.secretsRedacted, personalDataRedacted: this.personalDataRedacted,
      lengths: { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), longest: this.#longest },
      supervisedShare: this.#characters === 0 ? 0 : this.#learnt / this.#characters,
      lengthHistogram, encodings: sorted(this.#encodings), licences: sorted(this.#licences), languages: sorted(this.#languages), problems: this.#problems, problemsLeftOut: this.#leftOut,
    };
  }
}

function count(counts: Map<string, number>, name: string): void {
  const key = counts.has(name) || counts.size < MAXIMUM_NAMES ? name : "others";
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Most frequent first. */
function sorted(counts: Map<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)));
}
