// Redaction that remembers what it took out, so that the same text is recognised where it turns up again, spaced out or in pieces
// that no rule of secrets would know. What is remembered are salted hashes, in this process only.
import { RedactedPrints } from "../safety/copies/redactedPrints.ts";
import { redactSecrets } from "../safety/secrets.ts";

/** What was redacted since the process began. */
const taken = new RedactedPrints();

/** `text` without secrets, which are remembered. */
export function redactRemembering(text: string): string {
  const { text: clean, spans } = redactSecrets(text);
  for (const { start, end } of spans) taken.add(text.slice(start, end));
  return clean;
}

/** `text` without what was redacted before, and how often it stood there. */
export function withoutLeaks(text: string): { text: string; leaks: number } {
  const found = taken.find(text);
  let clean = "";
  let at = 0;
  for (const { start, end } of found) {
    clean += `${text.slice(at, start)}[redacted]`;
    at = end;
  }
  return { text: clean + text.slice(at), leaks: found.length };
}
