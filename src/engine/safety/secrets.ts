// Finds keys, tokens, private keys and passwords in text and takes them out, before the text enters a prompt, a history or a log.
// By the published shapes of their issuers (secrets/formats.ts) and by what stands beside them (secrets/context.ts). It does not
// decide what is done about them.
import { eachMatch } from "./matches.ts";
import { findNamedSecrets } from "./secrets/context.ts";
import { FORMATS } from "./secrets/formats.ts";
import { texture } from "./secrets/randomness.ts";

/** Where a secret stands, in UTF-16 offsets. */
export interface SecretSpan {
  start: number;
  end: number;
  /** For example "aws-access-key", "private-key", "password". */
  kind: string;
}

/** Text beyond this is not looked at by one call; `complete` then is false. */
export const MAXIMUM_SCANNED_CHARACTERS = 1_000_000;

/** A shape filled with what is not drawn: "sk-xxxxxxxxxxxxxxxxxxxxxxxx", "ghp_1234567890…", "AKIAIOSFODNN7EXAMPLE". */
const STANDS_FOR_ONE = /(?:(.)\1{5}|EXAMPLE|example|your[-_]|YOUR[-_]|xxxx|XXXX|placeholder|PLACEHOLDER|0123456789(?:ab|AB)|1234567890(?:ab|AB)|abcdefghijkl|ABCDEFGHIJKL|\.\.\.|deadbeef(?:deadbeef)|(?:fake|dummy|sample|redacted|REDACTED|FAKE|DUMMY)[-_A-Z]|[-_](?:fake|dummy|sample|redacted|here)\b)/;

/** The secrets of `text`, in order, not overlapping. `complete` is false where the text was too long to be looked at whole. */
export function findSecrets(text: string): { spans: SecretSpan[]; complete: boolean } {
  const complete = text.length <= MAXIMUM_SCANNED_CHARACTERS;
  const scanned = complete ? text : text.slice(0, MAXIMUM_SCANNED_CHARACTERS);
  const spans: SecretSpan[] = [];
  for (const { kind, holds, pattern } of FORMATS) {
    if (!holds.some((word) => scanned.includes(word))) continue;
    eachMatch(pattern, scanned, ({ index, 0: found }) => isDrawn(kind, found) && spans.push({ start: index, end: index + found.length, kind }));
  }
  spans.push(...findNamedSecrets(scanned));
  return { spans: merged(spans), complete };
}

/** `text` with each secret replaced by `<redacted:kind>`; the spans are those in the given text. What was not scanned is cut off. */
export function redactSecrets(text: string): { text: string; spans: SecretSpan[] } {
  const { spans, complete } = findSecrets(text);
  if (spans.length === 0 && complete) return { text, spans };
  let out = "";
  let at = 0;
  for (const span of spans) {
    out += `${text.slice(at, span.start)}<redacted:${span.kind}>`;
    at = span.end;
  }
  // Unchecked text never passes for checked text.
  return { text: out + text.slice(at, MAXIMUM_SCANNED_CHARACTERS) + (complete ? "" : "…"), spans };
}

/** Most shapes end in drawn characters; documents show them filled with words or with one character. Private keys are what they say. */
function isDrawn(kind: string, found: string): boolean {
  if (kind === "private-key" || kind === "putty-key" || kind === "json-web-token" || kind.endsWith("-webhook") || kind === "twitter-bearer") return !/EXAMPLE|\.\.\.|…|x{8}/.test(found.slice(0, 200));
  if (kind === "password-hash") return true;
  if (STANDS_FOR_ONE.test(found)) return false;
  const { wordPairs, nDigits } = texture(found.slice(-24));
  // Twenty letters that read as words, without a digit among them, are a name.
  return !(wordPairs > 0.85 && nDigits < 2);
}

function merged(spans: SecretSpan[]): SecretSpan[] {
  const ordered = spans.sort((a, b) => a.start - b.start || b.end - a.end);
  const kept: SecretSpan[] = [];
  for (const span of ordered) {
    const last = kept.at(-1);
    if (last && span.start < last.end) last.end = Math.max(last.end, span.end);
    else kept.push({ ...span });
  }
  return kept;
}
