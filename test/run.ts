// The whole suite behind `npm test`: build, types, lint, arrows, unit, process and end-to-end tests, one child
// process each, then one count. Meanwhile it watches that nothing opens a socket to another machine.
// usage: npm test -- [--only PART[,PART…]] [--grep TEXT] [--desktop]
import { spawn } from "node:child_process";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findChromium, NO_CHROMIUM } from "./e2e/chromium.ts";
import { installVSCodeWeb, InstallError } from "./e2e/install.ts";
import { packagedExtension } from "./e2e/packaged.ts";
import { watchSockets } from "../src/engine/base/systemSockets.ts";
import { isChromiumProbe } from "./support/chromiumProbe.ts";
import { readResults } from "./support/testResults.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const PARTS = ["build", "types", "lint", "arrows", "unit", "process", "webview", "inside", "installed"] as const;
type Part = (typeof PARTS)[number];

type Job = () => Promise<void>;
/** What a part of a part needs for itself. */
interface Apart {
  /** Names its file of results. Default: the part. */
  results?: string;
  environment?: Readonly<Record<string, string>>;
}
/** One for each core of a small machine: three were seen to disturb each other more than they saved. */
const AT_ONCE = 2;
const LONG_WINDOWS = ["training.test.ts", "question.test.ts", "firstRun.test.ts", "chatActions.test.ts"];

/** The parts that need a browser. */
const BROWSER_PARTS = ["webview", "inside", "installed"] as const;

const usage = `usage: npm test -- [--only PART[,PART…]] [--grep TEXT] [--desktop]
parts: ${PARTS.join(", ")} (e2e: inside,installed)`;

const isCI = /^(1|true)$/i.test(process.env.CI ?? "");
const options = readOptions();
const scratch = mkdtempSync(path.join(os.tmpdir(), "kalactica-test-"));
const socketLog = path.join(scratch, "sockets.jsonl");
const begun = Date.now();
const count = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];

process.chdir(root);
mkdirSync("out", { recursive: true });
try {
  await runSuite();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
report();

async function runSuite(): Promise<void> {
  if (options.desktop) {
    await tool("build", "Build", ["esbuild.mjs"]);
    await tests("inside", "Desktop VS Code", ["test/e2e/desktop.ts"]);
    return;
  }
  // The installation is the one thing that may use the network, so it is done before sockets are counted.
  const endToEnd = BROWSER_PARTS.some(wants) && (await prepareEndToEnd());

  const sampler = watchSockets(process.pid);
  if (wants("build")) await tool("build", "Build", ["esbuild.mjs"]);
  if (wants("types")) await tool("types", "Types", ["node_modules/typescript-native/bin/tsc", "--noEmit", "-p", "."]);
  // Lint keeps one core busy for a minute and prints only what it finds: unit tests run beside it.
  const lint = wants("lint") ? tool("lint", "Lint", ["node_modules/eslint/bin/eslint.js", "src", "test", "tools"]) : undefined;
  if (wants("arrows")) await mochaTests("arrows", "Arrows", ["test/architecture/**/*.test.ts"], 60_000);
  if (wants("unit")) await mochaTests("unit", "Unit tests", ["test/unit/**/*.test.ts", "test/parity/**/*.test.ts"], 20_000);
  await lint;
  const jobs: Job[] = [];
  if (wants("process")) jobs.push(() => mochaTests("process", "Process tests", ["test/process/**/*.test.ts"], 60_000));
  if (endToEnd && wants("webview")) jobs.push(() => mochaTests("webview", "The pages by themselves, in a browser", ["test/webview/**/*.test.ts"], 60_000));
  if (endToEnd && wants("inside")) jobs.push(() => tests("inside", "End to end, inside the extension host", ["test/e2e/runInsideHost.ts"]));
  if (endToEnd && wants("installed")) jobs.push(...(await windows()));
  await atOnce(jobs.length > 1 ? AT_ONCE : 1, jobs);
  countSockets(sampler.stop().filter((socket) => !isChromiumProbe(socket)).map((socket) => `${socket.protocol} ${socket.local} → ${socket.remote} by process ${socket.pid} (${socket.process})`));
}

/** The windows of VS Code, each file of tests by itself, with the extension as it is packaged; the longest first. */
async function windows(): Promise<Job[]> {
  const folder = path.join(scratch, "packaged");
  await tool("installed", "The package, made and installed", ["test/e2e/packaged.ts", folder]);
  // Set for the windows alone: everything else tests the checkout.
  const packaged = packagedExtension(folder);
  const environment: Record<string, string> = packaged === undefined ? {} : { KALACTICA_EXTENSION: packaged.installed, KALACTICA_PACKAGE: packaged.file };
  const rank = (file: string): number => (LONG_WINDOWS.findIndex((name) => file.endsWith(name)) + LONG_WINDOWS.length + 1) % (LONG_WINDOWS.length + 1);
  return globSync("test/e2e/installed/**/*.test.ts").sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1)).map((file): Job => {
    const name = path.basename(file, ".test.ts");
    return () => mochaTests("installed", `End to end, as installed: ${name}`, [file], 180_000, { results: `installed-${name}`, environment });
  });
}

/** Works through `jobs` in their order, `most` at a time. */
async function atOnce(most: number, jobs: readonly Job[]): Promise<void> {
  const left = jobs.values();
  const work = async (): Promise<void> => {
    for (const job of left) await job();
  };
  await Promise.all(Array.from({ length: most }, work));
}

function wants(part: Part): boolean {
  return options.only.has(part);
}

/** Makes sure of a browser and of VS Code; where they cannot be had, says what is left out. */
async function prepareEndToEnd(): Promise<boolean> {
  heading("VS Code for the browser");
  let reason: string;
  if (findChromium() === undefined) {
    reason = NO_CHROMIUM;
  } else {
    try {
      const vscode = await installVSCodeWeb((line) => console.log(line));
      console.log(vscode.codeServer);
      return true;
    } catch (error) {
      if (!(error instanceof InstallError)) throw error;
      reason = error.message;
    }
  }
  const sentence = `The end-to-end part was left out. ${reason}`;
  console.log(sentence);
  if (isCI) fail(sentence);
  else count.skipped += 1;
  return false;
}

/** Runs a tool that only succeeds or fails; it counts as one test. */
async function tool(name: string, title: string, command: string[]): Promise<void> {
  heading(title);
  const code = await run(command);
  if (code === 0) count.passed += 1;
  else fail(`${title} failed (exit ${code}; \`npm test -- --only ${name}\` repeats it).`);
}

async function mochaTests(name: Part, title: string, patterns: string[], timeoutMs: number, apart: Apart = {}): Promise<void> {
  if (patterns.flatMap((pattern) => globSync(pattern)).length === 0) {
    heading(title);
    fail(`${title}: no test file matches ${patterns.join(" ")}.`);
    return;
  }
  await tests(name, title, ["test/support/runMocha.ts"], [String(timeoutMs), options.grep, ...patterns], apart);
}

/** Runs a script that leaves a result file, and counts what the file says. */
async function tests(name: Part, title: string, command: string[], rest: string[] = [], { results = name, environment = {} }: Apart = {}): Promise<void> {
  heading(title);
  const file = path.join(scratch, `${results}.json`);
  const code = await run([...command, file, ...rest], environment);
  const told = readResults(file);
  if (told === undefined) {
    fail(`${title} ended with ${code} and left no results.`);
    return;
  }
  for (const test of told) {
    if (test.outcome === "passed") count.passed += 1;
    else if (test.outcome === "skipped") count.skipped += 1;
    else fail(`${title}: ${test.title}\n${indent(test.error ?? "")}`);
  }
  if (code !== 0 && !told.some((test) => test.outcome === "failed")) fail(`${title} ended with ${code} although no test failed.`);
}

/** Runs a script with this Node, its output passed through, the socket guard preloaded; resolves with its exit code. */
function run(command: string[], environment: Readonly<Record<string, string>> = {}): Promise<number | string> {
  const guard = path.join(root, "test/support/socketGuard.cjs");
  const env = {
    ...process.env,
    ...environment,
    ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
    KALACTICA_GREP: options.grep,
    KALACTICA_SOCKET_LOG: socketLog,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ""} --require=${guard}`.trim(),
  };
  const child = spawn(process.execPath, command, { stdio: "inherit", env });
  return new Promise((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
  });
}

/** The promise that nothing leaves the machine, over everything above: one test. */
function countSockets(sampled: string[]): void {
  heading("Sockets to other machines");
  const recorded = existsSync(socketLog) ? readFileSync(socketLog, "utf8").trim().split("\n") : [];
  const all = [...new Set([...recorded, ...sampled])];
  console.log(`${all.length} opened or attempted${process.platform === "linux" ? "" : " (seen from JavaScript only: the system's tables are read on Linux)"}`);
  if (all.length === 0) count.passed += 1;
  else fail(`A test run opens no socket but loopback ones; these were seen:\n${indent(all.slice(0, 20).join("\n"))}`);
}

function heading(title: string): void {
  console.log(`\n=== ${title} (${Math.round((Date.now() - begun) / 1000)} s)`);
}

function fail(message: string): void {
  count.failed += 1;
  failures.push(message);
}

function indent(text: string): string {
  return text.replace(/^/gm, "    ");
}

function report(): void {
  heading("Result");
  for (const [i, failure] of failures.entries()) console.log(`${i + 1}) ${failure}`);
  console.log(`${count.passed} passed, ${count.failed} failed${count.skipped > 0 ? `, ${count.skipped} skipped` : ""}`);
  process.exitCode = count.failed === 0 && count.passed > 0 ? 0 : 1;
}

function readOptions(): { only: ReadonlySet<Part>; grep: string; desktop: boolean } {
  let values: { only?: string; grep?: string; desktop?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({ options: { only: { type: "string" }, grep: { type: "string" }, desktop: { type: "boolean" }, help: { type: "boolean" } } }));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exit(2);
  }
  if (values.help === true) {
    console.log(usage);
    process.exit(0);
  }
  const names = values.only?.split(",").flatMap((name) => (name === "e2e" ? ["inside", "installed"] : [name]));
  const unknown = names?.find((name) => !(PARTS as readonly string[]).includes(name));
  if (unknown !== undefined) {
    console.error(`There is no part "${unknown}".\n${usage}`);
    process.exit(2);
  }
  return { only: new Set((names as Part[] | undefined) ?? PARTS), grep: values.grep ?? "", desktop: values.desktop === true };
}
