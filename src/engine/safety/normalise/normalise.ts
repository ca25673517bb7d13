// A text as its reader sees it: invisible characters out, look-alike letters and compatibility forms as plain ones, every offset
// mapped back. What is written in an encoding is decoded.ts's. Case and words stay: it is the same text, not a simpler one.
import { HOMOGLYPHS } from "./homoglyphs.ts";

export interface NormalText {
  readonly text: string;
  /** The offset in the given text of the character at `offset` of the normal one; its length for the end. */
  readonly original: (offset: number) => number;
  /** How many invisible characters stood within words or lines: joiners, direction marks, tags. Those of emoji do not count. */
  readonly nInvisible: number;
  /** How many words mixed scripts that look alike. */
  readonly nMixedWords: number;
  /** What the invisible tag characters (U+E0020…E007E) spell. */
  readonly hiddenText: string;
}

/** Zero-width characters, direction marks and isolates, soft hyphens, invisible operators, variation selectors, tags. */
const INVISIBLE = /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0]|[\u{e0000}-\u{e007f}\u{e0100}-\u{e01ef}]/u;
const EMOJI_PART = /[\ufe0f\u200d]/;
const CHANGES = /[^\t\n\r\x20-\x7e]/;
const WORD = /[\p{L}\p{M}\p{N}_]+/gu;

/** Time and memory grow with the length of the text, four bytes a character where anything changes. */
export function normalise(text: string): NormalText {
  if (!CHANGES.test(text)) return { text, original: (offset) => offset, nInvisible: 0, nMixedWords: 0, hiddenText: "" };
  const offsets = new Int32Array(text.length * 2 + 2);
  const parts: string[] = [];
  let nOut = 0;
  let nInvisible = 0;
  let hiddenText = "";
  const emit = (part: string, at: number): void => {
    if (nOut + part.length >= offsets.length) return;
    parts.push(part);
    for (let i = 0; i < part.length; i++) offsets[nOut++] = at;
  };
  let at = 0;
  let before = "";
  for (const character of text) {
    if (character >= " " && character <= "~") emit(character, at);
    else if (INVISIBLE.test(character)) {
      const code = character.codePointAt(0) ?? 0;
      if (code >= 0xe0020 && code <= 0xe007e) hiddenText += String.fromCharCode(code - 0xe0000);
      // A byte-order mark opens many files; joiners and selectors belong to emoji and to some scripts.
      if (!(at === 0 && character === "\ufeff") && !(EMOJI_PART.test(character) && /\p{Extended_Pictographic}|\p{Emoji_Modifier}|[\u0600-\u0dff]|\ufe0f/u.test(before))) nInvisible++;
    } else emit(compatible(character), at);
    before = character;
    at += character.length;
  }
  let normal = parts.join("");
  let nMixedWords = 0;
  // A letter that looks Latin is read as Latin only in a word that also has Latin ones: Russian stays Russian.
  normal = normal.replace(WORD, (word) => {
    if (!/[A-Za-z]/.test(word) || !/[\u0370-\u058f\u13a0-\u13ff\ua4d0-\ua4ff]/.test(word)) return word;
    nMixedWords++;
    let plain = "";
    for (const letter of word) plain += HOMOGLYPHS.get(letter) ?? letter;
    return plain.length === word.length ? plain : word;
  });
  offsets[nOut] = text.length;
  const last = nOut;
  return { text: normal, original: (offset) => offsets[Math.min(Math.max(0, offset), last)] ?? text.length, nInvisible, nMixedWords, hiddenText };
}

/** Full-width, mathematical and circled letters, ligatures and other spaces as what they stand for; everything else as it is. */
function compatible(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const isForm = (code >= 0xff01 && code <= 0xff5e) || (code >= 0x1d400 && code <= 0x1d7ff) || (code >= 0x2460 && code <= 0x24ff) || (code >= 0xfb00 && code <= 0xfb06) || (code >= 0x2000 && code <= 0x200a) || code === 0xa0 || code === 0x202f || code === 0x205f || code === 0x3000 || (code >= 0x2100 && code <= 0x214f) || (code >= 0x1f110 && code <= 0x1f169);
  return isForm ? character.normalize("NFKC") : character;
}
