// A process that indexes a folder as the engine would, for tests that kill it, run two at once, or run it as another user.
// Arguments: workspace folder, storage folder, and "once" (update, report, end) or "hold" (update, report, stay open).
import { writeSync } from "node:fs";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { WorkspaceIndex } from "../../../src/engine/retrieval/workspaceIndex.ts";
import { DEFAULT_SETTINGS } from "../../../src/engine/settings.ts";
import { randomEmbedder } from "../../unit/retrieval/support.ts";

const [workspaceDir, storageDir, mode] = process.argv.slice(2) as [string, string, "once" | "hold"];
const say = (message: unknown) => writeSync(1, `${JSON.stringify(message)}\n`);

try {
  const index = await WorkspaceIndex.open({ workspaceDir, storageDir, settings: DEFAULT_SETTINGS, embedder: randomEmbedder(), log: SILENT_LOG });
  say({ opened: true, writable: index.writable });
  const report = await index.update({ onProgress: (status) => say({ progress: status.files, pending: status.pendingFiles, state: status.state }) });
  say({ report, read: Math.round(report.filesPerSecond * report.seconds) });
  if (mode === "once") await index.close();
  else setInterval(() => undefined, 60_000);
} catch (error) {
  say({ failed: error instanceof EngineError ? error.reason : String(error), sentence: (error as Error).message });
  process.exitCode = 1;
}
