// A shared index on a real Chroma server, started here on loopback: published through the command line as a user would, searched beside another folder, changed,
// slowed down, stopped. And how good the merging is: a folder is cut into two halves, one local and one shared, and what is found in both together is compared
// with what is found in the whole.
//   node tools/node24.mjs test/bench/sharedIndex.ts --folder DIR [--cli node_modules/chromadb/dist/cli.mjs]
// Without --cli, chromadb@3.0.3 is installed into a folder that is deleted afterwards (its server is of 400 MB; that of newer packages needs glibc 2.39).
// Not part of the unit suite for that size: test/unit/endpoints/sharedIndex.test.ts holds the client to the protocol recorded here.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { SearchHit } from "../../src/engine/protocol/types.ts";
import { SILENT_LOG } from "../../src/engine/base/log.ts";
import { Engine } from "../../src/engine/engine.ts";

const { values } = parseArgs({ options: { folder: { type: "string" }, cli: { type: "string" }, queries: { type: "string", default: "60" } } });
if (values.folder === undefined) {
  console.error("Usage: node tools/node24.mjs test/bench/sharedIndex.ts --folder DIR [--cli CHROMA_CLI] [--queries 60]");
  process.exit(2);
}
const source = path.resolve(values.folder);
const place = mkdtempSync(path.join(os.tmpdir(), "kalactica-chroma-"));
const port = 18_733;
const base = `http://127.0.0.1:${port}`;
const command = fileURLToPath(new URL("../../src/engine/cli.ts", import.meta.url));
let failures = 0;
const check = (name: string, ok: boolean, detail: string): void => {
  if (!ok) failures++;
  console.log(`${ok ? "ok    " : "FAILED"} ${name}: ${detail}`);
};
const kalactica = (...args: string[]): Record<string, unknown> => JSON.parse(execFileSync(process.execPath, [command, ...args, "--json"], { env: { ...process.env, KALACTICA_HOME: path.join(place, "home") }, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] })) as Record<string, unknown>;

let cli = values.cli;
if (cli === undefined) {
  writeFileSync(path.join(place, "package.json"), "{\"private\": true}");
  execFileSync("npm", ["install", "--no-audit", "--no-fund", "chromadb@3.0.3"], { cwd: place, stdio: "ignore" });
  cli = path.join(place, "node_modules/chromadb/dist/cli.mjs");
}
const chroma = spawn(process.execPath, [path.resolve(cli), "run", "--path", path.join(place, "data"), "--host", "127.0.0.1", "--port", String(port)], { stdio: "ignore" });
try {
  let version = "";
  for (let i = 0; i < 100 && version === ""; i++) {
    version = await fetch(`${base}/api/v2/version`).then((answer) => answer.text(), () => "");
    if (version === "") await sleep(200);
  }
  if (version === "") throw new Error("Chroma did not start.");
  console.log(`Chroma ${version}`);

  // Two halves of one folder, by every other file.
  const files = globSync("**/*", { cwd: source }).filter((file) => statSync(path.join(source, file)).isFile() && !/(?:^|\/)(?:\.git|node_modules|\.kalactica)\//.test(file)).sort();
  const half = (name: string, wanted: (i: number) => boolean): string => {
    const folder = path.join(place, name);
    for (const [i, file] of files.entries()) {
      if (!wanted(i)) continue;
      mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
      cpSync(path.join(source, file), path.join(folder, file));
    }
    return folder;
  };
  const [mine, theirs, whole] = [half("mine", (i) => i % 2 === 0), half("theirs", (i) => i % 2 === 1), half("whole", () => true)];
  const first = kalactica("index", "--workspace", theirs, "--share", `${base}#team`)["shared"] as Record<string, number>;
  check("published", first["passages"]! > 0 && first["sent"] === first["passages"], `${first["passages"]} passages of ${first["files"]} files in ${first["seconds"]!.toFixed(1)} s, ${(first["passages"]! / first["seconds"]!).toFixed(0)} a second; ${(first as unknown as { withSecrets: string[] }).withSecrets.length} files with what looks like a secret kept back`);
  const second = kalactica("index", "--workspace", theirs, "--share", `${base}#team`)["shared"] as Record<string, number>;
  check("published again", second["sent"] === 0 && second["removed"] === 0, `${second["sent"]} sent, ${second["seconds"]!.toFixed(1)} s`);

  const open = async (workspaceDir: string): Promise<Engine> => {
    const engine = await Engine.open({ client: "bench", workspaceDir, storageDir: path.join(workspaceDir, ".kalactica"), modelsDir: path.join(place, "home", "models"), settings: {}, trusted: true, log: SILENT_LOG, background: false });
    await engine.updateIndex({});
    return engine;
  };
  const [split, all] = [await open(mine), await open(whole)];
  // What is asked: the first sentence of documentation, of every n-th definition that has one.
  const documented = all.indexedContent().names.length;
  const queries = [...new Set(all.indexedContent().files.flatMap(({ text }) => [...text.matchAll(/(?:"""|\/\*\*|\/\/\/?|#)\s*([A-Z][^\n"*]{25,120}?)\.?(?:"""|\*\/|\n)/g)].map((match) => match[1]!.trim())))];
  const step = Math.max(1, Math.floor(queries.length / Number(values.queries)));
  const asked = queries.filter((_, i) => i % step === 0).slice(0, Number(values.queries));
  const key = (hit: SearchHit): string => `${hit.path}:${hit.startLine}`;
  const overlap = { merged: 0, alone: 0 };
  const ms: number[] = [];
  for (const query of asked) {
    const wanted = (await all.search(query, 10)).results.map(key);
    const alone = (await split.search(query, 10)).results.map(key);
    const begun = performance.now();
    const merged = (await split.search(query, 10, undefined, undefined, [`${base}#team`])).results.map(key);
    ms.push(performance.now() - begun);
    overlap.merged += merged.filter((found) => wanted.includes(found)).length / Math.max(1, wanted.length);
    overlap.alone += alone.filter((found) => wanted.includes(found)).length / Math.max(1, wanted.length);
  }
  ms.sort((a, b) => a - b);
  const share = (sum: number): string => `${(100 * sum / asked.length).toFixed(0)} %`;
  check("merged", overlap.merged > overlap.alone, `of the whole folder's ten best, ${share(overlap.merged)} are found in the two halves together and ${share(overlap.alone)} in the local half (${asked.length} queries from comments, ${documented} names)`);
  console.log(`      a search with the shared half: median ${ms[ms.length >> 1]!.toFixed(0)} ms, p95 ${ms[Math.floor(ms.length * 0.95)]!.toFixed(0)} ms`);

  rmSync(path.join(theirs, files[1]!));
  const third = kalactica("index", "--workspace", theirs, "--share", `${base}#team`)["shared"] as Record<string, number>;
  check("a deleted file", third["removed"]! > 0 && third["sent"] === 0, `${third["removed"]} passages removed`);
  chroma.kill("SIGSTOP");
  const begun = performance.now();
  const slow = await split.search(asked[0]!, 5, undefined, undefined, [`${base}#team`]);
  check("a server that stands still", slow.results.length > 0 && performance.now() - begun < 4_000, `${slow.notes?.[0] ?? "no note"} (${(performance.now() - begun).toFixed(0)} ms)`);
  chroma.kill("SIGCONT");
  await split.close();
  await all.close();
} finally {
  chroma.kill("SIGCONT");
  chroma.kill("SIGTERM");
  rmSync(place, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(failures > 0 ? 1 : 0);
