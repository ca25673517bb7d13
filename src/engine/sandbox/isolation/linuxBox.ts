// The box of Linux: a root file system in memory that shows the system's programs and the interpreter read-only, a folder
// in memory to write to, and nothing else; made by a shell script in new user, mount, network, process, IPC and host-name
// namespaces. Works without root; run by root, the program gets a user number of its own that owns nothing.
import { randomInt } from "node:crypto";
import { existsSync, lstatSync, readlinkSync, statSync } from "node:fs";
import path from "node:path";
import { EngineError } from "../../base/errors.ts";
import { SYSTEM_FOLDERS } from "../interpreters.ts";
import type { BoxedProgram, Isolation, Launch } from "./isolation.ts";
import { prlimitWords, programWords, runScript, shellWord, writeFilesScript } from "./isolation.ts";

/** The working folder as the program sees it. */
export const BOX = "/box";
const TOOLS_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
const DEVICES = ["null", "zero", "full", "random", "urandom"];
/** Folders that exist on every Linux and that nobody needs while the box is built: the new root is laid over one. */
const MOUNT_POINTS = ["/mnt", "/srv", "/media", "/opt", "/var/tmp", "/tmp"];
/** Numbers far above those of real users; a fresh one per run, because the kernel counts processes per user. */
const FIRST_USER = 1_900_000_000;
const USERS = 100_000_000;

/** `asRoot` says whether this process is the real root. */
export function linuxNamespaces(asRoot = process.getuid?.() === 0): Isolation {
  return {
    name: "namespaces",
    withoutNetwork: true,
    sentence: "Linux namespaces: generated code sees no network, no files but the system's programs (read-only) and an empty folder in memory, and no other process.",
    launch: (program, marker) => Promise.resolve(namespaceLaunch(program, marker, asRoot)),
  };
}

function namespaceLaunch(program: BoxedProgram, marker: string, asRoot: boolean): Launch {
  const user = FIRST_USER + randomInt(USERS);
  // The inner, unmapped user namespace takes every right over the outer one, which owns the mounts, and makes no further ones.
  const become = asRoot ? ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", "unshare", "--user"] : ["unshare", "--user"];
  const words = [...become, "setpriv", "--no-new-privs", ...prlimitWords(program), ...programWords(program, BOX)];
  const script = [boxScript(program), writeFilesScript(program.files), runScript(marker, words)].join("\n");
  return {
    file: "setpriv",
    arguments: [
      "--pdeathsig", "KILL", "unshare", ...(asRoot ? [] : ["--user", "--map-root-user"]),
      "--net", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--propagation", "private",
      "sh", "-c", `set -e; PATH=${TOOLS_PATH}; export PATH; script=$(cat <&3); exec 3<&-; eval "$script"`,
    ],
    environment: { PATH: TOOLS_PATH, LC_ALL: "C" },
    folder: "/",
    script,
    dispose: () => Promise.resolve(),
  };
}

function boxScript(program: BoxedProgram): string {
  const root = mountPoint(program.needs);
  const shown = [...DEVICES.map((device) => `/dev/${device}`), "/etc/ld.so.cache", "/etc/alternatives", ...SYSTEM_FOLDERS, ...program.needs].filter((place) => existsSync(place));
  const links = shown.filter((place) => SYSTEM_FOLDERS.includes(place) && lstatSync(place).isSymbolicLink());
  const mounted = shown.filter((place) => !links.includes(place));
  const folders = mounted.filter(isFolder);
  const parents = mounted.filter((place) => !isFolder(place)).map((place) => path.posix.dirname(place));
  const below = (places: readonly string[]): string => [...new Set(places)].map((place) => `"$R"${shellWord(place)}`).join(" ");
  return [
    // The limits of memory file systems are exact; mounting is done by few commands, because each costs a process.
    `R=${shellWord(root)}`,
    `mount -t tmpfs -o size=4m,nr_inodes=4k,mode=0755,nosuid,nodev tmpfs "$R"`,
    `mkdir -p "$R/proc" "$R${BOX}" "$R/.old" "$R/etc" "$R/dev" ${below([...folders, ...parents])}`,
    ...mounted.filter((place) => !isFolder(place)).map((place) => `: > "$R"${shellWord(place)}`),
    ...mounted.map((place) => `mount -o rbind,ro,nosuid${place.startsWith("/dev/") ? "" : ",nodev"} ${shellWord(place)} "$R"${shellWord(place)}`),
    // What was mounted below a shown folder came along as it was: read-only too, or the box is not built.
    `while read -r _ _ _ _ at options _; do case "$at:$options" in "$R":*) ;; "$R"/*:rw*) mount -o remount,bind,ro,nosuid,nodev "$at";; esac; done < /proc/self/mountinfo`,
    ...links.map((place) => `ln -s ${shellWord(readlinkSync(place))} "$R${place}"`),
    `ln -s /proc/self/fd "$R/dev/fd"; ln -s ${BOX} "$R/tmp"; ln -s ${BOX}/.shm "$R/dev/shm"`,
    `printf 'nobody:x:65534:65534:nobody:${BOX}:/bin/false\\n' > "$R/etc/passwd"; printf '127.0.0.1 localhost\\n' > "$R/etc/hosts"`,
    `mount -t tmpfs -o size=${Math.ceil(program.limits.folderBytes)},nr_inodes=8k,mode=1777,nosuid,nodev tmpfs "$R${BOX}"`,
    // Containers forbid a new /proc; most programs run without one.
    `mount -t proc -o nosuid,nodev,noexec,hidepid=2 proc "$R/proc" 2>/dev/null || true`,
    `cd "$R"; pivot_root . .old; cd /; umount -l /.old; rmdir /.old`,
    "mount -o remount,bind,ro,nosuid,nodev /",
    `cd ${BOX}; mkdir -m 1777 .shm; umask 000`,
  ].join("\n");
}

/** A folder to lay the new root over, outside everything that has to be shown. */
function mountPoint(needs: readonly string[]): string {
  const free = MOUNT_POINTS.find((point) => isFolder(point) && !needs.some((place) => place === point || place.startsWith(`${point}/`)));
  if (free === undefined) throw new EngineError("internal", `The sandbox found no folder to build in among ${MOUNT_POINTS.join(", ")}.`);
  return free;
}

function isFolder(place: string): boolean {
  try {
    return statSync(place).isDirectory();
  } catch {
    return false;
  }
}
