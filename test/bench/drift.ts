// What the mathematics and the check of drift cost, in ms of CPU: exact transport, persistence, one check of a snippet.
// Usage: node tools/node24.mjs test/bench/drift.ts FOLDER [extension]   (a folder of source files; accuracy: `kalactica evaluate drift`)
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { SeededRandom } from "../../src/engine/base/random.ts";
import { openEmbedder } from "../../src/engine/retrieval/embedder/embeddedEmbedder.ts";
import { languageOf } from "../../src/engine/retrieval/chunking/languages.ts";
import { judgeDrift } from "../../src/engine/safety/drift/driftCheck.ts";
import { WorkspaceModel } from "../../src/engine/safety/drift/workspaceModel.ts";
import { ripsPersistence } from "../../src/engine/safety/topology/ripsPersistence.ts";
import { exactTransport } from "../../src/engine/safety/transport/exactTransport.ts";
import { distanceMatrix } from "../../src/engine/safety/transport/pointCloud.ts";
import { driftLanguage, driftSenses } from "../../src/engine/tasks/checkDriftSenses.ts";

async function cpuMs(n: number, work: (at: number) => unknown): Promise<string> {
  const times: number[] = [];
  for (let at = 0; at < n; at++) {
    const before = process.cpuUsage();
    await work(at);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  times.sort((a, b) => a - b);
  return `p50 ${times[n >> 1]!.toFixed(1)}  p95 ${times[Math.floor(n * 0.95)]!.toFixed(1)}  n ${n}`;
}

const [folder, extension = "py"] = process.argv.slice(2);
const random = new SeededRandom(1);
const cloud = (n: number): number[][] => Array.from({ length: n }, () => Array.from({ length: 8 }, () => random.normal()));
const masses = (n: number): number[] => Array.from({ length: n }, () => random.uniform());
for (const n of [16, 64]) console.log(`exact transport ${n} × ${n}, unequal masses: ${await cpuMs(10, () => exactTransport(distanceMatrix(cloud(n), cloud(n)), masses(n), masses(n)))}`);
for (const n of [32, 100, 200]) console.log(`persistence H0, H1 of ${n} points: ${await cpuMs(5, () => { const points = cloud(n); return ripsPersistence(distanceMatrix(points, points), n); })}`);
if (folder !== undefined) {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(`.${extension}`)).slice(0, 100).map((name) => ({ path: name, text: readFileSync(path.join(folder, name), "utf8") }));
  const before = process.cpuUsage();
  const workspace = await WorkspaceModel.fit(driftLanguage(languageOf(`a.${extension}`)), files, driftSenses(await openEmbedder(SILENT_LOG)));
  const { user, system } = process.cpuUsage(before);
  if (workspace === null) throw new Error("These files hold no snippet.");
  console.log(`learning ${files.length} files, ${workspace.own.length} snippets: ${((user + system) / 1000).toFixed(0)} ms`);
  console.log(`one check: ${await cpuMs(60, (at) => judgeDrift(workspace.own[at % workspace.own.length]!.snippet.text, workspace))}`);
}
