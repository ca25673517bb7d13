// The arrows between rooms, as rules: who may import whom. ARCHITECTURE.md draws the same picture for people.
import type { IForbiddenRuleType } from "dependency-cruiser";

const ROOMS = ["retrieval", "answering", "completion", "memory", "notebooks", "dialogue", "safety", "data", "training", "runs", "sandbox", "evaluation", "endpoints"];

/** The files that open connections, and that count those who do. Everything else asks base/connection.ts, which knows offline and proxies. */
const NETWORK = "^src/engine/base/(connection|socketCount)\\.ts$";

/** Folders of the engine that hold things everyone may use. */
const BELOW = "^src/engine/(base|protocol)/|^src/engine/settings\\.ts$";

export const FORBIDDEN: IForbiddenRuleType[] = [
  { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
  {
    name: "protocol-is-a-leaf", comment: "What travels imports nothing but its own kind.", severity: "error",
    from: { path: "^src/engine/protocol/" }, to: { pathNot: "^src/engine/protocol/" },
  },
  { name: "settings-is-a-leaf", severity: "error", from: { path: "^src/engine/settings\\.ts$" }, to: { path: "^src/" } },
  {
    name: "webview-protocol-is-a-leaf", severity: "error",
    from: { path: "^src/webview/(protocol|monitorProtocol|evaluationProtocol|galleryProtocol|trainingWords)\\.ts$" }, to: { path: "^src/", pathNot: "^src/engine/protocol/|^src/webview/shared/l10n\\.ts$" },
  },
  {
    name: "webview-knows-only-protocols", severity: "error",
    from: { path: "^src/webview/" }, to: { path: "^src/", pathNot: "^src/webview/|^src/engine/protocol/" },
  },
  {
    name: "extension-knows-only-protocols-and-settings", comment: "And what is the same in every process: the log's form and the count of sockets.", severity: "error",
    from: { path: "^src/extension/" }, to: { path: "^src/", pathNot: "^src/extension/|^src/engine/protocol/|^src/engine/settings\\.ts$|^src/engine/base/(log|socketCount)\\.ts$|^src/webview/(protocol|monitorProtocol|evaluationProtocol|galleryProtocol|trainingWords|shared/l10n)\\.ts$" },
  },
  { name: "engine-without-vscode", severity: "error", from: { path: "^src/engine/" }, to: { path: "^vscode$" } },
  { name: "engine-does-not-know-its-clients", severity: "error", from: { path: "^src/engine/" }, to: { path: "^src/(extension|webview)/" } },
  {
    name: "base-stands-on-nothing", severity: "error",
    from: { path: "^src/engine/base/" }, to: { path: "^src/", pathNot: "^src/engine/(base|protocol)/" },
  },
  ...["model", "ggml"].map((room): IForbiddenRuleType => ({
    name: `${room}-stands-on-base`, severity: "error",
    from: { path: `^src/engine/${room}/` }, to: { path: "^src/", pathNot: `^src/engine/${room}/|${BELOW}` },
  })),
  ...ROOMS.map((room): IForbiddenRuleType => ({
    name: `${room}-knows-no-sibling`, comment: "Tasks join rooms and pass functions in.", severity: "error",
    from: { path: `^src/engine/${room}/` },
    to: { path: "^src/", pathNot: `^src/engine/${room}/|${BELOW}${room === "training" ? "|^src/engine/ggml/" : ""}` },
  })),
  {
    name: "connections-are-opened-in-one-place", comment: "What is decided about connections (offline, proxies, counting) must hold for every one.", severity: "error",
    // personalData.ts takes isIP from "net", which tells addresses from names and opens nothing.
    from: { path: "^src/", pathNot: `${NETWORK}|^src/engine/safety/personalData\\.ts$` },
    to: { path: "^(node:)?(http|https|http2|net|tls|dgram|dns)(/promises)?$|^(undici|ws|node-fetch)$|node_modules/(undici|ws|node-fetch)/", dependencyTypesNot: ["type-only"] },
  },
  {
    name: "tasks-join-rooms-only", severity: "error",
    from: { path: "^src/engine/tasks/" }, to: { path: "^src/engine/(engine|server|main|cli|trainer)\\.ts$" },
  },
];
