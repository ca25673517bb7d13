// What follows from hardware, how speed is measured and kept, what the gallery deletes, what a report holds.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { mediaFile } from "../../../src/engine/base/paths.ts";
import type { Hardware } from "../../../src/engine/model/hardware.ts";
import { completionCapMs, defaultsFor, threadsFor } from "../../../src/engine/model/hardwareDefaults.ts";
import { ModelRegistry } from "../../../src/engine/model/registry.ts";
import type { ModelStatus } from "../../../src/engine/protocol/types.ts";
import { DEFAULT_SETTINGS } from "../../../src/engine/settings.ts";
import { explainDefaults, withDefaults, withoutProse } from "../../../src/engine/tasks/hardwareDefaults.ts";
import { measureSpeed, ModelSpeeds } from "../../../src/engine/tasks/measureModel.ts";
import type { MeasuredModel } from "../../../src/engine/tasks/measureModel.ts";
import { changedSettings, problemReport, reportText } from "../../../src/engine/tasks/problemReport.ts";

const GB = 1e9;
const machine = (changes: Partial<Hardware> = {}): Hardware => ({ cpu: "CPU", cores: 8, totalRamBytes: 16 * GB, availableRamBytes: 12 * GB, gpu: null, device: "cpu", explanation: "", ...changes });
const gpu = (totalGb: number): Partial<Hardware> => ({ device: "cuda", gpu: { kind: "cuda", name: "GPU", totalVramBytes: totalGb * GB, freeVramBytes: totalGb * GB, unified: false } });
const LARGE = 1.5e9;
const SMALL = 4e6;

describe("what follows from hardware", () => {
  it("leaves a core free where there are four or more, and few threads to small models", () => {
    assert.deepEqual([1, 2, 3, 4, 16].map((cores) => [threadsFor(LARGE, machine({ cores })), threadsFor(SMALL, machine({ cores })), defaultsFor(machine({ cores })).trainingThreads]), [[1, 1, 1], [2, 1, 2], [3, 2, 3], [3, 2, 3], [15, 2, 15]]);
  });

  it("takes the context that memory is there for", () => {
    assert.deepEqual([machine(), machine({ totalRamBytes: 4 * GB }), machine(gpu(8)), machine(gpu(24))].map((each) => defaultsFor(each).contextTokens), [8192, 4096, 8192, 16384]);
  });

  it("waits longer only for a large model on a CPU, and never past what the user has set", () => {
    assert.deepEqual([completionCapMs(LARGE, machine()), completionCapMs(SMALL, machine()), completionCapMs(LARGE, machine(gpu(8)))], [800, 400, 400]);
    assert.equal(withDefaults(DEFAULT_SETTINGS, machine(), LARGE)["completion.timeoutMs"], 800);
    assert.equal(withDefaults({ ...DEFAULT_SETTINGS, "completion.timeoutMs": 250 }, machine(), LARGE)["completion.timeoutMs"], 250);
  });

  it("explains each decision, and says where the user made it", () => {
    const lines = explainDefaults(machine(), { ...DEFAULT_SETTINGS, "model.threads": 3 });
    assert.deepEqual(lines.map(({ name, value }) => `${name}: ${value}`), ["Threads: 3 threads", "Training threads: 3 threads", "Context: up to 8192 tokens", "Completion time: 800 ms, small models 400 ms", "Prose: from 2 tokens a second"]);
    assert.match(lines[0]!.why, /Set by you/);
  });

  it("asks for no prose of a model that was measured to be too slow, unless the user wants it", () => {
    const status = { state: "ready", name: "M", capabilities: { infill: true, answer: true, embed: false } } as ModelStatus;
    const able = (prose: "auto" | "always" | "never", writes: number | null): boolean => withoutProse(status, { ...DEFAULT_SETTINGS, "answer.prose": prose }, writes).capabilities.answer;
    assert.deepEqual([able("auto", null), able("auto", 2), able("auto", 1.9), able("always", 0.1), able("never", 90)], [true, true, false, true, false]);
    assert.match(withoutProse(status, DEFAULT_SETTINGS, 1.5).noProse ?? "", /1\.5 tokens a second/);
  });
});

describe("measuring a model", () => {
  /** Reads 1 token and writes 1 token in the times given; the clock is the real one. */
  const fake = (msFirst: number, msToken: number, writes: number): MeasuredModel => ({
    status: () => ({ device: "cpu" }) as ModelStatus,
    infill: async () => {
      await new Promise((done) => setTimeout(done, msFirst + msToken * (writes - 1)));
      return { tokens: { prompt: 110, reused: 10, generated: writes }, firstTokenMs: msFirst } as Awaited<ReturnType<MeasuredModel["infill"]>>;
    },
    generate: () => Promise.reject(new Error("not asked for")), embed: () => Promise.reject(new Error("not asked for")), countTokens: () => Promise.resolve(100),
  });
  const lease = { yield: () => Promise.resolve() };

  it("divides what was read by the time to the first token, and what was written by the rest", async () => {
    const speed = await measureSpeed(fake(20, 1, 41), { infill: true, chat: true, embed: false }, lease);
    assert.ok(speed.promptPerSecond! > 4800 && speed.promptPerSecond! < 5200, `${speed.promptPerSecond}`);
    // 40 tokens in what the timer gives above 40 ms.
    assert.ok(speed.generatedPerSecond! > 300 && speed.generatedPerSecond! <= 1100, `${speed.generatedPerSecond}`);
    assert.equal(speed.nGenerated, 120, "three rounds are enough");
  });

  it("says nothing of what was too little to tell", async () => {
    assert.equal((await measureSpeed(fake(1, 1, 1), { infill: true, chat: false, embed: false }, lease)).generatedPerSecond, null);
  });

  it("keeps figures by hash and machine, through a restart and a damaged file", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-speeds-"));
    try {
      const speed = { promptPerSecond: 1, generatedPerSecond: 2, nPrompt: 3, nGenerated: 4, device: "cpu", at: "2026" };
      await new ModelSpeeds(folder).keep("a", machine(), speed);
      await new ModelSpeeds(folder).keep("b", machine(), speed);
      assert.deepEqual([...await new ModelSpeeds(folder).on(machine())], [["a", speed], ["b", speed]]);
      assert.equal((await new ModelSpeeds(folder).on(machine({ cpu: "Another" }))).size, 0);
      await writeFile(path.join(folder, "speeds.json"), "{");
      assert.equal((await new ModelSpeeds(folder).on(machine())).size, 0);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("models that go", () => {
  let folder: string;
  let registry: ModelRegistry;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-models-"));
    registry = new ModelRegistry({ embeddedDir: mediaFile("models"), modelsDir: folder, log: SILENT_LOG });
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("names unfinished downloads, and discards those of one address", async () => {
    for (const [name, url] of [["a.gguf", "https://h/a.gguf"], ["b.gguf", "https://h/b.gguf"]] as const) {
      await writeFile(path.join(folder, `${name}.part`), "12345");
      await writeFile(path.join(folder, `${name}.part.json`), JSON.stringify({ url, totalBytes: 10 }));
    }
    assert.deepEqual(await registry.unfinished(), [{ url: "https://h/a.gguf", fileName: "a.gguf", receivedBytes: 5, totalBytes: 10 }, { url: "https://h/b.gguf", fileName: "b.gguf", receivedBytes: 5, totalBytes: 10 }]);
    await registry.discard("https://h/a.gguf");
    assert.deepEqual((await readdir(folder)).sort(), ["b.gguf.part", "b.gguf.part.json"]);
    await writeFile(path.join(folder, "b.gguf.lock"), String(process.pid));
    await assert.rejects(registry.discard("https://h/b.gguf"), { reason: "busyElsewhere" });
  });

  it("does not delete what came with the product", async () => {
    await assert.rejects(registry.remove("kalactica-base"), { reason: "badRequest" });
    assert.deepEqual([registry.placeOf(mediaFile("models", "x.gguf")), registry.placeOf(path.join(folder, "x.gguf")), registry.placeOf("/elsewhere/x.gguf")], ["embedded", "downloaded", "file"]);
  });
});

describe("the report of a problem", () => {
  const settings = { ...DEFAULT_SETTINGS, "model.file": "/home/ada/secret/model.gguf", "index.exclude": ["private/**"], "completion.gate": 0.5 };

  it("tells which settings differ, and not what they name", () => {
    assert.deepEqual(changedSettings(settings, (text) => text), { "model.file": "<set>", "index.exclude": "1 entries", "completion.gate": 0.5 });
    assert.deepEqual(changedSettings({ ...DEFAULT_SETTINGS, "model.file": "qwen2.5-coder-7b" }, (text) => text), { "model.file": "qwen2.5-coder-7b" });
  });

  it("is made where everything else fails, without paths or secrets", async () => {
    const report = await problemReport({
      workspaceDir: "/home/ada/plan", settings,
      status: () => ({ index: { state: "failed", files: 0, chunks: 0, pendingFiles: 0, skipped: [{ path: "merger.ts", reason: "" }], failure: "cannot open /home/ada/plan/.kalactica/index.sqlite" }, model: { state: "failed", explanation: "hf_abcdefghijklmnopqrstu", device: null, contextSize: 0, tokensPerSecond: null }, bytesOut: 0 }) as never,
      hardware: () => Promise.reject(new Error("no library")),
      doctor: () => Promise.reject(new Error("broken at /home/ada/plan/src/merger.ts")),
    }, { versions: { "VS Code": "1" }, log: ["T warn [host] r3 failed for /home/ada/plan/src/merger.ts with token=abcdef123"] });
    const text = reportText(report);
    assert.doesNotMatch(text, /merger|\/home\/ada|hf_abc|abcdef123|private/);
    for (const part of [/The hardware could not be looked at/, /broken at <workspace>\/…/, /r3 failed/, /Nothing of this was sent anywhere/]) assert.match(text, part);
  });
});
