// The chat view as a whole: takes the host's messages, keeps the scroll, and sees to clicks and keys that concern all parts.
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from "preact/hooks";
import type { Citation } from "../../engine/protocol/types.ts";
import { keepDraft, onHostMessage, post, restoreDraft } from "./host.ts";
import { Announcer } from "./parts/Announcer.tsx";
import { Composer } from "./parts/Composer.tsx";
import { Header } from "./parts/Header.tsx";
import { History } from "./parts/History.tsx";
import { SourcePreview } from "./parts/SourcePreview.tsx";
import { Banner, Notice, ProposalBar, Welcome } from "./parts/States.tsx";
import { StatePanel } from "./parts/StatePanel.tsx";
import { Turn } from "./parts/Turn.tsx";
import { StreamBatch } from "./streamBatch.ts";
import { INITIAL_STATE, reduce, runningTurn } from "./viewState.ts";
import type { ViewAction, ViewState } from "./viewState.ts";
import { t } from "../shared/l10n.ts";

/** Closer to the end than this many pixels counts as reading the end, and the view follows the stream. */
const FOLLOW_DISTANCE = 48;

export function App() {
  const [state, dispatch] = useReducer(
    (before: ViewState, actions: readonly ViewAction[]) => actions.reduce(reduce, before),
    INITIAL_STATE,
  );
  const [historyOpen, setHistoryOpen] = useState(false);
  const [whyTurn, setWhyTurn] = useState<string | null>(null);
  const current = useRef(state);
  current.current = state;
  const conversation = useRef<HTMLElement>(null);
  const follows = useRef(true);
  const lastSeen = useRef<string | undefined>(undefined);
  const { turns } = state.conversation;
  const last = turns.at(-1) ?? null;
  const running = runningTurn(state);

  useEffect(() => {
    const batch = new StreamBatch(dispatch, (flush) => requestAnimationFrame(flush));
    const stop = onHostMessage((message) => batch.push(message));
    post({ type: "ready" });
    return stop;
  }, []);

  // Once loaded, the view stands where it stood before it was hidden. After that it goes along with the answer,
  // until someone scrolls: to the end while prose streams, else to the question, so that a tall card is read from its top.
  const restored = useRef(false);
  const placed = useRef(0);
  useLayoutEffect(() => {
    const element = conversation.current;
    if (!element || !state.loaded || historyOpen) return;
    const kept = restored.current ? null : restoreDraft();
    restored.current = true;
    if (kept && kept.scrollTop !== null && kept.conversationId === state.conversation.id) {
      element.scrollTop = kept.scrollTop;
      follows.current = isAtEnd(element);
      placed.current = element.scrollTop;
      return;
    }
    if (lastSeen.current !== last?.id) follows.current = true;
    lastSeen.current = last?.id;
    if (!follows.current) return;
    const question = element.querySelector<HTMLElement>(".turn:last-of-type");
    const top = last?.prose === "" && question ? question.offsetTop - element.offsetTop : Infinity;
    element.scrollTop = Math.min(top, element.scrollHeight);
    placed.current = element.scrollTop;
  }, [state.conversation, state.loaded, historyOpen]);

  useEffect(() => {
    const keydown = (event: KeyboardEvent): void => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (historyOpen) setHistoryOpen(false);
      else if (runningTurn(current.current)) post({ type: "stop" });
      else document.querySelector<HTMLElement>("[data-testid=composer]")?.focus();
    };
    window.addEventListener("keydown", keydown);
    return () => window.removeEventListener("keydown", keydown);
  }, [historyOpen]);

  const findCitation = (chip: HTMLElement): Citation | null => {
    const turnId = chip.closest<HTMLElement>("[data-turn]")?.dataset["turn"];
    const n = Number(chip.dataset["cite"]);
    return current.current.conversation.turns.find((turn) => turn.id === turnId)?.citations.find((citation) => citation.n === n) ?? null;
  };

  const why = (): void => {
    setHistoryOpen(false);
    const answered = turns.findLast((turn) => turn.state !== "running");
    if (answered) setWhyTurn(answered.id);
    else dispatch([{ type: "notice", text: t("Ask something first: /why tells what an answer rests on.") }]);
  };

  if (!state.loaded) return <div class="app" aria-busy="true" />;
  const blocked = !state.status.folderOpen ? t("Open a folder first") : null;
  return (
    <div class="app" onClick={(event) => handleClick(event, findCitation)}>
      <Header status={state.status} historyOpen={historyOpen} onHistory={() => setHistoryOpen(!historyOpen)} />
      {historyOpen && <History conversations={state.conversations} currentId={state.conversation.id} onClose={() => setHistoryOpen(false)} />}
      <main
        ref={conversation} class="conversation" hidden={historyOpen} aria-label={t("Conversation")} onKeyDown={moveBetweenTurns}
        onScroll={(event) => {
          // Only a scroll of the reader's own changes whether the view follows.
          if (Math.abs(event.currentTarget.scrollTop - placed.current) > 1) follows.current = isAtEnd(event.currentTarget);
          placed.current = -Infinity;
          keepDraft({ scrollTop: event.currentTarget.scrollTop, conversationId: state.conversation.id });
        }}
      >
        {turns.length === 0
          ? <Welcome status={state.status} />
          : turns.map((turn) => <Turn key={turn.id} turn={turn} last={turn === last} busy={running !== null} tabIndex={turn === last ? 0 : -1} why={whyTurn === turn.id} onWhy={(open) => setWhyTurn(open ? turn.id : null)} />)}
      </main>
      <Announcer turn={last} />
      <footer class="dock">
        {state.notice !== null && <Notice text={state.notice} onDismiss={() => dispatch([{ type: "dismissNotice" }])} />}
        {state.proposal && <ProposalBar proposal={state.proposal} />}
        <Banner status={state.status} />
        <StatePanel turns={turns} />
        <Composer onWhy={why} editor={state.editor} running={running !== null} blocked={blocked} earlier={turns.map((turn) => (turn.command ? `/${turn.command} ${turn.question}` : turn.question))} />
      </footer>
      <SourcePreview find={findCitation} />
    </div>
  );
}

function isAtEnd(element: HTMLElement): boolean {
  return element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_DISTANCE;
}

/** Chips, links and code buttons inside rendered Markdown carry data attributes and are served here. */
function handleClick(event: MouseEvent, findCitation: (chip: HTMLElement) => Citation | null): void {
  if (!(event.target instanceof Element)) return;
  const chip = event.target.closest<HTMLElement>("[data-cite]");
  const link = event.target.closest("a");
  const action = event.target.closest<HTMLElement>("[data-action]");
  if (link) {
    event.preventDefault();
    const href = link.getAttribute("href");
    if (href) post({ type: "openLink", href });
  } else if (chip) {
    const citation = findCitation(chip);
    const cited = chip.closest<HTMLElement>("[data-turn]")?.dataset["turn"];
    if (citation) post({ type: "openRange", range: { path: citation.path, startLine: citation.startLine, endLine: citation.endLine }, ...(cited === undefined ? {} : { cited }) });
  } else if (action) {
    runCodeAction(action);
  }
}

function runCodeAction(button: HTMLElement): void {
  const block = button.closest<HTMLElement>(".code");
  const code = block?.querySelector("pre")?.textContent ?? "";
  const turnId = button.closest<HTMLElement>("[data-turn]")?.dataset["turn"] ?? "";
  switch (button.dataset["action"]) {
    case "copy":
      post({ type: "copy", text: code });
      break;
    case "insert":
      post({ type: "insertAtCursor", code, language: block?.dataset["language"] ?? "" });
      break;
    case "run":
      post({ type: "runCode", code, language: block?.dataset["language"] ?? "" });
      break;
    case "allow":
    case "withdraw":
      post({ type: "allowConcern", turnId, key: button.dataset["key"] ?? "", allowed: button.dataset["action"] === "allow" });
      break;
    case "apply":
      post({ type: "applyCode", turnId, code, language: block?.dataset["language"] ?? "", path: block?.dataset["path"] ?? null });
  }
}

/** Up and down walk from message to message; left and right along the chips of the message in focus. */
function moveBetweenTurns(event: KeyboardEvent & { currentTarget: HTMLElement }): void {
  const focused = document.activeElement;
  if (!(focused instanceof HTMLElement)) return;
  if (focused.classList.contains("turn") && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    const all = [...event.currentTarget.querySelectorAll<HTMLElement>(".turn")];
    const next = all[all.indexOf(focused) + (event.key === "ArrowDown" ? 1 : -1)];
    if (next) {
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "ArrowDown") document.querySelector<HTMLElement>("[data-testid=composer]")?.focus();
    event.preventDefault();
  } else if ((event.key === "ArrowRight" || event.key === "ArrowLeft") && (focused.classList.contains("turn") || focused.matches("[data-cite]"))) {
    const turn = focused.closest<HTMLElement>(".turn");
    const chips = [...(turn?.querySelectorAll<HTMLElement>("[data-cite]") ?? [])];
    const at = chips.indexOf(focused);
    const next = at < 0 ? chips[0] : chips[at + (event.key === "ArrowRight" ? 1 : -1)];
    next?.focus();
    event.preventDefault();
  }
}
