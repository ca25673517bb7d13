// The workspace as answering sees it: the index's functions in the shape that the answering room asks for.
import type { WorkspaceAccess } from "../answering/workspaceAccess.ts";
import type { WorkspaceIndex } from "../retrieval/workspaceIndex.ts";

/** Reading access to everything `index` knows and to the files behind it. Valid until the index is closed. */
export function accessToIndex(index: WorkspaceIndex): WorkspaceAccess {
  return {
    search: (query, options) => index.search(query, options),
    definitions: (name) => index.definitions(name),
    similarSymbols: (name, limit) => index.similarSymbols(name, limit).flatMap((similar) => index.definitions(similar).slice(0, 1)),
    usages: (name, limit) => index.usages(name, limit),
    symbolsIn: (file) => index.symbolsIn(file),
    files: () => index.files().map((file) => file.path),
    skipped: () => index.status().skipped,
    readLines: (range) => index.readLines(range),
  };
}
