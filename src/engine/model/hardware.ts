// What this machine has for running a model: cores, memory (container limits included), GPU; and which device follows.
// It loads no models and estimates nothing (memoryFit.ts does).
import { readFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import type { Log } from "../base/log.ts";
import { openBackend } from "./backend.ts";
import type { Backend, DeviceKind, DeviceSetting } from "./backend.ts";
import { show } from "./byteText.ts";

export interface GpuHardware {
  kind: Exclude<DeviceKind, "cpu">;
  name: string;
  totalVramBytes: number;
  freeVramBytes: number;
  /** Whether GPU and CPU share their memory. */
  unified: boolean;
}

export interface Hardware {
  cpu: string;
  /** Cores that are worth a computing thread each: physical ones, within the limits of the container. */
  cores: number;
  totalRamBytes: number;
  /** What can be taken without swapping, within the limits of the container. */
  availableRamBytes: number;
  gpu: GpuHardware | null;
  /** Where models run. */
  device: DeviceKind;
  /** A sentence: which device, and why. */
  explanation: string;
}

/**
 * Looks at this machine. `wanted` is the setting `model.device`.
 * Errors: `nativeMissing` where llama.cpp does not run here at all.
 */
export async function probeHardware(wanted: DeviceSetting, log: Log): Promise<Hardware> {
  const backend = await openBackend(wanted, log);
  try {
    return await describeHardware(backend, wanted);
  } finally {
    await backend.release();
  }
}

/** The same on a backend that is open already. */
export async function describeHardware(backend: Backend, wanted: DeviceSetting): Promise<Hardware> {
  const memory = await readMemory();
  const cores = Math.max(1, Math.min(backend.llama.cpuMathCores, os.availableParallelism()));
  const cpu = os.cpus()[0]?.model.trim() ?? process.arch;
  let gpu: GpuHardware | null = null;
  if (backend.device !== "cpu") {
    const [names, vram] = await Promise.all([backend.llama.getGpuDeviceNames(), backend.llama.getVramState()]);
    gpu = { kind: backend.device, name: names[0] ?? backend.device, totalVramBytes: vram.total, freeVramBytes: vram.free, unified: vram.unifiedSize > 0 };
  }
  return { cpu, cores, ...memory, gpu, device: backend.device, explanation: explain(gpu, cores, backend.reason, wanted) };
}

function explain(gpu: GpuHardware | null, cores: number, reason: string, wanted: DeviceSetting): string {
  if (gpu !== null) return `Runs on the GPU (${gpu.name} through ${gpu.kind}, ${show(gpu.freeVramBytes)} free).`;
  const onCpu = `Runs on the CPU (${cores} ${cores === 1 ? "core" : "cores"})`;
  const because = reason === "" ? "" : `, because ${reason}`;
  return wanted === "gpu" ? `${onCpu} although a GPU was asked for${because}. Install the GPU's driver, or set kalactica.model.device to "auto".` : `${onCpu}${because}.`;
}

/**
 * Memory in bytes, total and available, as this process may use it. `root` stands for "/" in tests.
 * On Linux: MemAvailable, and the limits of control groups (version 2 and 1), where files in cache count as available.
 */
export async function readMemory(root = "/"): Promise<{ totalRamBytes: number; availableRamBytes: number }> {
  let total = os.totalmem();
  let available = os.freemem();
  const memInfo = await readText(path.join(root, "proc/meminfo"));
  if (memInfo !== null) {
    const field = (name: string): number | null => {
      const match = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(memInfo);
      return match === null ? null : Number(match[1]) * 1024;
    };
    total = field("MemTotal") ?? total;
    available = field("MemAvailable") ?? available;
  }
  for (const group of await controlGroups(root)) {
    total = Math.min(total, group.limit);
    available = Math.min(available, Math.max(0, group.limit - group.used));
  }
  return { totalRamBytes: total, availableRamBytes: available };
}

async function controlGroups(root: string): Promise<{ limit: number; used: number }[]> {
  const groups: { limit: number; used: number }[] = [];
  const folders: { limit: string; current: string; stat: string; reclaimable: string }[] = [
    { limit: "sys/fs/cgroup/memory.max", current: "sys/fs/cgroup/memory.current", stat: "sys/fs/cgroup/memory.stat", reclaimable: "inactive_file" },
    { limit: "sys/fs/cgroup/memory/memory.limit_in_bytes", current: "sys/fs/cgroup/memory/memory.usage_in_bytes", stat: "sys/fs/cgroup/memory/memory.stat", reclaimable: "total_inactive_file" },
  ];
  for (const folder of folders) {
    const limit = Number(await readText(path.join(root, folder.limit)));
    const current = Number(await readText(path.join(root, folder.current)));
    // "max", a missing file (0), and the huge number that version 1 writes for "no limit" are no limits.
    if (!Number.isFinite(limit) || !Number.isFinite(current) || limit <= 0 || limit >= 2 ** 60) continue;
    const stat = await readText(path.join(root, folder.stat));
    const reclaimable = Number(new RegExp(`^${folder.reclaimable} (\\d+)$`, "m").exec(stat ?? "")?.[1] ?? 0);
    groups.push({ limit, used: Math.max(0, current - reclaimable) });
  }
  return groups;
}

async function readText(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null;
  }
}
