// Plays the extension host in the page, before the chat view's own script: replays a scenario and records what is posted.
import { SCENARIOS } from "./scenarios.ts";
import type { HostMessage, ViewMessage } from "../../src/webview/protocol.ts";

export interface FakeHost {
  posted: ViewMessage[];
  send(message: HostMessage): void;
  /** Ends a replay: what is not yet sent is not sent. */
  halt(): void;
}

declare global {
  interface Window {
    fakeHost: FakeHost;
    acquireVsCodeApi: () => unknown;
  }
}

const name = new URLSearchParams(location.search).get("scenario") ?? "welcome";
const scenario = SCENARIOS[name];
if (!scenario) throw new Error(`No scenario "${name}".`);
const STATE_KEY = "fakeHost.state";
let halted = false;

const host: FakeHost = {
  posted: [],
  send: (message) => window.postMessage(message, "*"),
  halt: () => { halted = true; },
};
window.fakeHost = host;

async function replay(): Promise<void> {
  halted = false;
  for (const message of scenario!.replay) {
    if (halted) return;
    host.send(message);
    await new Promise((resolve) => setTimeout(resolve, scenario!.everyMs));
  }
}

window.acquireVsCodeApi = () => ({
  getState: () => JSON.parse(sessionStorage.getItem(STATE_KEY) ?? "null") ?? undefined,
  setState: (state: unknown) => sessionStorage.setItem(STATE_KEY, JSON.stringify(state)),
  postMessage: (message: ViewMessage) => {
    host.posted.push(message);
    if (message.type === "ready") {
      host.send(scenario.snapshot);
      if (scenario.autoplay) void replay();
    }
    if (message.type === "ask") void replay();
    if (message.type === "stop") halted = true;
    if (message.type === "suggestFiles") {
      const all = ["src/engine/base/scheduler.ts", "src/engine/base/random.ts", "src/extension/chatView.ts", "README.md"];
      host.send({ type: "files", requestId: message.requestId, files: all.filter((path) => path.includes(message.query)).map((path, i) => ({ path, open: i === 0 })) });
    }
  },
});
