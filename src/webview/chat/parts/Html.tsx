// Sanitised HTML in the page; the only place that sets inner HTML.
import { memo } from "preact/compat";
import { useMemo } from "preact/hooks";
import { highlight } from "../highlight.ts";
import { renderBlocks } from "../markdown.ts";
import { sanitise } from "../sanitise.ts";
import type { Citation } from "../../../engine/protocol/types.ts";

const Block = memo(function Block({ html }: { html: string }) {
  return <div class="block" dangerouslySetInnerHTML={{ __html: html }} />;
});

/** Markdown with citation chips. Blocks that did not change keep their nodes, and with them selection and focus. */
export function Markdown({ text, citations, class: className }: { text: string; citations: readonly Citation[]; class?: string }) {
  const blocks = useMemo(() => renderBlocks(text, citations), [text, citations]);
  return <div class={`markdown ${className ?? ""}`}>{blocks.map((html, index) => <Block key={index} html={html} />)}</div>;
}

export function Highlighted({ code, language, class: className }: { code: string; language: string; class?: string }) {
  const html = useMemo(() => sanitise(highlight(code, language)), [code, language]);
  return <pre class={className} dir="ltr" tabIndex={0}><code dangerouslySetInnerHTML={{ __html: html }} /></pre>;
}
