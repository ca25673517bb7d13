// Finds which files of the packages that stay outside the bundles are needed at run time: what their entries import, as
// esbuild follows it. Binaries and data files, which are opened by path, are named here by hand. It copies nothing.
import * as esbuild from "esbuild";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

/** What the engine imports, requires or forks from outside its bundles (retrieval/shortCrop.ts for the two files of vectra). */
const ENTRIES = [
  "node-llama-cpp",
  "koffi",
  "hnswlib-node",
  "web-tree-sitter",
  "./node_modules/vectra/lib/LocalIndex.js",
  "./node_modules/vectra/lib/storage/VirtualFileStorage.js",
];

/** Opened by path at run time, relative to node_modules. */
const BY_PATH = [
  "node-llama-cpp/llama/binariesGithubRelease.json",
  "node-llama-cpp/llama/llama.cpp.info.json",
  "node-llama-cpp/llama/package.json",
  "web-tree-sitter/web-tree-sitter.wasm",
];

/** Only ever imported on paths that we do not take (downloads of node-llama-cpp's own, Electron's processes). */
const NEVER = ["@node-llama-cpp/*", "@koromix/*", "@reflink/*", "electron", "*.node"];

/** Files by their path below `node_modules/` in the package; values are absolute paths here. */
export type RuntimeFiles = ReadonlyMap<string, string>;

/**
 * The run-time files of all packages outside the bundles, package.json of each included. `llamaFolder` is the folder of
 * another version of node-llama-cpp to take instead of the installed one.
 */
export async function runtimeFiles(root: string, llamaFolder: string): Promise<RuntimeFiles> {
  const modules = path.join(root, "node_modules");
  const installedLlama = path.join(modules, "node-llama-cpp");
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    stdin: { contents: ENTRIES.map((entry) => `import ${JSON.stringify(entry)};`).join("\n"), resolveDir: root },
    bundle: true,
    write: false,
    metafile: true,
    platform: "node",
    format: "esm",
    outdir: path.join(root, "out/package/trace"),
    // Node's own conditions; esbuild would add "module", which Node does not know.
    conditions: [],
    mainFields: ["main"],
    external: NEVER,
    logLevel: "error",
    plugins: llamaFolder === installedLlama ? [] : [otherVersion(installedLlama, llamaFolder)],
  });
  const files = new Map<string, string>();
  const add = (file: string): void => {
    const inLlama = path.relative(llamaFolder, file);
    const below = inLlama.startsWith("..") ? path.relative(modules, file) : path.join("node-llama-cpp", inLlama);
    files.set(below.split(path.sep).join("/"), file);
  };
  for (const input of Object.keys(metafile.inputs)) {
    const file = path.resolve(root, input.replace(/^[\w-]+:/, ""));
    if (input !== "<stdin>" && existsSync(file)) add(file);
  }
  for (const name of BY_PATH) add(name.startsWith("node-llama-cpp/") ? path.join(llamaFolder, name.slice("node-llama-cpp/".length)) : path.join(modules, name));
  for (const name of readdirSync(path.join(modules, "@vscode/tree-sitter-wasm/wasm"))) {
    // Its own runtime stays out (web-tree-sitter is used), and so do two grammars that nothing here reads.
    if (/^tree-sitter-(?!ini|regex).+\.wasm$/.test(name)) add(path.join(modules, "@vscode/tree-sitter-wasm/wasm", name));
  }
  // The package's own, and those in folders below it, which say how Node reads the files there.
  for (const [below, file] of [...files]) {
    let folder = path.dirname(file);
    for (let above = path.posix.dirname(below); above.length >= packageOf(below).length; above = path.posix.dirname(above), folder = path.dirname(folder)) {
      if (existsSync(path.join(folder, "package.json"))) add(path.join(folder, "package.json"));
    }
  }
  return files;
}

/** The package that a path below node_modules belongs to: "@a/b", "a", or "a/node_modules/b" of a nested one. */
export function packageOf(below: string): string {
  const parts = below.split("/");
  const last = parts.lastIndexOf("node_modules") + 1;
  return parts.slice(0, last + (parts[last]?.startsWith("@") ? 2 : 1)).join("/");
}

/** Lets another version of node-llama-cpp find its dependencies where the installed one does. */
function otherVersion(installed: string, folder: string): esbuild.Plugin {
  return {
    name: "another version of node-llama-cpp",
    setup: (build) => {
      build.onResolve({ filter: /^node-llama-cpp$/ }, () => ({ path: path.join(folder, "dist/index.js") }));
      build.onResolve({ filter: /^[^./]/ }, ({ path: name, importer, kind, pluginData }) => {
        if (!importer.startsWith(folder) || pluginData === "seen") return undefined;
        return build.resolve(name, { kind, resolveDir: installed, pluginData: "seen" });
      });
    },
  };
}
