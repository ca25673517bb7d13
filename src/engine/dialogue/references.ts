// Resolves what a follow-up refers to without naming it: "it", "that file", "the other one", "the second", "the session manager".
// A reading of the question against what is in focus; nothing is looked up. Order follows how binding the form is: a description or
// an ordinal before a noun with "that", a noun before a bare pronoun.
import type { Focus, Mention } from "./focus.ts";

export interface Resolution {
  /** The words that refer. */
  phrase: string;
  mention: Mention;
}

/** What the question itself brings: with a subject of its own, only binding forms are resolved. */
export interface FollowUp {
  text: string;
  hasSubject: boolean;
}

const ORDINALS: Readonly<Record<string, number>> = { first: 0, former: 0, second: 1, latter: -1, third: 2, fourth: 3, fifth: 4, last: -1 };
const FILE = /\b(?:that|this same|the same|same|this|the) (file|module|script|notebook)\b|\bin there\b/i;
const ERROR = /\b(?:that|this|the same|the) (error|exception|warning|traceback|crash|failure|message)\b/i;
const SYMBOL = /\b(?:that|this|the same|the) (function|method|class|component|hook|type|interface|struct|constant|variable|constructor|decorator|helper|symbol|property|field)\b(?! (?:that|which|called|named|for|where|to|of)\b)/i;
/** "it" that stands for nothing. */
const EMPTY_IT = /\b(?:is|was|would|isn't) it (?:possible|true|ok(?:ay)?|safe|worth|necessary|better|enough|easy|hard|best|correct|fine|normal|allowed|recommended)\b|\bit(?:'s| is| seems| looks| turns out)? (?:possible|seems|looks like|turns out|depends)\b|\bmake(?:s)? it (?:possible|easy|easier)\b/i;
/** Pronouns that can stand for a subject; "that" and "this" only where no noun or clause follows. */
const PRONOUN = /\b(?:it|its|they|them|their|those|these)\b|\b(?:that|this)\b(?=\s*(?:[?.!,;]|$|(?:is|was|does|do|did|use|uses|used|work|works|mean|means|happen|happens|come|comes|get|gets|one|thing|take|takes|return|returns|decided|done|called|defined|handled|stored|need|needs|instead|again|too|here|there|by|in|for)\b))|\bthere\b(?! (?:is|are|was|were|any|a|an|be|exist)\b)|\b(?:er|es|sie|il|elle|lo|la)\b/i;
const ONE_WORD = /^(?:and |but |so |ok(?:ay)?,? )?(?:why|how|where|how so|how come|who calls|since when)(?: (?:is|was) that| so| not)?\s*\??$/i;

/** What `question` refers to, the most binding first; empty where it stands by itself. */
export function resolveReferences(question: FollowUp, focus: Focus): Resolution[] {
  if (focus.length === 0) return [];
  const text = question.text.replaceAll("’", "'");
  const head = text.slice(0, 400);
  const found = described(head, focus) ?? (question.hasSubject ? null : chosen(head, focus) ?? nounPhrase(head, focus) ?? pronoun(head, focus));
  return found ?? [];
}

/** "the session manager" where `SessionManager` is in focus. */
function described(text: string, focus: Focus): Resolution[] | null {
  const words = [...text.matchAll(/\bthe ((?:[a-z]+ ?){1,4})/gi)].flatMap((match) => {
    const run = (match[1] ?? "").trim().toLowerCase().split(" ");
    return run.map((_, at) => run.slice(0, at + 1).join("")).map((joined, at) => ({ joined, phrase: `the ${run.slice(0, at + 1).join(" ")}` })).reverse();
  });
  for (const { joined, phrase } of words) {
    if (joined.length < 5 || /^(?:file|function|method|class|module|error|exception|first|second|third|other|same|command|message)$/.test(joined)) continue;
    const mention = focus.all().find(({ kind, name }) => kind === "symbol" && name.replaceAll("_", "").toLowerCase() === joined);
    if (mention) return [{ phrase, mention }];
  }
  return null;
}

/** Ordinals and "the other one". */
function chosen(text: string, focus: Focus): Resolution[] | null {
  const siblings = focus.siblings();
  const ordinal = /\bthe (first|second|third|fourth|fifth|last|former|latter)(?: (?:one|of (?:them|these|those)|function|method|class|file|option))?\b(?! (?:argument|parameter|line|word|element|item|value|time|character)s?\b)/i.exec(text);
  if (ordinal && siblings.length > 1) {
    const index = ORDINALS[(ordinal[1] ?? "").toLowerCase()] ?? 0;
    const mention = siblings.at(index);
    return mention ? [{ phrase: ordinal[0], mention }] : null;
  }
  const other = /\bthe other(?: (?:one|function|method|class|two))?\b(?! (?:functions|methods|classes|files|symbols|tests|[a-z]+s)\b)/i.exec(text);
  if (other && siblings.length > 1) {
    const current = focus.topic(({ kind }) => kind === "symbol");
    const rest = siblings.filter(({ name, container }) => name !== current?.name && !container.includes(current?.name ?? "") && !(current?.container ?? []).includes(name));
    const mention = rest.length === siblings.length ? siblings[1] : rest[0];
    if (mention) return [{ phrase: other[0], mention }];
  }
  const both = /\b(?:both(?: of them)?|the two)\b/i.exec(text);
  return both && siblings.length > 1 ? siblings.slice(0, 2).map((mention) => ({ phrase: both[0], mention })) : null;
}

function nounPhrase(text: string, focus: Focus): Resolution[] | null {
  const error = ERROR.exec(text);
  const errorMention = error && (focus.error() ?? focus.topic(({ kind }) => kind === "symbol"));
  if (error && errorMention) return [{ phrase: error[0], mention: errorMention }];
  const file = FILE.exec(text);
  // "this file" is the one in the editor, unless the talk is about a file by name.
  const fileMention = file && (/^this /i.test(file[0]) ? focus.topic(({ kind }) => kind === "file") : focus.file());
  if (file && fileMention && (!/^this /i.test(file[0]) || fileMention.said === "user")) return [{ phrase: file[0], mention: fileMention }];
  const symbol = SYMBOL.exec(text);
  if (!symbol) return null;
  const wantsType = /class|component|type|interface|struct/i.test(symbol[1] ?? "");
  const topic = focus.topic(({ kind }) => kind === "symbol");
  const looksLikeType = (mention: Mention): boolean => /^[A-Z]/.test(mention.name);
  const better = topic && looksLikeType(topic) !== wantsType ? focus.topic((mention) => mention.kind === "symbol" && mention.turn === topic.turn && looksLikeType(mention) === wantsType) : null;
  const mention = better ?? topic;
  return mention ? [{ phrase: symbol[0], mention }] : null;
}

function pronoun(text: string, focus: Focus): Resolution[] | null {
  const plain = text.replace(EMPTY_IT, " ");
  const match = PRONOUN.exec(plain) ?? (ONE_WORD.test(text.trim()) ? [text.trim()] : null);
  if (!match) return null;
  const mention = focus.topic(({ kind }) => kind === "symbol") ?? focus.topic();
  if (!mention) return null;
  if (/^(?:they|them|those|these|their)$/i.test(match[0])) {
    const siblings = focus.siblings();
    const rest = siblings.filter(({ name }) => name !== mention.name).slice(0, 1);
    return [{ phrase: match[0], mention }, ...rest.map((other) => ({ phrase: match[0], mention: other }))];
  }
  return [{ phrase: match[0], mention }];
}

/** "and X?", "what about X?", "the same for X": the question before, of another subject. */
export function isEllipsis(text: string): boolean {
  const plain = text.trim();
  return plain.split(/\s+/).length <= 8 && /^(?:ok(?:ay)?,? )?(?:and|what about|how about|also|now|same(?: (?:question|thing|here))?(?: for| with)?|the same(?: (?:question|thing))?(?: for| with)?)\b/i.test(plain)
    && !/^(?:ok(?:ay)?,? )?(?:and|also|now) (?:where|who|what|how|why|which|when|does|do|is|are|can|could|show|list|find|explain|write|open|give|tell)\b/i.test(plain);
}
