// The list of models with a field to narrow it. One stop of the Tab key; arrows go through it, as in VS Code's own lists.
import { useRef } from "preact/hooks";
import type { GalleryModel } from "../../../engine/protocol/machine.ts";
import { downloadOf } from "../../galleryProtocol.ts";
import type { GalleryCommand, GalleryWork } from "../../galleryProtocol.ts";
import { Icon } from "../../shared/Icon.tsx";
import { percent } from "../../trainingWords.ts";
import { rowLine, speedOf } from "../galleryState.ts";
import type { ModelGroup } from "../galleryState.ts";
import { post } from "../host.ts";
import { t } from "../../shared/l10n.ts";

interface ModelListProps {
  groups: readonly ModelGroup[];
  work: GalleryWork;
  words: string;
  chosen: string | null;
  trusted: boolean;
  onWords: (words: string) => void;
  onChoose: (id: string) => void;
}

export function ModelList({ groups, work, words, chosen, trusted, onWords, onChoose }: ModelListProps) {
  const list = useRef<HTMLDivElement>(null);
  const ids = groups.flatMap(({ models }) => models.map(({ id }) => id));
  const shown = chosen !== null && ids.includes(chosen) ? chosen : ids[0] ?? null;
  const move = (event: KeyboardEvent): void => {
    const at = shown === null ? -1 : ids.indexOf(shown);
    const to = event.key === "ArrowDown" ? at + 1 : event.key === "ArrowUp" ? at - 1 : event.key === "Home" ? 0 : event.key === "End" ? ids.length - 1 : at;
    const id = ids[to];
    if (to === at || id === undefined) return;
    event.preventDefault();
    onChoose(id);
    list.current?.querySelectorAll<HTMLElement>("[role=option]")[to]?.focus();
  };
  return (
    <nav class="models" aria-label={t("Models")}>
      <div class="filter">
        <input
          type="search" class="field" data-testid="filter" aria-label={t("Filter models")} placeholder={t("Filter")} value={words} spellcheck={false}
          onInput={(event) => onWords(event.currentTarget.value)}
          onKeyDown={(event) => { if (event.key === "ArrowDown") { event.preventDefault(); list.current?.querySelector<HTMLElement>("[role=option][tabindex='0']")?.focus(); } }}
        />
      </div>
      <div ref={list} class="list" role="listbox" aria-label={t("Models")} tabIndex={-1} onKeyDown={move}>
        {ids.length === 0 && <p class="nothing quiet" role="status">{t("No model has these words.")}</p>}
        {groups.map(({ name, models }) => (
          <div key={name} role="group" aria-label={name}>
            <h2 aria-hidden="true">{name}</h2>
            {models.map((model) => <Row key={model.id} model={model} work={work} chosen={model.id === chosen} stop={model.id === shown} onChoose={() => onChoose(model.id)} />)}
          </div>
        ))}
      </div>
      <div class="more">
        <More command="openFile" icon="folder-opened" label={t("Use a Model File…")} trusted={trusted} />
        <More command="addEndpoint" icon="server" label={t("Add Endpoint…")} trusted={trusted} />
        <More command="downloadAddress" icon="cloud-download" label={t("Download from Address…")} trusted={trusted} />
      </div>
    </nav>
  );
}

function More({ command, icon, label, trusted }: { command: GalleryCommand; icon: string; label: string; trusted: boolean }) {
  return <button type="button" class="link more-link" disabled={!trusted} onClick={() => post({ type: "command", command })}><Icon name={icon} />{label}</button>;
}

function Row({ model, work, chosen, stop, onChoose }: { model: GalleryModel; work: GalleryWork; chosen: boolean; stop: boolean; onChoose: () => void }) {
  const download = downloadOf(model, work);
  const share = download?.totalBytes ? download.receivedBytes / download.totalBytes : null;
  const busy = download !== null || work.loading === model.id || work.measuring === model.id;
  const tooLarge = !model.installed && model.fit?.fits === false;
  const icon = busy ? "loading" : model.active ? "check" : model.origin === "endpoint" ? "server" : tooLarge ? "warning" : model.part ? "debug-pause" : model.installed ? "circle-outline" : "cloud-download";
  const state = download ? share === null ? t("Downloading") : percent(share) : work.loading === model.id ? t("Loading") : work.measuring === model.id ? t("Measuring")
    : model.active ? t("In use") : model.part ? t("Unfinished") : tooLarge ? t("Too large") : model.recommended ? t("Recommended") : "";
  return (
    <div
      role="option" aria-selected={chosen} tabIndex={stop ? 0 : -1} class="row" data-model={model.id} data-quiet={tooLarge}
      onClick={onChoose} onFocus={() => { if (!chosen) onChoose(); }}
    >
      <span class="row-icon"><Icon name={icon} spin={busy} /></span>
      <span class="row-words">
        <span class="row-name"><bdi class="ellipsis">{model.name}</bdi></span>
        <span class="row-detail"><bdi class="ellipsis">{rowLine(model)}</bdi><span class="row-state">{[state, busy ? null : speedOf(model)].filter(Boolean).join(" · ")}</span></span>
      </span>
      {share !== null && <span class="row-bar" style={{ inlineSize: `${100 * share}%` }} />}
    </div>
  );
}
