// Notices when another process of this workspace (the command line, another window) makes an adapter live or takes it back.
// What is then done about it, is passed in.
import { mkdirSync, watch } from "node:fs";
import type { FSWatcher } from "node:fs";

/** Several files change at once when an adapter comes; one look afterwards is enough. */
const SETTLE_MS = 200;
/** The pointers of training/adapters/store.ts. */
const POINTER = /^active-[0-9a-f]{64}\.json$/;

/** Calls `onChange` some time after a pointer in `folder` changed; the result ends that. Where the system cannot watch, nothing happens. */
export function watchAdapters(folder: string, onChange: () => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  let watcher: FSWatcher;
  try {
    mkdirSync(folder, { recursive: true });
    watcher = watch(folder, { persistent: false }, (_event, name) => {
      if (name === null || !POINTER.test(name)) return;
      if (timer) clearTimeout(timer);
      timer = setTimeout(onChange, SETTLE_MS);
    });
    watcher.on("error", () => watcher.close());
  } catch {
    return () => undefined;
  }
  return () => {
    if (timer) clearTimeout(timer);
    watcher.close();
  };
}
