// Where this package's own files are, the same from source and from the bundle.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

let found: string | undefined;

/** Absolute folder of the installed package: the nearest one above this module that holds its `media/` and package.json. */
export function packageDir(): string {
  if (found) return found;
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!(existsSync(path.join(folder, "package.json")) && existsSync(path.join(folder, "media")))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error("The package's own folder was not found: package.json and media/ are missing above the engine.");
    folder = parent;
  }
  found = folder;
  return folder;
}

/** A file in `media/`, where models, icons and grammars of the package lie. */
export function mediaFile(...parts: string[]): string {
  return path.join(packageDir(), "media", ...parts);
}

/** The version in the package's package.json. */
export function engineVersion(): string {
  const manifest = JSON.parse(readFileSync(path.join(packageDir(), "package.json"), "utf8")) as { version: string };
  return manifest.version;
}
