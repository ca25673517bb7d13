// Plays the extension host in the page, before the monitor's own script: answers as it would and records what is posted.
import type { MonitorHostMessage, MonitorViewMessage } from "../../src/webview/monitorProtocol.ts";
import { MONITOR_SCENARIOS } from "./monitorScenarios.ts";

export interface FakeMonitorHost {
  posted: MonitorViewMessage[];
  send(message: MonitorHostMessage): void;
}

declare global {
  interface Window {
    monitorHost: FakeMonitorHost;
  }
}

const name = new URLSearchParams(location.search).get("scenario") ?? "sft";
const scenario = MONITOR_SCENARIOS[name];
if (!scenario) throw new Error(`No scenario "${name}".`);
const STATE_KEY = "fakeMonitorHost.state";

const host: FakeMonitorHost = { posted: [], send: (message) => window.postMessage(message, "*") };
window.monitorHost = host;

window.acquireVsCodeApi = () => ({
  getState: () => JSON.parse(sessionStorage.getItem(STATE_KEY) ?? "null") ?? undefined,
  setState: (state: unknown) => sessionStorage.setItem(STATE_KEY, JSON.stringify(state)),
  postMessage: (message: MonitorViewMessage) => {
    host.posted.push(message);
    if (message.type === "ready") host.send(scenario.snapshot);
    if (message.type === "watch") {
      for (const runId of message.runIds) host.send({ type: "figures", runId, figures: scenario.figures[runId] ?? [], whole: true });
      const [chosen] = message.runIds;
      if (chosen === undefined) return;
      host.send({ type: "samples", runId: chosen, samples: scenario.samples[chosen] ?? [] });
      host.send({ type: "dataset", runId: chosen, dataset: scenario.datasets[chosen] ?? null });
    }
  },
});
