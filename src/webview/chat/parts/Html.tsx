// Sanitised HTML in the page; the only place that sets inner HTML.
import { memo } from "preact/compat";
import { useMemo } from "preact/hooks";
import { highlight } from "../highlight.ts";
import { renderBlocks } from "../markdown.ts";
import { sanitise } from "../sanitise.ts";
import type { BlockConcern, Citation } from "../../../engine/protocol/types.ts";

const Block = memo(function Block({ html }: { html: string }) {
  return <div class="block" dangerouslySetInnerHTML={{ __html: html }} />;
});

const NONE: readonly BlockConcern[] = [];

/** Markdown with citation chips and with what the checks say about its blocks. Blocks that did not change keep their nodes, and with them selection and focus. */
export function Markdown({ text, citations, concerns = NONE, class: className }: { text: string; citations: readonly Citation[]; concerns?: readonly BlockConcern[]; class?: string }) {
  const blocks = useMemo(() => renderBlocks(text, citations, concerns), [text, citations, concerns]);
  return <div class={`markdown ${className ?? ""}`}>{blocks.map((html, index) => <Block key={index} html={html} />)}</div>;
}

export function Highlighted({ code, language, class: className }: { code: string; language: string; class?: string }) {
  const html = useMemo(() => sanitise(highlight(code, language)), [code, language]);
  return <pre class={className} dir="ltr" tabIndex={0}><code dangerouslySetInnerHTML={{ __html: html }} /></pre>;
}
