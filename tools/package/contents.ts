// Decides what lies in a package, file by file, each with the part it is counted under. It builds the bundles into a
// folder of its own and writes nothing else.
import type { Metafile } from "esbuild";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { build } from "../../esbuild.mjs";
import { packageOf, runtimeFiles } from "./dependencies.ts";
import { componentIn, componentsInside, licenceProblems, licencesText } from "./licences.ts";
import type { Component } from "./licences.ts";
import { contentTypes, packageManifest, shippedManifest } from "./manifest.ts";
import type { ExtensionManifest } from "./manifest.ts";
import { packageFolder, PackageError } from "./registry.ts";
import { hostTarget } from "./targets.ts";
import type { Gpu, Target } from "./targets.ts";
import type { ZipEntry } from "./zip.ts";

/** What sizes are listed by. */
export type Part = "JavaScript of ours and what is bundled with it" | "JavaScript of packages beside the bundles" | "llama.cpp and ggml" | "GPU libraries" | "vector search (hnswlib)" | "foreign functions (koffi)" | "grammars (WebAssembly)" | "embedded models" | "pictures, data and documents";

export interface PackageFile extends ZipEntry {
  readonly part: Part;
}

export interface PackageContents {
  readonly files: readonly PackageFile[];
  readonly components: readonly Component[];
  readonly metafiles: readonly Metafile[];
  readonly manifest: ExtensionManifest;
  /** What a user of this package must know; sentences. */
  readonly notes: readonly string[];
}

export interface ContentsOptions {
  readonly root: string;
  readonly target: Target;
  readonly gpu?: Gpu;
  /** Default: package.json's. */
  readonly version?: string;
  /** A hnswlib-node addon compiled for a target that is not this machine. */
  readonly vectors?: string;
}

export interface Bundles {
  readonly outdir: string;
  readonly metafiles: readonly Metafile[];
}

/** Builds the bundles of all packages, which are the same for every platform, into `outdir`. */
export async function buildBundles(root: string, outdir: string = path.join(root, "out/package/bundles")): Promise<Bundles> {
  return { outdir, metafiles: await build({ outdir, production: true }) };
}

/** Collects the files of one package. Throws {@link PackageError} where a binary cannot be had or a licence is not allowed. */
export async function packageContents(bundles: Bundles, { root, target, gpu, version, vectors }: ContentsOptions): Promise<PackageContents> {
  const found = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as ExtensionManifest;
  const manifest: ExtensionManifest = { ...found, version: version ?? found.version };
  const files: PackageFile[] = [];
  const notes: string[] = [];
  const components = new Map<string, Component>();
  const add = (part: Part, name: string, content: ZipEntry["content"], executable = false): void => {
    files.push({ part, name: `extension/${name}`, content, executable });
  };
  const addFolder = (part: Part, below: string, folder: string, wanted: readonly string[]): void => {
    for (const name of globSync([...wanted], { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))) {
      add(part, `${below}/${name}`, { file: path.join(folder, name) });
    }
  };
  const use = (folder: string): void => {
    const component = componentIn(folder);
    components.set(`${component.name}@${component.version}`, component);
  };

  addFolder("JavaScript of ours and what is bundled with it", "dist", bundles.outdir, ["**/*"]);
  for (const name of bundledPackages(bundles.metafiles)) use(path.join(root, "node_modules", name));
  use(path.join(root, "node_modules/@vscode/codicons"));

  const llamaVersion = target.llamaVersion;
  const llamaFolder = await packageFolder(root, "node-llama-cpp", llamaVersion);
  const runtime = await runtimeFiles(root, llamaFolder);
  for (const [below, file] of runtime) add(below.endsWith(".wasm") ? "grammars (WebAssembly)" : "JavaScript of packages beside the bundles", `node_modules/${below}`, { file });
  for (const name of new Set([...runtime.keys()].map(packageOf))) use(name === "node-llama-cpp" ? llamaFolder : path.join(root, "node_modules", name));

  const binaries = async (part: Part, name: string): Promise<void> => {
    const folder = await packageFolder(root, `@node-llama-cpp/${name}`, llamaVersion);
    addFolder(part, `node_modules/@node-llama-cpp/${name}`, folder, ["package.json", "dist/index.js", "bins/**/*"]);
    use(folder);
  };
  if (target.llama === null) notes.push("No model: llama.cpp's binaries are made for glibc. Questions are answered from the index by words and names; completions come from look-up.");
  else await binaries("llama.cpp and ggml", target.llama);
  if (gpu !== undefined) {
    const packages = target.gpus[gpu];
    if (packages === undefined) throw new PackageError(`There are no ${gpu} libraries for ${target.name}; there are ${Object.keys(target.gpus).join(" and ") || "none"}.`);
    for (const name of packages) await binaries("GPU libraries", name);
  }

  const koffi = await packageFolder(root, `@koromix/${target.koffi}`);
  addFolder("foreign functions (koffi)", `node_modules/@koromix/${target.koffi}`, koffi, ["package.json", "index.js", `${target.koffiFolder}/koffi.node`]);
  use(koffi);

  const addon = vectors ?? (hostTarget()?.name === target.name ? path.join(root, "node_modules/hnswlib-node/build/Release/addon.node") : undefined);
  if (addon !== undefined && existsSync(addon)) add("vector search (hnswlib)", "node_modules/hnswlib-node/build/Release/addon.node", { file: addon });
  else notes.push("No binary of hnswlib, which comes as source: vectors are compared one by one. Make this package where `npm ci` has compiled it, or name a compiled one with --vectors FILE.");

  for (const name of globSync(["**/*"], { cwd: path.join(root, "media"), exclude: ["pictures/**"], withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"))) {
    if (name.startsWith("media/pictures/")) continue;
    add(name.endsWith(".gguf") ? "embedded models" : "pictures, data and documents", name, { file: path.join(root, name) });
  }
  for (const name of globSync(["package.nls*.json", "l10n/*.json"], { cwd: root })) add("pictures, data and documents", name.split(path.sep).join("/"), { file: path.join(root, name) });
  add("JavaScript of ours and what is bundled with it", "bin/kalactica.mjs", { file: path.join(root, "bin/kalactica.mjs") }, true);
  add("JavaScript of ours and what is bundled with it", "tools/node24.mjs", { file: path.join(root, "tools/node24.mjs") });
  add("pictures, data and documents", "README.md", { file: path.join(root, "README.md") });
  add("pictures, data and documents", "CHANGELOG.md", { file: path.join(root, "CHANGELOG.md") });
  add("pictures, data and documents", "LICENSE.txt", { file: path.join(root, "LICENSE") });
  add("pictures, data and documents", "package.json", Buffer.from(`${JSON.stringify(shippedManifest(manifest), null, 2)}\n`));

  for (const holder of ["@node-llama-cpp", "@vscode/tree-sitter-wasm"]) {
    if (files.some(({ name }) => name.includes(`/${holder}/`))) for (const inside of componentsInside(holder)) components.set(`${inside.name}@${inside.version}`, inside);
  }
  // Compiled into hnswlib-node's binary from headers.
  if (files.some(({ part }) => part === "vector search (hnswlib)")) use(path.join(root, "node_modules/node-addon-api"));
  const list = [...components.values()];
  const problems = licenceProblems(list);
  if (problems.length > 0) throw new PackageError(problems.join("\n"));
  add("pictures, data and documents", "THIRD-PARTY-LICENCES.txt", Buffer.from(licencesText(list)));

  const missing = mediaNamed(manifest.contributes).filter((name) => !files.some((file) => file.name === `extension/${name}`));
  if (missing.length > 0) throw new PackageError(`package.json names files that would not be in the package: ${missing.join(", ")}.`);

  const languages = globSync("l10n/bundle.l10n.*.json", { cwd: root }).map((name) => path.basename(name).split(".")[2]!).sort();
  const envelope: PackageFile[] = [{ part: "pictures, data and documents", name: "extension.vsixmanifest", content: Buffer.from(packageManifest(manifest, target.name, languages)) }];
  envelope.push({ part: "pictures, data and documents", name: "[Content_Types].xml", content: Buffer.from(contentTypes([...files, ...envelope].map(({ name }) => name))) });
  return { files: [...files, ...envelope], components: list, metafiles: bundles.metafiles, manifest, notes };
}

/** The packages of which something is in the bundles, as esbuild accounts for it. */
export function bundledPackages(metafiles: readonly Metafile[]): string[] {
  const names = new Set<string>();
  for (const { outputs } of metafiles) {
    for (const { inputs } of Object.values(outputs)) {
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        const below = input.split("node_modules/").slice(1).join("node_modules/");
        if (below !== "" && bytesInOutput > 0) names.add(packageOf(below));
      }
    }
  }
  return [...names].sort();
}

/** Files in media/ that settings, views and walkthroughs name. */
function mediaNamed(value: unknown): string[] {
  if (typeof value === "string") return /^\.?\/?media\/[\w./-]+$/.test(value) ? [value.replace(/^\.?\//, "")] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(mediaNamed);
}
