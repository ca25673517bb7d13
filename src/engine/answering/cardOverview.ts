// The card about the project as a whole: what its README and manifest say, verbatim, and what its folders hold.
import type { CardItem } from "../protocol/types.ts";
import { MAXIMUM_ITEMS } from "./cardContext.ts";
import type { CardContext, Draft } from "./cardContext.ts";
import { stemsOf } from "./passages.ts";
import { code, firstSentence, isSecondary, list, plural, quote, stem } from "./wording.ts";

const README_NAMES = ["README.md", "readme.md", "Readme.md", "README.rst", "README.txt", "README", "docs/README.md", "docs/index.md"];
const MANIFESTS = ["package.json", "pyproject.toml", "Cargo.toml", "setup.cfg", "setup.py", "go.mod", "composer.json", "pom.xml"];
const README_LINES = 600;
const INTRODUCTION_LINES = 80;
const BESIDE_THE_POINT = /backer|sponsor|licen[cs]e|links|contents|contribut|badge|community|thanks|credit|donat|news|changelog|install/i;
const SHELL_COMMAND = /^(?:\$ |sudo |npm |npx |yarn|pnpm |bun |deno |node |pip3? |pipx |uv |poetry |conda |python3? |brew |cargo |go |docker|make|cmake|git |curl |wget |apt|dnf |dotnet |mvn |gradle|\.\/|bundle |gem |composer |php |code |pytest|tox|nox|mocha|jest|vitest)/;
/** What a how-to question is about, and the headings and scripts that answer it. */
const TOPICS: readonly { asked: RegExp; heading: RegExp; script: RegExp }[] = [
  { asked: /\binstall\b|\bset ?up\b|\bget started\b|\bgetting started\b|\bquick ?start\b/, heading: /install|set ?up|getting started|quick ?start|requirements/i, script: /^(?:install|setup|prepare|postinstall)$/ },
  { asked: /\bbuild\b|\bcompile\b|from source/, heading: /build|compil|from source|develop/i, script: /^(?:build|compile|bundle|package)/ },
  { asked: /\btests?\b|\btesting\b/, heading: /^(?:running |run |how to )?(?:the )?(?:unit )?test(?:s|ing)?\b|develop|contribut/i, script: /^test/ },
  { asked: /\bhow\b.*\b(?:run|start|launch)\b/, heading: /run|usage|start|quick ?start|getting started/i, script: /^(?:start|dev|serve|run|watch)/ },
  { asked: /\bdeploy\b|\brelease\b|\bpublish\b/, heading: /deploy|release|publish/i, script: /^(?:deploy|release|publish)/ },
  { asked: /\bcontribut/, heading: /contribut|develop/i, script: /^$/ },
  { asked: /\blicen[cs]e\b/, heading: /licen[cs]e/i, script: /^$/ },
];

export async function overviewCard(context: CardContext): Promise<Draft | null> {
  const items: CardItem[] = [];
  const sentences: string[] = [];
  const topic = TOPICS.find((candidate) => candidate.asked.test(context.question.text.toLowerCase()));
  const readme = await readFirst(context, [...README_NAMES, ...context.files.filter((file) => /^(?:[^/]+\/)?readme(?:\.\w+)?$/i.test(file)).toSorted((a, b) => a.length - b.length)], README_LINES);
  const manifest = await readFirst(context, MANIFESTS, 400);

  if (readme) {
    const section = topic ? sectionOf(readme.lines, topic.heading) : introductionOf(readme.lines);
    if (section) {
      const item = await sourceItem(context, readme.path, section.startLine, section.endLine, section.title || readme.path, "readme");
      if (item) {
        items.push(item);
        sentences.push(topic ? `Under “${section.title}”, ${code(readme.path)} says ${section.command ? code(section.text) : quote(section.text)} [${item.citation}].` : `${code(readme.path)} says: ${quote(section.text)} [${item.citation}].`);
      }
    }
  }
  if (manifest) {
    const said = manifestSays(manifest.path, manifest.lines, topic?.script);
    if (said) {
      const item = await sourceItem(context, manifest.path, said.line, said.endLine, manifest.path, "manifest");
      if (item) {
        items.push(item);
        sentences.push(`${said.sentence} [${item.citation}].`);
      }
    }
  }
  if (!topic) {
    const layout = await layoutSentence(context, items);
    if (layout !== "") sentences.push(layout);
  }
  if (items.length === 0 || (topic && sentences.length === 0)) return null;
  // Asked for the structure, the structure comes first.
  if (/structur|organi[sz]|laid out|layout|architectur/i.test(context.question.text)) sentences.reverse();
  return { sentences, items: items.slice(0, MAXIMUM_ITEMS), supported: true };
}

interface Section {
  title: string;
  startLine: number;
  endLine: number;
  text: string;
  /** `text` is a command, not prose. */
  command: boolean;
}

/** The first prose of a README that is a sentence, past badges, HTML, headings and lists of links; else its first prose. */
function introductionOf(lines: readonly string[]): Section | null {
  let title = "";
  let first: Section | null = null;
  let beside = false;
  for (let i = 0; i < Math.min(lines.length, INTRODUCTION_LINES); i++) {
    const heading = headingOf(lines, i);
    if (heading !== null) {
      if (title === "") title = heading;
      beside = BESIDE_THE_POINT.test(heading);
    }
    if (beside || !isProse(lines[i] ?? "") || heading !== null || /^(?:=+|-+|~+)$/.test(lines[i + 1]?.trim() ?? "\0")) continue;
    let end = i;
    while (end + 1 < lines.length && isProse(lines[end + 1] ?? "") && headingOf(lines, end + 1) === null) end++;
    const paragraph = lines.slice(i, end + 1);
    const text = paragraph.map((line) => plain(line)).join(" ");
    const linked = paragraph.join(" ").match(/\[[^\]]*\]\([^)]*\)|<a\b.*?<\/a>/g)?.map(plain).join("").length ?? 0;
    if (text.length >= 25 && linked < 0.6 * text.length) {
      const section = { title, startLine: i + 1, endLine: end + 1, text: sentencesOf(text, 2), command: false };
      if (/[.!?]$/.test(section.text)) return section;
      first ??= section;
    }
    i = end;
  }
  return first;
}

/** The section under a heading that matches: its first command, else its first prose. */
function sectionOf(lines: readonly string[], wanted: RegExp): Section | null {
  for (let i = 0; i < lines.length; i++) {
    const title = headingOf(lines, i);
    if (title === null || !wanted.test(title)) continue;
    let prose: Section | null = null;
    let fence = -1;
    for (let j = i + 1; j < Math.min(lines.length, i + 80); j++) {
      const line = lines[j] ?? "";
      if (/^\s*(?:```|~~~)/.test(line)) {
        if (fence < 0) {
          fence = j;
          continue;
        }
        const commands = lines.slice(fence + 1, j).map((part) => part.trim()).filter((part) => SHELL_COMMAND.test(part)).map((part) => part.replace(/^\$\s+/, ""));
        if (commands.length > 0) return { title, startLine: i + 1, endLine: j + 1, text: commands.slice(0, 3).join(" ⏎ "), command: true };
        fence = -1;
      }
      if (fence >= 0) continue;
      // Deeper headings belong to the section; only a heading of a matching kind or higher ends it.
      if (j > i + 1 && headingOf(lines, j) !== null && /^#{1,2}\s/.test(line)) break;
      if (prose === null && isProse(line) && plain(line).length > 15) prose = { title, startLine: i + 1, endLine: j + 1, text: sentencesOf(plain(line), 2), command: false };
    }
    if (prose) return prose;
  }
  return null;
}

function headingOf(lines: readonly string[], i: number): string | null {
  const line = lines[i] ?? "";
  const hashed = /^#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1];
  if (hashed !== undefined) return plain(hashed);
  const html = /^\s*<h[1-6][^>]*>(.+?)<\/h[1-6]>/i.exec(line)?.[1];
  if (html !== undefined) return plain(html);
  return /^(?:={3,}|-{3,}|~{3,}|\^{3,})\s*$/.test(lines[i + 1] ?? "") && line.trim() !== "" && !/^[-=~]/.test(line) ? plain(line) : null;
}

function isProse(line: string): boolean {
  const text = line.trim();
  return text.length > 2 && /\p{L}{3}/u.test(text) && !/^(?:#|<|!\[|\[!\[|\||```|~~~|\.\. |:\w+:|[-=*_]{3,}|\[[^\]]*\]:|\[[^\]]*\]\([^)]*\)\s*$|[-*+]\s+\[[^\]]*\]\()/.test(text) && plain(text).replace(/[^\p{L}]/gu, "").length > 8;
}

/** Markdown's links, emphasis and tags taken off: the words stay. */
function plain(text: string): string {
  return text.replace(/!\[[^\]]*\]\([^)]*\)/g, "").replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/<[^>]+>/g, "").replace(/(\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w))/g, "").replace(/^\s*(?:>|[-*+])\s+/, "").trim();
}

function sentencesOf(text: string, count: number): string {
  const found: string[] = [];
  let rest = text;
  while (found.length < count && rest !== "") {
    const sentence = firstSentence(rest);
    if (sentence === "") break;
    found.push(sentence);
    if (!rest.startsWith(sentence)) break;
    rest = rest.slice(sentence.length).trim();
    if (found.join(" ").length > 280) break;
  }
  return found.join(" ");
}

function manifestSays(path: string, lines: readonly string[], script: RegExp | undefined): { line: number; endLine: number; sentence: string } | null {
  const lineOf = (pattern: RegExp): number => lines.findIndex((line) => pattern.test(line)) + 1;
  if (script && path === "package.json") {
    const start = lineOf(/^\s*"scripts"\s*:/);
    if (start === 0) return null;
    // "test" before "test:unit" before "test-browser:playwright".
    let best: { line: number; name: string; command: string } | null = null;
    for (let i = start; i < lines.length && !/^\s*\}/.test(lines[i] ?? ""); i++) {
      const [, name = "", command = ""] = /^\s*"([^"]+)"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(lines[i] ?? "") ?? [];
      if (name !== "" && script.test(name) && (best === null || name.length < best.name.length)) best = { line: i + 1, name, command };
    }
    if (best) return { line: best.line, endLine: best.line, sentence: `${code(path)} defines the script ${code(`npm run ${best.name}`)}, which is ${code(best.command)}` };
    return null;
  }
  if (script) return null;
  const description = lineOf(/^\s*"?description"?\s*[:=]\s*["']/);
  const text = /[:=]\s*(["'])((?:\\.|(?!\1).)+)\1/.exec(lines[description - 1] ?? "")?.[2];
  if (text !== undefined && text.length > 5 && !text.startsWith("%")) return { line: description, endLine: description, sentence: `${code(path)} describes it as ${quote(text)}` };
  const name = lineOf(/^\s*"?(?:name|module)"?\s*[:=]?\s+?["']?[\w@./-]+/);
  return name === 0 ? null : { line: name, endLine: name, sentence: `${code(path)} names it ${code((lines[name - 1] ?? "").trim().replace(/,$/, ""))}` };
}

/** How many files the main folders hold, with a source for each: an entry point, or the file that the most symbols come from. */
async function layoutSentence(context: CardContext, items: CardItem[]): Promise<string> {
  const product = context.files.filter((file) => !isSecondary(file) && /\.(?:[mc]?[jt]sx?|py|go|rs|java|kt|cs|rb|php|swift|c|cc|cpp|h|hpp|scala|ex|lua|dart)$/.test(file));
  if (product.length === 0) return "";
  const folders = new Map<string, string[]>();
  for (const file of product) {
    const parts = file.split("/");
    const folder = parts.length === 1 ? "" : parts.slice(0, Math.min(parts.length - 1, 2)).join("/");
    folders.set(folder, [...(folders.get(folder) ?? []), file]);
  }
  const largest = [...folders].filter(([folder]) => folder !== "").toSorted((a, b) => b[1].length - a[1].length).slice(0, 4);
  const named = largest.map(([folder, files]) => `${code(folder)} (${plural(files.length, "file")})`);
  const words = stemsOf(context.question.text);
  const entries = product.filter((file) => /(?:^|\/)(?:index|main|__main__|app|extension|cli|mod|lib|server)\.\w+$/.test(file)).toSorted((a, b) => a.split("/").length - b.split("/").length || a.length - b.length);
  const entry = entries.find((file) => words.has(stem(file.split("/").at(-2) ?? ""))) ?? entries[0] ?? product[0];
  if (entry === undefined) return "";
  const read = await context.access.readLines({ path: entry, startLine: 1, endLine: 30 });
  const item = read ? await sourceItem(context, entry, 1, 30, entry, "entry point") : null;
  if (!item) return "";
  items.push(item);
  const where = entries.length > 0 ? `; an entry point is ${code(entry)} [${item.citation}]` : `, for example ${code(entry)} [${item.citation}]`;
  return `The index holds ${plural(product.length, "source file")}${named.length > 0 && product.length > 3 ? `, most in ${list(named)}` : ""}${where}.`;
}

async function sourceItem(context: CardContext, path: string, startLine: number, endLine: number, title: string, kind: string): Promise<CardItem | null> {
  const citation = await context.citations.cite({ path, startLine, endLine });
  if (!citation) return null;
  const signature = kind === "readme" ? "" : citation.text.split("\n").map((line) => line.trim()).filter((line) => line !== "")[0] ?? "";
  return { title, kind, location: { path, startLine: citation.startLine, endLine: citation.endLine }, language: path.endsWith(".md") ? "markdown" : "plaintext", signature, documentation: kind === "readme" ? citation.text : "", usageCount: 0, usages: [], citation: citation.n };
}

async function readFirst(context: CardContext, paths: readonly string[], lines: number): Promise<{ path: string; lines: string[] } | null> {
  // On file systems that ignore case several names would read one file: the index's own spelling goes first.
  const known = new Map(context.files.map((file) => [file.toLowerCase(), file] as const));
  for (const path of paths) {
    const spelled = known.get(path.toLowerCase()) ?? path;
    const read = await context.access.readLines({ path: spelled, startLine: 1, endLine: lines });
    if (read && read.text.trim() !== "") return { path: spelled, lines: read.text.split("\n") };
  }
  return null;
}
