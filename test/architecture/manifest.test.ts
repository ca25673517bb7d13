import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { generatedManifest } from "../../tools/manifest.ts";

describe("package.json", () => {
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as Record<string, unknown>;

  it("carries the settings, commands and views that the tables define (npm run manifest)", () => {
    for (const [key, expected] of Object.entries(generatedManifest())) {
      assert.deepEqual(manifest[key], JSON.parse(JSON.stringify(expected)), key);
    }
  });

  it("pins the versions of what the engine is built on", () => {
    const dependencies = manifest["dependencies"] as Record<string, string>;
    for (const [name, range] of Object.entries(dependencies)) assert.match(range, /^\d+\.\d+\.\d+$/, name);
  });
});
