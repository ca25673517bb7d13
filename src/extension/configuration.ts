// Reads the user's settings as the engine wants them: a flat record keyed as in src/engine/settings.ts.
import * as vscode from "vscode";
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
