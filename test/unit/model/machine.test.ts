// Memory of the machine, fit of models, recommendations: on made-up machines, without native code.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { show } from "../../../src/engine/model/byteText.ts";
import { CATALOGUE, findEntry, infoOf, recommend } from "../../../src/engine/model/catalogue.ts";
import { parseModelUri } from "../../../src/engine/model/downloadUri.ts";
import { readMemory } from "../../../src/engine/model/hardware.ts";
import type { GpuHardware, Hardware } from "../../../src/engine/model/hardware.ts";
import { estimateFit, LARGEST_COMPLETION_CONTEXT } from "../../../src/engine/model/memoryFit.ts";

const GB = 1e9;

function machine(ramGb: number, cores: number, gpu: Partial<GpuHardware> | null = null): Hardware {
  return {
    cpu: "Test CPU", cores, totalRamBytes: ramGb * GB, availableRamBytes: ramGb * GB,
    gpu: gpu === null ? null : { kind: "cuda", name: "Test GPU", totalVramBytes: 8 * GB, freeVramBytes: 8 * GB, unified: false, ...gpu },
    device: gpu === null ? "cpu" : "cuda", explanation: "",
  };
}

function shapeOf(id: string): Parameters<typeof estimateFit>[0] {
  const entry = findEntry(id);
  assert.ok(entry);
  return { ...entry.shape, weightBytes: entry.sizeBytes, tokenEmbeddingBytes: 0 };
}
const SEVEN = shapeOf("qwen2.5-coder-7b-instruct-q4_k_m");

describe("model/memoryFit", () => {
  it("gives the default context where there is room", () => {
    const fit = estimateFit(SEVEN, machine(16, 8), 0, 64);
    assert.equal(fit.fits, true);
    assert.deepEqual(fit.plan, { chat: 8192, completion: LARGEST_COMPLETION_CONTEXT });
    assert.equal(fit.vramBytes, 0);
    // Weights, and 2 bytes for each of the 28,672 cached elements per token, are the bulk.
    const least = 4_683_073_536 + (8192 + 2048) * 28672 * 2;
    assert.ok(fit.ramBytes > least && fit.ramBytes < 1.1 * least, show(fit.ramBytes));
    assert.match(fit.explanation, /context of 8192 tokens/);
  });

  it("reduces the context until it fits, and says so", () => {
    const fit = estimateFit(SEVEN, machine(5.6, 8), 0, 64);
    assert.equal(fit.fits, true);
    assert.ok(fit.contextSize < 8192 && fit.contextSize >= 512);
    assert.match(fit.explanation, /reduced from 4096/);
  });

  it("refuses what does not fit even with the smallest context, with figures and a remedy", () => {
    const fit = estimateFit(SEVEN, machine(4, 8), 0, 64);
    assert.equal(fit.fits, false);
    assert.match(fit.explanation, /4\.0 GB/);
    assert.match(fit.explanation, /smaller model/);
  });

  it("follows a requested context, but not past what the model was trained for", () => {
    assert.equal(estimateFit(SEVEN, machine(64, 8), 16384, 64).contextSize, 16384);
    assert.equal(estimateFit(SEVEN, machine(64, 8), 100_000, 64).contextSize, 32768);
    assert.equal(estimateFit(shapeOf("granite-3b-code-instruct-q4_k_m"), machine(64, 8), 0, 64).contextSize, 2048);
  });

  it("prefers the GPU, and falls back to the CPU with the reason", () => {
    const onGpu = estimateFit(SEVEN, machine(64, 8, { freeVramBytes: 8 * GB }), 0, 512);
    assert.deepEqual([onGpu.fits, onGpu.onGpu, onGpu.vramBytes > 4 * GB], [true, true, true]);
    const fallback = estimateFit(SEVEN, machine(64, 8, { freeVramBytes: 2 * GB }), 0, 512);
    assert.deepEqual([fallback.fits, fallback.onGpu, fallback.vramBytes], [true, false, 0]);
    assert.match(fallback.explanation, /does not fit the 2\.0 GB free on Test GPU/);
  });
});

describe("model/hardware: readMemory", () => {
  let root: string;
  beforeEach(async () => { root = await mkdtemp(path.join(os.tmpdir(), "kalactica-memory-")); });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function write(files: Record<string, string>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, name)), { recursive: true });
      await writeFile(path.join(root, name), text);
    }
  }
  const MEMINFO = { "proc/meminfo": "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:    9000000 kB\n" };

  it("takes what is available, not what is free", async () => {
    await write(MEMINFO);
    assert.deepEqual(await readMemory(root), { totalRamBytes: 16e9 * 1.024, availableRamBytes: 9e9 * 1.024 });
  });

  it("keeps to the limit of a container, where cached files count as available", async () => {
    await write({ ...MEMINFO, "sys/fs/cgroup/memory.max": "4000000000\n", "sys/fs/cgroup/memory.current": "3500000000\n", "sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 1500000000\n" });
    assert.deepEqual(await readMemory(root), { totalRamBytes: 4e9, availableRamBytes: 2e9 });
    await write({ "sys/fs/cgroup/memory.max": "max\n" });
    assert.equal((await readMemory(root)).totalRamBytes, 16e9 * 1.024);
  });

  it("knows control groups of version 1, and their way of saying no limit", async () => {
    await write({ ...MEMINFO, "sys/fs/cgroup/memory/memory.limit_in_bytes": "2000000000\n", "sys/fs/cgroup/memory/memory.usage_in_bytes": "500000000\n" });
    assert.deepEqual(await readMemory(root), { totalRamBytes: 2e9, availableRamBytes: 1.5e9 });
    await write({ "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n" });
    assert.equal((await readMemory(root)).totalRamBytes, 16e9 * 1.024);
  });

  it("asks the system where there is no /proc", async () => {
    const memory = await readMemory(root);
    assert.equal(memory.totalRamBytes, os.totalmem());
  });
});

describe("model/catalogue", () => {
  it("holds well-formed entries: unique ids, addresses that parse, checksums with exact sizes", () => {
    assert.equal(new Set(CATALOGUE.map((entry) => entry.id)).size, CATALOGUE.length);
    for (const entry of CATALOGUE) {
      const source = parseModelUri(entry.uri);
      assert.equal(source.url.hostname, "huggingface.co", entry.id);
      assert.ok(entry.sha256 === null || /^[0-9a-f]{64}$/.test(entry.sha256), entry.id);
      assert.equal(entry.sha256 === null, entry.sizeBytes % 1e8 === 0, `${entry.id}: rounded size and no checksum go together`);
      assert.ok(entry.parameters / entry.sizeBytes > 0.5 && entry.parameters / entry.sizeBytes < 2.2, entry.id);
      assert.notEqual(entry.capabilities.embed, entry.capabilities.infill, entry.id);
      assert.equal(entry.capabilities.answer, entry.capabilities.infill && entry.chatTemplate && entry.parameters >= 1.5e9, entry.id);
      assert.equal(infoOf(entry, null).installed, false);
    }
  });

  const best = (hardware: Hardware): string[] => recommend(hardware).filter((r) => r.recommended).map((r) => r.entry.id);

  it("recommends by machine: small on few cores, large where there is a GPU", () => {
    assert.deepEqual(best(machine(24, 2)), ["qwen2.5-coder-0.5b-instruct-q4_k_m", "bge-small-en-v1.5-q8_0"]);
    assert.deepEqual(best(machine(24, 4)), ["qwen2.5-coder-1.5b-instruct-q4_k_m", "nomic-embed-text-v1.5-q8_0"]);
    assert.deepEqual(best(machine(64, 8, { freeVramBytes: 8 * GB }))[0], "granite-8b-code-instruct-q4_k_m");
    assert.deepEqual(best(machine(64, 8, { freeVramBytes: 20.5 * GB }))[0], "qwen3-coder-30b-a3b-instruct-q4_k_m");
    assert.deepEqual(best(machine(64, 8, { freeVramBytes: 24 * GB }))[0], "qwen2.5-coder-32b-instruct-q4_k_m");
    assert.deepEqual(best(machine(1, 4)), ["nomic-embed-text-v1.5-q8_0"]);
  });

  it("never recommends a licence that forbids commercial use", () => {
    for (const hardware of [machine(8, 4), machine(24, 9), machine(64, 16, { freeVramBytes: 15 * GB })]) {
      for (const { entry, recommended } of recommend(hardware)) if (recommended) assert.equal(entry.licenceNote, null);
    }
  });
});

describe("model/downloadUri", () => {
  const sum = "a".repeat(64);

  it("reads Hugging Face references and addresses", () => {
    assert.deepEqual(
      ["hf:o/r/f.gguf", "hf:o/r/sub/f.GGUF@abc123", "https://huggingface.co/o/r/blob/main/f.gguf", `https://example.org/f.gguf#sha256=${sum.toUpperCase()}`].map((uri) => {
        const { url, fileName, sha256 } = parseModelUri(uri);
        return [url.href.replace(/#.*/, ""), fileName, sha256];
      }),
      [
        ["https://huggingface.co/o/r/resolve/main/f.gguf", "f.gguf", null],
        ["https://huggingface.co/o/r/resolve/abc123/sub/f.GGUF", "f.GGUF", null],
        ["https://huggingface.co/o/r/resolve/main/f.gguf", "f.gguf", null],
        ["https://example.org/f.gguf", "f.gguf", sum],
      ],
    );
    assert.equal(parseModelUri("http://127.0.0.1:8080/f.gguf").fileName, "f.gguf");
    assert.equal(parseModelUri(`http://example.org/f.gguf#sha256=${sum}`).sha256, sum);
  });

  for (const uri of ["", "hf:o/r", "hf:o/../r/f.gguf", "hf:o/r/f.bin", "ftp://x/f.gguf", "file:///etc/passwd", "http://example.org/f.gguf", "https://x/%2e%2e%2f.gguf", "https://x/a%5cb.gguf", "https://x/.gguf", "https://x/f.gguf#sha256=12", "hf:o/r/f.gguf@a b"]) {
    it(`refuses ${JSON.stringify(uri)} with a sentence`, () => {
      assert.throws(() => parseModelUri(uri), (error: Error & { reason?: string }) => error.reason === "badRequest" && error.message.endsWith("."));
    });
  }
});
