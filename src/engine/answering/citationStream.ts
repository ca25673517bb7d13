// Follows the citations in a model's prose as it streams: keeps those of sources that exist, removes and counts the others,
// and leaves sentences and code as they are. Whether a source still holds is the ledger's to say (citations.ts).

/** "[1]", "[1, 2]", "[1-3]", "[^1]", "[source 2]", "【3】", at the start of the text. */
const CITATION = /^(?:\[|【)(?:\^|sources?\s+|ref\.?\s+)?(\d{1,2}(?:\s*(?:,|;|–|-|and|&)\s*\d{1,2})*)(?:\]|】)/i;
/** What may still become one when more arrives. */
const UNFINISHED = /^(?:\[|【)(?:\^|s(?:o(?:u(?:r(?:c(?:es?)?)?)?)?)?|sources?\s+|r(?:ef?\.?)?|ref\.?\s+)?(?:\d{1,2}(?:\s*(?:,|;|–|-|a|an|and|&)?\s*\d{0,2})*)?$/i;
const LONGEST_CITATION = 60;
const LONGEST_RANGE = 20;
/** A link target glued to a citation would turn it into a link to anywhere. */
const LINK_TARGET = /^\([^()\s]*\)/;

/** A filter over one answer's stream of text. */
export class CitationStream {
  readonly #exists: (n: number) => boolean;
  #held = "";
  /** The backticks that opened the code we are in, or "". */
  #code = "";
  /** Whether that code is a fenced block rather than a span. */
  #block = false;
  #lineStart = true;
  #removed = 0;
  readonly #cited = new Set<number>();

  /** `exists` says whether source `n` may be cited. */
  constructor(exists: (n: number) => boolean) {
    this.#exists = exists;
  }

  /** Citations that were removed so far. */
  get removed(): number {
    return this.#removed;
  }

  /** The numbers that were kept so far. */
  get cited(): ReadonlySet<number> {
    return this.#cited;
  }

  /** Takes the next piece and returns what may be shown; a beginning of a citation waits for its end. */
  push(text: string): string {
    this.#held += text;
    return this.#drain(false);
  }

  /** The rest, when no more will come. */
  end(): string {
    return this.#drain(true);
  }

  #drain(final: boolean): string {
    let out = "";
    let at = 0;
    const text = this.#held;
    while (at < text.length) {
      const character = text[at] ?? "";
      if (character === "`") {
        const run = /^`+/.exec(text.slice(at))?.[0] ?? "`";
        // The run may go on in the next piece.
        if (at + run.length === text.length && !final) break;
        this.#toggleCode(run);
        out += run;
        at += run.length;
        this.#lineStart = false;
        continue;
      }
      if (character === "\n") {
        // An inline code span that never closed ends with its line: a stray backtick must not hide what follows.
        if (!this.#block) this.#code = "";
        this.#lineStart = true;
        out += character;
        at++;
        continue;
      }
      if (this.#code !== "") {
        out += character;
        at++;
        this.#lineStart = false;
        continue;
      }
      const blanks = character === " " ? /^ +/.exec(text.slice(at))?.[0] ?? "" : "";
      const rest = text.slice(at + blanks.length, at + blanks.length + LONGEST_CITATION);
      if (blanks !== "" && rest === "" && !final) break;
      if (rest.startsWith("[") || rest.startsWith("【")) {
        const match = CITATION.exec(rest);
        const end = at + blanks.length + (match?.[0].length ?? 0);
        if (match && end === text.length && !final) break;
        if (!match && rest.length < LONGEST_CITATION && UNFINISHED.test(rest) && !final) break;
        const numbers = match ? expand(match[1] ?? "") : null;
        if (match && numbers) {
          const target = text[end] === "(" ? LINK_TARGET.exec(text.slice(end)) : null;
          if (text[end] === "(" && !target && !final && !/[\s)]/.test(text.slice(end)) && text.length - end < 300) break;
          const kept = numbers.filter((n) => this.#exists(n));
          this.#removed += numbers.length - kept.length;
          for (const n of kept) this.#cited.add(n);
          if (kept.length > 0) out += blanks + kept.map((n) => `[${n}]`).join("");
          at = end + (target?.[0].length ?? 0);
          this.#lineStart = false;
          continue;
        }
      }
      const length = blanks.length || 1;
      out += text.slice(at, at + length);
      at += length;
      if (blanks === "") this.#lineStart = false;
    }
    this.#held = text.slice(at);
    return out;
  }

  #toggleCode(run: string): void {
    if (this.#code === "") {
      this.#code = run;
      // Three backticks inside a line open a span, at its start a block.
      this.#block = run.length >= 3 && this.#lineStart;
    } else if (this.#block ? run.length >= this.#code.length && this.#lineStart : run.length === this.#code.length) {
      this.#code = "";
      this.#block = false;
    }
  }
}

/** Removes from whole `prose` the citations that `exists` denies. */
export function filterCitations(prose: string, exists: (n: number) => boolean): { text: string; removed: number; cited: Set<number> } {
  const stream = new CitationStream(exists);
  const text = stream.push(prose) + stream.end();
  return { text, removed: stream.removed, cited: new Set(stream.cited) };
}

/** The numbers of "1, 3-5", or null where it can be no citation: "[0]" is an index, "[0-9]" a class of characters. */
function expand(inner: string): number[] | null {
  const numbers: number[] = [];
  for (const part of inner.split(/\s*(?:,|;|and|&)\s*/i)) {
    const [from, to] = part.split(/\s*[–-]\s*/).map(Number);
    if (from === undefined || from === 0 || Number.isNaN(from)) return null;
    const last = to ?? from;
    if (Number.isNaN(last) || last < from || last - from > LONGEST_RANGE) return null;
    for (let n = from; n <= last; n++) if (!numbers.includes(n)) numbers.push(n);
  }
  return numbers;
}
