// What the extension leaves on a machine: where that is, how it is removed after an uninstallation, and how what was kept comes
// back. Knows neither VS Code nor the engine, so that the hook that runs after an uninstallation (uninstall.ts) can use it.
//
// VS Code itself deletes an extension's global storage when it is uninstalled, and never its workspace storages. Models that were
// downloaded and adapters that were trained cost hours and gigabytes and cannot be told from the outside, and nobody is asked
// at that moment: they are moved aside, with a note that says how to delete them or to take them back. All else is removed:
// indexes can be built anew, and memory, chats, data sets and runs are personal text that must not stay behind unseen.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Two folders of VS Code's that hold what we store. */
export interface Places {
  /** Our own folder, `…/globalStorage/publisher.name`. */
  readonly globalStorage: string;
  /** The folder with one subfolder a workspace, `…/workspaceStorage`; null where no folder was open. */
  readonly workspaceStorages: string | null;
}

/** Beside the extension's package.json: the hook gets no other word of where VS Code keeps data. */
const RECORD = "places.json";
const NOTE = "READ ME.txt";

/**
 * Notes `places` in the extension's folder, once each, where an installer made that folder (`publisher.name-version`): a checkout
 * is not uninstalled. A folder that cannot be written is left as it is.
 */
export function recordPlaces(extensionDir: string, places: Places): void {
  if (!/-\d+\.\d+\.\d+/.test(path.basename(extensionDir)) || lstatSync(extensionDir).isSymbolicLink()) return;
  const known = recordedPlaces(extensionDir);
  const merged = known.filter(({ globalStorage }) => globalStorage !== places.globalStorage);
  const before = known.find(({ globalStorage }) => globalStorage === places.globalStorage);
  const now: Places = { globalStorage: places.globalStorage, workspaceStorages: places.workspaceStorages ?? before?.workspaceStorages ?? null };
  if (before?.workspaceStorages === now.workspaceStorages && before !== undefined) return;
  const file = path.join(extensionDir, RECORD);
  try {
    writeFileSync(`${file}.${process.pid}`, JSON.stringify([...merged, now]));
    renameSync(`${file}.${process.pid}`, file);
  } catch {
    // An installation for all users: the hook then has nothing to go by, and VS Code still removes the global storage.
  }
}

export function recordedPlaces(extensionDir: string): Places[] {
  try {
    const found: unknown = JSON.parse(readFileSync(path.join(extensionDir, RECORD), "utf8"));
    return Array.isArray(found) ? found.filter((place: Partial<Places> | null): place is Places => typeof place?.globalStorage === "string") : [];
  } catch {
    return [];
  }
}

/** Whether another version of the extension in `extensionDir` lies beside it: then this is an update, and nothing is removed. */
export function otherVersionInstalled(extensionDir: string): boolean {
  const own = path.basename(extensionDir);
  const id = own.replace(/-\d+\.\d+\.\d+.*$/, "");
  let obsolete: Record<string, unknown> = {};
  try {
    obsolete = JSON.parse(readFileSync(path.join(path.dirname(extensionDir), ".obsolete"), "utf8")) as Record<string, unknown>;
  } catch {
    // Nothing waits to be deleted.
  }
  const siblings = existsSync(path.dirname(extensionDir)) ? readdirSync(path.dirname(extensionDir)) : [];
  return siblings.some((name) => name !== own && name.startsWith(`${id}-`) && /^\d/.test(name.slice(id.length + 1)) && obsolete[name] !== true);
}

/**
 * Removes everything that lies in `places`, except that models and adapters are moved to {@link keptFolder}. Goes on where one
 * folder cannot be removed, and returns a sentence for each of those.
 */
export function removeData({ globalStorage, workspaceStorages }: Places): string[] {
  const id = path.basename(globalStorage);
  const problems: string[] = [];
  const attempt = (what: string, work: () => void): boolean => {
    try {
      work();
      return true;
    } catch (error) {
      problems.push(`${what} could not be removed: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
  };
  const kept = keptFolder(globalStorage);
  const keep = (from: string, to: string): boolean => attempt(from, () => {
    mkdirSync(path.dirname(to), { recursive: true });
    writeFileSync(path.join(kept, NOTE), noteFor(kept));
    renameSync(from, existsSync(to) ? `${to}-${Date.now()}` : to);
  });

  const models = path.join(globalStorage, "models");
  let allMoved = true;
  if (holds(models, (name) => name.endsWith(".gguf"))) allMoved = keep(models, path.join(kept, "models"));
  if (allMoved) attempt(globalStorage, () => rmSync(globalStorage, { recursive: true, force: true }));
  for (const workspace of workspaceStorages !== null && existsSync(workspaceStorages) ? readdirSync(workspaceStorages) : []) {
    const own = path.join(workspaceStorages!, workspace, id);
    if (!existsSync(own)) continue;
    const adapters = path.join(own, "adapters");
    if (holds(adapters, () => true) && !keep(adapters, path.join(kept, "adapters", workspace))) continue;
    attempt(own, () => rmSync(own, { recursive: true, force: true }));
  }
  return problems;
}

/** Where models and adapters wait after an uninstallation: beside our global storage, on the same disk, so that moving takes no time. */
export function keptFolder(globalStorage: string): string {
  return `${globalStorage}-kept`;
}

/** Takes back what an uninstallation kept, as far as nothing newer lies in its place. Returns whether anything came back. */
export function takeBack(globalStorage: string, workspaceStorage: string | null): boolean {
  const kept = keptFolder(globalStorage);
  if (!existsSync(kept)) return false;
  const moves: [string, string][] = [[path.join(kept, "models"), path.join(globalStorage, "models")]];
  if (workspaceStorage !== null) moves.push([path.join(kept, "adapters", path.basename(path.dirname(workspaceStorage))), path.join(workspaceStorage, "adapters")]);
  let any = false;
  for (const [from, to] of moves) {
    if (!existsSync(from) || holds(to, () => true)) continue;
    try {
      mkdirSync(path.dirname(to), { recursive: true });
      rmSync(to, { recursive: true, force: true }); // an empty folder
      renameSync(from, to);
      any = true;
    } catch {
      // It stays where it is, with its note.
    }
  }
  tidy(kept);
  return any;
}

function holds(folder: string, wanted: (name: string) => boolean): boolean {
  return existsSync(folder) && readdirSync(folder).some(wanted);
}

/** Removes the folder of kept things once nothing but its note is in it. */
function tidy(kept: string): void {
  const adapters = path.join(kept, "adapters");
  if (existsSync(adapters) && readdirSync(adapters).length === 0) rmdirSync(adapters);
  if (readdirSync(kept).every((name) => name === NOTE)) rmSync(kept, { recursive: true, force: true });
}

function noteFor(kept: string): string {
  return `KaLactica was uninstalled. Its index, its memory, chats, data sets and records of training were removed.

This folder holds what cannot be made again in a moment: models that were downloaded (models) and
adapters that were trained, by workspace (adapters). Nothing uses it while KaLactica is not installed.

- To be rid of it, delete this folder: ${kept}
- To have it back, install KaLactica again: it takes the folder back by itself.
`;
}
