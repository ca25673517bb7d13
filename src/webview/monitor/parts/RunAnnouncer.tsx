// Tells screen readers when the chosen run changes its state, and every tenth of the way; never each step.
import { useEffect, useRef, useState } from "preact/hooks";
import type { RunInfo } from "../../../engine/protocol/training.ts";
import { percent, progressOf, runLine, runTitle, stateName } from "../../trainingWords.ts";
import { t } from "../../shared/l10n.ts";

export function RunAnnouncer({ run }: { run: RunInfo | null }) {
  const [words, setWords] = useState("");
  const heard = useRef({ id: "", state: "", tenth: 0 });
  useEffect(() => {
    if (!run) return;
    const now = { id: run.id, state: run.state, tenth: Math.floor(progressOf(run) * 10) };
    const before = heard.current;
    heard.current = now;
    // A run that is shown for the first time is read by its reader, not by us.
    if (before.id !== now.id) return;
    if (before.state !== now.state) setWords(`${runTitle(run)}: ${stateName(run.state)}. ${runLine(run)}`);
    else if (before.tenth !== now.tenth && run.state === "running") setWords(t("{0}: {1} done.", runTitle(run), percent(now.tenth / 10)));
  }, [run]);
  return <div class="visually-hidden" aria-live="polite" data-testid="announcer">{words}</div>;
}
