// Markdown of an answer to sanitised HTML, block by block, so that a stream redraws only its last block.
// Raw HTML and images are off; `[n]` becomes a chip where source n exists. Clicks are handled by App, by data attributes.
import MarkdownIt from "markdown-it";
import type { Token } from "markdown-it";
import { blockKey } from "../../engine/protocol/safety.ts";
import type { BlockConcern, Citation } from "../../engine/protocol/types.ts";
import { blockNotes, markOf } from "./blockNotes.ts";
import { rangeLabel } from "./healthLine.ts";
import { escapeHtml, highlight } from "./highlight.ts";
import { ALLOWED_LINK, sanitise } from "./sanitise.ts";
import { t } from "../shared/l10n.ts";

/** What a rule finds in the environment of the parse: the sources by number. */
type CitationMap = ReadonlyMap<number, Citation>;

/** What a fence says of itself: "ts src/x.ts", "ts:src/x.ts", "python title=\"a.py\"". */
export function parseFenceInfo(info: string): { language: string; path: string | null } {
  const match = /^\s*([\w#+.-]*)[\s:{]*(.*)$/.exec(info);
  const rest = (match?.[2] ?? "").replace(/^(?:title|file|filename|path)\s*=\s*/, "").replace(/["'}]/g, "").trim();
  const path = /^[\w@./\\ -]+\.\w+$/.test(rest) ? rest.replace(/\\/g, "/") : null;
  return { language: match?.[1] ?? "", path };
}

/** A path that the first line gives in a comment ("// src/x.ts", "# a/b.py"), as models like to write it. */
export function pathInFirstLine(code: string): string | null {
  const match = /^\s*(?:\/\/|#|--|<!--|\/\*)\s*(?:file:\s*)?([\w@.-]+(?:\/[\w@.-]+)*\.\w{1,8})\s*(?:\*\/|-->)?\s*(?:\n|$)/i.exec(code);
  return match?.[1] ?? null;
}

const markdown = new MarkdownIt({ html: false, linkify: false, typographer: false });
// `[1]: …` is how models list their sources, not the definition of a link.
markdown.disable(["image", "reference"]);
markdown.validateLink = (url) => ALLOWED_LINK.test(url.trim());

markdown.inline.ruler.before("link", "citation", (state, silent) => {
  if (state.src.charCodeAt(state.pos) !== 0x5b /* [ */) return false;
  const match = /^\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\](?!\()/.exec(state.src.slice(state.pos, state.pos + 64));
  if (!match) return false;
  if (!silent) for (const n of (match[1] ?? "").split(",")) state.push("citation", "", 0).content = n.trim();
  state.pos += match[0].length;
  return true;
});

markdown.renderer.rules["citation"] = (tokens, index, _options, environment) => {
  const n = Number(tokens[index]?.content);
  const citation = (environment?.["citations"] as CitationMap | undefined)?.get(n);
  if (!citation) return `[${n}]`;
  const label = t("Source {0}: {1}", n, rangeLabel(citation.path, citation.startLine, citation.endLine));
  return `<button type="button" class="cite" data-cite="${n}" aria-label="${escapeHtml(label)}">${n}</button>`;
};

markdown.renderer.rules["fence"] = (tokens, index, _options, environment) => {
  const token = tokens[index];
  return token ? codeBlock(token.content, token.info, environment?.["concerns"] as readonly BlockConcern[] | undefined) : "";
};
markdown.renderer.rules["code_block"] = (tokens, index) => codeBlock(tokens[index]?.content ?? "", "");

/** Languages of terminals: such a block can be run. */
const SHELL = /^(?:sh|bash|zsh|shell|shellscript|console|terminal|powershell|pwsh|ps1?|bat|batch|cmd)$/i;

function codeBlock(content: string, info: string, concerns: readonly BlockConcern[] = []): string {
  const code = content.replace(/\n$/, "");
  const { language, path: named } = parseFenceInfo(info);
  const path = named ?? pathInFirstLine(code);
  const hint = path ?? language;
  const key = concerns.length > 0 ? blockKey(code) : "";
  const own = concerns.filter((concern) => concern.block === key);
  const action = (name: string, icon: string, label: string): string =>
    `<button type="button" class="icon-button" data-action="${name}" title="${label}" aria-label="${label}"><span class="codicon codicon-${icon}" aria-hidden="true"></span></button>`;
  return `<div class="code" data-language="${escapeHtml(language)}"${path ? ` data-path="${escapeHtml(path)}"` : ""}>` +
    `<div class="code-bar"><span class="code-hint">${escapeHtml(hint)}</span>${markOf(own)}<span class="code-actions">` +
    (SHELL.test(language) ? action("run", "terminal", t("Run in terminal")) : action("apply", "diff", t("Apply with diff"))) + action("insert", "insert", t("Insert at cursor")) + action("copy", "copy", t("Copy")) +
    `</span></div><pre tabindex="0" dir="ltr"><code>${highlight(code, language)}</code></pre>${blockNotes(own)}</div>`;
}

// Each paragraph takes its own direction, so that Hebrew prose and English code stand right side by side.
markdown.core.ruler.push("direction", (state) => {
  for (const token of state.tokens) {
    if (token.nesting === 1 && token.type !== "table_open") token.attrSet("dir", "auto");
  }
});
markdown.renderer.rules["table_open"] = () => '<div class="table" tabindex="0" role="group" aria-label="' + escapeHtml(t("Table")) + '"><table>';
markdown.renderer.rules["table_close"] = () => "</table></div>";

/** Sanitised HTML, one string per top-level block. */
export function renderBlocks(text: string, citations: readonly Citation[], concerns: readonly BlockConcern[] = []): string[] {
  const environment: { citations: CitationMap; [key: string | symbol]: unknown } = { concerns, citations: new Map(citations.map((citation) => [citation.n, citation])) };
  const blocks: string[] = [];
  let group: Token[] = [];
  for (const token of markdown.parse(text, environment)) {
    group.push(token);
    if (token.level === 0 && token.nesting !== 1) {
      blocks.push(sanitise(markdown.renderer.render(group, markdown.options, environment)));
      group = [];
    }
  }
  return blocks;
}
