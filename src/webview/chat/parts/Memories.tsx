// What memory gave to an answer, as chips that open and can be dismissed, and the list of everything the answer rests on (/why).
import { useEffect, useRef } from "preact/hooks";
import type { RecalledItem } from "../../../engine/protocol/memory.ts";
import type { ChatTurn } from "../../protocol.ts";
import { memoryLabel, memorySource, whyRows } from "../memoryWords.ts";
import { post } from "../host.ts";
import { Icon, IconButton } from "../../shared/Icon.tsx";
import { moveBetweenChips } from "./ContextChips.tsx";
import { t } from "../../shared/l10n.ts";

/** Codicons by kind of memory; a circle for the rest. */
const ICONS: Readonly<Record<string, string>> = { turn: "comment", decision: "pass", note: "note", execution: "play", error: "error", edit: "edit", run: "graph-line", file: "file", symbol: "symbol-method", variable: "symbol-variable", dataset: "database" };

export function Memories({ turn, whyOpen, onWhy }: { turn: ChatTurn; whyOpen: boolean; onWhy: (open: boolean) => void }) {
  const row = useRef<HTMLDivElement>(null);
  const memories = turn.memories ?? [];
  if (memories.length === 0) return null;
  const dismiss = (memory: RecalledItem, at: number): void => {
    post({ type: "dismissMemory", turnId: turn.id, key: memory.key });
    // The chip goes; the focus stays in the row, on its neighbour.
    const buttons = row.current?.querySelectorAll<HTMLElement>(".chip-remove");
    (buttons?.[at + 1] ?? buttons?.[at - 1] ?? row.current?.closest<HTMLElement>(".turn"))?.focus();
  };
  return (
    <div class="memories" data-testid="memories">
      <div class="chips" ref={row} role="toolbar" aria-label={t("Remembered")} onKeyDown={moveBetweenChips}>
        {memories.map((memory, at) => (
          <span key={memory.key} class="chip chip-memory" data-testid="memory" data-holds={memory.holds && !memory.doubted}>
            <button type="button" class="chip-open" title={`${memory.text}\n\n${memorySource(memory, Date.now())}`} aria-label={t("Remembered: {0}, {1}", memory.text, memorySource(memory, Date.now()))} onClick={() => post({ type: "openMemory", key: memory.key })}>
              <Icon name={ICONS[memory.kind] ?? "circle-small"} />
              <bdi class="ellipsis">{memoryLabel(memory.text)}</bdi>
              <span class="chip-source">{memorySource(memory, Date.now())}</span>
            </button>
            <button
              type="button" class="chip-remove" title={t("Not relevant: use it less")} aria-label={t("Dismiss: {0}", memoryLabel(memory.text))} onClick={() => dismiss(memory, at)}
              onKeyDown={(event) => { if (event.key === "Delete" || event.key === "Backspace") dismiss(memory, at); }}
            >
              <Icon name="close" />
            </button>
          </span>
        ))}
        <button type="button" class="link memories-why" aria-expanded={whyOpen} onClick={() => onWhy(!whyOpen)}>{t("Why?")}</button>
      </div>
    </div>
  );
}

/** Takes the focus when it opens, so that it is read out and Escape closes it. */
export function Why({ turn, onClose }: { turn: ChatTurn; onClose: () => void }) {
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    section.current?.focus({ preventScroll: true });
    section.current?.scrollIntoView({ block: "nearest" });
  }, [turn.id]);
  const groups = whyRows(turn);
  const close = (): void => {
    onClose();
    document.querySelector<HTMLElement>("[data-testid=composer]")?.focus();
  };
  return (
    <section
      ref={section} class="why" data-testid="why" tabIndex={-1} aria-label={t("Why this answer used what it used")}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        event.stopPropagation();
        close();
      }}
    >
      <div class="why-head">
        <h4>{t("Why these sources and memories")}</h4>
        <IconButton icon="close" label={t("Close")} onClick={close} />
      </div>
      {groups.map(({ title, rows }) => (
        <div key={title} class="why-group">
          <h5>{title}</h5>
          <ul>
            {rows.map((row, at) => (
              <li key={at}>
                {row.range
                  ? <button type="button" class="link" onClick={() => post({ type: "openRange", range: row.range! })}><bdi>{row.what}</bdi></button>
                  : row.memory !== undefined
                    ? <button type="button" class="link" onClick={() => post({ type: "openMemory", key: row.memory! })}><bdi>{row.what}</bdi></button>
                    : <bdi>{row.what}</bdi>}
                <span class="why-reason">{row.reason}</span>
              </li>
            ))}
          </ul>
        </div>
      ))}
      {groups.length === 0 && <p class="quiet">{t("Nothing in the folder or in memory was used for this answer.")}</p>}
    </section>
  );
}
