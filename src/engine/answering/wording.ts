// The few sentences that cards are made of: quoting documentation verbatim, naming places, listing.
// Words are copied, never paraphrased; nothing here decides what is said.
import type { SymbolDefinition } from "../protocol/types.ts";

const MAXIMUM_QUOTE = 320;

/** The first sentence of a documentation comment as it is written (line breaks become spaces), or "". */
export function firstSentence(documentation: string): string {
  const paragraph: string[] = [];
  for (const raw of documentation.split("\n")) {
    const line = raw.trim();
    // Orders to tools stand in comments and document nothing.
    if (/^(?:eslint|tslint|jshint|prettier|biome|stylelint|istanbul|c8|v8|webpack|@ts-|noqa|pylint|pyright|mypy|type:\s*ignore|fmt:|isort|flake8|nolint|go:|\+build|clippy|rustfmt|NOSONAR|region\b|endregion)/i.test(line)) continue;
    if (line === "" || /^(?:[-=~*#]{3,}|```|@\w|:\w+[^:]*:|(?:Args|Arguments|Parameters|Params|Returns?|Raises|Yields|Examples?|Notes?|See Also|References)\s*:?\s*$)/.test(line)) {
      if (paragraph.length > 0) break;
      // "@description Formats …" documents; other tags do not.
      const described = /^@(?:description|desc|summary|brief|fileoverview|file|overview)\s+(.+)/.exec(line)?.[1];
      if (described !== undefined) paragraph.push(described);
      else if (/^[@:]\w|^(?:Args|Parameters|Returns)/.test(line)) break;
      continue;
    }
    paragraph.push(line);
  }
  const text = paragraph.join(" ");
  const end = /(?<!\b(?:e\.g|i\.e|etc|vs|cf|approx|resp|Dr|Mr|No|Fig))[.!?](?=\s|$)/.exec(text.replace(/\b(e\.g|i\.e)\./g, (abbreviation) => abbreviation.replace(/\.$/, "\0")));
  const sentence = end ? text.slice(0, end.index + 1) : text;
  return sentence.length > MAXIMUM_QUOTE ? `${sentence.slice(0, MAXIMUM_QUOTE).replace(/\s+\S*$/, "")} …` : sentence;
}

/** `text` as a quotation in Markdown; brackets with numbers inside it must not pass for citations. */
export function quote(text: string): string {
  const unpaired = (text.match(/`/g)?.length ?? 0) % 2 === 1;
  return `“${escapeCitations(unpaired ? text.replaceAll("`", "\\`") : text)}”`;
}

/** `[1]` in copied text, escaped. */
export function escapeCitations(text: string): string {
  return text.replace(/\[(\d+(?:\s*[,–-]\s*\d+)*)\]/g, "\\[$1\\]");
}

/** `text` as inline code; backticks inside it get a longer fence. */
export function code(text: string): string {
  const flat = text.replace(/\s+/g, " ").trim();
  if (!flat.includes("`")) return `\`${flat}\``;
  return `\`\` ${flat} \`\``;
}

/** "`src/x.ts:41`". */
export function place(path: string, line: number): string {
  return code(`${path}:${line}`);
}

/** "a", "a and b", "a, b and c". */
export function list(parts: readonly string[]): string {
  if (parts.length <= 1) return parts[0] ?? "";
  return `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** "1 place", "7 places". */
export function plural(n: number, noun: string, nouns = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : nouns}`;
}

/** "a function", "an interface". */
export function aKind(kind: string): string {
  return `${/^[aeiou]/.test(kind) ? "an" : "a"} ${kind}`;
}

/** "Chat.render" of a method, "render" of a function. */
export function qualifiedName(definition: Pick<SymbolDefinition, "name" | "container">): string {
  return [...definition.container, definition.name].join(".");
}

/** Whether a path belongs to tests, examples or generated code rather than to the product itself. */
export function isSecondary(path: string): boolean {
  return isTest(path) || /(?:^|\/)(?:examples?|samples?|demos?|docs?|tutorials?|benchmarks?|vendor|third_party|dist|build|generated|legacy)\/|_legacy\.|\.min\.|\.generated\.|(?:^|\/)CHANGELOG/i.test(path);
}

/** Whether a path is a test's. */
export function isTest(path: string): boolean {
  return /(?:^|\/)(?:tests?|specs?|__tests__|__mocks__|testdata|fixtures|e2e)\/|(?:^|\/)test_[^/]*$|[._-](?:test|spec|e2e)\.[^/]*$|_test\.\w+$|(?:^|\/)conftest\.py$/i.test(path);
}

const IRREGULAR: Readonly<Record<string, string>> = {
  shown: "show", built: "build", sent: "send", written: "write", wrote: "write", chosen: "choose", chose: "choose", made: "make", kept: "keep", ran: "run", running: "run", found: "find", held: "hold",
  split: "split", bound: "bind", thrown: "throw", threw: "throw", drawn: "draw", taken: "take", given: "give", begun: "begin", hidden: "hide", broken: "break", spoken: "speak", got: "get", gotten: "get", children: "child", indices: "index",
};

/** A crude stem, for counting which words of a question a text covers: "formatter", "formatting" and "formats" agree. */
export function stem(word: string): string {
  const lower = IRREGULAR[word.toLowerCase()] ?? word.toLowerCase();
  if (lower.length < 4) return lower;
  let root = lower.replace(/(?:izations?|isations?)$/, "ize").replace(/ies$/, "y").replace(/(?:ations?|ators?|ating|ated|ates?)$/, "at").replace(/(?:ions?|ings?|ers?|ors?|ed|es|ment|ments|able|ly|s|e|y)$/, "");
  if (root.length < 3) root = lower.slice(0, Math.max(3, lower.length - 1));
  return root.replace(/([bdfgklmnprtz])\1$/, "$1").replace(/at$/, "");
}
