// Bundles the chat view and the tests' fake host into a folder, as esbuild.mjs does for the package.
import path from "node:path";
import { build } from "esbuild";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** Writes chat.js, chat.css, codicon.ttf and fakeHost.js into `outDir`. Returns the size of chat.js in bytes. */
export async function bundleChat(outDir: string): Promise<number> {
  const common = { bundle: true, platform: "browser", format: "iife", target: "es2024", jsx: "automatic", jsxImportSource: "preact", outdir: outDir, logLevel: "error" } as const;
  const chat = await build({
    ...common, absWorkingDir: ROOT, entryPoints: { chat: "src/webview/chat/main.tsx" }, minify: true, legalComments: "none",
    loader: { ".ttf": "copy" }, assetNames: "[name]", metafile: true,
  });
  await build({ ...common, absWorkingDir: ROOT, entryPoints: { fakeHost: "test/webview/fakeHost.ts" } });
  return Object.entries(chat.metafile.outputs).find(([file]) => file.endsWith("chat.js"))?.[1].bytes ?? 0;
}
