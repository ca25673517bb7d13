// The lines of a source, shown beside its chip on hover or focus. One for the whole view; Escape closes it.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Citation } from "../../../engine/protocol/types.ts";
import { rangeLabel } from "../healthLine.ts";
import { languageOfPath } from "../languageOfPath.ts";
import { Highlighted } from "./Html.tsx";
import { t } from "../../shared/l10n.ts";

/** Long enough that crossing a chip on the way elsewhere opens nothing. */
const HOVER_DELAY_MS = 350;
const LEAVE_DELAY_MS = 150;
/** Lines previewed; the rest is one click away. */
const SHOWN_LINES = 16;

interface Shown {
  citation: Citation;
  anchor: DOMRect;
}

/** Watches every `[data-cite]` in the page. `find` gives the citation that an element stands for. */
export function SourcePreview({ find }: { find: (chip: HTMLElement) => Citation | null }) {
  const [shown, setShown] = useState<Shown | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const open = useRef(false);
  open.current = shown !== null;
  const finder = useRef(find);
  finder.current = find;

  useEffect(() => {
    let timer = 0;
    const later = (delay: number, action: () => void): void => {
      clearTimeout(timer);
      timer = window.setTimeout(action, delay);
    };
    const chipOf = (event: Event): HTMLElement | null => (event.target instanceof Element ? event.target.closest<HTMLElement>("[data-cite]") : null);
    const enter = (event: Event): void => {
      const chip = chipOf(event);
      if (chip) {
        later(HOVER_DELAY_MS, () => {
          const citation = chip.isConnected ? finder.current(chip) : null;
          setShown(citation ? { citation, anchor: chip.getBoundingClientRect() } : null);
        });
      } else if (event.target instanceof Element && event.target.closest(".preview")) {
        clearTimeout(timer);
      } else if (event.type === "mouseover") {
        later(LEAVE_DELAY_MS, () => setShown(null));
      }
    };
    const close = (): void => {
      clearTimeout(timer);
      setShown(null);
    };
    const key = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      // Escape closes one thing at a time: while a preview is open it does not stop the answer.
      if (open.current) event.stopPropagation();
      close();
    };
    // Focus may scroll its chip into view before the preview opens; that must not keep it from opening.
    const scrolled = (): void => setShown(null);
    const options = { capture: true };
    document.addEventListener("mouseover", enter, options);
    document.addEventListener("focusin", enter, options);
    document.addEventListener("focusout", close, options);
    document.addEventListener("scroll", scrolled, options);
    document.addEventListener("click", close, options);
    document.addEventListener("keydown", key, options);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("mouseover", enter, options);
      document.removeEventListener("focusin", enter, options);
      document.removeEventListener("focusout", close, options);
      document.removeEventListener("scroll", scrolled, options);
      document.removeEventListener("click", close, options);
      document.removeEventListener("keydown", key, options);
    };
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || !shown) return;
    // Above the chip where there is room, else below; never past the edges of the view.
    const { width, height } = element.getBoundingClientRect();
    const left = Math.max(8, Math.min(shown.anchor.left, window.innerWidth - width - 8));
    const above = shown.anchor.top - height - 4;
    element.style.left = `${left}px`;
    element.style.top = `${above >= 8 ? above : Math.min(shown.anchor.bottom + 4, Math.max(8, window.innerHeight - height - 8))}px`;
  }, [shown]);

  if (!shown) return null;
  const { citation } = shown;
  const lines = dedent(citation.text.split("\n"));
  return (
    <div ref={box} class="preview" role="tooltip" data-testid="preview">
      <div class="preview-title" dir="ltr">{rangeLabel(citation.path, citation.startLine, citation.endLine)}</div>
      <div class="preview-code">
        <pre class="preview-lines" aria-hidden="true" dir="ltr">{lines.slice(0, SHOWN_LINES).map((_, index) => citation.startLine + index).join("\n")}</pre>
        <Highlighted code={lines.slice(0, SHOWN_LINES).join("\n")} language={languageOfPath(citation.path)} />
      </div>
      {lines.length > SHOWN_LINES && <div class="preview-more">{t("{0} more lines", lines.length - SHOWN_LINES)}</div>}
    </div>
  );
}

/** The lines without the indentation that all of them share: room is short. */
function dedent(lines: readonly string[]): string[] {
  const margin = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(Number.isFinite(margin) ? margin : 0));
}
