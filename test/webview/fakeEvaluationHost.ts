// Plays the extension host in the page, before the evaluation page's own script: answers as it would and records what is posted.
import type { EvaluationHostMessage, EvaluationViewMessage } from "../../src/webview/evaluationProtocol.ts";
import { detailOf, differenceOf, EVALUATION_SCENARIOS, pageOf } from "./evaluationScenarios.ts";

export interface FakeEvaluationHost {
  posted: EvaluationViewMessage[];
  send(message: EvaluationHostMessage): void;
}

declare global {
  interface Window {
    evaluationHost: FakeEvaluationHost;
  }
}

const name = new URLSearchParams(location.search).get("scenario") ?? "runs";
const scenario = EVALUATION_SCENARIOS[name];
if (!scenario) throw new Error(`No scenario "${name}".`);
const STATE_KEY = "fakeEvaluationHost.state";

const host: FakeEvaluationHost = { posted: [], send: (message) => window.postMessage(message, "*") };
window.evaluationHost = host;

window.acquireVsCodeApi = () => ({
  getState: () => JSON.parse(sessionStorage.getItem(STATE_KEY) ?? "null") ?? undefined,
  setState: (state: unknown) => sessionStorage.setItem(STATE_KEY, JSON.stringify(state)),
  postMessage: (message: EvaluationViewMessage) => {
    host.posted.push(message);
    if (message.type === "ready") {
      host.send({ type: "runs", runs: scenario.runs, engine: "ready" });
      if (scenario.tab) host.send({ type: "tab", tab: scenario.tab });
    }
    if (message.type === "choose") host.send(message.chosen.after === null ? { type: "detail", detail: detailOf(scenario, message.chosen.before) } : { type: "difference", chosen: message.chosen, difference: differenceOf(message.chosen), failure: null });
    if (message.type === "items") host.send({ type: "items", request: message.request, page: pageOf(scenario, message.chosen, message.query), failure: null });
    if (message.type === "use") host.send({ type: "use", report: { ...scenario.use, days: message.days } });
  },
});
