// The one line under an answer, which opens into its checks, token budget and timings.
import { useState } from "preact/hooks";
import type { ChatTurn } from "../../protocol.ts";
import { budgetRows, checkRows, healthLine, timingRows } from "../healthLine.ts";
import type { HealthRow } from "../healthLine.ts";
import { Icon } from "../../shared/Icon.tsx";
import { t } from "../../shared/l10n.ts";

export function Health({ turn }: { turn: ChatTurn }) {
  const [open, setOpen] = useState(false);
  const detailsId = `health-${turn.id}`;
  return (
    <>
      <button type="button" class="disclosure health" data-testid="health" aria-expanded={open} aria-controls={detailsId} onClick={() => setOpen(!open)}>
        <Icon name={open ? "chevron-down" : "chevron-right"} />
        <span class={turn.checks?.sentTo ? "health-text health-sent" : "health-text"}>{healthLine(turn)}</span>
      </button>
      <div class="health-details" id={detailsId} hidden={!open}>
        {open && (
          <>
            <Rows title={t("Checks")} rows={checkRows(turn)} />
            <Rows title={t("Token budget")} rows={budgetRows(turn)} />
            <Rows title={t("Timings")} rows={timingRows(turn)} />
          </>
        )}
      </div>
    </>
  );
}

function Rows({ title, rows }: { title: string; rows: HealthRow[] }) {
  if (rows.length === 0) return null;
  return (
    <>
      <h4 class="rows-title">{title}</h4>
      <dl class="rows">
        {rows.map((row, index) => (
          <div key={`${index}${row.label}`} class="row" data-tone={row.tone}>
            <dt><Icon name={row.tone === "ok" ? "check" : row.tone === "warning" ? "warning" : row.tone === "unmade" ? "question" : "blank"} />{row.label}</dt>
            <dd>{row.value}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
