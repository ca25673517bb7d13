// The same box as linuxBox.ts, built by bubblewrap, where it is installed: it works on systems that allow user namespaces
// to bubblewrap alone (Ubuntu 24.04), and takes a seccomp filter.
import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { SYSTEM_FOLDERS } from "../interpreters.ts";
import type { BoxedProgram, Isolation, Launch } from "./isolation.ts";
import { prlimitWords, programWords, runScript, writeFilesScript } from "./isolation.ts";
import { BOX } from "./linuxBox.ts";

export interface BubblewrapOptions {
  readonly program: string;
  /** File with the seccomp filter, where one is known for this architecture. */
  readonly filterFile?: string;
}

export function bubblewrap(options: BubblewrapOptions): Isolation {
  const filter = options.filterFile === undefined ? "" : " A seccomp filter denies system calls that only attacks need.";
  return {
    name: "bubblewrap",
    withoutNetwork: true,
    sentence: `bubblewrap: generated code sees no network, no files but the system's programs (read-only) and an empty folder in memory, and no other process.${filter}`,
    launch: (program, marker) => Promise.resolve(bubblewrapLaunch(options, program, marker)),
  };
}

function bubblewrapLaunch({ program: bwrap, filterFile }: BubblewrapOptions, program: BoxedProgram, marker: string): Launch {
  const system: string[] = [];
  for (const folder of SYSTEM_FOLDERS) {
    if (!existsSync(folder)) continue;
    system.push(...(lstatSync(folder).isSymbolicLink() ? ["--symlink", readlinkSync(folder), folder] : ["--ro-bind", folder, folder]));
  }
  for (const file of ["/etc/ld.so.cache", "/etc/alternatives"]) system.push("--ro-bind-try", file, file);
  const words = [...prlimitWords(program), ...programWords(program, BOX)];
  return {
    file: bwrap,
    arguments: [
      "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--disable-userns",
      "--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL", "--hostname", "sandbox",
      ...system, ...program.needs.flatMap((place) => ["--ro-bind", place, place]),
      "--proc", "/proc", "--dev", "/dev",
      "--size", String(Math.ceil(program.limits.folderBytes)), "--tmpfs", BOX, "--symlink", BOX, "/tmp",
      "--remount-ro", "/", "--remount-ro", "/dev",
      ...(filterFile === undefined ? [] : ["--seccomp", "4"]),
      "--chdir", BOX,
      "/bin/sh", "-c", `set -e; PATH=/usr/bin:/bin; export PATH; script=$(cat <&3); exec 3<&-; eval "$script"`,
    ],
    environment: { LC_ALL: "C" },
    folder: "/",
    script: [writeFilesScript(program.files), runScript(marker, words)].join("\n"),
    ...(filterFile === undefined ? {} : { filterFile }),
    dispose: () => Promise.resolve(),
  };
}
