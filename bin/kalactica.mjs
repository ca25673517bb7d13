#!/usr/bin/env node
// Runs the command line with a Node that has node:sqlite: the one pinned through npm, or this one when it is new enough.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findNode } from "../tools/node24.mjs";

const bundle = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "dist", "cli.mjs");
if (!existsSync(bundle)) {
  console.error("The command line has not been built yet: dist/cli.mjs is missing. Run \"npm run build\" in the package's folder.");
  process.exit(1);
}
const node = findNode();
if (!node) {
  console.error(`This is Node ${process.versions.node}, and KaLactica's engine needs Node 22.13 or newer. Install one, or run "npm ci" in the package's folder, which brings it along.`);
  process.exit(1);
}
const child = spawn(node.file, ["--disable-warning=ExperimentalWarning", bundle, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
