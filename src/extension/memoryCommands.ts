// The commands about memory, as the palette and the menus of the memory view call them.
import * as vscode from "vscode";
import type { CommandId } from "./contributions.ts";
import type { MemoryActions } from "./memoryActions.ts";
import { itemOf, MemoryTree } from "./memoryTree.ts";

type MemoryCommandId = Extract<CommandId, "showMemory" | "remember" | "searchMemory" | "clearMemorySearch" | "refreshMemory" | "inspectMemory" | "editMemory" | "pinMemory" | "forgetMemory">;

export function memoryCommands(memory: MemoryActions): Record<MemoryCommandId, (argument?: unknown) => Promise<void> | void> {
  const show = (said: string | null): void => {
    if (said !== null) vscode.window.setStatusBarMessage(said, 5_000);
  };
  return {
    showMemory: async () => {
      await vscode.commands.executeCommand(`${MemoryTree.viewId}.focus`);
    },
    remember: async (argument) => show(await memory.remember(typeof argument === "string" ? argument : "")),
    searchMemory: () => memory.searchFor(),
    clearMemorySearch: () => memory.setSearch(""),
    refreshMemory: () => memory.refresh(),
    inspectMemory: async (argument) => {
      const item = itemOf(argument);
      if (item) await memory.inspect(item.key);
    },
    editMemory: async (argument) => {
      const item = itemOf(argument);
      if (item) await memory.edit(item);
    },
    pinMemory: async (argument) => {
      const item = itemOf(argument);
      if (item) await memory.pin(item);
    },
    forgetMemory: async (argument) => {
      const item = itemOf(argument);
      if (item) await memory.forgetItem(item);
      else show(await memory.forget(""));
    },
  };
}
