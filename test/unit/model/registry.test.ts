// Which models there are and which is in use, with real (tiny) model files and a server on this machine.
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { sha256 } from "../../../src/engine/base/files.ts";
import { Log, SILENT_LOG } from "../../../src/engine/base/log.ts";
import type { LogEntry } from "../../../src/engine/base/log.ts";
import { ModelRegistry } from "../../../src/engine/model/registry.ts";
import { writeTinyModel } from "../../../tools/random-model.ts";

describe("model/registry", () => {
  let folder: string;
  let embeddedDir: string;
  let modelsDir: string;
  let registry: ModelRegistry;
  let tiny: string;
  let served: Buffer;
  let server: http.Server;
  let address: string;
  let requests = 0;

  before(async () => {
    tiny = path.join(await mkdtemp(path.join(os.tmpdir(), "kalactica-registry-model-")), "tiny.gguf");
    await writeTinyModel(tiny, { infill: "spm" });
    served = await readFile(tiny);
    server = http.createServer((_, response) => {
      requests++;
      response.writeHead(200, { "content-length": served.length }).end(served);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.close();
    await rm(path.dirname(tiny), { recursive: true });
  });
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-registry-"));
    embeddedDir = path.join(folder, "embedded");
    modelsDir = path.join(folder, "models");
    await mkdir(embeddedDir);
    await copyFile(tiny, path.join(embeddedDir, "kalactica-base.gguf"));
    registry = new ModelRegistry({ embeddedDir, modelsDir, log: SILENT_LOG });
    served = await readFile(tiny);
    requests = 0;
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function reason(work: Promise<unknown>): Promise<string> {
    return work.then(() => assert.fail("succeeded"), (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      return error.reason;
    });
  }

  it("starts with the embedded model, which completes and does not answer", async () => {
    const { info, note } = await registry.active();
    assert.deepEqual([info.id, info.active, info.installed, note], ["kalactica-base", true, true, null]);
    assert.equal(info.sha256, sha256(served));
    assert.deepEqual(info.capabilities, { infill: true, answer: false, embed: false });
    const list = await registry.list();
    assert.deepEqual(list.filter((m) => m.active).map((m) => m.id), ["kalactica-base"]);
    assert.ok(list.some((m) => m.id === "qwen2.5-coder-7b-instruct-q4_k_m" && !m.installed && m.file === null));
  });

  it("says that there is no model, with a remedy, where there is none", async () => {
    await rm(path.join(embeddedDir, "kalactica-base.gguf"));
    assert.equal(await reason(registry.active()), "noModel");
    assert.deepEqual((await registry.list()).filter((m) => m.installed || m.active), []);
  });

  it("pulls, notes a receipt, and does not fetch the same again", async () => {
    const uri = `${address}/new.gguf#sha256=${sha256(served)}`;
    const info = await registry.pull(uri);
    assert.deepEqual([info.id, info.uri, info.sha256, info.installed, info.licence], ["new", uri, sha256(served), true, "mit"]);
    assert.equal(requests, 1);
    await registry.pull(uri);
    assert.equal(requests, 1);
    assert.deepEqual((await readdir(modelsDir)).sort(), ["new.gguf", "new.gguf.json"]);
    assert.ok((await registry.list()).some((m) => m.id === "new" && m.installed));
  });

  it("fetches again what was damaged, and keeps apart models of the same name", async () => {
    const info = await registry.pull(`${address}/same.gguf`);
    await writeFile(String(info.file), "damaged");
    await registry.pull(`${address}/same.gguf`);
    assert.equal(requests, 2);
    const other = await registry.pull(`${address}/elsewhere/same.gguf`);
    assert.match(other.id, /^same-[0-9a-f]{8}$/);
    assert.equal(requests, 3);
  });

  it("keeps out what is no model, and what has the wrong checksum", async () => {
    served = Buffer.from("<html>sign in</html>");
    assert.equal(await reason(registry.pull(`${address}/page.gguf`)), "modelForeign");
    served = (await readFile(tiny)).subarray(0, 5000);
    assert.equal(await reason(registry.pull(`${address}/half.gguf`)), "modelTruncated");
    assert.equal(await reason(registry.pull(`${address}/wrong.gguf#sha256=${"0".repeat(64)}`)), "checksumMismatch");
    assert.equal(await reason(registry.pull("hf:nonsense")), "badRequest");
    assert.deepEqual(await readdir(modelsDir), []);
  });

  it("remembers the choice, by id or by path, across restarts", async () => {
    await registry.pull(`${address}/new.gguf`);
    assert.equal((await registry.use("new")).active, true);
    assert.equal((await new ModelRegistry({ embeddedDir, modelsDir, log: SILENT_LOG }).active()).info.id, "new");
    const local = path.join(folder, "elsewhere.gguf");
    await copyFile(tiny, local);
    await registry.use(local);
    assert.equal((await registry.active()).info.id, local);
    const listed = (await registry.list()).filter((m) => m.active);
    assert.deepEqual(listed.map((m) => m.file), [local]);
    assert.equal(await reason(registry.use("no-such-model")), "notFound");
    assert.equal(await reason(registry.use("qwen2.5-coder-7b-instruct-q4_k_m")), "notFound");
    assert.equal((await registry.active()).info.id, local, "a failed choice changes nothing");
  });

  it("falls back to the embedded model when the chosen one is gone or damaged, and says so", async () => {
    const info = await registry.pull(`${address}/new.gguf`);
    await registry.use("new");
    await writeFile(String(info.file), served.subarray(0, 3000));
    const { info: active, note } = await registry.active();
    assert.equal(active.id, "kalactica-base");
    assert.match(String(note), /cut off/);
    await writeFile(path.join(modelsDir, "active.json"), "{broken");
    assert.deepEqual(await registry.active().then(({ info: { id }, note: n }) => [id, n]), ["kalactica-base", null]);
  });

  it("lets the setting decide, and does not overrule it silently", async () => {
    await registry.pull(`${address}/new.gguf`);
    assert.equal((await registry.active("new")).info.id, "new");
    assert.equal(await reason(registry.active(path.join(folder, "missing.gguf"))), "modelNotFound");
    assert.equal(await reason(registry.active("unknown")), "notFound");
  });

  it("lists the good files when one is damaged, and logs which", async () => {
    const entries: LogEntry[] = [];
    const logged = new ModelRegistry({ embeddedDir, modelsDir, log: new Log("model", (entry) => entries.push(entry)) });
    await mkdir(modelsDir);
    await writeFile(path.join(modelsDir, "broken.gguf"), served.subarray(0, 100));
    await writeFile(path.join(modelsDir, "going.gguf.part"), "x");
    assert.deepEqual((await logged.list()).filter((m) => m.installed).map((m) => m.id), ["kalactica-base"]);
    assert.deepEqual(entries.map((e) => [e.level, path.basename(String(e.fields.file))]), [["warn", "broken.gguf"]]);
  });

  it("believes what was measured of a model over what is assumed", async () => {
    await registry.setCapabilities("kalactica-base", { answer: true });
    assert.deepEqual((await registry.active()).info.capabilities, { infill: true, answer: true, embed: false });
    await registry.setCapabilities("kalactica-base", { infill: false });
    assert.deepEqual((await registry.find("kalactica-base")).capabilities, { infill: false, answer: true, embed: false });
  });
});
