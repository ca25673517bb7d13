import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DEFAULT_SETTINGS } from "../../../src/engine/settings.ts";
import { prepareApart } from "../../../src/engine/tasks/prepareDataProcess.ts";
import type { PreparationRequest } from "../../../src/engine/tasks/prepareDataProcess.ts";

describe("preparing data in a process of its own", function () {
  this.timeout(60_000);
  let folder: string;
  let request: PreparationRequest;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-apart-"));
    writeFileSync(path.join(folder, "rows.jsonl"), Array.from({ length: 30 }, (_, i) => JSON.stringify({ prompt: `What is ${i} and ${i}?`, completion: `It is ${2 * i}.` })).join("\n"));
    request = { params: { source: "file", path: path.join(folder, "rows.jsonl"), name: "rows" }, dataDir: path.join(folder, "data"), storageDir: folder, workspaceDir: null, settings: DEFAULT_SETTINGS };
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const program = (name: string, text: string): string => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };

  it("gives the data set with progress", async () => {
    const phases = new Set<string>();
    const info = await prepareApart(request, { onProgress: ({ phase }) => phases.add(phase) });
    assert.deepEqual([info.train, info.validation], [27, 3]);
    assert.ok(phases.has("reading") && phases.has("writing"), [...phases].join(", "));
  });

  it("tells a failure as it was over there", async () => {
    const empty = program("empty.jsonl", "");
    await assert.rejects(prepareApart({ ...request, params: { ...request.params, path: empty, name: "empty" } }), { reason: "dataInvalid", message: /nothing to learn/ });
    assert.ok(!readdirSync(folder).includes("empty"));
  });

  it("says so where the process ends without a word, and is quiet where it was cancelled", async () => {
    const dies = program("dies.mjs", "process.on('message', () => process.kill(process.pid, 'SIGKILL'));");
    await assert.rejects(prepareApart(request, {}, dies), { reason: "internal", message: /ended without a word \(SIGKILL\)/ });
    const waits = program("waits.mjs", "process.on('message', (m) => { if (m.cancel) process.send({ cancelled: true }); else process.send({ progress: { phase: 'reading' } }); });");
    const stop = new AbortController();
    await assert.rejects(prepareApart(request, { signal: stop.signal, onProgress: () => { stop.abort(); } }, waits), { name: "CancelledError" });
    await assert.rejects(prepareApart(request, { signal: stop.signal }, waits), { name: "CancelledError" });
  });
});
