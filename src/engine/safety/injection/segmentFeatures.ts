// What the models of the injection detector see of a piece of a document, or of what was typed: its words, and where and how it stands.
import { classesOf, featuresOf, wordsOf } from "../linear/textFeatures.ts";
import type { Features } from "../linear/textFeatures.ts";
import { DANGEROUS_CODE, INJECTION_CLASSES } from "./injectionClasses.ts";
import type { Segment } from "./segments.ts";

/** In how many segments each content word stands. */
export function wordCounts(segments: readonly Segment[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { text } of segments) for (const word of contentWords(text)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/** Features of a segment among the others of its document. */
export function segmentFeatures(segment: Segment, at: number, segments: readonly Segment[], counts: ReadonlyMap<string, number>, fitting: { keep?: () => boolean } = {}): Features {
  const words = contentWords(segment.code === null ? segment.text : segment.text.slice(0, segment.text.length - segment.code.length));
  const shared = [...words].filter((word) => (counts.get(word) ?? 0) > 1).length;
  const share = words.size === 0 ? 1 : shared / words.size;
  const lead = wordsOf(segment.text).slice(0, 3);
  const isOrder = lead.some((word, i) => i < 2 && classesOf(word, INJECTION_CLASSES).some((name) => ["tell", "include", "alter", "override", "run", "exfil", "urge"].includes(name)));
  const isQuestion = /\?\s*$/.test(segment.text);
  const form = isOrder ? "order" : isQuestion ? "question" : "statement";
  const nOthers = segments.length;
  const place = nOthers < 3 ? "short" : at === 0 ? "first" : at === nOthers - 1 ? "last" : "inside";
  const overlap = share === 0 ? "none" : share < 0.34 ? "little" : share < 0.67 ? "some" : "much";
  const more = [
    `form ${form}`, `place ${place} ${form}`, `overlap ${overlap}`, `overlap ${overlap} ${form}`, `alone ${segment.isAlone} ${form}`,
    segment.isComment ? "comment" : "plain", `line ${segment.form}`, `line ${segment.form} ${form}`, `length ${Math.min(6, Math.floor(Math.log2(segment.text.length / 8 + 1)))}`,
  ];
  if (segment.code !== null) more.push("code", DANGEROUS_CODE.test(segment.code) ? "code dangerous" : "code other", `code ${form}`);
  // `names` in backticks and paths speak of the document's matter.
  if (/`[^`\n]+`|\w\(\)|\w\.\w+\(|\w_\w|[a-z][A-Z]/.test(segment.code === null ? segment.text : segment.text.slice(0, 200))) more.push("names", `names ${form}`);
  return featuresOf(segment.text, { classes: INJECTION_CLASSES, more, ...fitting });
}

/** Features of a text that was typed. */
export function typedFeatures(text: string, fitting: { keep?: () => boolean } = {}): Features {
  const more: string[] = [`length ${Math.min(9, Math.floor(Math.log2(text.length / 8 + 1)))}`, `questions ${Math.min(4, (text.match(/\?/g) ?? []).length)}`];
  if (/[A-Za-z0-9+/]{24,}={0,2}|(?:[0-9a-f]{2} ){8}|(?:[01]{8} ?){4}/i.test(text)) more.push("encoded");
  if (/\b[a-z] ?= ?["']/.test(text)) more.push("assigns");
  if (/\bQ:.*\bA:|User:.*(?:Bot|Assistant):|Input:.*Output:/is.test(text)) more.push("shots");
  if (/<[A-Z ]{3,30}>|\[[A-Z ]{4,30}\]|<\|/.test(text)) more.push("marker");
  if (/(\b\w+\b)(?:\W+\1\b){4}/i.test(text)) more.push("repeats");
  if (/[^\u0000-\u024f\u2000-\u20ff]/.test(text)) more.push("foreign script");
  if (/\b[A-Z][a-z]+'s (?:\w+ ){0,2}(?:address|phone|number|birth|birthday|birthdate|birthplace|email|password|salary|month|year|day|ssn|date)/.test(text)) more.push("someone's");
  return featuresOf(text, { classes: INJECTION_CLASSES, more, ...fitting });
}

function contentWords(text: string): Set<string> {
  return new Set(wordsOf(text).filter((word) => word.length > 3 && !COMMON.has(word)));
}

const COMMON = new Set("this that with from have your will been were they their there what when which would could should about into than then them these those also more most some such only other each very just like over here does because make using used uses code file line need want please following".split(" "));
