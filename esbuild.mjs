// Bundles what runs: the extension (CommonJS, the only bundle that may import `vscode`), the engine, the command line
// and the trainer (ES modules sharing chunks; an import of `vscode` there fails the build), and the webviews.
// Native and WebAssembly packages stay outside the bundles and are loaded from node_modules.
// usage: node esbuild.mjs [--watch] [--production]; tools/package/ calls `build` for a folder of its own.
import * as esbuild from "esbuild";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.dirname(fileURLToPath(import.meta.url));

/** Packages that stay outside the bundles: native or WebAssembly, or loaded by file. */
export const EXTERNAL = ["node-llama-cpp", "koffi", "hnswlib-node", "vectra", "web-tree-sitter", "@vscode/tree-sitter-wasm"];

/**
 * @param {string} outdir
 * @param {boolean} production minified and without source maps
 * @returns {esbuild.BuildOptions[]}
 */
function bundles(outdir, production) {
  const common = {
    absWorkingDir: root,
    bundle: true,
    sourcemap: production ? false : "linked",
    minify: production,
    target: "es2024",
    logLevel: production ? "warning" : "info",
    legalComments: "none",
    metafile: true,
  };
  return [
    {
      ...common,
      // The hook that VS Code runs after an uninstallation is a process of its own (src/extension/uninstall.ts).
      entryPoints: entries([["extension", "src/extension/extension.ts"], ["uninstall", "src/extension/uninstall.ts"]]),
      outdir,
      outExtension: { ".js": ".cjs" },
      platform: "node",
      format: "cjs",
      external: ["vscode"],
    },
    {
      ...common,
      entryPoints: entries([["engine", "src/engine/main.ts"], ["cli", "src/engine/cli.ts"], ["trainer", "src/engine/trainer.ts"]]),
      outdir,
      outExtension: { ".js": ".mjs" },
      platform: "node",
      format: "esm",
      splitting: true,
      chunkNames: "chunks/[name]-[hash]",
      external: EXTERNAL,
      // CommonJS dependencies inside an ES module bundle still call require for Node's own modules.
      banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
    },
    {
      ...common,
      entryPoints: entries([["chat", "src/webview/chat/main.tsx"], ["monitor", "src/webview/monitor/main.tsx"], ["evaluation", "src/webview/evaluation/main.tsx"], ["gallery", "src/webview/gallery/main.tsx"]]),
      outdir: path.join(outdir, "webview"),
      platform: "browser",
      format: "iife",
      jsx: "automatic",
      jsxImportSource: "preact",
      loader: { ".ttf": "copy" },
      assetNames: "[name]",
    },
  ];
}

/** @param {[string, string][]} files */
function entries(files) {
  return Object.fromEntries(files.filter(([, file]) => existsSync(path.join(root, file))));
}

/** @param {string} outdir */
function prepare(outdir) {
  mkdirSync(path.join(outdir, "webview"), { recursive: true });
  copyFileSync(path.join(root, "node_modules/@vscode/codicons/dist/codicon.ttf"), path.join(outdir, "webview/codicon.ttf"));
}

/**
 * Builds everything anew into `outdir` and resolves with esbuild's accounts of what went into which bundle.
 * @param {{ outdir: string, production: boolean }} options
 * @returns {Promise<esbuild.Metafile[]>}
 */
export async function build({ outdir, production }) {
  rmSync(outdir, { recursive: true, force: true });
  prepare(outdir);
  const results = await Promise.all(bundles(outdir, production).map((options) => esbuild.build(options)));
  return results.map(({ metafile }) => /** @type {esbuild.Metafile} */ (metafile));
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const outdir = path.join(root, "dist");
  const production = process.argv.includes("--production");
  if (process.argv.includes("--watch")) {
    prepare(outdir);
    const contexts = await Promise.all(bundles(outdir, production).map((options) => esbuild.context(options)));
    await Promise.all(contexts.map((context) => context.watch()));
  } else {
    await build({ outdir, production });
  }
}
