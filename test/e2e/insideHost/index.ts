// Entry of the suites that run inside the extension host, in code-server (../runInsideHost.ts) and in the desktop
// VS Code (../desktop.ts) alike. Bundled before the run, because an Electron host reads no TypeScript.
import Mocha from "mocha";
import { collectResults, writeResults } from "../../support/testResults.ts";

/** What VS Code calls with `extensionTestsPath`. Rejects where a test failed. */
export async function run(): Promise<void> {
  const file = process.env.KALACTICA_RESULT_FILE;
  if (file === undefined) throw new Error("KALACTICA_RESULT_FILE is not set, so the results have no place to go.");
  const mocha = new Mocha({ ui: "bdd", reporter: "min", timeout: 60_000, ...(process.env.KALACTICA_GREP ? { grep: process.env.KALACTICA_GREP } : {}) });
  // The suites call describe() while they are imported, so the interface has to be there before.
  mocha.suite.emit("pre-require", globalThis, "", mocha);
  await import("./suites.ts");
  const failures = await new Promise<number>((resolve) => {
    const results = collectResults(
      mocha.run((count) => {
        writeResults(file, results);
        resolve(count);
      }),
    );
  });
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
