import assert from "node:assert/strict";
import { cruise } from "dependency-cruiser";
import type { ICruiseResult } from "dependency-cruiser";
import { FORBIDDEN } from "./arrows.ts";

async function violations(folders: string[], baseDir?: string): Promise<string[]> {
  const { output } = await cruise(folders, {
    validate: true,
    ruleSet: { forbidden: FORBIDDEN },
    tsPreCompilationDeps: true,
    doNotFollow: { path: "node_modules" },
    ...(baseDir ? { baseDir } : {}),
  });
  return (output as ICruiseResult).summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`);
}

describe("arrows between rooms", function () {
  this.timeout(60_000);

  it("hold in the whole source tree, type-only imports counted", async () => {
    assert.deepEqual(await violations(["src"]), []);
  });

  it("leave no other way out: no global fetch, WebSocket or EventSource in what runs outside the browser", async () => {
    const { globSync, readFileSync } = await import("node:fs");
    const found = globSync("src/{engine,extension}/**/*.ts").filter((file) => /(?<![.\w"'`])(?:fetch\(|new (?:WebSocket|EventSource|XMLHttpRequest)\b)/.test(readFileSync(file, "utf8")));
    assert.deepEqual(found, []);
  });

  it("are seen when they are broken", async () => {
    const { mkdtemp, mkdir, writeFile } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    const path = await import("node:path");
    const folder = await mkdtemp(path.join(tmpdir(), "kalactica-arrows-"));
    const put = async (file: string, text: string) => {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
      await writeFile(path.join(folder, file), text);
    };
    await put("src/engine/safety/screen.ts", "export type Screen = string;\n");
    await put("src/engine/retrieval/search.ts", "import type { Screen } from \"../safety/screen.ts\";\nexport const s: Screen = \"\";\n");
    await put("src/extension/view.ts", "import { s } from \"../engine/retrieval/search.ts\";\nexport const v = s;\n");
    await put("src/engine/retrieval/remote.ts", "import https from \"node:https\";\nexport const agent = https.globalAgent;\n");
    const found = await violations(["src"], folder);
    assert.ok(found.some((violation) => violation.startsWith("retrieval-knows-no-sibling")), found.join("\n"));
    assert.ok(found.some((violation) => violation.startsWith("extension-knows-only-protocols-and-settings")), found.join("\n"));
    assert.ok(found.some((violation) => violation.startsWith("connections-are-opened-in-one-place: src/engine/retrieval/remote.ts")), found.join("\n"));
  });
});
