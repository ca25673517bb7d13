// Preloaded into an engine process under test (--require): at SIGUSR2 it collects garbage and writes what the process
// holds to the file named by KALACTICA_PROBE. It changes nothing else. CommonJS without imports of ours, as it loads first.
const fs = require("node:fs");

const file = process.env.KALACTICA_PROBE;
if (file && typeof globalThis.gc === "function") {
  let warnings = 0;
  process.on("warning", (warning) => { if (warning.name === "MaxListenersExceededWarning") warnings++; });
  process.on("SIGUSR2", () => {
    // Twice: what finalisers let go of at the first is collected at the second.
    globalThis.gc();
    setTimeout(() => {
      globalThis.gc();
      const { rss, heapUsed, external } = process.memoryUsage();
      const resources = {};
      for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
      const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
      fs.writeFileSync(`${file}.part`, JSON.stringify({ pid: process.pid, rss, heapUsed, external, resources, listeners, warnings }));
      fs.renameSync(`${file}.part`, file);
    }, 20);
  });
}
