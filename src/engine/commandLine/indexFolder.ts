// kalactica index: brings a folder's index up to date, once or for as long as it is watched.
import { watch } from "node:fs/promises";
import path from "node:path";
import { isCancelled } from "../base/errors.ts";
import type { Command } from "./command.ts";
import { CONSENT_OPTION } from "./endpoints.ts";
import { withEngine, workspaceOf } from "./openEngine.ts";

/** File events are gathered for this long before they are taken in. */
const GATHER_MS = 300;

export const indexCommand: Command = {
  words: ["index"],
  usage: "[--watch] [--share URL]",
  summary: "Index a folder, or bring its index up to date.",
  options: {
    watch: { type: "flag", description: "Go on watching the folder until interrupted." },
    share: { type: "value", placeholder: "URL[#NAME]", description: "Publish the passages of files without secrets to a Chroma server, as the collection NAME (default: the folder's name). Its key is read from KALACTICA_KEY_NAME." },
    ...CONSENT_OPTION,
  },
  run: (context) => withEngine(context, { workspace: true }, async (engine) => {
    const report = await engine.updateIndex({
      signal: context.signal,
      onProgress: ({ files, pendingFiles }) => context.progress.report("indexing", files, files + pendingFiles),
    });
    const skipped = report.skipped.map(({ path: file, reason }) => `  left out: ${file}: ${reason}`);
    const text = [`${report.files} files, ${report.chunks} passages, ${report.seconds.toFixed(1)} s (${report.filesPerSecond.toFixed(0)} files/s), peak ${report.peakRssMb.toFixed(0)} MB`, ...skipped].join("\n");
    const share = context.values.get("share");
    if (share !== undefined) {
      const shared = await engine.shareIndex(share, { signal: context.signal, consent: context.flags.has("consent"), onProgress: (done, total) => context.progress.report("publishing", done, total) });
      const without = shared.withSecrets.map((file) => `  not published: ${file}: something in it looks like a secret`);
      const left = shared.pending === 0 ? [] : [`  ${shared.pending} passages have no vector yet; publish again when the index is complete`];
      return {
        json: { ...report, shared },
        text: [text, `${shared.collection} at ${shared.host}: ${shared.passages} passages of ${shared.files} files, ${shared.sent} sent, ${shared.removed} removed, ${shared.seconds.toFixed(1)} s`, ...without, ...left].join("\n"),
      };
    }
    if (context.flags.has("watch")) {
      context.progress.say(text);
      await follow(workspaceOf(context), context.signal, async (paths) => {
        await engine.filesChanged(paths);
        context.progress.say(`taken in: ${paths.join(", ")}`);
      });
    }
    return { json: report, text };
  }),
};

async function follow(folder: string, signal: AbortSignal, takeIn: (paths: string[]) => Promise<void>): Promise<void> {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let working = Promise.resolve();
  try {
    for await (const { filename } of watch(folder, { recursive: true, signal })) {
      if (filename === null || filename.split(path.sep).some((part) => part === ".kalactica" || part === ".git")) continue;
      changed.add(filename.split(path.sep).join("/"));
      timer ??= setTimeout(() => {
        timer = undefined;
        const paths = [...changed];
        changed.clear();
        working = working.then(() => takeIn(paths));
      }, GATHER_MS);
    }
  } catch (error) {
    if (!isCancelled(error)) throw error;
  } finally {
    clearTimeout(timer);
    await working;
  }
}
