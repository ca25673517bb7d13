// Finds the sentences that the extension and its webviews say to people, and compares them with a translation.
// `node tools/l10n.ts` lists what the German bundle lacks and what it has in vain; a test fails on either.
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");

export interface SpokenSentence {
  text: string;
  /** "src/extension/messages.ts:12". */
  place: string;
}

/** Calls whose first argument is a sentence: VS Code's own, and shared/l10n.ts's, which modules without VS Code use. */
const CALL = /(?:\bl10n\.t|(?<![\w.$])(?:t|mark))\(\s*/g;
const FOLDERS = ["src/extension", "src/webview"];
const LITERAL = /^"((?:[^"\\\n]|\\.)*)"/;
const COMMENT = /^\s*(?:\/\/|\*|\/\*)/;

/** Every sentence with where it is said; `problems` names calls whose sentence is no plain literal, which nothing can translate. */
export function spokenSentences(): { sentences: SpokenSentence[]; problems: string[] } {
  const sentences: SpokenSentence[] = [];
  const problems: string[] = [];
  for (const folder of FOLDERS) {
    for (const entry of readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
      const file = path.join(entry.parentPath, entry.name);
      if (file.endsWith(path.join("shared", "l10n.ts"))) continue;
      const source = readFileSync(file, "utf8");
      for (const match of source.matchAll(CALL)) {
        const line = source.slice(0, match.index).split("\n").length;
        const place = `${path.relative(root, file).replaceAll("\\", "/")}:${line}`;
        if (COMMENT.test(source.split("\n")[line - 1] ?? "")) continue;
        const literal = LITERAL.exec(source.slice(match.index + match[0].length));
        if (literal) sentences.push({ text: JSON.parse(`"${literal[1] ?? ""}"`) as string, place });
        else problems.push(`${place}: the sentence is no plain literal in double quotes`);
      }
    }
  }
  return { sentences, problems };
}

/** A file of translations by key. */
export function readTranslations(file: string): Record<string, string> {
  const at = path.join(root, file);
  return existsSync(at) ? JSON.parse(readFileSync(at, "utf8")) as Record<string, string> : {};
}

/** The places of a text, sorted: "{0}{1}". */
export function placeholders(text: string): string {
  return [...new Set(text.match(/\{\d+\}/g) ?? [])].sort().join("");
}

/** What is wrong with a translation of `keys`, one sentence each; `english` gives the English text of a key. */
export function problemsOf(keys: Iterable<string>, translations: Readonly<Record<string, string>>, english: (key: string) => string = (key) => key): string[] {
  const wanted = new Set(keys);
  const missing = [...wanted].filter((key) => !(key in translations)).map((key) => `missing: ${JSON.stringify(key)}`);
  const orphaned = Object.keys(translations).filter((key) => !wanted.has(key)).map((key) => `in vain: ${JSON.stringify(key)}`);
  const wrong = Object.entries(translations).filter(([key, text]) => wanted.has(key) && (text === "" || placeholders(text) !== placeholders(english(key)))).map(([key, text]) => `places differ: ${JSON.stringify(key)} and ${JSON.stringify(text)}`);
  return [...missing, ...orphaned, ...wrong];
}

export const GERMAN_BUNDLE = "l10n/bundle.l10n.de.json";
export const GERMAN_MANIFEST = "package.nls.de.json";

/** All that is wrong with the German translation. */
export function germanProblems(): string[] {
  const { sentences, problems } = spokenSentences();
  const manifest = readTranslations("package.nls.json");
  return [
    ...problems,
    ...problemsOf(sentences.map(({ text }) => text), readTranslations(GERMAN_BUNDLE)).map((problem) => `${GERMAN_BUNDLE}: ${problem}`),
    ...problemsOf(Object.keys(manifest), readTranslations(GERMAN_MANIFEST), (key) => manifest[key] ?? "").map((problem) => `${GERMAN_MANIFEST}: ${problem}`),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems = germanProblems();
  console.log(problems.length === 0 ? "The German translation is complete." : problems.join("\n"));
  process.exitCode = problems.length === 0 ? 0 : 1;
}
