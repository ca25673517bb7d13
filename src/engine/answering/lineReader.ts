// Reads each file of the workspace at most once for one look: a card cites several places of the same files.
// Lives as long as that look; a later check takes a new reader, so that it sees the disk as it is then.
import { sha256 } from "../base/files.ts";
import type { WorkspaceAccess } from "./workspaceAccess.ts";

/** Above every file that is indexed. */
export const ALL_LINES = 10_000_000;

/** A `readLines` that keeps the files it read. The hash of lines is that of their text joined by line feeds, as everywhere. */
export function readerOfOneLook(readLines: WorkspaceAccess["readLines"]): WorkspaceAccess["readLines"] {
  const files = new Map<string, Promise<string[] | null>>();
  return async ({ path, startLine, endLine }) => {
    let file = files.get(path);
    if (!file) files.set(path, file = Promise.resolve(readLines({ path, startLine: 1, endLine: ALL_LINES })).then((read) => read?.text.split("\n") ?? null));
    const lines = await file;
    if (lines === null || startLine < 1 || startLine > lines.length || endLine < startLine) return null;
    const text = lines.slice(startLine - 1, endLine).join("\n");
    return { text, sha256: sha256(text) };
  };
}
