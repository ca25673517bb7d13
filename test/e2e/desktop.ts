// Runs the inside-host suites in the desktop VS Code, which @vscode/test-electron downloads: for those who can and
// want to. `npm test` uses code-server instead (runInsideHost.ts), with the same suites.
// usage: node test/e2e/desktop.ts RESULT_FILE
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { runTests } from "@vscode/test-electron";
import { readResults } from "../support/testResults.ts";
import { bundleInsideHost } from "./bundleInsideHost.ts";
import { repository } from "./workbench.ts";

const [resultFile] = process.argv.slice(2);
if (resultFile === undefined) throw new Error("usage: desktop.ts RESULT_FILE");

const root = mkdtempSync(path.join(os.tmpdir(), "kalactica-desktop-"));
const workspace = path.join(root, "workspace");
cpSync(path.join(repository, "test/fixtures/workspace"), workspace, { recursive: true });
try {
  process.exitCode = await runTests({
    cachePath: path.join(os.homedir(), ".cache/kalactica/vscode-desktop"),
    extensionDevelopmentPath: repository,
    extensionTestsPath: await bundleInsideHost(),
    extensionTestsEnv: { KALACTICA_RESULT_FILE: path.resolve(resultFile) },
    launchArgs: [workspace, "--disable-telemetry", "--disable-updates", "--disable-extensions", "--disable-workspace-trust", `--user-data-dir=${path.join(root, "user-data")}`],
  });
} catch (error) {
  console.error(`The desktop VS Code could not be downloaded or started: ${String(error)}. Without it, \`npm test\` runs the same suites in code-server.`);
  process.exitCode = 1;
} finally {
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
for (const test of readResults(resultFile) ?? []) console.log(`  ${test.outcome}: ${test.title}${test.error === undefined ? "" : `\n${test.error}`}`);
