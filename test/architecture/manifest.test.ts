import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { generatedManifest } from "../../tools/manifest.ts";

describe("package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Record<string, unknown>;

  it("carries the settings, commands and views that the tables define (npm run manifest)", () => {
    const { manifest: generated, strings } = generatedManifest();
    for (const [key, expected] of Object.entries(generated)) assert.deepEqual(manifest[key], JSON.parse(JSON.stringify(expected)), key);
    assert.deepEqual(JSON.parse(readFileSync(new URL("../../package.nls.json", import.meta.url), "utf8")), strings);
  });

  it("has a lock file with every platform's binaries, or npm ci refuses it", () => {
    // npm drops other platforms' optional packages from the lock when it is written beside an existing node_modules.
    const lock = JSON.parse(readFileSync(new URL("../../package-lock.json", import.meta.url), "utf8")) as { packages: Record<string, { optionalDependencies?: Record<string, string> }> };
    const wanted = [...Object.keys(lock.packages["node_modules/node-llama-cpp"]!.optionalDependencies!), ...Object.keys(manifest["optionalDependencies"] as Record<string, string>)];
    assert.deepEqual(wanted.filter((name) => !(`node_modules/${name}` in lock.packages)), []);
  });

  it("pins the versions of what the engine is built on", () => {
    const dependencies = manifest["dependencies"] as Record<string, string>;
    for (const [name, range] of Object.entries(dependencies)) assert.match(range, /^\d+\.\d+\.\d+$/, name);
  });
});
