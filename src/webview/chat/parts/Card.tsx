// The grounded card: what the engine itself found, with places that are right by construction.
import { useState } from "preact/hooks";
import type { CardItem, Citation, GroundedCard } from "../../../engine/protocol/types.ts";
import { rangeLabel } from "../healthLine.ts";
import { post } from "../host.ts";
import { CitationChip, PathLabel } from "./CitationChip.tsx";
import { Highlighted, Markdown } from "./Html.tsx";
import { Icon } from "../../shared/Icon.tsx";
import { t } from "../../shared/l10n.ts";

/** Items shown before "Show more". */
const SHOWN_ITEMS = 3;
/** Usages listed at most; the rest is counted. */
const SHOWN_USAGES = 20;
/** Brackets in documentation are no citations. */
const NO_CITATIONS: readonly Citation[] = [];

const SYMBOL_ICONS: Record<string, string> = {
  function: "symbol-method", method: "symbol-method", class: "symbol-class", interface: "symbol-interface", type: "symbol-structure",
  enum: "symbol-enum", constant: "symbol-constant", variable: "symbol-variable", module: "symbol-namespace",
};

export function Card({ card, citations }: { card: GroundedCard; citations: readonly Citation[] }) {
  const [all, setAll] = useState(false);
  const items = all ? card.items : card.items.slice(0, SHOWN_ITEMS);
  const more = card.items.length - items.length;
  const onItems = new Set(items.map((item) => item.citation));
  const others = citations.filter((citation) => !onItems.has(citation.n));
  return (
    <section class="card" data-testid="card" aria-label={t("Found in this folder")} data-supported={card.supported}>
      {card.summary !== "" && <Markdown class="card-summary" text={card.summary} citations={citations} />}
      {items.map((item) => <Item key={`${item.location.path}:${item.location.startLine}:${item.title}`} item={item} citation={citations.find((c) => c.n === item.citation)} />)}
      {more > 0 && (
        <button type="button" class="link card-more" onClick={() => setAll(true)}>{t("Show {0} more", more)}</button>
      )}
      {others.length > 0 && (
        <div class="chips card-chips" role="group" aria-label={t("Sources")}>{others.map((citation) => <CitationChip key={citation.n} citation={citation} />)}</div>
      )}
    </section>
  );
}

function Item({ item, citation }: { item: CardItem; citation: Citation | undefined }) {
  const [open, setOpen] = useState(false);
  const { path, startLine } = item.location;
  // A passage without a name of its own is titled by its file: the name alone, since the place follows.
  const title = item.title.split(" — ")[0] ?? item.title;
  const name = title === path ? (path.split("/").at(-1) ?? path) : title;
  return (
    <div class="item">
      <div class="item-title">
        <span class={`symbol symbol-${item.kind}`}><Icon name={SYMBOL_ICONS[item.kind] ?? "file"} /></span>
        <span class="item-name">{name}</span>
        <button
          type="button" class="link item-place" aria-label={t("Open {0}", rangeLabel(path, startLine, startLine))}
          onClick={() => post({ type: "openRange", range: item.location })}
        >
          <span class="item-dash" aria-hidden="true">—</span>
          <PathLabel range={{ path, startLine, endLine: startLine }} />
        </button>
      </div>
      {item.signature !== "" && <Highlighted class="signature" code={item.signature} language={item.language} />}
      {item.documentation !== "" && <Markdown class="item-doc" text={firstSentences(item.documentation)} citations={NO_CITATIONS} />}
      <div class="item-foot">
        {citation && <CitationChip citation={citation} />}
        {item.usageCount > 0 && (
          <button type="button" class="disclosure" aria-expanded={open} onClick={() => setOpen(!open)}>
            <Icon name={open ? "chevron-down" : "chevron-right"} />
            {item.usageCount === 1 ? t("used in 1 place") : t("used in {0} places", item.usageCount)}
          </button>
        )}
      </div>
      {open && <Usages item={item} />}
    </div>
  );
}

function Usages({ item }: { item: CardItem }) {
  const shown = item.usages.slice(0, SHOWN_USAGES);
  const rest = item.usageCount - shown.length;
  return (
    <ul class="usages">
      {shown.map((usage) => (
        <li key={rangeLabel(usage.path, usage.startLine, usage.endLine)}>
          <button type="button" class="link" onClick={() => post({ type: "openRange", range: usage })}><PathLabel range={usage} /></button>
        </li>
      ))}
      {rest > 0 && <li class="quiet">{t("and {0} more", rest)}</li>}
    </ul>
  );
}

/** The first sentence, and the second where both are short: what fits two lines of a side bar. */
export function firstSentences(documentation: string): string {
  const paragraph = documentation.trim().split(/\n\s*\n|\n\s*@/)[0]?.replace(/\s+/g, " ") ?? "";
  const sentences = paragraph.match(/.+?[.!?。](?=\s|$)|.+$/g) ?? [];
  const [first = "", second = ""] = sentences.map((sentence) => sentence.trim());
  const text = first.length + second.length <= 160 ? `${first} ${second}`.trim() : first;
  return text.length <= 240 ? text : `${text.slice(0, 239)}…`;
}
