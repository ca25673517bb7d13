// Turns documents into training samples: plain windows and fill-in-the-middle (FIM) samples cut at characters.
// Pure and seeded; does not read or write files.
import { fimPromptTokens, type FimTokenIds } from "../../src/engine/base/fimLayout.ts";
import type { SeededRandom } from "../../src/engine/base/random.ts";
import type { BpeTokenizer } from "../../src/engine/training/tokenizer/bpeTokenizer.ts";
import { codeLineFlags, type Language } from "./codeLines.ts";
import type { PackageIndex } from "./packageIndex.ts";

export interface SampleDocument {
  path: string;
  language: Language;
  text: string;
}

/** A cut document: `prefix + middle + suffix` stands in its text. */
export interface Cut {
  prefix: string;
  middle: string;
  suffix: string;
  /** Offset in the text at which the suffix ends. */
  end: number;
  /** Line endings within the prefix that are masked too, `[from, to)` in the prefix, ascending; see {@link SampleMaker.cut}. */
  earlier: readonly (readonly [number, number])[];
}

export interface Sample {
  kind: "plain" | "fim";
  ids: number[];
  /** Number of middle tokens, each `<|end|>` included; 0 for plain. */
  nMiddle: number;
}

const maxPrefixTokens = 300;
const maxSuffixTokens = 130;
/**
 * Share of FIM samples with several masked line endings: a line ending is some 8 tokens of 400, and each one more teaches
 * to go on from a cut token and to stop, at the price of a prefix with marks that no user's has. Our choice, not measured.
 */
const earlierShare = 0.25;

/** Start offset of every line, and the end of the text. */
function lineOffsets(text: string): number[] {
  const offsets = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) offsets.push(at + 1);
  offsets.push(text.length);
  return offsets;
}

/** Draws samples; the same documents and random state give the same samples. */
export class SampleMaker {
  readonly #tokenizer: BpeTokenizer;
  readonly #random: SeededRandom;
  readonly #ids: FimTokenIds;

  constructor(tokenizer: BpeTokenizer, random: SeededRandom) {
    this.#tokenizer = tokenizer;
    this.#random = random;
    const special = tokenizer.special;
    this.#ids = { fileSeparator: special["<|file_sep|>"], prefix: special["<|fim_prefix|>"], suffix: special["<|fim_suffix|>"], middle: special["<|fim_middle|>"] };
  }

  /** Samples that cover `document` once, about `fimShare` of its windows as FIM. `others` supplies snippets of other files. */
  *samplesOf(document: SampleDocument, fimShare: number, others?: PackageIndex): Generator<Sample> {
    const { text } = document;
    const offsets = lineOffsets(text);
    const nLines = offsets.length - 1;
    const isCode = codeLineFlags(text.split("\n"), document.language);
    let line = 0;
    while (line < nLines) {
      const start = offsets[line] as number;
      if (document.language !== "md" && this.#random.uniform() < fimShare) {
        const cut = this.cut(text, offsets, isCode, line);
        if (cut !== undefined) {
          yield this.fimSample(document.path, cut, others);
          while (line < nLines && (offsets[line] as number) < cut.end) line++;
          continue;
        }
      }
      const length = 1200 + this.#random.integer(2400);
      let next = line + 1;
      while (next < nLines && (offsets[next] as number) < start + length) next++;
      // A short rest joins this window rather than stand alone.
      if (text.length - (offsets[next] as number) < 200) next = nLines;
      yield this.#plainSample(document.path, text.slice(start, offsets[next]));
      line = next;
    }
  }

  #plainSample(path: string, text: string): Sample {
    const ids: number[] = [];
    if (this.#random.uniform() < 0.7) {
      ids.push(this.#ids.fileSeparator);
      for (const id of this.#tokenizer.encode(`${path}\n`)) ids.push(id);
    }
    for (const id of this.#tokenizer.encode(text)) ids.push(id);
    ids.push(this.#tokenizer.special["<|endoftext|>"]);
    return { kind: "plain", ids, nMiddle: 0 };
  }

  /** Lays a cut out as a FIM sample, as completion will ask for it. */
  fimSample(path: string, cut: Cut, others?: PackageIndex): Sample {
    const random = this.#random;
    const { special } = this.#tokenizer;
    const snippets = others !== undefined && random.uniform() < 0.3 ? others.snippetsFor(path, cut, random) : [];
    const first = cut.earlier[0]?.[0] ?? cut.prefix.length;
    const parts = { path: random.uniform() < 0.9 ? path : undefined, prefix: cut.prefix.slice(0, first), suffix: cut.suffix, snippets };
    const order = cut.earlier.length > 0 || random.uniform() < 0.9 ? "spm" : "psm";
    const ids = fimPromptTokens(parts, this.#ids, (text) => this.#tokenizer.encode(text), order);
    let nMiddle = 0;
    const push = (text: string): void => {
      for (const id of this.#tokenizer.encode(text)) ids.push(id);
    };
    const pushMiddle = (text: string): void => {
      const before = ids.length;
      push(text);
      ids.push(special["<|end|>"]);
      nMiddle += ids.length - before;
    };
    // The last middle stands where it stands for a user; earlier ones are marked within the prefix.
    for (const [i, [from, to]] of cut.earlier.entries()) {
      pushMiddle(cut.prefix.slice(from, to));
      push(cut.prefix.slice(to, cut.earlier[i + 1]?.[0] ?? cut.prefix.length));
      ids.push(this.#ids.middle);
    }
    pushMiddle(cut.middle);
    ids.push(special["<|endoftext|>"]);
    return { kind: "fim", ids, nMiddle };
  }

  /** Cuts a window that starts at `firstLine`; undefined where no code line is near. Columns and lengths are drawn. */
  cut(text: string, offsets: readonly number[], isCode: readonly boolean[], firstLine: number): Cut | undefined {
    const random = this.#random;
    const start = offsets[firstLine] as number;
    const draw = random.uniform();
    const wanted = draw < 0.25 ? 40 + random.integer(260) : draw < 0.55 ? 300 + random.integer(400) : 700 + random.integer(350);
    let line = firstLine;
    const nLines = offsets.length - 1;
    while (line + 1 < nLines && (offsets[line + 1] as number) <= start + wanted) line++;
    for (let tries = 0; tries < 15 && line < nLines; tries++, line++) {
      if (isCode[line] !== true) continue;
      const lineStart = offsets[line] as number;
      const lineText = text.slice(lineStart, offsets[line + 1]).replace(/\n$/, "");
      const span = this.#cutLine(lineText);
      if (span === undefined) continue;
      const from = lineStart + span[0];
      let to = lineStart + span[1];
      if (span[1] === lineText.length && random.uniform() < 0.14) {
        // A block: 1 to 5 more lines, ended where the text is at a line's end and not blank.
        let last = Math.min(nLines - 1, line + 1 + random.integer(5));
        while (last > line && text.slice(offsets[last], offsets[last + 1]).trim() === "") last--;
        to = (offsets[last + 1] as number) - (text.charAt((offsets[last + 1] as number) - 1) === "\n" ? 1 : 0);
      }
      return this.#fit(text, start, from, to);
    }
    return undefined;
  }

  /** Column span of a line to leave out; undefined for a line with too little text. */
  #cutLine(line: string): [number, number] | undefined {
    const random = this.#random;
    const body = line.trimEnd();
    const indent = body.length - body.trimStart().length;
    if (body.length - indent < 4 || body.length > 160) return undefined;
    const draw = random.uniform();
    let from: number;
    if (draw < 0.16) from = indent;
    else if (draw < 0.34) from = indent + 1 + random.integer(body.length - indent - 2);
    else {
      const boundaries = [...body.matchAll(/\b/g)].map((match) => match.index).filter((column) => column > indent && column < body.length - 1);
      if (boundaries.length === 0) return undefined;
      from = boundaries[random.integer(boundaries.length)] as number;
    }
    let to = body.length;
    if (random.uniform() < 0.12) {
      // The editor has already closed what the user opened: the closing marks stay in the suffix.
      const closing = /[)\]}"'`;,:>]+$/.exec(body);
      if (closing !== null && closing.index > from + 1) to = closing.index + random.integer(body.length - closing.index);
    }
    return [from, to];
  }

  #fit(text: string, start: number, from: number, to: number): Cut {
    const random = this.#random;
    const draw = random.uniform();
    const wanted = draw < 0.08 ? 0 : draw < 0.3 ? 20 + random.integer(130) : 150 + random.integer(280);
    let end = Math.min(text.length, to + wanted);
    // Half of the suffixes end with a line, as an editor's window does.
    if (random.uniform() < 0.5 && end < text.length) {
      const lineEnd = text.lastIndexOf("\n", end - 1);
      if (lineEnd >= to) end = lineEnd + 1;
    }
    let prefix = text.slice(start, from);
    let suffix = text.slice(to, end);
    // Few characters can be many tokens: keep what the runtime will keep.
    while (this.#tokenizer.encode(prefix).length > maxPrefixTokens) {
      const cut = prefix.indexOf("\n", prefix.length >> 3);
      prefix = cut < 0 ? prefix.slice(-maxPrefixTokens) : prefix.slice(cut + 1);
    }
    while (this.#tokenizer.encode(suffix).length > maxSuffixTokens) suffix = suffix.slice(0, Math.floor(suffix.length * 0.8));
    return { prefix, middle: text.slice(from, to), suffix, end, earlier: random.uniform() < earlierShare ? this.#earlier(prefix) : [] };
  }

  /** Up to six line endings of `prefix`, as one cut would take them; its first line and its last are left alone. */
  #earlier(prefix: string): [number, number][] {
    const random = this.#random;
    const spans: [number, number][] = [];
    const lines = prefix.split("\n");
    let at = 0;
    for (const [i, line] of lines.entries()) {
      if (i > 0 && i < lines.length - 1 && spans.length < 6 && random.uniform() < 0.35 && !/^\s*(\/\/|\/?\*|#)/.test(line)) {
        const span = this.#cutLine(line);
        if (span !== undefined) spans.push([at + span[0], at + span[1]]);
      }
      at += line.length + 1;
    }
    return spans;
  }
}
