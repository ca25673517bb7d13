// Tells screen readers about an answer as it comes: whole sentences, at most one message in a while, politely.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ChatTurn } from "../../protocol.ts";
import { nextAnnouncement } from "../answerText.ts";
import { healthLine } from "../healthLine.ts";
import { t } from "../../shared/l10n.ts";

const EVERY_MS = 1_500;

export function Announcer({ turn }: { turn: ChatTurn | null }) {
  const [words, setWords] = useState("");
  const heard = useRef({ id: "", card: false, prose: 0, ended: true });
  const latest = useRef(turn);
  latest.current = turn;
  // Seen while it runs, at first or again: most answers are done before the next tick, and would never be told otherwise.
  if (turn?.state === "running" && (heard.current.id !== turn.id || heard.current.ended)) heard.current = { id: turn.id, card: false, prose: 0, ended: false };

  useEffect(() => {
    let lastTickAt = Date.now();
    const tick = (): void => {
      const now = latest.current;
      const since = lastTickAt;
      lastTickAt = Date.now();
      if (!now) return;
      const state = heard.current;
      // A conversation that was already answered when it was opened is read by its reader, not by us.
      if (state.id !== now.id) heard.current = { id: now.id, card: false, prose: 0, ended: now.state !== "running" && now.askedAt < since };
      const current = heard.current;
      if (current.ended) return;
      if (now.card && !current.card) {
        current.card = true;
        setWords(nextAnnouncement(now.card.summary, 0, true).say);
        return;
      }
      const finished = now.state !== "running";
      const { say, spoken } = nextAnnouncement(now.prose, current.prose, finished);
      current.prose = spoken;
      if (finished) {
        current.ended = true;
        setWords(`${say} ${now.failure ? now.failure.text : now.state === "stopped" ? t("Answer stopped: {0}.", healthLine(now)) : t("Answer complete: {0}.", healthLine(now))}`.trim());
      } else if (say !== "") setWords(say);
    };
    const timer = setInterval(tick, EVERY_MS);
    return () => clearInterval(timer);
  }, []);

  return <div class="visually-hidden" aria-live="polite" data-testid="announcer">{words}</div>;
}
