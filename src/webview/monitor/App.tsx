// The training monitor as a whole: takes the host's messages, says which runs it shows, keeps what the reader has set.
import { useEffect, useLayoutEffect, useReducer, useRef } from "preact/hooks";
import { keep, onHostMessage, post, restore } from "./host.ts";
import { chosenRun, initialState, reduce, shownRuns } from "./monitorState.ts";
import { Banner, NoRuns, Notice } from "./parts/States.tsx";
import { Charts } from "./parts/Charts.tsx";
import { DataReport } from "./parts/DataReport.tsx";
import { Receipt } from "./parts/Receipt.tsx";
import { RunAnnouncer } from "./parts/RunAnnouncer.tsx";
import { RunHead } from "./parts/RunHead.tsx";
import { RunList } from "./parts/RunList.tsx";
import { Samples } from "./parts/Samples.tsx";
import { t } from "../shared/l10n.ts";

export function App() {
  const kept = useRef(restore()).current;
  const [state, dispatch] = useReducer(reduce, initialState(kept.choices));
  const scroller = useRef<HTMLElement>(null);
  const run = chosenRun(state);
  const shown = shownRuns(state);
  const watched = shown.map(({ id }) => id).join("\n");

  useEffect(() => {
    const stop = onHostMessage(dispatch);
    post({ type: "ready" });
    return stop;
  }, []);
  useEffect(() => {
    if (state.loaded) post({ type: "watch", runIds: watched === "" ? [] : watched.split("\n") });
  }, [state.loaded, watched]);
  useEffect(() => { if (state.loaded) keep({ choices: state.choices }); }, [state.loaded, state.choices]);

  // What is shown comes in several messages; the place where the reader stood is found again once it exists.
  const placed = useRef(false);
  const ownScroll = useRef(-1);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (placed.current || !element || !state.loaded) return;
    element.scrollTop = kept.scrollTop;
    ownScroll.current = element.scrollTop;
    placed.current = Math.abs(element.scrollTop - kept.scrollTop) < 2;
  }, [state]);

  if (!state.loaded) return <div class="monitor" aria-busy="true" />;
  const figures = shown.map((each) => state.figures[each.id] ?? []);
  return (
    <div class="monitor" data-testid="monitor">
      <Banner status={state.status} />
      {state.notice !== null && <Notice text={state.notice} onDismiss={() => dispatch({ type: "dismissNotice" })} />}
      <RunAnnouncer run={run} />
      {run === null
        // What an engine that is still starting will tell is not known: neither runs nor that there are none.
        ? state.status.engine !== "starting" && <NoRuns status={state.status} />
        : (
          <div class="columns">
            <RunList runs={state.runs} choices={state.choices} adapters={state.adapters} dispatch={dispatch} />
            <main
              ref={scroller} class="run" aria-label={t("Training run")}
              onScroll={(event) => {
                // Not the reader's doing, and perhaps not yet as far down as they were.
                if (event.currentTarget.scrollTop === ownScroll.current) return;
                ownScroll.current = -1;
                placed.current = true;
                keep({ scrollTop: event.currentTarget.scrollTop });
              }}
            >
              <RunHead run={run} adapters={state.adapters} trusted={state.status.trusted} />
              <Charts runs={shown} figures={figures} choices={state.choices} dispatch={dispatch} />
              <Receipt run={run} />
              <Samples samples={state.samples[run.id] ?? []} running={run.receipt === null} />
              <DataReport run={run} dataset={state.datasets[run.id]} />
            </main>
          </div>
        )}
    </div>
  );
}
