// macOS: the program under `sandbox-exec` with a profile that denies everything but reading the system and its folder.
// Written after the profiles that Chromium and Bazel ship; not run on a Mac yet. Used only after a probe has shown that a
// socket and a read of the home folder fail.
import { homedir } from "node:os";
import type { Isolation } from "./isolation.ts";
import { folderLaunch } from "./plain.ts";

export function seatbelt(): Isolation {
  return {
    name: "seatbelt",
    withoutNetwork: true,
    sentence: "macOS sandbox-exec: generated code sees no network, cannot read your home folder, and writes to a temporary folder only.",
    launch: (program, marker) => folderLaunch(program, marker, (folder) => ["/usr/bin/sandbox-exec", "-p", seatbeltProfile(folder, program.needs)]),
  };
}

/** The profile (SBPL; the last rule that matches decides). */
export function seatbeltProfile(folder: string, needs: readonly string[], home = homedir()): string {
  const quoted = (place: string): string => JSON.stringify(place);
  return [
    "(version 1)",
    "(deny default)",
    "(allow process-fork) (allow process-exec*) (allow sysctl-read) (allow mach-lookup (global-name \"com.apple.system.opendirectoryd.libinfo\"))",
    "(allow signal (target same-sandbox)) (allow process-info* (target same-sandbox))",
    "(allow file-read*)",
    `(deny file-read* (subpath ${quoted(home)}) (subpath "/Volumes") (subpath "/private/var/folders"))`,
    "(allow file-read-metadata)",
    ...needs.map((place) => `(allow file-read* (subpath ${quoted(place)}))`),
    `(allow file-read* file-write* (subpath ${quoted(folder)}))`,
    "(allow file-write-data (literal \"/dev/null\") (literal \"/dev/zero\"))",
    "(deny network*)",
  ].join("\n");
}
