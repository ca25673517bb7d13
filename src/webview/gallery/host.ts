// The bridge to the extension host: posting, listening, and the choice that VS Code keeps while the page is hidden.
import type { GalleryHostMessage, GalleryViewMessage } from "../galleryProtocol.ts";

/** What survives the page being taken down. Models are the host's. */
export interface KeptState {
  chosen: string | null;
  words: string;
}

interface VsCodeApi {
  postMessage(message: GalleryViewMessage): void;
  getState(): Partial<KeptState> | undefined;
  setState(state: KeptState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

export function post(message: GalleryViewMessage): void {
  api.postMessage(message);
}

export function onHostMessage(listener: (message: GalleryHostMessage) => void): () => void {
  const receive = (event: MessageEvent<GalleryHostMessage>): void => listener(event.data);
  window.addEventListener("message", receive);
  return () => window.removeEventListener("message", receive);
}

export function restore(): KeptState {
  return { chosen: null, words: "", ...api.getState() };
}

export function keep(state: KeptState): void {
  api.setState(state);
}
