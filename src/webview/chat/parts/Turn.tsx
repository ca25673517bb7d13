// One question and its answer: card, prose, notes, then the health line with the actions.
import type { ChatTurn } from "../../protocol.ts";
import { answerMarkdown } from "../answerText.ts";
import { post } from "../host.ts";
import { Card } from "./Card.tsx";
import { PathLabel } from "./CitationChip.tsx";
import { attachmentKey } from "./ContextChips.tsx";
import { attachmentLabel, shownAtBlocks } from "../healthLine.ts";
import { Health } from "./Health.tsx";
import { Markdown } from "./Html.tsx";
import { Memories, Why } from "./Memories.tsx";
import { Icon, IconButton } from "../../shared/Icon.tsx";
import { t } from "../../shared/l10n.ts";

interface TurnProps {
  turn: ChatTurn;
  /** Only the last turn can be asked again: what follows an earlier one builds on it. */
  last: boolean;
  busy: boolean;
  tabIndex: 0 | -1;
  /** Whether the list of what this answer rests on is open. */
  why: boolean;
  onWhy: (open: boolean) => void;
}

export function Turn({ turn, last, busy, tabIndex, why, onWhy }: TurnProps) {
  const running = turn.state === "running";
  return (
    <article class="turn" data-turn={turn.id} data-state={turn.state} tabIndex={tabIndex} aria-label={turn.question || `/${turn.command ?? ""}`}>
      <Question turn={turn} />
      <div class="answer" data-testid="answer" data-state={turn.state} aria-busy={running}>
        {turn.card && <Card card={turn.card} citations={turn.citations} />}
        {turn.prose !== "" && <Markdown class={running || !turn.checks ? "prose provisional" : "prose"} text={turn.prose} citations={turn.citations} concerns={turn.checks?.verdict.concerns} />}
        {running && <p class="progress"><Icon name="loading" spin /> <span>{progressText(turn)}</span></p>}
        {turn.state === "stopped" && <StoppedNote turn={turn} />}
        {turn.failure && <Failure turn={turn} />}
        <Warnings turn={turn} />
        {turn.checks?.proseOmitted && (
          <p class="note" data-testid="prose-omitted">
            {turn.checks.proseOmitted} <button type="button" class="link" onClick={() => post({ type: "command", command: "chooseModel" })}>{t("Choose Model")}</button>
          </p>
        )}
        <Memories turn={turn} whyOpen={why} onWhy={onWhy} />
        {why && <Why turn={turn} onClose={() => onWhy(false)} />}
        {!running && <Foot turn={turn} last={last} busy={busy} />}
      </div>
    </article>
  );
}

function Question({ turn }: { turn: ChatTurn }) {
  return (
    <div class="question">
      <p dir="auto">{turn.command && <><span class="slash">/{turn.command}</span>{" "}</>}{turn.question}</p>
      {turn.attachments.length > 0 && (
        <ul class="question-attachments" aria-label={t("Attached")}>
          {turn.attachments.map((attachment) => (
            <li key={attachmentKey(attachment)}>
              <button type="button" class="chip" onClick={() => post({ type: "openRange", range: attachment })}>
                {attachment.kind !== "selection" ? <bdi class="ellipsis">{attachmentLabel(attachment)}</bdi> : <PathLabel range={{ ...attachment, path: attachment.path.split("/").at(-1) ?? "" }} />}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

/** What a stopped answer may be relied on for. */
function StoppedNote({ turn }: { turn: ChatTurn }) {
  if (turn.prose !== "" && !turn.checks) return <p class="note">{t("Stopped: the sources of this text were not checked.")}</p>;
  return turn.card ? null : <p class="note">{t("Stopped before anything was found.")}</p>;
}

/** What is going on, and that prose is not to be relied on yet. */
function progressText(turn: ChatTurn): string {
  if (turn.prose !== "") return t("Writing; its sources are checked at the end");
  return turn.status ?? (turn.card ? t("Reading the sources…") : t("Searching…"));
}

function Failure({ turn }: { turn: ChatTurn }) {
  const failure = turn.failure;
  if (!failure) return null;
  const { action } = failure;
  return (
    <div class="failure" role="alert">
      <p><Icon name="warning" /> <span>{failure.text}</span></p>
      {action && (
        <button type="button" class="button secondary" onClick={() => post(action.command === "retry" ? { type: "regenerate", turnId: turn.id } : { type: "command", command: action.command })}>
          {action.label}
        </button>
      )}
    </div>
  );
}

function Warnings({ turn }: { turn: ChatTurn }) {
  const concerns = (turn.checks?.verdict.checks ?? []).filter((check) => check.action !== "allow" && !check.notChecked && !shownAtBlocks(turn, check.name));
  if (concerns.length === 0) return null;
  return (
    <ul class="warnings">
      {concerns.map((check) => <li key={`${check.name}${check.reason}`}><Icon name="warning" /> <span>{check.reason}</span></li>)}
    </ul>
  );
}

function Foot({ turn, last, busy }: { turn: ChatTurn; last: boolean; busy: boolean }) {
  const rate = (rating: "up" | "down"): void => post({ type: "rate", turnId: turn.id, rating: turn.rating === rating ? null : rating });
  const answered = turn.card !== null || turn.prose !== "";
  return (
    <div class="foot">
      <div class="foot-health">{(answered || turn.checks) && <Health turn={turn} />}</div>
      <div class="foot-actions" role="group" aria-label={t("Answer actions")}>
        {answered && <IconButton icon="copy" label={t("Copy Answer")} onClick={() => post({ type: "copy", text: answerMarkdown(turn) })} />}
        {last && <IconButton icon="refresh" label={t("Regenerate")} disabled={busy} onClick={() => post({ type: "regenerate", turnId: turn.id })} />}
        {answered && <IconButton icon={turn.rating === "up" ? "thumbsup-filled" : "thumbsup"} label={t("Helpful")} pressed={turn.rating === "up"} onClick={() => rate("up")} />}
        {answered && <IconButton icon={turn.rating === "down" ? "thumbsdown-filled" : "thumbsdown"} label={t("Not Helpful")} pressed={turn.rating === "down"} onClick={() => rate("down")} />}
      </div>
    </div>
  );
}
