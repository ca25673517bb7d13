// Single items: which there are, who was right, and of the open one the item's text with what each run made of it, side by side.
// Up and down go through them from the keyboard wherever the list has the focus.
import { useEffect, useRef } from "preact/hooks";
import type { EvaluationItem, ItemFilter } from "../../../engine/protocol/evaluation.ts";
import { Icon } from "../../shared/Icon.tsx";
import type { EvaluationAction, EvaluationState } from "../evaluationState.ts";
import { PAGE_ITEMS } from "../evaluationState.ts";
import { figure, itemCount } from "../words.ts";
import { t } from "../../shared/l10n.ts";

export function Items({ state, dispatch, more }: { state: EvaluationState; dispatch: (action: EvaluationAction) => void; more: (offset: number) => void }) {
  const { page, choices } = state;
  const list = useRef<HTMLUListElement>(null);
  const two = choices.baselineId !== null;
  const open = page?.items.find(({ id }) => id === state.itemId);
  useEffect(() => { list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" }); }, [state.itemId]);
  if (page === null) return null;
  const names: Record<ItemFilter, string> = page.binary
    ? { all: t("All"), changed: t("Changed"), before: t("Only A right"), after: t("Only B right") }
    : { all: t("All"), changed: t("Changed"), before: t("A better"), after: t("B better") };
  const step = (event: KeyboardEvent): void => {
    const at = page.items.findIndex(({ id }) => id === state.itemId);
    const to = event.key === "ArrowDown" ? at + 1 : event.key === "ArrowUp" ? at - 1 : event.key === "Home" ? 0 : event.key === "End" ? page.items.length - 1 : -1;
    const next = page.items[to];
    if (!next) return;
    event.preventDefault();
    dispatch({ type: "openItem", id: next.id });
  };
  return (
    <section aria-label={t("Items")} data-testid="items">
      <div class="section-bar">
        <h2>{t("Items")}</h2>
        {two && (
          <div class="filters" role="group" aria-label={t("Which items")}>
            {(Object.keys(names) as ItemFilter[]).map((filter) => (
              <button key={filter} type="button" class="filter" data-testid={`filter-${filter}`} aria-pressed={choices.filter === filter} onClick={() => dispatch({ type: "set", choices: { filter } })}>{names[filter]} <span class="quiet">{page.counts[filter].toLocaleString("en")}</span></button>
            ))}
          </div>
        )}
        {page.scores.length > 1 && (
          <label class="quiet">{t("by")}{" "}
            <select data-testid="score" value={page.score ?? ""} onChange={(event) => dispatch({ type: "set", choices: { score: event.currentTarget.value } })}>
              {page.scores.map((score) => <option key={score} value={score}>{score}</option>)}
            </select>
          </label>
        )}
        <input type="search" class="words" data-testid="words" placeholder={t("Words in an item")} aria-label={t("Words in an item")} value={choices.words} onInput={(event) => dispatch({ type: "set", choices: { words: event.currentTarget.value } })} />
        <span class="quiet" role="status" data-testid="found">{itemCount(page.found)}</span>
      </div>
      {page.items.length === 0 ? <p class="quiet">{t("No item is like this.")}</p> : (
        <div class="item-columns">
          <div>
            <ul ref={list} class="item-list" role="listbox" tabIndex={0} aria-label={t("Items")} aria-activedescendant={open ? domId(open.id) : undefined} data-testid="item-list" onKeyDown={step}>
              {page.items.map((item) => (
                <li key={item.id} id={domId(item.id)} role="option" aria-selected={item.id === state.itemId} class="item-row" onClick={() => dispatch({ type: "openItem", id: item.id })}>
                  <bdi class="ellipsis">{item.id}</bdi>
                  {two && item.winner !== null && <span class="tag">{item.winner === "before" ? "A" : "B"}<span class="visually-hidden"> {t("was better")}</span></span>}
                  {!two && page.score !== null && <span class="quiet">{figure(item.scores.find(({ name }) => name === page.score)?.before ?? NaN)}</span>}
                </li>
              ))}
            </ul>
            {page.found > page.items.length && <Pages state={state} more={more} />}
          </div>
          {open && <OneItem item={open} two={two} />}
        </div>
      )}
    </section>
  );
}

function Pages({ state, more }: { state: EvaluationState; more: (offset: number) => void }) {
  const found = state.page?.found ?? 0;
  const pages = Array.from({ length: Math.ceil(found / PAGE_ITEMS) }, (_, at) => at);
  return (
    <label class="quiet pages">{t("Items")}{" "}
      <select data-testid="page" onChange={(event) => more(Number(event.currentTarget.value) * PAGE_ITEMS)}>
        {pages.map((at) => <option key={at} value={at}>{at * PAGE_ITEMS + 1}–{Math.min(found, (at + 1) * PAGE_ITEMS)}</option>)}
      </select>
    </label>
  );
}

function OneItem({ item, two }: { item: EvaluationItem; two: boolean }) {
  return (
    <article class="item" aria-label={t("Item {0}", item.id)} data-testid="item">
      <h3 class="item-name"><bdi>{item.id}</bdi></h3>
      {two && <p class="verdict" data-testid="winner"><Icon name={item.winner === null ? "dash" : "pass"} /><span>{item.winner === null ? t("Both scored the same.") : item.winner === "before" ? t("A was better.") : t("B was better.")}</span></p>}
      <div class="table-scroll" role="region" tabIndex={0} aria-label={t("Scores")}>
        <table class="figures">
          {two && <thead><tr><th scope="col">{t("Score")}</th><th scope="col">A</th><th scope="col">B</th></tr></thead>}
          <tbody>{item.scores.map(({ name, before, after }) => <tr key={name}><th scope="row">{name}</th><td>{figure(before)}</td>{after !== null && <td>{figure(after)}</td>}</tr>)}</tbody>
        </table>
      </div>
      {item.own.map(({ name, before, after }) => (
        <div key={name} class="sample">
          <div class="sample-sides">
            <div class="sample-side"><h3>A: {name}</h3><pre tabIndex={0} data-testid="side-a">{before === "" ? " " : before}</pre></div>
            <div class="sample-side"><h3>B: {name}</h3><pre tabIndex={0} data-testid="side-b">{after === "" ? " " : after}</pre></div>
          </div>
        </div>
      ))}
      {item.shared.filter(({ text }) => text !== "").map(({ name, text }) => (
        <div key={name} class="sample"><h3>{name}</h3><pre tabIndex={0} class="sample-prompt">{text}</pre></div>
      ))}
    </article>
  );
}

function domId(id: string): string {
  return `item-${id.replace(/[^\w-]/g, "_")}`;
}
