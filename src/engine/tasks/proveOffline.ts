// The proof that nothing leaves this machine: exercises every feature in processes whose sockets are watched from inside and from
// outside, and reports each attempt. It proves what it ran, on this machine, with default settings; downloads, remote endpoints and
// clusters, which exist to reach out, are not run.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { CancelledError, isCancelled, throwIfCancelled } from "../base/errors.ts";
import { engineVersion } from "../base/paths.ts";
import { canReadSockets } from "../base/systemSockets.ts";
import type { OfflineFeature, OfflineProof } from "../protocol/offlineProof.ts";
import { provenFeatures } from "./proveOfflineFeatures.ts";
import type { ProvenFeature } from "./proveOfflineFeatures.ts";
import { WatchedFeature } from "./proveOfflineWatch.ts";
import type { WatchOptions } from "./proveOfflineWatch.ts";

export interface ProofHooks {
  signal?: AbortSignal;
  onProgress?: (title: string, done: number, total: number) => void;
  /** For tests: other features than the product's, and another watch from outside. */
  features?: (folder: string) => ProvenFeature[];
  watchOutside?: WatchOptions["watchOutside"];
}

/** Takes minutes (238 s on two busy cores, 180 of them the trainer, which gives way to everything else). Everything it writes lies in a temporary folder, which goes at the end. Errors: CancelledError. */
export async function proveOffline({ signal = new AbortController().signal, onProgress, features: featuresOf = provenFeatures, watchOutside }: ProofHooks = {}): Promise<OfflineProof> {
  const begun = performance.now();
  const folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-offline-"));
  try {
    const home = path.join(folder, "home");
    mkdirSync(path.join(home, "models"), { recursive: true });
    const features = featuresOf(folder);
    const results: OfflineFeature[] = [];
    for (const [i, feature] of features.entries()) {
      throwIfCancelled(signal);
      onProgress?.(feature.title, i, features.length);
      results.push(await exercise(feature, { feature: feature.name, home, reportFile: path.join(folder, `sockets-${i}.jsonl`), signal, ...(watchOutside ? { watchOutside } : {}) }));
    }
    throwIfCancelled(signal);
    const attempts = results.flatMap((feature) => feature.attempts);
    return {
      proven: attempts.length === 0 && results.every(({ state }) => state === "ran"),
      features: results, attempts, bytesOut: attempts.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0), outside: canReadSockets(),
      version: engineVersion(), platform: `${process.platform} ${process.arch}`, at: new Date().toISOString(), seconds: (performance.now() - begun) / 1_000,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function exercise(feature: ProvenFeature, options: WatchOptions): Promise<OfflineFeature> {
  const begun = performance.now();
  const watched = new WatchedFeature(options);
  let sentence: string | null = null;
  try {
    await feature.exercise(watched);
  } catch (error) {
    if (isCancelled(error) || options.signal.aborted) throw new CancelledError();
    sentence = error instanceof Error ? error.message : String(error);
  }
  const { attempts, processes } = watched.result();
  // A process that told nothing was watched from outside at most: that is not enough for a proof.
  if (processes === 0) sentence ??= "None of its processes counted its sockets.";
  return { name: feature.name, title: feature.title, state: sentence === null ? "ran" : "failed", sentence, processes, seconds: (performance.now() - begun) / 1_000, attempts };
}

/** The proof as Markdown, for a document or a terminal. */
export function proofText(proof: OfflineProof): string {
  const failed = proof.features.filter(({ state }) => state === "failed");
  const verdict = proof.attempts.length > 0
    ? `${proof.attempts.length} attempt${proof.attempts.length === 1 ? "" : "s"} to reach another machine. The list below says which feature made it.`
    : failed.length > 0 ? `Nothing tried to reach another machine, but ${failed.length} of ${proof.features.length} features could not be exercised, so nothing is proven of them.`
    : `Nothing left this machine: ${proof.features.length} features were exercised in ${proof.features.reduce((sum, { processes }) => sum + processes, 0)} watched processes, and none tried to open a socket to another machine.`;
  const rows = proof.features.map(({ title, state, processes, seconds, attempts }) => `| ${title} | ${state === "ran" ? "ran" : "failed"} | ${processes} | ${attempts.length} | ${seconds.toFixed(1)} |`);
  return [
    "# Proof of being offline", "", verdict, "",
    "| feature | state | watched processes | attempts | seconds |", "|---|---|---:|---:|---:|", ...rows,
    ...(proof.attempts.length === 0 ? [] : ["", "| feature | process | kind | host | port | bytes | seen |", "|---|---|---|---|---:|---:|---|", ...proof.attempts.map((attempt) => `| ${attempt.feature} | ${attempt.process} | ${attempt.kind} | ${attempt.host} | ${attempt.port} | ${attempt.bytes ?? "unknown"} | ${attempt.seen} |`)]),
    ...failed.map(({ title, sentence }) => `\n${title}: ${sentence ?? ""}`), "",
    `Watched from inside each process (every connection, name lookup and opened port of its JavaScript)${proof.outside ? " and from outside (the system's tables of sockets, native code included)" : "; the system's tables of sockets are read on Linux only"}. Exercised with default settings on a sample folder. Not exercised: what exists to reach out (downloads, endpoints and clusters that you set).`,
    "", `KaLactica ${proof.version}, ${proof.platform}, ${proof.at}, ${proof.seconds.toFixed(0)} s`,
  ].join("\n");
}
