// Makes this machine's package and installs it with VS Code's own installer, once for all windows of a test run. Windows
// then link the folder that the installer made, so that each of them runs what a user would have, without unpacking it again.
// It lies outside the repository: a package that lacks a module must not find it in a node_modules above.
// usage: node test/e2e/packaged.ts FOLDER
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundles } from "../../tools/package/contents.ts";
import { makePackage } from "../../tools/package/main.ts";
import { hostTarget } from "../../tools/package/targets.ts";
import { installVSCodeWeb } from "./install.ts";
import { installPackages } from "./server.ts";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const RECORD = "packaged.json";

export interface PackagedExtension {
  /** The `.vsix`. */
  readonly file: string;
  /** The folder that VS Code's installer made of it. */
  readonly installed: string;
}

/** What {@link packageAndInstall} made in `folder`, or undefined where it made nothing. */
export function packagedExtension(folder: string): PackagedExtension | undefined {
  try {
    return JSON.parse(readFileSync(path.join(folder, RECORD), "utf8")) as PackagedExtension;
  } catch {
    return undefined;
  }
}

/** Makes the package in `folder`, packed lightly, and installs it there. About 5 s of processor time. */
export async function packageAndInstall(folder: string, log: (line: string) => void): Promise<PackagedExtension> {
  const target = hostTarget();
  if (target === undefined) throw new Error(`There is no package for ${process.platform}-${process.arch}.`);
  mkdirSync(folder, { recursive: true });
  rmSync(path.join(folder, RECORD), { force: true });
  const { file } = await makePackage({ target, bundles: await buildBundles(repository, path.join(folder, "bundles")), outdir: folder, level: 1, log });
  const begun = Date.now();
  const root = path.join(folder, "vscode");
  await installPackages(await installVSCodeWeb(log), root, [file]);
  const extensions = path.join(root, "extensions");
  const name = readdirSync(extensions).find((entry) => statSync(path.join(extensions, entry)).isDirectory());
  if (name === undefined) throw new Error(`VS Code installed ${file} without leaving a folder in ${extensions}.`);
  log(`installed by VS Code in ${((Date.now() - begun) / 1000).toFixed(1)} s: ${path.join(extensions, name)}`);
  const made = { file, installed: path.join(extensions, name) };
  writeFileSync(path.join(folder, RECORD), JSON.stringify(made));
  return made;
}

if (import.meta.main) {
  const folder = process.argv[2];
  if (folder === undefined) throw new Error("usage: packaged.ts FOLDER");
  await packageAndInstall(path.resolve(folder), (line) => { console.log(line); });
}
