// Reads a Markdown document of this project: its headings with their anchors, links, code blocks and code in the text. Changes
// nothing, and knows nothing of commands (commandLines.ts).
import MarkdownIt from "markdown-it";

export interface CodeBlock {
  /** First word of the fence's info: "sh", "console", "json", …; "" where there is none. */
  language: string;
  text: string;
  /** 1-based line of the block's first line of text. */
  line: number;
  /** The comment right before the block, `<!-- not run: why -->`, without its marks; null where there is none. */
  note: string | null;
}

export interface Link {
  /** As written: relative path, anchor or address. */
  target: string;
  line: number;
}

export interface Heading {
  level: number;
  text: string;
  /** As GitHub makes it: unique within the document. */
  anchor: string;
  line: number;
}

export interface InlineCode {
  text: string;
  line: number;
}

export interface Document {
  headings: Heading[];
  links: Link[];
  blocks: CodeBlock[];
  code: InlineCode[];
}

const markdown = new MarkdownIt({ html: true });

export function readDocument(text: string): Document {
  const document: Document = { headings: [], links: [], blocks: [], code: [] };
  const seen = new Map<string, number>();
  const tokens = markdown.parse(text, {});
  for (const [i, token] of tokens.entries()) {
    const line = (token.map?.[0] ?? 0) + 1;
    if (token.type === "fence") {
      const before = tokens[i - 1];
      const note = before?.type === "html_block" ? /^<!--\s*(.*?)\s*-->\s*$/s.exec(before.content)?.[1] ?? null : null;
      document.blocks.push({ language: token.info.trim().split(/\s+/)[0] ?? "", text: token.content, line: line + 1, note });
    } else if (token.type === "inline") {
      for (const child of token.children ?? []) {
        const target = child.type === "link_open" ? child.attrGet("href") : child.type === "image" ? child.attrGet("src") : null;
        if (target !== null) document.links.push({ target: String(target), line });
        if (child.type === "code_inline") document.code.push({ text: child.content, line });
      }
      const opening = tokens[i - 1];
      if (opening?.type === "heading_open") {
        const words = (token.children ?? []).filter((child) => child.type === "text" || child.type === "code_inline").map((child) => child.content).join("");
        const slug = slugOf(words);
        const n = seen.get(slug) ?? 0;
        seen.set(slug, n + 1);
        document.headings.push({ level: Number(opening.tag.slice(1)), text: words, anchor: n === 0 ? slug : `${slug}-${n}`, line });
      }
    } else if (token.type === "html_block") {
      for (const [, target] of token.content.matchAll(/\b(?:src|srcset|href)="([^"]+)"/g)) document.links.push({ target: target!, line });
    }
  }
  return document;
}

/** The anchor that GitHub gives a heading: lower case, punctuation gone, spaces as hyphens. */
export function slugOf(heading: string): string {
  return heading.trim().toLowerCase().replaceAll(/[^\p{L}\p{N}\p{M}\s_-]/gu, "").replaceAll(/\s/g, "-");
}
