// Runs mocha over the given patterns, prints the usual report and leaves a result file. Started by test/run.ts,
// one process per part, so that parts cannot disturb one another.
// usage: node test/support/runMocha.ts RESULT_FILE TIMEOUT_MS GREP PATTERN…   (an empty GREP means all)
import { globSync } from "node:fs";
import Mocha from "mocha";
import { collectResults, writeResults } from "./testResults.ts";

const [resultFile, timeoutMs, grep, ...patterns] = process.argv.slice(2);
if (resultFile === undefined || timeoutMs === undefined || patterns.length === 0) {
  throw new Error("usage: runMocha.ts RESULT_FILE TIMEOUT_MS GREP PATTERN…");
}

const mocha = new Mocha({ ui: "bdd", reporter: "spec", timeout: Number(timeoutMs), ...(grep ? { grep } : {}) });
for (const file of patterns.flatMap((pattern) => globSync(pattern)).sort()) mocha.addFile(file);
await mocha.loadFilesAsync();

const results = collectResults(
  mocha.run((failures) => {
    writeResults(resultFile, results);
    process.exitCode = failures === 0 ? 0 : 1;
    // A test that leaves something running would hold the whole suite; the results are written, so it may end now.
    setTimeout(() => {
      console.error("Something was still running 5 s after the last test; ended.");
      process.exit();
    }, 5000).unref();
  }),
);
