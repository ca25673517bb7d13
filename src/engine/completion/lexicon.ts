// The words of the look-up: every distinct lexeme has a number, and every number a class for matching on structure.
// It knows no language's grammar: one list of keywords that are common across languages stands in for all of them.

/** Reserved lexeme numbers. A line break carries how deep the next line stands: it is what structure hangs on. */
export const LEXEME = { unknown: 0, fileStart: 1, lineSame: 2, lineDeeper: 3, lineShallower: 4 } as const;

/** Classes that stand for many lexemes in structural matching; other lexemes are their own class. */
export const LEXEME_CLASS = { lowerIdentifier: 5, upperIdentifier: 6, constantIdentifier: 7, number: 8 } as const;

const firstFree = 9;
/** Lexemes longer than this are not learnt: they are data, not code. */
const longestLexeme = 80;

const keywords = new Set(
  ("abstract and as assert async await bool boolean break case catch char class const continue def default defer del do double elif else " +
    "end enum except export extends extern false False final finally float fn for foreach from func function global go goto if impl implements import in " +
    "include instanceof int interface is lambda let long loop match mod module mut namespace new nil None nonlocal not null number of operator or override package " +
    "pass private protected pub public raise range readonly record ref require return select self short signed sizeof static string struct super " +
    "switch template then this throw throws trait true True try type typedef typeof undefined union unless unsafe until use using val var virtual " +
    "void when where while with yield").split(" "),
);

/** Numbers lexemes as they come. Grows to `capacity` distinct ones; later newcomers are {@link LEXEME}.unknown. */
export class Lexicon {
  readonly #numbers = new Map<string, number>();
  readonly #texts: string[] = ["", "", "\n", "\n", "\n", "", "", "", ""];
  readonly #classes: number[] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  readonly #capacity: number;

  constructor(capacity = 500_000) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#texts.length;
  }

  /** The number of `text`, given one where it has none yet. */
  intern(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (text.length > longestLexeme || this.#texts.length >= this.#capacity) return LEXEME.unknown;
    const id = this.#texts.length;
    // A slice keeps its whole file alive in V8; a copy through a fresh string does not.
    const copy = Buffer.from(text, "utf8").toString("utf8");
    this.#numbers.set(copy, id);
    this.#texts.push(copy);
    this.#classes.push(classOf(copy, id));
    return id;
  }

  /** The number of `text`, or {@link LEXEME}.unknown. */
  find(text: string): number {
    return this.#numbers.get(text) ?? LEXEME.unknown;
  }

  text(id: number): string {
    return this.#texts[id] ?? "";
  }

  /** The structural class of a lexeme: itself for punctuation and keywords, one of {@link LEXEME_CLASS} for names and numbers. */
  classOf(id: number): number {
    return this.#classes[id] ?? 0;
  }

  /** Whether a lexeme is a name that another name could stand for. */
  isName(id: number): boolean {
    const lexemeClass = this.#classes[id] ?? 0;
    return lexemeClass >= LEXEME_CLASS.lowerIdentifier && lexemeClass <= LEXEME_CLASS.constantIdentifier;
  }
}

/** Whether `id` is one of the line breaks. */
export function isLineBreak(id: number): boolean {
  return id >= LEXEME.lineSame && id <= LEXEME.lineShallower;
}

function classOf(text: string, id: number): number {
  const first = text.charCodeAt(0);
  if (first >= 48 && first <= 57) return LEXEME_CLASS.number;
  if (!isWordCode(first) || keywords.has(text)) return id;
  if (first >= 65 && first <= 90) return text.length > 1 && text === text.toUpperCase() ? LEXEME_CLASS.constantIdentifier : LEXEME_CLASS.upperIdentifier;
  return LEXEME_CLASS.lowerIdentifier;
}

/** Whether a UTF-16 code unit may stand in a name: letters, digits, `_`, `$` and everything beyond ASCII. */
export function isWordCode(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code === 95 || code === 36 || code > 127;
}

/** The first number that a lexeme of a text can have; those below are reserved. */
export const FIRST_LEXEME = firstFree;
