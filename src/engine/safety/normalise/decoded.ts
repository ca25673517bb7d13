// What a text says in an encoding - base64, percent, hexadecimal bytes, character references, escapes - one level deep.
// Only what decodes to words counts: most base64 is a picture or a key.
import { eachMatch } from "../matches.ts";

export interface DecodedText {
  readonly text: string;
  /** Where the encoded form stands in the given text. */
  readonly start: number;
  readonly end: number;
  readonly via: "base64" | "percent" | "hex" | "binary" | "entities" | "escapes";
}

const MOST_PARTS = 40;
const LONGEST_PART = 20_000;
const BASE64 = /(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/_-]{24,20000}={0,2}(?![A-Za-z0-9+/=_-])/g;
const PERCENT = /(?:[\w.~+-]{0,40}%[0-9A-Fa-f]{2}){4,}[\w.~+-]{0,40}/g;
const HEX = /(?<![0-9A-Za-z])(?:(?:0x)?[0-9A-Fa-f]{2}[ ,:]{1,2}){11,}(?:0x)?[0-9A-Fa-f]{2}(?![0-9A-Za-z])|(?<![0-9A-Za-z])(?:[0-9a-f]{2}){24,}(?![0-9A-Za-z])/g;
const BINARY = /(?<!\d)(?:[01]{8}[ ,]{0,2}){8,2000}(?!\d)/g;
const ENTITIES = /&#(?:\d{2,5}|x[0-9A-Fa-f]{2,4});(?: ?&#(?:\d{2,5}|x[0-9A-Fa-f]{2,4});){7,}/g;
const ESCAPES = /(?:\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}){8,}/g;

/** The readable parts, in no particular order, at most {@link MOST_PARTS} of them. */
export function decodedParts(text: string): DecodedText[] {
  const parts: DecodedText[] = [];
  const add = (via: DecodedText["via"], start: number, found: string, decoded: string): void => {
    if (parts.length < MOST_PARTS && found.length <= LONGEST_PART && readsAsWords(decoded)) parts.push({ text: decoded, start, end: start + found.length, via });
  };
  eachMatch(BASE64, text, ({ index, 0: found }) => {
    // A path or an identifier is made of the same characters; encoded words always mix cases.
    if (/[a-z]/.test(found) && /[A-Z]/.test(found) && parts.length < MOST_PARTS) add("base64", index, found, Buffer.from(found, "base64").toString("utf8"));
  });
  if (text.includes("%")) eachMatch(PERCENT, text, ({ index, 0: found }) => add("percent", index, found, found.replace(/\+/g, " ").replace(/%([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))));
  eachMatch(HEX, text, ({ index, 0: found }) => add("hex", index, found, Buffer.from(found.replaceAll(/0x|[ ,:]/g, ""), "hex").toString("utf8")));
  eachMatch(BINARY, text, ({ index, 0: found }) => add("binary", index, found, (found.match(/[01]{8}/g) ?? []).map((bits) => String.fromCharCode(Number.parseInt(bits, 2))).join("")));
  if (text.includes("&#")) eachMatch(ENTITIES, text, ({ index, 0: found }) => add("entities", index, found, found.replace(/&#(x?)([0-9A-Fa-f]+);/g, (_, hex: string, code: string) => String.fromCodePoint(Math.min(0x10ffff, Number.parseInt(code, hex === "" ? 10 : 16) || 0)))));
  if (text.includes("\\")) eachMatch(ESCAPES, text, ({ index, 0: found }) => add("escapes", index, found, found.replace(/\\[ux]([0-9A-Fa-f]+)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))));
  return parts;
}

/** Printable, mostly letters, and several words between spaces; data and addresses are none. */
export function readsAsWords(text: string): boolean {
  const head = text.slice(0, 2_000);
  if (head.length < 8 || /^\s*(?:[{[]["{[\d]|[a-z]+:\/\/|\/)/.test(head) || /[\u0000-\u0008\u000e-\u001f\ufffd]/.test(head)) return false;
  const letters = head.match(/[\p{L} .,;:!?'"-]/gu)?.length ?? 0;
  return letters / head.length > 0.8 && /\p{L}{2,}[ ,.:]+\p{L}{2,}/u.test(head);
}
