// The chosen model: what it is, whether it fits, how quick it is here, and what can be done with it.
import type { ComponentChildren } from "preact";
import type { GalleryModel } from "../../../engine/protocol/machine.ts";
import { actionsOf, downloadOf } from "../../galleryProtocol.ts";
import type { GalleryWork, ModelAction } from "../../galleryProtocol.ts";
import { Icon } from "../../shared/Icon.tsx";
import { bytes, dateTime, duration, number, percent } from "../../trainingWords.ts";
import { abilitiesOf, licenceOf, parametersOf } from "../galleryState.ts";
import { post } from "../host.ts";

const LABELS: Record<ModelAction, { label: string; icon: string; tip: string; primary?: true; needsTrust?: true }> = {
  use: { label: "Use", icon: "check", tip: "Completions and answers use this model from now on", primary: true },
  download: { label: "Download", icon: "cloud-download", tip: "Fetches the file and checks its sum; can be stopped and continued", primary: true, needsTrust: true },
  cancelDownload: { label: "Stop", icon: "debug-stop", tip: "Keeps what has come; Resume goes on there" },
  discard: { label: "Discard…", icon: "trash", tip: "Deletes what has come", needsTrust: true },
  measure: { label: "Measure", icon: "dashboard", tip: "Reads and writes some code with this model and notes how long it takes; up to half a minute", needsTrust: true },
  cancelMeasure: { label: "Stop Measuring", icon: "debug-stop", tip: "Keeps the former figures" },
  showFile: { label: "Show File", icon: "folder-opened", tip: "Shows where the file is" },
  inspect: { label: "Inspect", icon: "json", tip: "Opens what the file's header says" },
  remove: { label: "Delete…", icon: "trash", tip: "Deletes the file", needsTrust: true },
};

export function Model({ model, work, trusted }: { model: GalleryModel; work: GalleryWork; trusted: boolean }) {
  const download = downloadOf(model, work);
  const licence = licenceOf(model);
  return (
    <article class="model" aria-labelledby="model-name">
      <div class="head-title">
        <h1 id="model-name" data-testid="name"><bdi class="ellipsis">{model.name}</bdi></h1>
        {model.active && <span class="tag">in use</span>}
        {model.recommended && <span class="tag">recommended here</span>}
      </div>
      <div class="buttons">
        {actionsOf(model, work).map((action) => {
          const { label, icon, tip, primary, needsTrust } = LABELS[action];
          const busy = (work.measuring !== null && action === "measure") || (work.loading !== null && action === "use");
          return (
            <button
              key={action} type="button" class={`button small ${primary ? "" : "secondary"}`} data-testid={`action-${action}`} disabled={busy || (needsTrust === true && !trusted)}
              title={needsTrust && !trusted ? "Needs a trusted folder" : tip} onClick={() => post({ type: "action", id: model.id, action })}
            >
              <Icon name={icon} />{action === "download" && model.part ? "Resume" : action === "measure" && model.speed ? "Measure Again" : label}
            </button>
          );
        })}
      </div>
      <Progress model={model} work={work} />
      <dl class="facts">
        <Fact name="Good for">{abilitiesOf(model) || "Nothing that KaLactica uses"}</Fact>
        <Fact name="This machine">{fitWords(model)}</Fact>
        {model.installed && model.origin !== "endpoint" && <Fact name="Speed here">{<Speed model={model} measuring={work.measuring === model.id} />}</Fact>}
        {model.remote && <Fact name="Where">{`${model.remote.host}: ${model.remote.leavesMachine ? "what you ask and the code it is about leave this machine" : "on this machine"}`}</Fact>}
        {model.origin !== "endpoint" && <Fact name="Licence">{licence.name}{licence.note !== "" && <span class="note"><Icon name="law" />{licence.note}</span>}</Fact>}
        {model.sizeBytes > 0 && <Fact name="Size">{[bytes(model.sizeBytes), parametersOf(model) === "" ? "" : `${parametersOf(model)} parameters`, model.quantisation].filter((part) => part !== "").join(", ")}</Fact>}
        {model.contextSize > 0 && <Fact name="Context">{`${model.contextSize.toLocaleString("en")} tokens`}</Fact>}
        {model.architecture !== "" && <Fact name="Architecture">{model.architecture}</Fact>}
        {model.origin !== "endpoint" && model.origin !== "unfinished" && <Fact name="Format">{[model.fimTokens ? "fill in the middle" : "no fill in the middle", model.chatTemplate ? "chat template" : "no chat template"].join(", ")}</Fact>}
        {model.uri !== null && model.origin !== "endpoint" && <Fact name="Source"><span class="long" dir="ltr">{model.uri}</span></Fact>}
        {model.file !== null && <Fact name="File"><span class="long" dir="ltr">{model.file}</span></Fact>}
        {model.sha256 !== null && <Fact name="SHA-256"><span class="long mono" dir="ltr">{model.sha256}</span></Fact>}
      </dl>
      {!model.installed && download === null && <p class="quiet small">A download is the one thing here that uses the network. It goes to {hostOf(model)}, is checked by its sum, and everything after it stays on this machine.</p>}
    </article>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return <div class="fact"><dt>{name}</dt><dd data-testid={`fact-${name.toLowerCase().replaceAll(" ", "-")}`}>{children}</dd></div>;
}

function Progress({ model, work }: { model: GalleryModel; work: GalleryWork }) {
  const download = downloadOf(model, work);
  if (download) {
    const { receivedBytes, totalBytes, bytesPerSecond } = download;
    const share = totalBytes ? receivedBytes / totalBytes : null;
    const left = totalBytes && bytesPerSecond > 0 ? duration((totalBytes - receivedBytes) / bytesPerSecond) : null;
    const words = [`${bytes(receivedBytes)}${totalBytes ? ` of ${bytes(totalBytes)}` : ""}`, bytesPerSecond > 0 ? `${bytes(Math.round(bytesPerSecond))}/s` : "", left === null ? "" : `${left} left`].filter((part) => part !== "").join(" · ");
    return <Bar share={share} words={words} />;
  }
  if (work.loading === model.id) return <Bar share={null} words="Loading into memory" />;
  if (work.measuring === model.id) return <Bar share={null} words="Measuring; what you do meanwhile goes first" />;
  if (model.part) {
    const { receivedBytes, totalBytes } = model.part;
    return <Bar share={totalBytes ? receivedBytes / totalBytes : 0} words={`${bytes(receivedBytes)}${totalBytes ? ` of ${bytes(totalBytes)}` : ""} are here; Resume goes on there`} still />;
  }
  return null;
}

/** `share` null: how long it will take is not known. */
function Bar({ share, words, still = false }: { share: number | null; words: string; still?: boolean }) {
  return (
    <div class="progress" data-testid="progress">
      <div class="bar" role="progressbar" aria-label="Progress" aria-valuemin={0} aria-valuemax={100} aria-valuetext={words} {...share === null ? {} : { "aria-valuenow": Math.round(100 * share) }}>
        <span data-moving={share === null && !still} style={{ inlineSize: share === null ? "100%" : `${100 * share}%` }} />
      </div>
      <p class="quiet small">{share === null ? words : `${percent(share)} · ${words}`}</p>
    </div>
  );
}

function fitWords({ fit, origin }: GalleryModel): ComponentChildren {
  if (origin === "endpoint") return "Computes elsewhere";
  if (fit === null) return "Not known before it is here";
  return <span class="note" data-fits={fit.fits}><Icon name={fit.fits ? "pass" : "warning"} />{fit.fits ? fit.explanation : `Too large. ${fit.explanation}`}</span>;
}

function Speed({ model: { speed, capabilities }, measuring }: { model: GalleryModel; measuring: boolean }) {
  if (speed === null) return <span class="quiet">{measuring ? "Being measured" : "Not measured yet"}</span>;
  const parts = [
    speed.generatedPerSecond === null ? "" : `writes ${number(speed.generatedPerSecond, 3)} tokens a second`,
    speed.promptPerSecond === null ? "" : `${capabilities.embed && speed.generatedPerSecond === null ? "embeds" : "reads"} ${number(speed.promptPerSecond, 3)}${speed.generatedPerSecond === null ? " tokens a second" : ""}`,
  ].filter((part) => part !== "").join(", ");
  const words = parts === "" ? "Wrote too little to tell" : parts.charAt(0).toUpperCase() + parts.slice(1);
  return <>{words} <span class="quiet">on the {speed.device === "cpu" ? "CPU" : `GPU (${speed.device})`}, {dateTime(Date.parse(speed.at))}</span></>;
}

function hostOf({ uri }: GalleryModel): string {
  if (uri === null) return "its server";
  return uri.startsWith("hf:") ? "huggingface.co" : URL.parse(uri)?.host ?? "its server";
}
