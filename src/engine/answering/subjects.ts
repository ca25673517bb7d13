// Picks out of a question what it is about: identifiers, paths, quoted phrases and content words.
// Looks only at the text; whether an identifier exists is for the index to say.

/** How sure the text makes us that a token is an identifier, strongest first. */
export type SubjectMark = "code" | "shaped" | "quoted" | "named" | "capitalised";

export interface Subject {
  /** The last segment, without call brackets: "render" of `Chat.render()`. */
  name: string;
  /** The segments before it, outermost first: ["Chat"]. */
  container: string[];
  mark: SubjectMark;
}

/** A file or folder named in the question; `line` is 1-based, or null. */
export interface PathMention {
  path: string;
  line: number | null;
}

export interface Subjects {
  identifiers: Subject[];
  paths: PathMention[];
  /** Quoted text that is no identifier: looked for verbatim. */
  phrases: string[];
  /** Content words in order, lower case, without the question's own frame. */
  words: string[];
  /** Neighbouring words in lower case, frame included, broken at function words and punctuation: names spelt as words. */
  runs: string[][];
}

const CODE_EXTENSIONS = new Set((
  "ts tsx mts cts js jsx mjs cjs py pyi ipynb go rs java kt kts scala groovy c h cc cpp cxx hpp hh cs fs vb rb php swift m mm lua pl pm r jl ex exs erl hrl hs ml mli clj " +
  "cljs elm dart zig nim v sv vhd sql sh bash zsh fish ps1 bat cmd html htm css scss sass less vue svelte astro json jsonc json5 jsonl yaml yml toml ini cfg conf env xml " +
  "md mdx rst txt csv tsv tex proto graphql gql tf hcl lock gradle cmake mk dockerfile log j2 jinja tmpl ejs hbs wasm"
).split(" "));
const BARE_FILES = /^(?:dockerfile|makefile|readme|license|licence|changelog|rakefile|gemfile|procfile|jenkinsfile|vagrantfile|cmakelists\.txt)$/i;
/** Product names that look like file names. */
const NOT_FILES = /^(?:node|vue|next|nuxt|react|express|three|d3|chart|moment|discord|alpine|ember|backbone|socket|type|asp|ml|deno)\.(?:js|ts|io|net|py)$/i;

/** One identifier with its qualifiers; a call's brackets may follow. */
const IDENTIFIER = /[A-Za-z_$][\w$]*(?:(?:\?\.|\.|::|#|->)[A-Za-z_$][\w$]*)*/;
const WHOLE_IDENTIFIER = new RegExp(`^@?(${IDENTIFIER.source})(?:<[^<>]*>)?(\\(.*\\)?)?;?$`, "s");
const SEPARATORS = /\?\.|\.|::|#|->/;

const KIND_NOUNS = "function|functions|func|fn|method|methods|class|classes|interface|type|struct|trait|enum|constant|const|variable|var|hook|component|decorator|macro|module|symbol|property|field|attribute|helper|constructor|dataclass|command|setting|option|protocol";
// "the foo function" and "function foo": a plain word beside a kind of definition is meant as a name.
const NAMED_BEFORE = new RegExp(String.raw`\b(?:${KIND_NOUNS})\s+(?:called\s+|named\s+)?([A-Za-z_$][\w$]*)`, "gi");
const NAMED_AFTER = new RegExp(String.raw`\b(?:the|a|an|this|our|my|is|of|does|do|call|use)\s+([A-Za-z_$][\w$]*)\s+(?:${KIND_NOUNS})\b`, "gi");
// "how do I call generate": what stands behind the verb is likely a name.
const NAMED_CALL = /\b(?:call|calls|calling|invoke|invokes|import|imports|instantiate|instantiates)\s+(?:the\s+)?([A-Za-z_$][\w$]*)(?![\w$]*(?:\.\w|::|\())/gi;

/** Words that never name anything, in the languages whose question words we know. They also break runs of words. */
const FUNCTION_WORDS = new Set((
  "a an the this that these those it its is are was were be been being am do does did doing done has have had having i you they he she me us my our your their of in on at to from for " +
  "with without by as into onto over under about between than then so if or and not no nor but can could should would will shall may might must what where which who whom whose when why how " +
  "whats wheres whos hows thats isnt doesnt dont cant there here please pls tell show explain describe me want some any every each just only also too very really actually exactly currently " +
  "something anything someone we teh hte whre wher wehre whch waht wht wat whta wich whcih whihc hwo doess deos s t re ve ll d m via etc eg ie lets hey hi hello thanks thank ok okay " +
  "wo ist sind was wie wird werden welche welcher welches der die das den dem ein eine macht funktioniert où ou est sont que quoi quel quelle fait le la les un une des du de comment " +
  "dónde donde está qué cuál cual hace cómo como el los las una unos se es en"
).split(/\s+/));

/** Words of a question's frame ("where is … defined", "which file handles …"): subjects only where nothing else is left. */
const FRAME_WORDS = new Set((
  "find locate give list help need know see look looking get gets got all defined define definition defines declared declare implemented implement implementation implements located location live lives " +
  "happen happens happening handled handle handles handling responsible used use uses using usage usages call calls called calling caller callers work works working file files code codebase function " +
  "functions method methods class classes module modules component place places part parts line lines repo repository project purpose meaning mean means thing things way ways stuff reference references " +
  "referenced support supports supported exist exists existing import imports imported invoke invoked invokes written logic symbol variable constant interface inside within full datei fichier archivo let"
).split(/\s+/));

/** Reads the subjects out of `text`, which should be at most some thousand characters. */
export function findSubjects(text: string): Subjects {
  const identifiers: Subject[] = [];
  const paths: PathMention[] = [];
  const phrases: string[] = [];
  // What has been taken is blanked, so that one token is not read twice.
  let rest = text.replace(/```[\s\S]*?(?:```|$)/g, " ");

  rest = rest.replace(/(`+)([^`\n]{1,200})\1/g, (_all, _ticks, inner: string) => {
    const found = readCode(inner.trim());
    if (found.path) paths.push(found.path);
    else if (found.subject) identifiers.push({ ...found.subject, mark: "code" });
    else if (inner.trim() !== "") phrases.push(inner.trim());
    return " ";
  });
  rest = rest.replace(/(?<![\w])(["“'‘])([^"“”'‘’\n]{2,200})["”'’](?![\w])/g, (_all, _quote, inner: string) => {
    const found = readCode(inner.trim());
    if (found.path) paths.push(found.path);
    else if (found.subject && !/\s/.test(inner.trim())) identifiers.push({ ...found.subject, mark: isShaped(found.subject, inner) ? "shaped" : "quoted" });
    else phrases.push(inner.trim());
    return " ";
  });

  const runs: string[][] = [[]];
  const tokens = rest.match(/[^\s,;!?"'“”‘’()[\]{}<>|=*^~]+(?:\(\))?[,;:!?)]?/g) ?? [];
  let sentenceStart = true;
  for (const raw of tokens) {
    const startsSentence = sentenceStart;
    sentenceStart = /[.!?:]$/.test(raw);
    const token = raw.replace(/^(?:[-–—:&+/]|\.{2,})+(?=[\w@.])/, "").replace(/[.:,;!?…–—-]+$|(?<!\()\)+$/, "");
    if (token === "") continue;
    const path = readPath(token);
    if (path) {
      paths.push(path);
      runs.push([]);
      continue;
    }
    const subject = readIdentifier(token);
    if (subject && isShaped(subject, token)) {
      identifiers.push({ ...subject, mark: "shaped" });
      runs.push([]);
      continue;
    }
    if (subject && !startsSentence && subject.container.length === 0 && /^[A-Z]/.test(subject.name) && !isFrameWord(subject.name.toLowerCase())) {
      identifiers.push({ ...subject, mark: "capitalised" });
    }
    for (const word of splitWords(token)) {
      if (FUNCTION_WORDS.has(word)) runs.push([]);
      else runs.at(-1)?.push(word);
    }
    if (/[,;:.!?)]$/.test(raw)) runs.push([]);
  }
  for (const pattern of [NAMED_BEFORE, NAMED_AFTER, NAMED_CALL]) {
    for (const match of rest.matchAll(pattern)) {
      const name = match[1] ?? "";
      if (isFrameWord(name.toLowerCase()) || identifiers.some((subject) => subject.name === name)) continue;
      identifiers.push({ name, container: [], mark: "named" });
    }
  }
  return { identifiers: distinctSubjects(identifiers), paths: distinctPaths(paths), phrases: [...new Set(phrases)], words: contentWords(runs, identifiers.length + paths.length > 0), runs: runs.filter((run) => run.length > 0) };
}

/** Whether `word` (lower case) belongs to the frame of questions rather than to their subject. */
export function isFrameWord(word: string): boolean {
  return FUNCTION_WORDS.has(word) || FRAME_WORDS.has(word);
}

function contentWords(runs: readonly string[][], hasSubject: boolean): string[] {
  const all = [...new Set(runs.flat())];
  const content = all.filter((word) => !FRAME_WORDS.has(word));
  return content.length > 0 || hasSubject ? content : all;
}

/** The parts of an identifier in lower case: "getHTTPServer_v2" → ["get", "http", "server", "v2"]. */
export function splitIdentifier(identifier: string): string[] {
  return identifier
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .split(/[^\p{L}\p{N}]+/u).filter((part) => part !== "").map((part) => part.toLowerCase());
}

/** A file name or path, with `:line` or `#L10`, or null. */
export function readPath(token: string): PathMention | null {
  const match = /^@?(.*?)(?:(?::|#L|\(|, line )(\d+)(?:[:,-]L?\d+)?\)?)?$/.exec(token.replaceAll("\\", "/"));
  const path = (match?.[1] ?? "").replace(/^\.\//, "");
  if (path === "" || path.length > 400 || /\s{2,}|[<>|*"]|:\/\//.test(path) || /\(|\)$/.test(path)) return null;
  const line = match?.[2] === undefined ? null : Number(match[2]);
  const base = path.split("/").at(-1) ?? "";
  const extension = /\.([A-Za-z]\w{0,9})$/.exec(base)?.[1]?.toLowerCase() ?? "";
  const isFile = BARE_FILES.test(base) || /^\.[a-z][\w.-]+$/i.test(base) || (CODE_EXTENSIONS.has(extension) && /^[\w@.+~$()[\]-]+$/.test(base) && !NOT_FILES.test(base));
  // A one-letter extension after a capital is rather Class.m than a file.
  if (isFile && !(extension.length === 1 && /^[A-Z]\w*\.[a-z]$/.test(base) && !path.includes("/") && !"chr".includes(extension))) return { path, line };
  const isFolder = /^(?:[\w@.+-]+\/)+[\w@.+-]*$/.test(path) && (path.endsWith("/") || path.split("/").length > 2 || /^(?:src|lib|test|tests|docs|app|pkg|cmd|internal|packages|scripts|tools)\//.test(path));
  return isFolder ? { path, line } : null;
}

function readCode(inner: string): { subject?: Omit<Subject, "mark">; path?: PathMention } {
  const path = readPath(inner);
  if (path) return { path };
  const subject = readIdentifier(inner);
  return subject ? { subject } : {};
}

function readIdentifier(token: string): Omit<Subject, "mark"> | null {
  const match = WHOLE_IDENTIFIER.exec(token.replace(/^(?:(?:new|await|async|export|default|def|func|fn|class|function|const|let|var|import|type|interface|struct|enum)\s+)+/, "").trim());
  const whole = match?.[1];
  if (whole === undefined || whole.length > 120) return null;
  const segments = whole.split(SEPARATORS).filter((segment) => segment !== "this" && segment !== "self" && segment !== "");
  const name = segments.at(-1);
  return name === undefined ? null : { name, container: segments.slice(0, -1) };
}

/** Whether a bare token can hardly be an English word: humps, underscores, qualifiers, call brackets. */
function isShaped(subject: Omit<Subject, "mark">, token: string): boolean {
  if (NOT_FILES.test(token)) return false;
  if (/\(.*\)?;?$/.test(token) || /::|#|->|\?\./.test(token)) return true;
  // "e.g", "i.e", "a.m": no names. "foo.bar" is one; a missing space after a full stop has a capital behind it and a word before.
  if (subject.container.length > 0) return subject.name.length > 1 && !(/^[a-z]+\.[A-Z][a-z]*$/.test(token) && isFrameWord(token.split(".")[1]?.toLowerCase() ?? ""));
  const name = subject.name;
  if (/^_+[A-Za-z]|[A-Za-z\d]_+[A-Za-z\d]|^\$\w|[A-Za-z]_+$/.test(name)) return true;
  if (/^(?:JavaScript|TypeScript|GitHub|GitLab|OpenAI|VSCode|iOS|macOS|MacOS|PyTorch|NodeJS|MongoDB|PostgreSQL|MySQL|GraphQL|YouTube|LaTeX|DevOps|PhD|APIs|URLs|IDs|PDFs|LLMs|TODOs|CPUs|GPUs)$/.test(name)) return false;
  return /[a-z\d][A-Z]/.test(name) || /^[A-Z]{2,}[a-z]{2,}/.test(name);
}

function splitWords(token: string): string[] {
  return token.split(/[^\p{L}\p{N}_]+/u).flatMap((part) => (part === "" ? [] : [part.toLowerCase()])).filter((word) => word.length > 1 || /\p{Lo}/u.test(word));
}

function distinctSubjects(subjects: readonly Subject[]): Subject[] {
  const seen = new Map<string, Subject>();
  for (const subject of subjects) {
    const key = [...subject.container, subject.name].join(".");
    if (!seen.has(key)) seen.set(key, subject);
  }
  const order: SubjectMark[] = ["code", "shaped", "quoted", "named", "capitalised"];
  return [...seen.values()].sort((a, b) => order.indexOf(a.mark) - order.indexOf(b.mark));
}

function distinctPaths(paths: readonly PathMention[]): PathMention[] {
  const seen = new Set<string>();
  return paths.filter((mention) => {
    const key = `${mention.path}:${mention.line ?? ""}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
