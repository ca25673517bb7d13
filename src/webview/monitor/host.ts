// The bridge to the extension host: posting, listening, and the choices that VS Code keeps while the page is hidden.
import type { MonitorHostMessage, MonitorViewMessage } from "../monitorProtocol.ts";
import { DEFAULT_CHOICES } from "./monitorState.ts";
import type { MonitorChoices } from "./monitorState.ts";

/** What survives the page being taken down. Runs and figures are the host's. */
export interface KeptState {
  choices: MonitorChoices;
  scrollTop: number;
}

interface VsCodeApi {
  postMessage(message: MonitorViewMessage): void;
  getState(): Partial<KeptState> | undefined;
  setState(state: KeptState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

export function post(message: MonitorViewMessage): void {
  api.postMessage(message);
}

export function onHostMessage(listener: (message: MonitorHostMessage) => void): () => void {
  const receive = (event: MessageEvent<MonitorHostMessage>): void => listener(event.data);
  window.addEventListener("message", receive);
  return () => window.removeEventListener("message", receive);
}

export function restore(): KeptState {
  const kept = api.getState();
  return { choices: { ...DEFAULT_CHOICES, ...kept?.choices }, scrollTop: kept?.scrollTop ?? 0 };
}

export function keep(changes: Partial<KeptState>): void {
  api.setState({ ...restore(), ...changes });
}
