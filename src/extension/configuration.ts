// Reads the user's settings as the engine wants them: a flat record keyed as in src/engine/settings.ts.
import * as vscode from "vscode";
import type { ProxyChoice } from "../engine/protocol/messages.ts";
import { SETTINGS } from "../engine/settings.ts";

/** Values of all settings, explicitly set or default. Unknown keys under "kalactica" are passed on so that the engine can refuse them by name. */
export function readConfiguration(): Record<string, unknown> {
  const configuration = vscode.workspace.getConfiguration("kalactica");
  const values: Record<string, unknown> = {};
  for (const key of Object.keys(SETTINGS)) values[key] = configuration.get(key);
  for (const room of Object.keys(configuration)) {
    const section: unknown = configuration.get(room);
    if (typeof section !== "object" || section === null) continue;
    for (const name of Object.keys(section)) {
      const key = `${room}.${name}`;
      if (!(key in values)) values[key] = (section as Record<string, unknown>)[name];
    }
  }
  return values;
}

/** VS Code's proxy, for the engine: its own settings, where they are set; null to go by the environment. */
export function readProxy(): ProxyChoice | null {
  const http = vscode.workspace.getConfiguration("http");
  if (http.get<string>("proxySupport") === "off") return { url: "", noProxy: [] };
  const url = http.get<string>("proxy") ?? "";
  return url === "" ? null : { url, noProxy: http.get<string[]>("noProxy") ?? [] };
}
