// The bridge to the extension host: posting, listening, and the choices that VS Code keeps while the page is hidden.
import type { EvaluationHostMessage, EvaluationViewMessage } from "../evaluationProtocol.ts";
import { DEFAULT_CHOICES } from "./evaluationState.ts";
import type { EvaluationChoices } from "./evaluationState.ts";

interface VsCodeApi {
  postMessage(message: EvaluationViewMessage): void;
  getState(): Partial<EvaluationChoices> | undefined;
  setState(state: EvaluationChoices): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

const api = acquireVsCodeApi();

export function post(message: EvaluationViewMessage): void {
  api.postMessage(message);
}

export function onHostMessage(listener: (message: EvaluationHostMessage) => void): () => void {
  const receive = (event: MessageEvent<EvaluationHostMessage>): void => listener(event.data);
  window.addEventListener("message", receive);
  return () => window.removeEventListener("message", receive);
}

export function restore(): EvaluationChoices {
  return { ...DEFAULT_CHOICES, ...api.getState() };
}

export function keep(choices: EvaluationChoices): void {
  api.setState(choices);
}
