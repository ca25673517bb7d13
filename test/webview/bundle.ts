// Bundles the pages and the tests' fake hosts into a folder, as esbuild.mjs does for the package.
import path from "node:path";
import { build } from "esbuild";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** The pages by the names of their bundles. */
export type PageName = "chat" | "monitor" | "evaluation";

/** Writes each page's script and styles, codicon.ttf and the fake hosts into `outDir`. Returns the sizes of the scripts in bytes. */
export async function bundlePages(outDir: string): Promise<Record<PageName, number>> {
  const common = { bundle: true, platform: "browser", format: "iife", target: "es2024", jsx: "automatic", jsxImportSource: "preact", outdir: outDir, logLevel: "error" } as const;
  const pages = await build({
    ...common, absWorkingDir: ROOT, entryPoints: { chat: "src/webview/chat/main.tsx", monitor: "src/webview/monitor/main.tsx", evaluation: "src/webview/evaluation/main.tsx" }, minify: true, legalComments: "none",
    loader: { ".ttf": "copy" }, assetNames: "[name]", metafile: true,
  });
  await build({ ...common, absWorkingDir: ROOT, entryPoints: { chatHost: "test/webview/fakeHost.ts", monitorHost: "test/webview/fakeMonitorHost.ts", evaluationHost: "test/webview/fakeEvaluationHost.ts" } });
  const bytesOf = (name: PageName): number => Object.entries(pages.metafile.outputs).find(([file]) => file.endsWith(`${name}.js`))?.[1].bytes ?? 0;
  return { chat: bytesOf("chat"), monitor: bytesOf("monitor"), evaluation: bytesOf("evaluation") };
}
