// Turns text into the words that the keyword index holds: identifiers whole and in their parts, lower case.
// Stemming is left to FTS5's porter tokenizer, so that index and query cannot differ in it.

const WORD = /[\p{L}\p{N}_$]+/gu;
const PART = /\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lo}+|\p{N}+/gu;
/** Longer runs of word characters are data (hashes, base64), not words. */
const WORD_CHARACTERS = 64;

/** The parts of an identifier, lower case: "readGGUFHeader_v2" → read, gguf, header, v, 2. */
export function identifierParts(word: string): string[] {
  return (word.match(PART) ?? []).map((part) => part.toLowerCase());
}

/** An identifier without case and separators, under which all its spellings meet: "read_gguf" and "readGguf" → "readgguf". */
export function foldIdentifier(word: string): string {
  return word.replace(/[^\p{L}\p{N}]+/gu, "").toLowerCase();
}

/** All words of `text` for the index, in order; of a compound identifier its parts and then its folded whole. */
export function indexWords(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(WORD)) {
    if (word.length > WORD_CHARACTERS) continue;
    const parts = identifierParts(word);
    words.push(...parts);
    if (parts.length > 1) words.push(foldIdentifier(word));
  }
  return words;
}

/** Words that carry no meaning in questions about code; they are dropped from queries, never from the index. */
const STOP_WORDS = new Set((
  "a an and any are as at be been but by can could did do does doing for from had has have having how i if in into is it its me my no not of off on or our " +
  "should so some such than that the their them then there these they this those to too us was we were what when where which while who whom why will with would you your " +
  "please show tell explain find give want need code"
).split(" "));

/** The distinct words of a query in order of appearance, without stop words (unless nothing else is left). */
export function queryWords(query: string, limit = 48): string[] {
  const all = [...new Set(indexWords(query))];
  const kept = all.filter((word) => !STOP_WORDS.has(word) && (word.length > 1 || /\p{N}|\p{Lo}/u.test(word)));
  return (kept.length > 0 ? kept : all).slice(0, limit);
}

/** Names of languages. In a question they say where to look, not what for: the code itself hardly ever spells them. */
const LANGUAGE_NAMES = new Set("python python3 javascript typescript golang java kotlin ruby rust php".split(" "));

/** The words to search passages by: {@link queryWords} without names of languages, unless nothing else is left. */
export function searchWords(query: string): string[] {
  const words = queryWords(query);
  const kept = words.filter((word) => !LANGUAGE_NAMES.has(word));
  return kept.length > 0 ? kept : words;
}

/** Words of a query that look like names in code: compound, dotted, called or quoted. In order, distinct. */
export function identifiersIn(query: string): string[] {
  const found = new Set<string>();
  for (const [, quoted] of query.matchAll(/[`'"]([\p{L}_$#][\p{L}\p{N}_$#.:-]{1,80})[`'"]/gu)) for (const part of (quoted as string).split(/[.:#]+/)) if (part) found.add(part);
  for (const [word] of query.matchAll(/[\p{L}_$][\p{L}\p{N}_$]*/gu)) if (identifierParts(word).length > 1 || word.includes("_")) found.add(word);
  for (const [, called] of query.matchAll(/([\p{L}_$][\p{L}\p{N}_$]*)\s*\(/gu)) found.add(called as string);
  for (const [, left, right] of query.matchAll(/([\p{L}_$][\p{L}\p{N}_$]*)\.([\p{L}_$][\p{L}\p{N}_$]*)/gu)) found.add(left as string).add(right as string);
  return [...found];
}
