// Bundles what runs: the extension (CommonJS, the only bundle that may import `vscode`), the engine, the command line
// and the trainer (ES modules sharing chunks; an import of `vscode` there fails the build), and the webviews.
// Native and WebAssembly packages stay outside the bundles and are loaded from node_modules.
import * as esbuild from "esbuild";
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";

const watch = process.argv.includes("--watch");
const production = process.argv.includes("--production");

const NATIVE = ["node-llama-cpp", "koffi", "hnswlib-node", "vectra", "web-tree-sitter", "@vscode/tree-sitter-wasm"];
const common = {
  bundle: true,
  sourcemap: production ? false : "linked",
  minify: production,
  target: "es2024",
  logLevel: "info",
  legalComments: "none",
};

/** @type {esbuild.BuildOptions[]} */
const bundles = [
  {
    ...common,
    entryPoints: { extension: "src/extension/extension.ts" },
    outdir: "dist",
    outExtension: { ".js": ".cjs" },
    platform: "node",
    format: "cjs",
    external: ["vscode"],
  },
  {
    ...common,
    entryPoints: Object.fromEntries(
      [["engine", "src/engine/main.ts"], ["cli", "src/engine/cli.ts"], ["trainer", "src/engine/trainer.ts"]]
        .filter(([, file]) => existsSync(file)),
    ),
    outdir: "dist",
    outExtension: { ".js": ".mjs" },
    platform: "node",
    format: "esm",
    splitting: true,
    chunkNames: "chunks/[name]-[hash]",
    external: NATIVE,
    // CommonJS dependencies inside an ES module bundle still call require for Node's own modules.
    banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  },
  {
    ...common,
    entryPoints: { chat: "src/webview/chat/main.tsx", monitor: "src/webview/monitor/main.tsx" },
    outdir: "dist/webview",
    platform: "browser",
    format: "iife",
    jsx: "automatic",
    jsxImportSource: "preact",
    loader: { ".ttf": "copy" },
    assetNames: "[name]",
  },
];

if (!watch) rmSync("dist", { recursive: true, force: true });
mkdirSync("dist/webview", { recursive: true });
copyFileSync("node_modules/@vscode/codicons/dist/codicon.ttf", "dist/webview/codicon.ttf");

if (watch) {
  const contexts = await Promise.all(bundles.map((options) => esbuild.context(options)));
  await Promise.all(contexts.map((context) => context.watch()));
} else {
  await Promise.all(bundles.map((options) => esbuild.build(options)));
}
