// Finds npm packages for the packager: in node_modules where the wanted version lies there, otherwise from the registry
// through `npm pack`, checked against the hash that the lock file (or targets.ts) names and kept in .cache/package. It
// chooses nothing.
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { PINNED } from "./targets.ts";

const run = promisify(execFile);

/** A package that cannot be had; the message is a sentence for people. */
export class PackageError extends Error {
  override readonly name = "PackageError";
}

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
}

/**
 * The folder of an npm package in the given version (default: the lock file's).
 * Throws {@link PackageError} where neither node_modules nor the registry has it, or its hash is another.
 */
export async function packageFolder(root: string, name: string, wanted?: string): Promise<string> {
  const locked = lockedPackage(root, name);
  const version = wanted ?? locked?.version;
  if (version === undefined) throw new PackageError(`The package ${name} is in no lock file. Add it to package.json, or name its version in tools/package/targets.ts.`);
  const installed = path.join(root, "node_modules", name);
  if (installedVersion(installed) === version) return installed;
  const integrity = locked?.version === version ? locked.integrity : PINNED[`${name}@${version}`];
  if (integrity === undefined || integrity === "") throw new PackageError(`The hash of ${name}@${version} is not known. Name it in tools/package/targets.ts.`);
  return fetched(root, name, version, integrity);
}

function lockedPackage(root: string, name: string): LockedPackage | undefined {
  const lock = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")) as { packages: Record<string, LockedPackage> };
  return lock.packages[`node_modules/${name}`];
}

function installedVersion(folder: string): string | undefined {
  const file = path.join(folder, "package.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version : undefined;
}

async function fetched(root: string, name: string, version: string, integrity: string): Promise<string> {
  const place = path.join(root, ".cache/package", `${name.replaceAll("/", "+")}-${version}`);
  const folder = path.join(place, "package");
  if (existsSync(folder)) return folder;
  const work = `${place}.partial-${process.pid}`;
  await mkdir(work, { recursive: true });
  try {
    await run("npm", ["pack", `${name}@${version}`, "--pack-destination", work, "--loglevel=error"], { cwd: root, shell: process.platform === "win32" });
    const [archive] = (await readdir(work)).filter((file) => file.endsWith(".tgz"));
    if (archive === undefined) throw new PackageError(`npm gave no archive of ${name}@${version}.`);
    const found = `sha512-${createHash("sha512").update(await readFile(path.join(work, archive))).digest("base64")}`;
    if (found !== integrity) throw new PackageError(`${name}@${version} from the registry has the hash ${found}, and ${integrity} was expected. It was not used.`);
    await run("tar", ["-xzf", archive], { cwd: work });
    await rm(path.join(work, archive));
    await rename(work, place);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    if (error instanceof PackageError) throw error;
    const { stderr = "" } = error as { stderr?: string };
    throw new PackageError(`${name}@${version} is not installed and could not be fetched from the npm registry: ${stderr.trim().split("\n").at(-1) ?? String(error)}`);
  }
  return folder;
}
