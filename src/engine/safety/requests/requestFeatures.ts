// What the model of harmful requests sees: words, classes of words in order, and the form of the question.
import { featuresOf } from "../linear/textFeatures.ts";
import type { Features } from "../linear/textFeatures.ts";
import { REQUEST_CLASSES } from "./requestClasses.ts";

const FORMS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["define", /^(?:what (?:is|are|was|were|does|do|kind)|define|explain what|who (?:is|was|were|did)|when|where|how many|how did|why (?:did|was|were|is)|what (?:happened|did))\b/i],
  ["how", /\b(?:how (?:do|can|could|would|should|to)|ways? (?:to|of)|steps|method|techniques? (?:to|for))\b/i],
  ["why not", /\bwhy (?:should(?:n't)?|can(?:'t|not)?|do(?:n't)?|are(?:n't)?|would|is it)\b/i],
  ["code", /\b(?:script|program|code|function|tool|module)\b/i],
  ["in a game", /\b(?:in|on|at) (?:[A-Z][\w'-]+(?: [A-Z\d][\w'-]*)*)(?: ?\d)?\s*\??$/],
  ["somebody's", /\bmy [\w ]{2,30}'s?\b|\bsomeone(?: else)?'s\b/i],
  ["a name's", /\b[A-Z][a-z]+(?: [A-Z][a-z]+)*'s?\b/],
  ["myself", /\bmyself\b/i],
  ["defence", /\b(?:detect|prevent|block|protect|monitor|mitigat|secur|defend|alert)\w*/i],
  ["no consent", /without (?:being|getting|their|his|her|consent|permission|leaving|anyone|detection|the user)/i],
  ["system file", /\/etc\/|\/root\b|\/proc\b|CVE-\d|\bROP\b|\bctypes\b|\bptrace\b|lsass|\bast\b/i],
];

/** `keep`: see {@link featuresOf}. */
export function requestFeatures(text: string, keep?: () => boolean): Features {
  const more = FORMS.filter(([, pattern]) => pattern.test(text)).map(([name]) => name);
  const pairs = more.flatMap((a, i) => more.slice(i + 1).map((b) => `${a}+${b}`));
  return featuresOf(text, { classes: REQUEST_CLASSES, more: [...more, ...pairs], ...(keep ? { keep } : {}) });
}
