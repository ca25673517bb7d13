// Understands a question without a model call: its intent, its subjects, the error it quotes, and what to search for.
// Everything here is a reading of the text; nothing looks into the workspace.
import type { AskParams, ChatTurn, QuestionIntent } from "../protocol/types.ts";
import { findError, findPlaces } from "./stackTrace.ts";
import type { ErrorMention } from "./stackTrace.ts";
import { findSubjects } from "./subjects.ts";
import type { PathMention, Subject, Subjects } from "./subjects.ts";

export type SlashCommand = NonNullable<AskParams["command"]>;

/** A question as it was understood. */
export interface Question {
  /** The question without its slash command, clipped to {@link MAXIMUM_QUESTION_CHARACTERS}. */
  text: string;
  intent: QuestionIntent;
  command: SlashCommand | null;
  identifiers: Subject[];
  paths: PathMention[];
  phrases: string[];
  words: string[];
  runs: string[][];
  error: ErrorMention | null;
  /** "this file", "the current file". */
  refersToFile: boolean;
  /** "this function", "the selection", "this code". */
  refersToSelection: boolean;
  /** What to hand to search: the question without its scaffolding. */
  searchQuery: string;
  /** The question was longer than what is read of it. */
  clipped: boolean;
}

/** Beyond this, a question is pasted material: its beginning and end are read. 100 kB pasted must not cost a second. */
export const MAXIMUM_QUESTION_CHARACTERS = 32_768;
const MAXIMUM_SUBJECT_CHARACTERS = 4_000;
const MAXIMUM_QUERY_CHARACTERS = 600;

const COMMANDS: readonly SlashCommand[] = ["explain", "fix", "tests", "doc", "search"];

/** Reads `question`, honouring a leading slash command unless `command` was given. */
export function understandQuestion(question: string, command?: SlashCommand): Question {
  let text = question.replaceAll("\0", "").trim();
  let chosen = command ?? null;
  const slash = /^\/([a-z]+)\b\s*/i.exec(text);
  const named = COMMANDS.find((name) => name === slash?.[1]?.toLowerCase().replace(/^test$/, "tests").replace(/^docs$/, "doc"));
  if (slash && named && (chosen === null || chosen === named)) {
    chosen = named;
    text = text.slice(slash[0].length);
  }
  const clipped = text.length > MAXIMUM_QUESTION_CHARACTERS;
  if (clipped) text = `${text.slice(0, MAXIMUM_QUESTION_CHARACTERS / 2)}\n…\n${text.slice(-MAXIMUM_QUESTION_CHARACTERS / 2)}`;

  const lower = correctTypos(text.toLowerCase().replace(/[’‘`´]/g, "'"));
  const error = readError(text, lower);
  const { asked, pasted } = splitPasted(text, error);
  const subjects = findSubjects(asked.slice(0, MAXIMUM_SUBJECT_CHARACTERS));
  const head = correctTypos(asked.slice(0, 1_000).toLowerCase().replace(/[’‘´]/g, "'"));
  return {
    text,
    intent: intentOf(head, error, chosen, subjects.identifiers.length + subjects.paths.filter((mention) => !/^readme$/i.test(mention.path)).length > 0, subjects.words),
    command: chosen,
    ...subjects,
    error,
    refersToFile: /\b(?:this|the current|current|the open|the active|my current) (?:file|module|document|script|notebook|tab)\b/.test(head),
    refersToSelection: /\b(?:this|the|my|current|highlighted|selected|above)(?: (?:selected|highlighted|current))? (?:function|method|class|code|selection|snippet|block|line|lines|part|component|loop|expression|statement|query|regex|hook|test|piece)\b(?! (?:that|which|called|named|for|where|to))/.test(head)
      || /\b(?:selection|what i(?:'ve| have)? selected|selected text)\b/.test(head) || /^(?:what does |explain |describe |fix |why does )?(?:this|it)(?: (?:do|mean|work|code|here|does))?\s*[?.!]*$/.test(head.trim()),
    searchQuery: searchQueryOf(asked, pasted, error, subjects),
    clipped,
  };
}

const PRONOUN = /\b(?:it|its|that|this|they|them|those|these|there|er|es|sie|il|elle|lo|la)\b/i;
const TURNS_LOOKED_BACK = 6;

/** A follow-up without a subject of its own ("who calls it?") gets that of the newest turn that has one. */
export function withHistory(question: Question, history: readonly ChatTurn[]): Question {
  if (question.identifiers.length + question.paths.length + question.phrases.length > 0 || question.words.length > 1 || question.error || question.intent === "overview") return question;
  if (!PRONOUN.test(question.text)) return question;
  const recent = history.slice(-TURNS_LOOKED_BACK).toReversed();
  // In an answer, the first name in backticks is what it is about.
  const said = recent.map((turn) => findSubjects(turn.role === "user" ? turn.text.slice(0, MAXIMUM_SUBJECT_CHARACTERS) : /`[^`\n]{2,80}`/.exec(turn.text)?.[0] ?? ""));
  for (const { identifiers } of said) {
    const named = identifiers.find((subject) => subject.mark !== "capitalised");
    if (named) return { ...question, identifiers: [named], searchQuery: `${named.name} ${question.searchQuery}` };
  }
  const path = said.find((subjects) => subjects.paths.length > 0)?.paths[0];
  return path ? { ...question, paths: [path], searchQuery: `${path.path} ${question.searchQuery}` } : question;
}

/** Questions are typed in a hurry: the words that decide the intent are mended, the rest is left alone. */
function correctTypos(lower: string): string {
  return lower
    .replace(/\b(?:whre|wher|whee?re|were(?= (?:is|are|do|does|can)\b)|wehre|hwere|whrer)\b/g, "where")
    .replace(/\b(?:wich|whch|whcih|whihc|whic|witch(?= (?:file|function|class|module|component|method|place|part)))\b/g, "which")
    .replace(/\b(?:waht|wht|wat|whta|hwat)\b/g, "what")
    .replace(/\b(?:hwo|hoow|hw)\b(?= (?:do|does|to|can|is|are|should|i)\b)/g, "how")
    .replace(/\b(?:wheres|where's)\b/g, "where is").replace(/\b(?:whats|what's)\b/g, "what is").replace(/\b(?:hows|how's)\b/g, "how is").replace(/\b(?:whos|who's)\b/g, "who is")
    .replace(/\b(?:doess|deos|dose(?= \w+ (?:do|work|mean)))\b/g, "does")
    .replace(/\b(?:fiel|flie)(s?)\b/g, "file$1").replace(/\b(?:fucntion|funtion|functoin|funciton|fonction|fuction)(s?)\b/g, "function$1")
    .replace(/\b(?:handels|handel|hanldes|hanlde)\b/g, "handles").replace(/\b(?:definded|defiend|deifned|defnied)\b/g, "defined").replace(/\b(?:implementd|implmented|implemeted)\b/g, "implemented")
    .replace(/\b(?:exlpain|explian|expalin|explan)\b/g, "explain");
}

function readError(text: string, lower: string): ErrorMention | null {
  const error = findError(text, MAXIMUM_QUESTION_CHARACTERS);
  // "… is only 1024. why?": the question after the message is not part of it.
  if (error) return { ...error, message: error.message.replace(/([.!;])?\s+(?:why|what|how|where|when|please|can|could|which|—|-)\b[^.]*\?\s*$/i, "$1").replace(/\s+[—–-]{1,2}\s+(?:why|what|how|where|help|fix|any idea).*$/i, "") };
  if (/\b(?:error|exception|traceback|stack ?trace|stacktrace|crash(?:es|ed|ing)?|panics?|fails?|failing|failed|throws?|thrown|warning)\b/.test(lower)) {
    const places = findPlaces(text, MAXIMUM_QUESTION_CHARACTERS);
    if (places.length > 0) return { type: "", message: "", frames: places };
    const message = messageBesideQuestion(text);
    if (message !== "") return { type: "", message, frames: [] };
  }
  return null;
}

/** "failed to load the config: not found — where does this error come from?": the part that is no question. */
function messageBesideQuestion(text: string): string {
  if (!/\b(?:this|that|the|an?|my|following) (?:\w+ )?(?:error|exception|message|warning|crash)\b|\berror message\b/i.test(text)) return "";
  const parts = text.split(/\n+|\s+[—–-]{1,2}\s+|(?<=[.!?:])\s+(?=[A-Z"'`]|where|why|what|how)|["“”`]/).map((part) => part.trim());
  const statements = parts.filter((part) => part.split(/\s+/).length >= 3 && !/\?$|^(?:where|why|what|how|which|who|when|can|could|please|i |we |explain|fix|help|and |is |does |do )/i.test(part));
  return (statements.toSorted((a, b) => b.length - a.length)[0] ?? "").slice(0, 500);
}

/** Divides a question from the trace or code pasted with it, so that a trace's words are not taken for subjects. */
function splitPasted(text: string, error: ErrorMention | null): { asked: string; pasted: string } {
  const fence = /```/.exec(text);
  if (fence && error === null) return { asked: text.replace(/```[\s\S]*?(?:```|$)/g, " "), pasted: text };
  const lines = text.split(/\r?\n/);
  if (error === null || lines.length < 3) return { asked: text, pasted: "" };
  const isTrace = (line: string): boolean => /^\s*(?:at |File "|Traceback|\^|~|#\d+ |\d+ \||-->|goroutine |```)|^\s{4,}|^\S*(?:Error|Exception)\b|:\d+(?::\d+)?\)?$|\+0x[0-9a-f]+$/.test(line);
  const asked = lines.filter((line) => !isTrace(line));
  return { asked: asked.join("\n"), pasted: lines.filter(isTrace).join("\n") };
}

const THIS_PROJECT = String.raw`(?:this|the|your|our|my|that)?\s*(?:whole |entire )?(?:project|repo|repository|codebase|code base|package|library|extension|app|application|program|workspace|tool|module here)`;

/** Patterns in order: the first that matches decides. */
const INTENTS: readonly [QuestionIntent, RegExp][] = [
  ["error", /\b(?:explain|understand|debug|fix|solve|resolve|what (?:does|is|causes?)|what do|why (?:do|am|does|is|did)|how (?:do|can|to))\b.{0,60}\b(?:this|that|the|following|an?|my) (?:\w+ )?(?:error|exception|stack ?trace|traceback|crash|panic|warning)\b/],
  ["usages", /\bwho (?:calls?|uses?|imports?|invokes?|references?|depends on|instantiates?|creates?|consumes?|reads?)\b/],
  ["usages", /\bwhere (?:is|are|do we|does|do i|else is|all is|was|will)\b.{0,100}\b(?:used|called|invoked|imported|referenced|instantiated|consumed|invoking|being used)\b/],
  ["usages", /\bwhere (?:do|does|did|are) (?:we|i|you|they|it) (?:use|call|invoke|import|reference|instantiate)\b/],
  ["usages", /\b(?:what|which)(?: (?:file|function|method|class|module|place|component|part|test|code|provider|command)e?s?)?(?: of the code(?:base)?)? (?:calls?|uses?|imports?|invokes?|references?|depends? on|makes? use of|relies on|rely on)\b(?! (?:does|do|is|are|to|for|of)\b)/],
  ["usages", /\b(?:callers?|usages|uses|references|call ?sites?|invocations|importers|consumers|dependents) (?:of|to|for)\b/],
  ["usages", /\b(?:find|list|show)(?: me)? (?:all |every |the )?(?:usages?|uses?|references?|calls?|callers|places)\b/],
  ["usages", /(?<!\bhow )\b(?:is|are) .{1,80}\b(?:used|called|referenced|imported|invoked)(?: anywhere| somewhere| at all| by| in|\?|$)/],
  ["usages", /\bdoes (?:anything|anyone|any\w* \w+) (?:use|call|import|reference)\b/],
  ["usages", /\b(?:wo wird|wer (?:ruft|benutzt|verwendet)|où est .{1,60}utilisé|dónde se (?:usa|llama|utiliza))/],
  ["usages", /(?:在哪里(?:被)?(?:使用|调用)|谁调用)/],
  ["overview", new RegExp(String.raw`\bwhat (?:is|does|are) ${THIS_PROJECT}(?: (?:about|for|do|all about|doing))?\s*[?.!]*$`)],
  ["overview", new RegExp(String.raw`\b(?:overview|summary|purpose|architecture|structure|layout|introduction) of ${THIS_PROJECT}\b`)],
  ["overview", new RegExp(String.raw`\b(?:summari[sz]e|explain|describe|introduce|walk me through|tell me about|understand) ${THIS_PROJECT}\s*(?:to me|for me|please|briefly)?\s*[?.!]*$`)],
  ["overview", new RegExp(String.raw`\bhow is ${THIS_PROJECT} (?:structured|organi[sz]ed|laid out)`)],
  ["overview", /^(?:please )?(?:give me |show me )?(?:an? |the )?(?:overview|readme|summary|getting started|quick ?start|introduction)\b[^a-z]*$/],
  ["overview", /\bwhat does the readme say\b|\baccording to the readme\b|\b(?:project|repo|repository|codebase) (?:overview|summary|structure|layout|architecture)\b/],
  ["overview", /\bhow (?:do|can|should|would) (?:i|we|you|one) (?:install|build|compile|run|start|set ?up|deploy|get started|contribute|test)(?: (?:with )?(?:this|it|the (?:project|app|extension|tests?|package|code|tool|repo|server)|tests|everything|locally|from source))*\s*[?.!]*$/],
  ["overview", /\bhow to (?:install|build|compile|run|start|set ?up|deploy|contribute|get started)(?: (?:with )?(?:this|it|the (?:project|app|extension|tests?|package|code|tool|repo)|tests|locally|from source))*\s*[?.!]*$/],
  ["overview", /\b(?:was macht|worum geht es in) (?:dieses|diesem|das) projekt|que fait ce projet|qué hace este proyecto|(?:这个|該)项目(?:是|做)什么/],
  ["overview", /\b(?:main|key|core|central|most important) (?:components?|parts?|modules?|files?|classes|pieces|entry ?points?|concepts?)\b|\bentry ?points? (?:of|for|to|in) (?:this|the)\b|\bwhat(?: is|'s) the entry ?point\b/],
  ["overview", /\bwhere (?:do|should|can|would) (?:i|we|you|one) (?:start|begin)(?: (?:reading|looking|to read|to look))?(?: (?:at )?(?:this|the|in the|in this) (?:code|codebase|project|repo|repository|source))?\s*[?.!]*$|\bhow many (?:source )?files\b|\bwhich languages?\b|\bwhat languages? (?:is|are)\b/],
  ["which", /\b(?:which|what|whose) (?:\w+ )?(?:file|function|method|class|module|component|part|place|script|package|folder|directory|code|section|line|hook|command|provider|service|endpoint|route|handler|rule|test)e?s?\b/],
  ["which", /\bin (?:which|what) (?:file|module|class|folder|function|directory|place)\b/],
  ["which", /\b(?:find|show|locate|point)(?: me| out)?(?: to)? (?:the |a |all |any )?(?:files?|code|functions?|methods?|class|module|place|part|logic|bit)(?: \w+)? (?:that|which|where|for|of|responsible|handling|doing|to)\b/],
  ["which", /\b(?:file|code|function|method|class|module|component|place|part|logic)s? (?:that|which|responsible|handling|for)\b/],
  ["which", /\b(?:what|who) (?:handles?|is responsible|takes care|deals with|implements|controls|manages|computes?|creates?|sends?|reads?|writes?|parses?|loads?|saves?|generates?|decides?|determines?|triggers?)\b/],
  ["which", /\bwelche datei|welche funktion|quel fichier|quelle fonction|qué archivo|cuál archivo|哪个文件/],
  ["where", /\bwhere\b|\blocate\b|\blocation of\b|\bdefinition of\b|\bwo (?:ist|sind|finde|steht)\b|(?:^|[\s,])où(?:[\s,]|$)|\bd[oó]nde\b|在哪/],
  ["where", /^(?:please |can you |could you )?(?:find|go to|open|jump to|show(?: me)?)\b/],
  ["how", /\bhow (?:do|can|should|would|could|must|does one|might) (?:i|we|you|one|somebody|someone)\b/],
  ["how", /\bhow to\b|\bexamples? (?:of|for|using|how)\b|\b(?:usage|example) of\b|\b(?:signature|arguments?|args|parameters?|params|return (?:type|value)) (?:of|for|to|does)\b/],
  ["how", /\bwhat (?:arguments?|args|parameters?|params|options|inputs?|values?|type) (?:does|do|can|should|is|are|must)\b|\bwhat (?:does|do) .{1,80} (?:take|accept|return|expect|need|require)s?(?: as .{1,40})?\s*[?.!]*$/],
  ["how", /\bhow (?:is|are|should) .{1,80} (?:called|invoked|used|instantiated|constructed)\b|\b(?:call|use|invoke|instantiate|construct) (?:the )?[\w.]+ (?:properly|correctly)/],
  ["how", /\bwie (?:rufe|benutze|verwende|kann)|comment (?:appeler|utiliser)|c[oó]mo (?:llamo|uso|usar|se usa)|如何(?:使用|调用)|怎么(?:用|调用)/],
  ["what", /\bwhat\b|\bexplain\b|\bdescribe\b|\btell me (?:about|more)\b|\bmeaning of\b|\bpurpose of\b|\bhow (?:does|do|is|are|did|will)\b|\bwhy\b|\bwas (?:macht|ist|tut)\b|\bwie funktioniert\b|\bque fait\b|\bqu'est-ce\b|\bqu[eé] (?:hace|es)\b|什么|作用/],
];

function intentOf(head: string, error: ErrorMention | null, command: SlashCommand | null, hasSubject: boolean, words: readonly string[]): QuestionIntent {
  if (error !== null && command !== "search") return "error";
  if (command === "explain" || command === "doc") return "what";
  if (command === "fix") return "error";
  if (command === "tests") return "usages";
  if (command === "search") return "open";
  for (const [intent, pattern] of INTENTS) {
    if (!pattern.test(head)) continue;
    // "overview of `Foo`" is about Foo; "what error does X throw" without an error is about X.
    if (intent === "overview" && hasSubject) continue;
    if (intent === "error" && hasSubject && words.length === 0) continue;
    return intent;
  }
  return "open";
}

function searchQueryOf(asked: string, pasted: string, error: ErrorMention | null, { words, identifiers, paths, phrases }: Subjects): string {
  const parts: string[] = [];
  if (error) parts.push(error.message, error.type, ...error.frames.slice(0, 3).map((frame) => frame.name));
  for (const subject of identifiers) if (subject.mark !== "capitalised") parts.push([...subject.container, subject.name].join("."));
  for (const mention of paths) parts.push(mention.path.split("/").filter((part) => part !== "").at(-1) ?? "");
  parts.push(...phrases, ...words);
  const query = parts.filter((part) => part !== "").join(" ").trim();
  return (query === "" ? (asked.trim() === "" ? pasted : asked).replace(/\s+/g, " ") : query).slice(0, MAXIMUM_QUERY_CHARACTERS);
}
