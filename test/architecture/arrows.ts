// The arrows between rooms, as rules: who may import whom. ARCHITECTURE.md draws the same picture for people.
import type { IForbiddenRuleType } from "dependency-cruiser";

const ROOMS = ["retrieval", "answering", "completion", "memory", "notebooks", "dialogue", "safety", "data", "training", "runs", "sandbox", "evaluation"];

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
    from: { path: "^src/webview/(protocol|monitorProtocol|evaluationProtocol|trainingWords)\\.ts$" }, to: { path: "^src/", pathNot: "^src/engine/protocol/" },
  },
  {
    name: "webview-knows-only-protocols", severity: "error",
    from: { path: "^src/webview/" }, to: { path: "^src/", pathNot: "^src/webview/|^src/engine/protocol/" },
  },
  {
    name: "extension-knows-only-protocols-and-settings", severity: "error",
    from: { path: "^src/extension/" }, to: { path: "^src/", pathNot: "^src/extension/|^src/engine/protocol/|^src/engine/settings\\.ts$|^src/webview/(protocol|monitorProtocol|evaluationProtocol|trainingWords)\\.ts$" },
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
    name: "tasks-join-rooms-only", severity: "error",
    from: { path: "^src/engine/tasks/" }, to: { path: "^src/engine/(engine|server|main|cli|trainer)\\.ts$" },
  },
];
