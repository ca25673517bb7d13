// Whether this machine runs on its battery, by best effort: an unknown system counts as plugged in, so that a setting never
// keeps a desktop from training.
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";

export type PowerSource = "mains" | "battery";
export type PowerReader = () => Promise<PowerSource>;

const LINUX_FOLDER = "/sys/class/power_supply";
const COMMAND_TIMEOUT_MS = 5_000;

/** The reader for this system. */
export function powerReader(platform: NodeJS.Platform = process.platform): PowerReader {
  switch (platform) {
    case "linux": return () => readLinux(LINUX_FOLDER);
    case "darwin": return () => ask("pmset", ["-g", "batt"], /Battery Power/);
    // BatteryStatus 1 is "discharging" (Win32_Battery); a machine without a battery prints nothing.
    case "win32": return () => ask("powershell.exe", ["-NoProfile", "-Command", "(Get-CimInstance Win32_Battery).BatteryStatus"], /^\s*1\s*$/m);
    default: return () => Promise.resolve("mains");
  }
}

/** On battery where a battery of the system discharges and no mains adapter is online (Documentation/ABI/testing/sysfs-class-power). */
export async function readLinux(folder: string): Promise<PowerSource> {
  const names = await readdir(folder).catch(() => []);
  let discharging = false;
  for (const name of names) {
    const read = (file: string): Promise<string> => readFile(path.join(folder, name, file), "utf8").then((text) => text.trim(), () => "");
    const type = await read("type");
    if ((type === "Mains" || type.startsWith("USB")) && (await read("online")) === "1") return "mains";
    // Batteries of mice and headsets have the scope "Device".
    if (type === "Battery" && (await read("scope")) !== "Device" && (await read("status")) === "Discharging") discharging = true;
  }
  return discharging ? "battery" : "mains";
}

async function ask(command: string, args: string[], onBattery: RegExp): Promise<PowerSource> {
  try {
    const { stdout } = await promisify(execFile)(command, args, { timeout: COMMAND_TIMEOUT_MS });
    return onBattery.test(stdout) ? "battery" : "mains";
  } catch {
    return "mains";
  }
}
