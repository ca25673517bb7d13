// What the model gallery shows, and how a message from the host changes it; and what is said of a model in few words. Pure: no DOM.
import type { Gallery, GalleryModel } from "../../engine/protocol/machine.ts";
import { NO_WORK } from "../galleryProtocol.ts";
import type { GalleryHostMessage, GalleryStatus, GalleryWork } from "../galleryProtocol.ts";
import { bytes, number } from "../trainingWords.ts";
import { t } from "../shared/l10n.ts";

export interface GalleryState {
  /** Null until the engine has told; nothing is claimed before. */
  gallery: Gallery | null;
  work: GalleryWork;
  status: GalleryStatus;
  /** False until the first snapshot, so that the page does not flash an empty state. */
  loaded: boolean;
  chosen: string | null;
  /** Words that the list is narrowed by. */
  words: string;
  notice: string | null;
}

export type GalleryPageAction = GalleryHostMessage | { type: "words"; words: string } | { type: "dismissNotice" };

export function initialState({ chosen, words }: { chosen: string | null; words: string }): GalleryState {
  return { gallery: null, work: NO_WORK, status: { engine: "starting", engineFailure: null, trusted: true }, loaded: false, chosen, words, notice: null };
}

export function reduce(state: GalleryState, action: GalleryPageAction): GalleryState {
  switch (action.type) {
    case "snapshot": {
      // An engine that starts anew takes nothing away that was known.
      const gallery = action.gallery ?? state.gallery;
      return { ...state, gallery, work: action.work, status: action.status, loaded: true };
    }
    case "work":
      return { ...state, work: action.work };
    case "status":
      return { ...state, status: action.status };
    case "choose":
      return { ...state, chosen: action.id };
    case "words":
      return { ...state, words: action.words };
    case "notice":
      return { ...state, notice: action.text };
    case "dismissNotice":
      return { ...state, notice: null };
  }
}

export interface ModelGroup {
  name: string;
  models: GalleryModel[];
}

/** The models that have all words, in groups; empty groups are left out. */
export function groupsOf({ gallery, words }: Pick<GalleryState, "gallery" | "words">): ModelGroup[] {
  const wanted = words.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const models = (gallery?.models ?? []).filter((model) => {
    const text = `${model.name} ${model.id} ${model.licence} ${model.architecture} ${model.quantisation} ${abilitiesOf(model)}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
  const groups = [
    { name: t("On this machine"), models: models.filter(({ installed, origin }) => installed && origin !== "endpoint") },
    { name: t("On servers"), models: models.filter(({ origin }) => origin === "endpoint") },
    { name: t("To download"), models: models.filter(({ installed }) => !installed).sort((a, b) => rank(b) - rank(a)) },
  ];
  return groups.filter((group) => group.models.length > 0);
}

/** What was begun comes first, then what is recommended, then what fits; within these the order of the catalogue. */
function rank(model: GalleryModel): number {
  return (model.part ? 4 : 0) + (model.recommended ? 2 : 0) + (model.fit?.fits === false ? 0 : 1);
}

/** The chosen model; where it is gone or none was chosen, the one in use. */
export function chosenModel({ gallery, chosen }: Pick<GalleryState, "gallery" | "chosen">): GalleryModel | null {
  const models = gallery?.models ?? [];
  // A download that has ended is the same model under its file's name.
  return models.find(({ id }) => id === chosen) ?? models.find(({ uri }) => uri !== null && uri === chosen) ?? models.find(({ active }) => active) ?? models[0] ?? null;
}

/** "Completion, answers". */
export function abilitiesOf({ capabilities, fimTokens, chatTemplate }: GalleryModel): string {
  const able = [
    capabilities.infill || fimTokens ? t("completion") : "",
    capabilities.answer ? t("answers") : chatTemplate ? t("chat") : "",
    capabilities.embed ? t("search") : "",
  ].filter((word) => word !== "").join(", ");
  return able === "" ? "" : able.charAt(0).toUpperCase() + able.slice(1);
}

/** "494 M", "7.62 B": billions as model files are named by. */
export function parametersOf({ parameters }: GalleryModel): string {
  if (parameters <= 0) return "";
  return parameters >= 1e9 ? `${number(parameters / 1e9, 3)} B` : `${number(parameters / 1e6, 3)} M`;
}

/** The words below a model's name in the list. */
export function rowLine(model: GalleryModel): string {
  return [model.quantisation, model.sizeBytes > 0 ? bytes(model.sizeBytes) : "", model.licence.replace(/ \(.*/s, "").replace(/^unknown$/, "")].filter((part) => part !== "").join(" · ");
}

/** The licence's name, and what it forbids or asks for. */
export function licenceOf({ licence }: GalleryModel): { name: string; note: string } {
  const [, name = licence, note = ""] = /^(\S+) \((.*)\)$/s.exec(licence) ?? [];
  return { name: name === "unknown" ? t("Not stated in the file") : name, note };
}

/** "42 tokens/s": what people feel of a model's speed, where it was measured here. */
export function speedOf({ speed, capabilities }: GalleryModel): string | null {
  const perSecond = capabilities.embed && speed?.generatedPerSecond == null ? speed?.promptPerSecond : speed?.generatedPerSecond;
  return perSecond == null ? null : t("{0} tokens/s", number(perSecond, perSecond < 10 ? 2 : 3));
}
