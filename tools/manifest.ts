// Writes the generated part of package.json, and its texts to package.nls.json: settings from src/engine/settings.ts, the rest from
// src/extension/contributions.ts. `node tools/manifest.ts` writes; a test calls `generatedManifest` and compares.
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileAtomic } from "../src/engine/base/files.ts";
import { SETTINGS } from "../src/engine/settings.ts";
import type { Setting } from "../src/engine/settings.ts";
import { staticContributions } from "../src/extension/contributions.ts";
import { takeOutStrings } from "./manifestStrings.ts";

/** The parts of package.json that are generated, by their keys there. */
interface GeneratedParts { contributes: Record<string, unknown>; capabilities: Record<string, unknown>; l10n: string }

/** The generated parts as package.json has them, with keys for texts, and the English texts by key. */
export function generatedManifest(): { manifest: GeneratedParts; strings: Record<string, string> } {
  return takeOutStrings(generatedParts());
}

function generatedParts(): GeneratedParts {
  const settings: Record<string, Setting> = SETTINGS;
  const properties = Object.fromEntries(Object.entries(settings).map(([key, setting]) => [`kalactica.${key}`, schemaOf(setting)]));
  const restricted = Object.entries(settings).filter(([, setting]) => setting.restricted).map(([key]) => `kalactica.${key}`);
  return {
    contributes: { ...staticContributions(), configuration: { title: "KaLactica", properties } },
    capabilities: {
      untrustedWorkspaces: {
        supported: "limited",
        description: "Search, answers and completions work. Models named by the workspace are not loaded, and nothing is downloaded, executed or trained.",
        restrictedConfigurations: restricted,
      },
      virtualWorkspaces: { supported: "limited", description: "Chat and completions work on open files; there is no index of a workspace without files on disk." },
    },
    // Where VS Code finds the translations of what the extension says while it runs.
    l10n: "./l10n",
  };
}

function schemaOf(setting: Setting): Record<string, unknown> {
  const common = { default: setting.default, description: setting.description, scope: setting.restricted ? "machine-overridable" : "window" };
  switch (setting.type) {
    case "boolean":
      return { type: "boolean", ...common };
    case "number":
      return { type: "number", minimum: setting.minimum, maximum: setting.maximum, ...common };
    case "list":
      return { type: "array", items: { type: "string" }, ...common };
    case "string":
      return { type: "string", ...(setting.values ? { enum: setting.values, enumDescriptions: setting.valueDescriptions } : {}), ...common };
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
  const file = path.join(root, "package.json");
  const { manifest, strings } = generatedManifest();
  await writeFileAtomic(file, `${JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>, ...manifest }, null, 2)}\n`);
  await writeFileAtomic(path.join(root, "package.nls.json"), `${JSON.stringify(strings, null, 2)}\n`);
}
