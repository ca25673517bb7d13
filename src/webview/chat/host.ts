// The bridge to the extension host: posting, listening, and the state that VS Code keeps while the view is hidden.
import type { ChatAttachment, HostMessage, SlashCommand, ViewMessage } from "../protocol.ts";

/** What survives the view being hidden. The conversations themselves are the host's. */
export interface DraftState {
  draft: string;
  attachments: ChatAttachment[];
  /** Set when a slash command was put in by the host, as for "Explain Selection". */
  command: SlashCommand | null;
  scrollTop: number | null;
  conversationId: string | null;
}

interface VsCodeApi {
  postMessage(message: ViewMessage): void;
  getState(): DraftState | undefined;
  setState(state: DraftState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

export function post(message: ViewMessage): void {
  api.postMessage(message);
}

export function onHostMessage(listener: (message: HostMessage) => void): () => void {
  const receive = (event: MessageEvent<HostMessage>): void => listener(event.data);
  window.addEventListener("message", receive);
  return () => window.removeEventListener("message", receive);
}

export function restoreDraft(): DraftState {
  return { draft: "", attachments: [], command: null, scrollTop: null, conversationId: null, ...api.getState() };
}

export function keepDraft(changes: Partial<DraftState>): void {
  api.setState({ ...restoreDraft(), ...changes });
}
