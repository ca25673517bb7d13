// The evaluation page as a whole: takes the host's messages, asks for what the reader has chosen, keeps the choices.
import { useEffect, useReducer, useRef } from "preact/hooks";
import type { EvaluationTab } from "../evaluationProtocol.ts";
import { chosenRun, chosenRuns, initialState, PAGE_ITEMS, reduce } from "./evaluationState.ts";
import { keep, onHostMessage, post, restore } from "./host.ts";
import { Items } from "./parts/Items.tsx";
import { RunFigures } from "./parts/RunFigures.tsx";
import { RunList } from "./parts/RunList.tsx";
import { Use } from "./parts/Use.tsx";
import { mark, t, translated } from "../shared/l10n.ts";

const TABS: readonly { tab: EvaluationTab; name: string }[] = [{ tab: "runs", name: mark("Evaluations") }, { tab: "use", name: mark("In Use") }];
/** Typing into the field of words asks once it pauses. */
const TYPING_MS = 200;

export function App() {
  const [state, dispatch] = useReducer(reduce, initialState(useRef(restore()).current));
  const { choices, loaded } = state;
  const requests = useRef(0);
  const chosen = chosenRuns(state);
  const run = chosenRun(state);

  useEffect(() => {
    const stop = onHostMessage(dispatch);
    post({ type: "ready" });
    return stop;
  }, []);
  useEffect(() => { if (loaded) keep(choices); }, [loaded, choices]);
  useEffect(() => { if (loaded && chosen) post({ type: "choose", chosen }); }, [loaded, chosen?.before, chosen?.after]);
  const askFor = (offset: number): void => {
    if (!chosen) return;
    const request = ++requests.current;
    dispatch({ type: "asked", request });
    post({ type: "items", request, chosen, query: { score: choices.score, filter: choices.filter, words: choices.words, offset, limit: PAGE_ITEMS } });
  };
  useEffect(() => {
    if (!loaded || choices.tab !== "runs") return undefined;
    const timer = setTimeout(() => askFor(0), choices.words === "" ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
  }, [loaded, choices.tab, chosen?.before, chosen?.after, choices.score, choices.filter, choices.words]);
  useEffect(() => { if (choices.tab === "use") post({ type: "use", days: choices.days }); }, [choices.tab, choices.days]);

  if (!loaded) return <div class="monitor" aria-busy="true" />;
  const move = (event: KeyboardEvent, at: number): void => {
    const to = event.key === "ArrowRight" ? at + 1 : event.key === "ArrowLeft" ? at - 1 : at;
    const next = TABS[(to + TABS.length) % TABS.length];
    if (to === at || !next) return;
    event.preventDefault();
    dispatch({ type: "set", choices: { tab: next.tab } });
    document.getElementById(`tab-${next.tab}`)?.focus();
  };
  return (
    <div class="monitor" data-testid="evaluation">
      <div class="tabs" role="tablist" aria-label={t("Evaluations and use")}>
        {TABS.map(({ tab, name }, at) => (
          <button
            key={tab} id={`tab-${tab}`} type="button" role="tab" class="tab" data-testid={`tab-${tab}`} aria-selected={choices.tab === tab} aria-controls="panel" tabIndex={choices.tab === tab ? 0 : -1}
            onClick={() => dispatch({ type: "set", choices: { tab } })} onKeyDown={(event) => move(event, at)}
          >{translated(name)}</button>
        ))}
      </div>
      <div id="panel" class="panel" role="tabpanel" aria-labelledby={`tab-${choices.tab}`}>
        {choices.tab === "use" ? <Use report={state.use} days={choices.days} dispatch={dispatch} />
          : run === null ? state.engine !== "starting" && <NoRuns failed={state.engine === "failed"} />
            : (
              <div class="columns">
                <RunList state={state} dispatch={dispatch} />
                <main class="run" aria-label={t("Evaluation")}>
                  <RunFigures state={state} run={run} dispatch={dispatch} />
                  <Items state={state} dispatch={dispatch} more={askFor} />
                </main>
              </div>
            )}
      </div>
    </div>
  );
}

function NoRuns({ failed }: { failed: boolean }) {
  return (
    <div class="empty" data-testid="empty">
      <p>{failed ? t("The engine is not running, so what was measured cannot be shown.") : t("Nothing was evaluated on this machine yet.")}</p>
      <div class="banner-buttons">
        {failed
          ? <button type="button" class="button" onClick={() => post({ type: "command", command: "restartEngine" })}>{t("Restart Engine")}</button>
          : (
            <>
              <button type="button" class="button" onClick={() => post({ type: "command", command: "evaluateRepository" })}>{t("Find the Best Model for This Repository")}</button>
              <button type="button" class="button secondary" onClick={() => post({ type: "command", command: "evaluate" })}>{t("Evaluate…")}</button>
            </>
          )}
      </div>
    </div>
  );
}
