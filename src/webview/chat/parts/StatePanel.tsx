// What the assistant takes this conversation to be about: one quiet line above the field that opens into goal, decisions, constraints,
// what is to do and what is in focus, each with the turn that says so.
import { useState } from "preact/hooks";
import type { DialogueEntity, DialogueItem } from "../../../engine/protocol/dialogue.ts";
import type { ChatTurn } from "../../protocol.ts";
import { post } from "../host.ts";
import { evidenceTurn, stateGroups, stateLine } from "../memoryWords.ts";
import { Icon, IconButton } from "../../shared/Icon.tsx";
import { t } from "../../shared/l10n.ts";

const MAXIMUM_FOCUS = 6;

export function StatePanel({ turns }: { turns: readonly ChatTurn[] }) {
  const [open, setOpen] = useState(false);
  const turn = turns.findLast(({ dialogue }) => dialogue !== undefined);
  const state = turn?.dialogue;
  const line = state ? stateLine(state) : null;
  if (!turn || !state || line === null) return null;
  return (
    <section class="state" aria-label={t("This conversation")} data-testid="state-panel">
      <button type="button" class="disclosure state-line" data-testid="state-line" aria-expanded={open} aria-controls="state-details" onClick={() => setOpen(!open)}>
        <Icon name={open ? "chevron-down" : "chevron-right"} />
        <span class="ellipsis">{line}</span>
      </button>
      <div class="state-details" id="state-details" hidden={!open}>
        {open && (
          <>
            {stateGroups(state).map(({ title, icon, items, canRemember }) => (
              <div key={title} class="state-group">
                <h4>{title}</h4>
                <ul>{items.map((item) => <Item key={`${item.turn}${item.text}`} icon={icon} item={item} evidence={evidenceTurn(turns, turn, item.turn)} canRemember={canRemember} />)}</ul>
              </div>
            ))}
            {state.focus.length > 0 && (
              <div class="state-group">
                <h4>{t("In focus")}</h4>
                <ul class="chips">{state.focus.slice(0, MAXIMUM_FOCUS).map((entity) => <li key={`${entity.kind}${entity.path ?? ""}${entity.name}`}><Entity entity={entity} /></li>)}</ul>
              </div>
            )}
          </>
        )}
      </div>
    </section>
  );
}

function Item({ icon, item, evidence, canRemember }: { icon: string; item: DialogueItem; evidence: ChatTurn | undefined; canRemember: boolean }) {
  return (
    <li class="state-item">
      <Icon name={icon} />
      <button type="button" class="state-text" title={evidence ? t("Said in: {0}", evidence.question) : item.text} disabled={!evidence} onClick={() => evidence && show(evidence.id)}>
        <bdi>{item.text}</bdi>{item.said === "assistant" && <span class="quiet"> {t("proposed")}</span>}{item.by === "model" && <span class="quiet"> {t("read by the model")}</span>}
      </button>
      {canRemember && item.said === "user" && <IconButton icon="pin" label={t("Remember: {0}", item.text)} onClick={() => post({ type: "remember", text: item.text })} />}
    </li>
  );
}

function Entity({ entity }: { entity: DialogueEntity }) {
  const icon = entity.kind === "file" ? "file" : entity.kind === "error" ? "error" : "symbol-method";
  const inside = <><Icon name={icon} /><bdi class="ellipsis">{entity.name}</bdi></>;
  if (entity.path === null) return <span class="chip">{inside}</span>;
  const line = entity.line ?? 1;
  const range = { path: entity.path, startLine: line, endLine: line };
  return <button type="button" class="chip" title={`${entity.path}:${line}`} onClick={() => post({ type: "openRange", range })}>{inside}</button>;
}

function show(turnId: string): void {
  const element = document.querySelector<HTMLElement>(`[data-turn="${CSS.escape(turnId)}"]`);
  element?.scrollIntoView({ block: "start" });
  element?.focus({ preventScroll: true });
}
