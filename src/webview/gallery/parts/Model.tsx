// The chosen model: what it is, whether it fits, how quick it is here, and what can be done with it.
import type { ComponentChildren } from "preact";
import type { GalleryModel } from "../../../engine/protocol/machine.ts";
import { actionsOf, downloadOf } from "../../galleryProtocol.ts";
import type { GalleryWork, ModelAction } from "../../galleryProtocol.ts";
import { Icon } from "../../shared/Icon.tsx";
import { bytes, dateTime, duration, number, percent } from "../../trainingWords.ts";
import { abilitiesOf, licenceOf, parametersOf } from "../galleryState.ts";
import { post } from "../host.ts";
import { mark, t, translated } from "../../shared/l10n.ts";

const LABELS: Record<ModelAction, { label: string; icon: string; tip: string; primary?: true; needsTrust?: true }> = {
  use: { label: mark("Use"), icon: "check", tip: mark("Completions and answers use this model from now on"), primary: true },
  download: { label: mark("Download"), icon: "cloud-download", tip: mark("Fetches the file and checks its sum; can be stopped and continued"), primary: true, needsTrust: true },
  cancelDownload: { label: mark("Stop"), icon: "debug-stop", tip: mark("Keeps what has come; Resume goes on there") },
  discard: { label: mark("Discard…"), icon: "trash", tip: mark("Deletes what has come"), needsTrust: true },
  measure: { label: mark("Measure"), icon: "dashboard", tip: mark("Reads and writes some code with this model and notes how long it takes; up to half a minute"), needsTrust: true },
  cancelMeasure: { label: mark("Stop Measuring"), icon: "debug-stop", tip: mark("Keeps the former figures") },
  showFile: { label: mark("Show File"), icon: "folder-opened", tip: mark("Shows where the file is") },
  inspect: { label: mark("Inspect"), icon: "json", tip: mark("Opens what the file's header says") },
  remove: { label: mark("Delete…"), icon: "trash", tip: mark("Deletes the file"), needsTrust: true },
};

export function Model({ model, work, trusted }: { model: GalleryModel; work: GalleryWork; trusted: boolean }) {
  const download = downloadOf(model, work);
  const licence = licenceOf(model);
  // Of an address of the user's own nothing is known before its file is here.
  const unknown = model.origin === "unfinished";
  return (
    <article class="model" aria-labelledby="model-name">
      <div class="head-title">
        <h1 id="model-name" data-testid="name"><bdi class="ellipsis">{model.name}</bdi></h1>
        {model.active && <span class="tag">{t("in use")}</span>}
        {model.recommended && <span class="tag">{t("recommended here")}</span>}
      </div>
      <div class="buttons">
        {actionsOf(model, work).map((action) => {
          const { label, icon, tip, primary, needsTrust } = LABELS[action];
          const busy = (work.measuring !== null && action === "measure") || (work.loading !== null && action === "use");
          return (
            <button
              key={action} type="button" class={`button small ${primary ? "" : "secondary"}`} data-testid={`action-${action}`} disabled={busy || (needsTrust === true && !trusted)}
              title={needsTrust && !trusted ? t("Needs a trusted folder") : translated(tip)} onClick={() => post({ type: "action", id: model.id, action })}
            >
              <Icon name={icon} />{action === "download" && model.part ? t("Resume") : action === "measure" && model.speed ? t("Measure Again") : translated(label)}
            </button>
          );
        })}
      </div>
      <Progress model={model} work={work} />
      <dl class="facts">
        {!unknown && <Fact id="good-for" name={t("Good for")}>{abilitiesOf(model) || t("Nothing that KaLactica uses")}</Fact>}
        <Fact id="this-machine" name={t("This machine")}>{fitWords(model)}</Fact>
        {model.installed && model.origin !== "endpoint" && <Fact id="speed-here" name={t("Speed here")}>{<Speed model={model} measuring={work.measuring === model.id} />}</Fact>}
        {model.remote && <Fact id="where" name={t("Where")}>{`${model.remote.host}: ${model.remote.leavesMachine ? t("what you ask and the code it is about leave this machine") : t("on this machine")}`}</Fact>}
        {model.origin !== "endpoint" && !unknown && <Fact id="licence" name={t("Licence")}>{licence.name}{licence.note !== "" && <span class="note"><Icon name="law" />{licence.note}</span>}</Fact>}
        {model.sizeBytes > 0 && <Fact id="size" name={t("Size")}>{[bytes(model.sizeBytes), parametersOf(model) === "" ? "" : t("{0} parameters", parametersOf(model)), model.quantisation].filter((part) => part !== "").join(", ")}</Fact>}
        {model.contextSize > 0 && <Fact id="context" name={t("Context")}>{t("{0} tokens", model.contextSize.toLocaleString("en"))}</Fact>}
        {model.architecture !== "" && <Fact id="architecture" name={t("Architecture")}>{model.architecture}</Fact>}
        {model.origin !== "endpoint" && !unknown && <Fact id="format" name={t("Format")}>{[model.fimTokens ? t("fill in the middle") : t("no fill in the middle"), model.chatTemplate ? t("chat template") : t("no chat template")].join(", ")}</Fact>}
        {model.uri !== null && model.origin !== "endpoint" && <Fact id="source" name={t("Source")}><span class="long" dir="ltr">{model.uri}</span></Fact>}
        {model.file !== null && <Fact id="file" name={t("File")}><span class="long" dir="ltr">{model.file}</span></Fact>}
        {model.sha256 !== null && <Fact id="sha-256" name={t("SHA-256")}><span class="long mono" dir="ltr">{model.sha256}</span></Fact>}
      </dl>
      {!model.installed && download === null && <p class="quiet small">{t("A download is the one thing here that uses the network. It goes to {0}, is checked by its sum, and everything after it stays on this machine.", hostOf(model))}</p>}
    </article>
  );
}

function Fact({ id, name, children }: { id: string; name: string; children: ComponentChildren }) {
  return <div class="fact"><dt>{name}</dt><dd data-testid={`fact-${id}`}>{children}</dd></div>;
}

function Progress({ model, work }: { model: GalleryModel; work: GalleryWork }) {
  const download = downloadOf(model, work);
  if (download) {
    const { receivedBytes, totalBytes, bytesPerSecond } = download;
    const share = totalBytes ? receivedBytes / totalBytes : null;
    const left = totalBytes && bytesPerSecond > 0 ? duration((totalBytes - receivedBytes) / bytesPerSecond) : null;
    const words = [totalBytes ? t("{0} of {1}", bytes(receivedBytes), bytes(totalBytes)) : bytes(receivedBytes), bytesPerSecond > 0 ? `${bytes(Math.round(bytesPerSecond))}/s` : "", left === null ? "" : t("{0} left", left)].filter((part) => part !== "").join(" · ");
    return <Bar share={share} words={words} />;
  }
  if (work.loading === model.id) return <Bar share={null} words={t("Loading into memory")} />;
  if (work.measuring === model.id) return <Bar share={null} words={t("Measuring; what you do meanwhile goes first")} />;
  if (model.part) {
    const { receivedBytes, totalBytes } = model.part;
    return <Bar share={totalBytes ? receivedBytes / totalBytes : 0} words={t("{0} are here; Resume goes on there", totalBytes ? t("{0} of {1}", bytes(receivedBytes), bytes(totalBytes)) : bytes(receivedBytes))} still />;
  }
  return null;
}

/** `share` null: how long it will take is not known. */
function Bar({ share, words, still = false }: { share: number | null; words: string; still?: boolean }) {
  return (
    <div class="progress" data-testid="progress">
      <div class="bar" role="progressbar" aria-label={t("Progress")} aria-valuemin={0} aria-valuemax={100} aria-valuetext={words} {...share === null ? {} : { "aria-valuenow": Math.round(100 * share) }}>
        <span data-moving={share === null && !still} style={{ inlineSize: share === null ? "100%" : `${100 * share}%` }} />
      </div>
      <p class="quiet small">{share === null ? words : `${percent(share)} · ${words}`}</p>
    </div>
  );
}

function fitWords({ fit, origin }: GalleryModel): ComponentChildren {
  if (origin === "endpoint") return t("Computes elsewhere");
  if (fit === null) return t("Not known before it is here");
  return <span class="note" data-fits={fit.fits}><Icon name={fit.fits ? "pass" : "warning"} />{fit.fits ? fit.explanation : t("Too large. {0}", fit.explanation)}</span>;
}

function Speed({ model: { speed, capabilities }, measuring }: { model: GalleryModel; measuring: boolean }) {
  if (speed === null) return <span class="quiet">{measuring ? t("Being measured") : t("Not measured yet")}</span>;
  const parts = [
    speed.generatedPerSecond === null ? "" : t("writes {0} tokens a second", number(speed.generatedPerSecond, 3)),
    speed.promptPerSecond === null ? "" : speed.generatedPerSecond !== null ? t("reads {0}", number(speed.promptPerSecond, 3)) : capabilities.embed ? t("embeds {0} tokens a second", number(speed.promptPerSecond, 3)) : t("reads {0} tokens a second", number(speed.promptPerSecond, 3)),
  ].filter((part) => part !== "").join(", ");
  const words = parts === "" ? t("Wrote too little to tell") : parts.charAt(0).toUpperCase() + parts.slice(1);
  return <>{words} <span class="quiet">{t("on the {0}, {1}", speed.device === "cpu" ? "CPU" : `GPU (${speed.device})`, dateTime(Date.parse(speed.at)))}</span></>;
}

function hostOf({ uri }: GalleryModel): string {
  if (uri === null) return t("its server");
  return uri.startsWith("hf:") ? "huggingface.co" : URL.parse(uri)?.host ?? t("its server");
}
