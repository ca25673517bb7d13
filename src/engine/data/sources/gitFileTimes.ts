// When each file of a folder was last committed, so that data can be split by time. Reads Git's history once, newest first,
// and stops when every file is known. Files that were changed since, or never committed, are told apart.
import { EngineError } from "../../base/errors.ts";
import { gitFields, headCommit } from "./gitProcess.ts";

export interface FileCommit {
  commit: string;
  /** Commit time in ms since 1970. */
  time: number;
}

/** Commits looked at; files older than that are given the time of the last one looked at. Our choice: a minute's work. */
const MOST_COMMITS = 50_000;

/**
 * The last commit of each of `paths` (relative to `folder`, with forward slashes); what is not committed as it stands is
 * left out. Null where the folder has no Git history or there is no Git. Throws `cancelled`, `unreadable`.
 */
export async function lastCommits(folder: string, paths: Iterable<string>, signal?: AbortSignal): Promise<Map<string, FileCommit> | null> {
  const wanted = new Set(paths);
  const found = new Map<string, FileCommit>();
  try {
    await headCommit(folder, signal);
    for await (const path of gitFields(folder, ["diff", "--name-only", "--relative", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "-z", "HEAD", "--", "."], "\0", signal)) wanted.delete(path);
    let last: FileCommit | null = null;
    let nCommits = 0;
    const log = ["log", "--no-renames", "--relative", "--name-only", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "-z", `--max-count=${MOST_COMMITS}`, "--format=%x01%H %ct", "--", "."];
    for await (const field of gitFields(folder, log, "\0", signal)) {
      if (wanted.size === 0) return found;
      const header = /^\n?\x01([0-9a-f]+) (\d+)(?:\n+([^]*))?$/.exec(field);
      if (header) {
        last = { commit: header[1] as string, time: Number(header[2]) * 1_000 };
        nCommits++;
      }
      const path = header ? header[3] : field.replace(/^\n/, "");
      if (path !== undefined && path !== "" && last && wanted.delete(path)) found.set(path, last);
    }
    if (last && nCommits === MOST_COMMITS) await giveRest(folder, wanted, found, last, signal);
    return found;
  } catch (error) {
    if (error instanceof EngineError && error.reason === "notFound") return null;
    throw error;
  }
}

/** Tracked files whose last commit lies further back. */
async function giveRest(folder: string, wanted: Set<string>, found: Map<string, FileCommit>, oldest: FileCommit, signal: AbortSignal | undefined): Promise<void> {
  for await (const path of gitFields(folder, ["ls-files", "-z"], "\0", signal)) if (wanted.delete(path)) found.set(path, oldest);
}
