// The chip of a source: "[1] src/x.ts:41–58". When room is short the folder gives way, never the name or the lines.
import type { Citation, FileRange } from "../../../engine/protocol/types.ts";
import { rangeLabel } from "../healthLine.ts";
import { t } from "../../shared/l10n.ts";

export function CitationChip({ citation }: { citation: Citation }) {
  const label = rangeLabel(citation.path, citation.startLine, citation.endLine);
  return (
    <button
      type="button" class="chip chip-citation" data-testid="citation" data-cite={citation.n} data-verified={citation.verified}
      aria-label={citation.verified ? t("Open source {0}: {1}", citation.n, label) : t("Open source {0}: {1}, not verified", citation.n, label)}
    >
      <span class="chip-number">[{citation.n}]</span>
      <PathLabel range={citation} />
    </button>
  );
}

/** A path whose folder shrinks first. Reads left to right in any interface language. */
export function PathLabel({ range }: { range: FileRange }) {
  const slash = range.path.lastIndexOf("/") + 1;
  return (
    <bdi class="path" dir="ltr">
      <span class="path-folder">{range.path.slice(0, slash)}</span>
      <span class="path-name">{rangeLabel(range.path.slice(slash), range.startLine, range.endLine)}</span>
    </bdi>
  );
}
