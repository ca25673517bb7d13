// Runs the inside-host suites in code-server: the page's address carries a payload that makes the workbench load
// the extension in development mode and start the tests. The result counts only if the runner wrote its file.
// usage: node test/e2e/runInsideHost.ts RESULT_FILE [EXTENSION_FOLDER]
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { bundleInsideHost } from "./bundleInsideHost.ts";
import { launchChromium } from "./chromium.ts";
import { installVSCodeWeb } from "./install.ts";
import { startServer } from "./server.ts";
import { readResults } from "../support/testResults.ts";
import { repository, socketGuard, watchPage } from "./workbench.ts";

const TIMEOUT_MS = 240_000;
/** VS Code's own agent host says many times over that nobody has signed in. */
const AGENT_CHATTER = /AgentHost|Authentication provider/;

const [resultFile, extension = repository] = process.argv.slice(2);
if (resultFile === undefined) throw new Error("usage: runInsideHost.ts RESULT_FILE [EXTENSION_FOLDER]");

const tests = await bundleInsideHost();
const vscode = await installVSCodeWeb((line) => console.log(line));
const root = mkdtempSync(path.join(os.tmpdir(), "kalactica-e2e-"));
const workspace = path.join(root, "workspace");
cpSync(path.join(repository, "test/fixtures/workspace"), workspace, { recursive: true });

const server = await startServer(vscode, {
  root,
  smokeTestDriver: true,
  preload: socketGuard,
  settings: { "editor.autoClosingBrackets": "never", "workbench.welcomePage.walkthroughs.openOnInstall": false },
  env: { KALACTICA_RESULT_FILE: path.resolve(resultFile), ...(process.env.KALACTICA_GREP ? { KALACTICA_GREP: process.env.KALACTICA_GREP } : {}) },
});
let exitCode = 1;
const browser = await launchChromium();
try {
  const page = await (await browser.newContext({ viewport: { width: 1400, height: 900 } })).newPage();
  const consoleFile = path.join(root, "console.log");
  watchPage(page, consoleFile);
  const finished = new Promise<number>((resolve) => {
    void page.exposeFunction("codeAutomationExit", (code: number) => resolve(code));
  });
  await page.exposeFunction("codeAutomationLog", () => undefined);
  const authority = `vscode-remote://localhost:${server.port}`;
  const payload = JSON.stringify([
    ["extensionDevelopmentPath", `${authority}${path.resolve(extension)}`],
    ["extensionTestsPath", `${authority}${tests}`],
  ]);
  await page.goto(`http://localhost:${server.port}/?folder=${encodeURIComponent(workspace)}&payload=${encodeURIComponent(payload)}`, { waitUntil: "commit", timeout: 90_000 });
  const timeout = new Promise<"timeout">((resolve) => setTimeout(() => resolve("timeout"), TIMEOUT_MS).unref());
  const code = await Promise.race([finished, timeout]);
  if (code === "timeout") console.error(`The suites did not end within ${TIMEOUT_MS / 1000} s.`);
  else if (!existsSync(resultFile)) console.error(`The extension host ended with ${code} and left no result file.`);
  else exitCode = code;
  for (const test of readResults(resultFile) ?? []) {
    const mark = { passed: "✔", failed: "✖", skipped: "-" }[test.outcome];
    console.log(`  ${mark} ${test.title} (${test.ms} ms)${test.error === undefined ? "" : `\n${test.error}`}`);
  }
  if (exitCode !== 0 && existsSync(consoleFile)) console.error(`The end of the browser's console:\n${readFileSync(consoleFile, "utf8").split("\n").filter((line) => !AGENT_CHATTER.test(line)).join("\n").slice(-6000)}`);
} finally {
  await browser.close();
  await server.stop();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(exitCode);
