// The report of a problem: everything that helps to understand one, and nothing that is the user's business. It is made for being read
// by the user first; it is sent nowhere. What is in it is the type ProblemReport; how it reads is `reportText`.
import os from "node:os";
import { isCancelled } from "../base/errors.ts";
import { recentLog, redacting } from "../base/log.ts";
import { engineVersion } from "../base/paths.ts";
import { socketCount } from "../base/socketCount.ts";
import type { Hardware } from "../model/hardware.ts";
import type { ProblemReport } from "../protocol/machine.ts";
import type { DoctorItem, EngineStatus } from "../protocol/types.ts";
import { DEFAULT_SETTINGS, SETTINGS } from "../settings.ts";
import type { Setting, SettingKey, Settings } from "../settings.ts";
import { machineOf } from "./hardwareDefaults.ts";
import { scrub } from "./userMemory.ts";

export interface ReportSources {
  workspaceDir: string | null;
  settings: Settings;
  status: () => EngineStatus;
  hardware: () => Promise<Hardware>;
  doctor: (signal?: AbortSignal) => Promise<DoctorItem[]>;
}

/** Makes the report. A part that fails says so in its place: a report is wanted most where something is broken. Errors: CancelledError. */
export async function problemReport(sources: ReportSources, client: { versions: Record<string, string>; log: readonly string[] }, signal?: AbortSignal): Promise<ProblemReport> {
  const paths = redacting({ workspaceDir: sources.workspaceDir, homeDir: os.homedir() });
  // Paths first: what scrubs secrets also takes home folders out, and the workspace would not be known again below them.
  const redact = (text: string): string => scrub(paths(text));
  const [machine, doctor] = await Promise.all([
    sources.hardware().then(machineOf, () => null),
    sources.doctor(signal).catch((error: unknown): DoctorItem[] => {
      if (isCancelled(error)) throw error;
      return [{ name: "Doctor", state: "problem", found: error instanceof Error ? error.message : String(error), remedy: null }];
    }),
  ]);
  const { index, model } = sources.status();
  return {
    at: new Date().toISOString(),
    versions: { KaLactica: engineVersion(), node: process.versions.node, system: `${os.type()} ${os.release()} ${process.arch}`, ...client.versions },
    machine,
    doctor: doctor.map((item) => ({ ...item, found: redact(item.found), remedy: item.remedy === null ? null : redact(item.remedy) })),
    settings: changedSettings(sources.settings, redact),
    state: {
      "index": index.state, "index files": index.files, "index passages": index.chunks, "index left out": index.skipped.length, "index failure": index.failure === undefined ? null : redact(index.failure),
      "model": model.state, "model device": model.device, "model context": model.contextSize, "model says": redact(model.explanation), "tokens per second": model.tokensPerSecond,
      "engine memory in MB": Math.round(process.memoryUsage().rss / 1e6), "engine seconds": Math.round(process.uptime()),
    },
    sockets: socketCount(),
    log: [...client.log.map(redact), ...recentLog(redact)],
  };
}

/** Settings that differ from their default. Of texts of the user's own only that they are set is told: they name files and hosts. */
export function changedSettings(settings: Settings, redact: (text: string) => string): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const key of Object.keys(SETTINGS) as SettingKey[]) {
    const value: unknown = settings[key];
    if (JSON.stringify(value) === JSON.stringify(DEFAULT_SETTINGS[key])) continue;
    const setting: Setting = SETTINGS[key];
    if (setting.type === "list") changed[key] = `${(value as readonly string[]).length} entries`;
    else if (setting.type === "string" && setting.values === undefined) changed[key] = key === "model.file" && !/[\\/]/.test(String(value)) ? redact(String(value)) : "<set>";
    else changed[key] = value;
  }
  return changed;
}

/** The report as a Markdown document. */
export function reportText(report: ProblemReport): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
  const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] => [`| ${head.join(" | ")} |`, `|${head.map(() => "---").join("|")}|`, ...rows.map((row) => `| ${row.map(cell).join(" | ")} |`)];
  const pairs = (record: Record<string, unknown>): string[] => Object.entries(record).filter(([, value]) => value !== null).map(([name, value]) => `- **${name}**: ${typeof value === "string" ? value : JSON.stringify(value)}`);
  const { machine, sockets } = report;
  const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;
  return [
    "# KaLactica: report of a problem", "",
    "Nothing of this was sent anywhere. Read it, take out what you like, and share it yourself. It holds no code, no names of files of your workspace and no keys.", "",
    "## What happened", "", "_What did you do, what did you expect, and what came instead?_", "",
    "## Versions", "", ...pairs(report.versions), "",
    "## Machine", "", ...machine === null ? ["The hardware could not be looked at."] : pairs({
      CPU: `${machine.cpu}, ${machine.cores} cores`, memory: `${gigabytes(machine.availableRamBytes)} of ${gigabytes(machine.totalRamBytes)} free`,
      GPU: machine.gpu === null ? "none" : `${machine.gpu.name} (${machine.gpu.kind}), ${gigabytes(machine.gpu.freeVramBytes)} of ${gigabytes(machine.gpu.totalVramBytes)} free`, device: machine.explanation,
    }), "",
    "## Checks", "", ...table(["Check", "State", "Found", "What to do"], report.doctor.map(({ name, state, found, remedy }) => [name, state, found, remedy ?? ""])), "",
    "## Settings that differ from their default", "", ...Object.keys(report.settings).length === 0 ? ["None."] : pairs(report.settings), "",
    "## State", "", ...pairs(report.state), "",
    "## Sent to other machines", "", `${sockets.bytesOut} bytes in ${sockets.attempts.length} attempts since the engine started.`, ...sockets.attempts.map(({ by, kind, host, port, bytes, at }) => `- ${at} ${by}: ${kind} ${host}:${port}, ${bytes} bytes`), "",
    `## Log (last ${report.log.length} lines)`, "", "```", ...report.log.map((line) => line.replaceAll("```", "'''")), "```", "",
  ].join("\n");
}
