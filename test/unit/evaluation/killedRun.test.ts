// A run that is killed in the middle of an item (kill -9) goes on where it was: no item is computed twice, none is lost.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";

const source = (file: string): string => JSON.stringify(pathToFileURL(path.join(import.meta.dirname, "../../../src/engine/evaluation", file)).href);
/** Computes 60 items and writes a line when it begins and when it has kept each; ends with what all of them came to. */
const PROGRAM = `
import { appendFileSync } from "node:fs";
const { ItemFile } = await import(${source("runs/itemCache.ts")});
const { runItems } = await import(${source("runs/runItems.ts")});
const [folder] = process.argv.slice(1);
const cache = await ItemFile.open(folder + "/items.jsonl");
const results = await runItems({
  items: Array.from({ length: 60 }, (_, i) => i), idOf: String, dependsOn: { suite: "killed" }, failed: () => ({ square: -1 }),
  async compute(i) {
    appendFileSync(folder + "/begun", i + "\\n");
    await new Promise((resolve) => setTimeout(resolve, 4));
    return { square: i * i };
  },
}, { cache: { get: (key) => cache.get(key), async put(key, result) { await cache.put(key, result); appendFileSync(folder + "/kept", result.square + "\\n"); } } });
await cache.close();
process.stdout.write(JSON.stringify(results.map(({ square }) => square)));
`;

describe("an evaluation that is killed", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => { folder = mkdtempSync(path.join(tmpdir(), "kalactica-killed-")); });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const lines = (name: string): string[] => {
    try {
      return readFileSync(path.join(folder, name), "utf8").split("\n").filter((line) => line !== "");
    } catch {
      return [];
    }
  };

  /** Runs the program; kills it once `until` says so. What it wrote to its end, "" where it was killed. */
  function run(until?: () => boolean): Promise<string> {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "--eval", PROGRAM, folder], { stdio: ["ignore", "pipe", "inherit"] });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => { out += chunk.toString(); });
    const watch = until && setInterval(() => { if (until()) child.kill("SIGKILL"); }, 2);
    return new Promise((resolve) => child.on("close", () => {
      clearInterval(watch);
      resolve(out);
    }));
  }

  it("goes on without repeating an item that was kept", async () => {
    assert.equal(await run(() => lines("kept").length >= 17), "", "it was killed before its end");
    const kept = lines("kept").length;
    assert.ok(kept >= 17 && kept < 60, `${kept} items were kept`);
    const begun = lines("begun");
    assert.deepEqual(JSON.parse(await run()), Array.from({ length: 60 }, (_, i) => i * i));
    const again = lines("begun").slice(begun.length).map(Number);
    const [from = -1] = again;
    // The item that was being computed, or kept but not yet told, when the kill came is the only one that may come again.
    assert.ok(from === kept || from === kept + 1, `it went on at ${from} of ${kept} that were kept`);
    assert.equal(new Set([...begun.slice(0, kept).map(Number), ...again]).size + (from === kept + 1 ? 1 : 0), 60);
    assert.deepEqual(again, Array.from({ length: 60 - from }, (_, i) => from + i));
  });
});
