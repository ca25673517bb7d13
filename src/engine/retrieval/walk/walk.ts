// Walks the workspace folder and yields the files that may be indexed and those left out by name, size or kind.
// It never follows symbolic links, so that it neither loops nor leaves the workspace; it opens no file but rule files.
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import path from "node:path";
import { errnoCode, throwIfCancelled } from "../../base/errors.ts";
import type { Settings } from "../../settings.ts";
import { reasonBeforeReading } from "./contents.ts";
import { IgnoreRules } from "./ignoreRules.ts";

/** A file of the workspace; `reason` says why it is left out, null where it may be read. `path` is relative with forward slashes. */
export interface WalkedFile {
  path: string;
  size: number;
  mtimeMs: number;
  reason: string | null;
}

/** Yields every file not ignored by rule, folder by folder in order of name. Unreadable folders are yielded with the reason. */
export async function* walk(workspaceDir: string, settings: Settings, signal?: AbortSignal): AsyncGenerator<WalkedFile> {
  const rules = await IgnoreRules.forWorkspace(workspaceDir, settings);
  yield* walkFolder(workspaceDir, "", rules, settings, signal);
}

/** The same for one file or folder below the workspace, after a change on disk. Yields nothing for what is gone or ignored. */
export async function* walkPath(workspaceDir: string, relative: string, settings: Settings, signal?: AbortSignal): AsyncGenerator<WalkedFile> {
  let rules = await IgnoreRules.forWorkspace(workspaceDir, settings);
  const parts = relative.split("/");
  let folder = "";
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    rules = await rules.enter(workspaceDir, folder);
    const here = folder === "" ? part : `${folder}/${part}`;
    const found = await lstat(path.join(workspaceDir, here)).catch(() => null);
    if (!found || rules.ignores(here, found.isDirectory())) return;
    if (found.isSymbolicLink()) {
      yield linkAt(here);
      return;
    }
    if (last && !found.isDirectory()) {
      if (found.isFile()) yield fileAt(here, found, settings);
      return;
    }
    if (!found.isDirectory()) return;
    folder = here;
  }
  yield* walkFolder(workspaceDir, folder, rules, settings, signal);
}

async function* walkFolder(workspaceDir: string, folder: string, outerRules: IgnoreRules, settings: Settings, signal: AbortSignal | undefined): AsyncGenerator<WalkedFile> {
  throwIfCancelled(signal);
  let entries: Dirent[];
  try {
    entries = await readdir(path.join(workspaceDir, folder), { withFileTypes: true });
  } catch (error) {
    // A folder that vanished meanwhile is simply not there.
    if (errnoCode(error) !== "ENOENT" && errnoCode(error) !== "ENOTDIR") yield { path: folder === "" ? "." : folder, size: 0, mtimeMs: 0, reason: `folder cannot be read (${errnoCode(error) ?? "unknown error"})` };
    return;
  }
  const rules = await outerRules.enter(workspaceDir, folder);
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    throwIfCancelled(signal);
    const relative = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (rules.ignores(relative, entry.isDirectory())) continue;
    if (entry.isSymbolicLink()) yield linkAt(relative);
    else if (entry.isDirectory()) yield* walkFolder(workspaceDir, relative, rules, settings, signal);
    else if (entry.isFile()) {
      const found = await lstat(path.join(workspaceDir, relative)).catch(() => null);
      if (found) yield fileAt(relative, found, settings);
    }
  }
}

function fileAt(relative: string, found: { size: number; mtimeMs: number }, settings: Settings): WalkedFile {
  return { path: relative, size: found.size, mtimeMs: found.mtimeMs, reason: reasonBeforeReading(relative, found.size, settings["index.maximumFileKilobytes"]) };
}

function linkAt(relative: string): WalkedFile {
  return { path: relative, size: 0, mtimeMs: 0, reason: "symbolic link (not followed)" };
}
