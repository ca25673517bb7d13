// Bundles the suites that run inside the extension host into one file, since an Electron host reads no TypeScript
// and resolves no `.ts` imports.
import path from "node:path";
import { build } from "esbuild";
import { repository } from "./workbench.ts";

/** Builds the bundle and returns its path. `entry` is for trying the harness itself. */
export async function bundleInsideHost(entry: string = path.join(repository, "test/e2e/insideHost/index.ts")): Promise<string> {
  const outfile = path.join(repository, "out/e2e/insideHost.mjs");
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node22",
    sourcemap: "inline",
    // vscode is the host's; mocha is loaded from node_modules as it is.
    external: ["vscode", "mocha"],
    // CommonJS packages that come in with the extension's own modules ask for Node's by `require`.
    banner: { js: 'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);' },
    logLevel: "warning",
  });
  return outfile;
}
