#!/usr/bin/env node
// Runs a script with the Node that this project pins, whatever Node started this one (20 or later).
// The pinned Node comes with `npm ci` as an optional package for the machine's platform; where there is
// none, a current Node of 22.13 or later will do, since `node:sqlite` and type stripping are all that is
// needed. Downloads nothing.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** The first Node with `node:sqlite` without a flag. */
const OLDEST = [22, 13];
/** From these on, TypeScript runs without a flag; 22.13–22.17 and 23.0–23.5 want `--experimental-strip-types`. */
const STRIPS_TYPES = { 22: 18, 23: 6 };

/** npm package and file of the pinned Node for this machine. */
function pinnedNode() {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const file = process.platform === "win32" ? "node.exe" : "node";
  return path.join(root, "node_modules", `node-${platform}-${process.arch}`, "bin", file);
}

/**
 * The Node to run with, and the flags that it needs for TypeScript.
 * @returns {{ file: string, flags: string[] } | undefined} undefined where no Node will do
 */
export function findNode() {
  const pinned = pinnedNode();
  if (existsSync(pinned)) return { file: pinned, flags: [] };
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) return undefined;
  const strips = STRIPS_TYPES[major];
  return { file: process.execPath, flags: strips !== undefined && minor < strips ? ["--experimental-strip-types"] : [] };
}

/**
 * Runs `script` (a path relative to the repository) and resolves with its exit code. Ctrl+C and SIGTERM
 * reach the script, which decides when to end.
 * @param {string} script
 * @param {string[]} args
 * @returns {Promise<number>}
 */
export function runWithNode24(script, args) {
  const node = findNode();
  if (node === undefined) {
    console.error(
      `This is Node ${process.versions.node}, and the pinned Node for ${process.platform}-${process.arch} is not installed. ` +
        "Run `npm ci` without `--omit=optional`, or use Node 22.13 or later.",
    );
    return Promise.resolve(1);
  }
  // The pinned Node goes first on the PATH, so that what the script starts (npm, add-on builds) uses it as well.
  const env = { ...process.env, PATH: path.dirname(node.file) + path.delimiter + (process.env.PATH ?? "") };
  const child = spawn(node.file, [...node.flags, path.resolve(root, script), ...args], { stdio: "inherit", env });
  // On a terminal Ctrl+C reaches the child by itself; here we only must not end before it does.
  const stay = () => {};
  const pass = () => child.kill("SIGTERM");
  process.on("SIGINT", stay);
  process.on("SIGTERM", pass);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`${node.file} could not be started: ${error.message}. Run \`npm ci\` again.`);
      resolve(1);
    });
    child.on("exit", (code, signal) => {
      process.off("SIGINT", stay);
      process.off("SIGTERM", pass);
      resolve(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0));
    });
  });
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const [script, ...args] = process.argv.slice(2);
  if (script === undefined) {
    console.error("usage: node tools/node24.mjs SCRIPT [ARGUMENT…]");
    process.exitCode = 2;
  } else {
    process.exitCode = await runWithNode24(script, args);
  }
}
