// The model gallery as a whole: takes the host's messages, lists the models, shows the chosen one and this machine.
import { useEffect, useReducer, useRef } from "preact/hooks";
import { Icon, IconButton } from "../shared/Icon.tsx";
import type { GalleryCommand, GalleryStatus } from "../galleryProtocol.ts";
import { chosenModel, groupsOf, initialState, reduce } from "./galleryState.ts";
import { keep, onHostMessage, post, restore } from "./host.ts";
import { Machine } from "./parts/Machine.tsx";
import { Model } from "./parts/Model.tsx";
import { ModelList } from "./parts/ModelList.tsx";
import { t } from "../shared/l10n.ts";

export function App() {
  const [state, dispatch] = useReducer(reduce, initialState(useRef(restore()).current));
  const { gallery, work, status, chosen, words, loaded } = state;

  useEffect(() => {
    const stop = onHostMessage(dispatch);
    post({ type: "ready" });
    return stop;
  }, []);
  useEffect(() => { if (loaded) keep({ chosen, words }); }, [loaded, chosen, words]);

  if (!loaded) return <div class="gallery" aria-busy="true" />;
  const model = chosenModel(state);
  return (
    <div class="gallery" data-testid="gallery">
      <Banner status={status} />
      {state.notice !== null && (
        <div class="banner" role="status" data-testid="notice">
          <Icon name="info" /><span class="banner-text">{state.notice}</span>
          <IconButton icon="close" label={t("Dismiss")} onClick={() => dispatch({ type: "dismissNotice" })} />
        </div>
      )}
      {gallery !== null && (
        <div class="columns">
          <ModelList
            groups={groupsOf(state)} work={work} words={words} chosen={model?.id ?? null} trusted={status.trusted}
            onWords={(next) => dispatch({ type: "words", words: next })} onChoose={(id) => dispatch({ type: "choose", id })}
          />
          <main class="detail" aria-label={t("Model")}>
            {model !== null && <Model key={model.id} model={model} work={work} trusted={status.trusted} />}
            <Machine machine={gallery.machine} defaults={gallery.defaults} />
          </main>
        </div>
      )}
    </div>
  );
}

/** One line at the top while something is wrong that keeps models from being used or fetched. */
function Banner({ status }: { status: GalleryStatus }) {
  if (status.engine === "failed") return <BannerLine icon="error" text={status.engineFailure ?? t("The engine could not be started.")} command="restartEngine" label={t("Restart Engine")} />;
  if (status.engine === "starting") return <BannerLine icon="loading" text={t("The engine is starting. Models are shown as soon as it is ready.")} command="showLog" label={t("Show Log")} />;
  if (!status.trusted) return <BannerLine icon="shield" text={t("Restricted Mode: nothing is downloaded, measured or deleted until you trust this folder.")} command="manageTrust" label={t("Manage Trust")} />;
  return null;
}

function BannerLine({ icon, text, command, label }: { icon: string; text: string; command: GalleryCommand; label: string }) {
  return (
    <div class="banner" role="status" data-testid="banner">
      <Icon name={icon} spin={icon === "loading"} />
      <span class="banner-text">{text}</span>
      <button type="button" class="link" onClick={() => post({ type: "command", command })}>{label}</button>
    </div>
  );
}
