// The memory view: a timeline of what is remembered, each item opening into what it hangs together with. Reads from the engine when the
// view is shown; what an item says and how it is grouped is in memoryWords.ts, what can be done with it in memoryActions.ts.
import * as vscode from "vscode";
import type { MemoryItem, MemoryLink } from "../engine/protocol/memory.ts";
import type { EngineClient } from "./engineClient.ts";
import type { MemoryActions } from "./memoryActions.ts";
import { byTime, description, iconOf, isEditable, linkWords, oneLine } from "./memoryWords.ts";
import { sentenceFor } from "./messages.ts";

/** A group of time, an item, an item at the end of a link, "More", or a sentence where nothing can be shown. */
type Element =
  | { type: "group"; id: string; title: string; items: MemoryItem[] }
  | { type: "item"; item: MemoryItem; parent: string; link: MemoryLink | null }
  | { type: "more" }
  | { type: "message"; text: string };

/** What happened, was said or decided. Files, names and data sets are found under these, and by searching. */
const TIMELINE_KINDS = ["decision", "note", "turn", "execution", "error", "edit", "run"];
const PAGE = 200;
const MORE_COMMAND = "kalactica.internal.showMoreMemory";

export class MemoryTree implements vscode.TreeDataProvider<Element>, vscode.Disposable {
  static readonly viewId = "kalactica.memory";

  readonly #engine: Pick<EngineClient, "request" | "state" | "onState">;
  readonly #actions: MemoryActions;
  readonly #changed = new vscode.EventEmitter<Element | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<Element>;
  readonly #subscriptions: vscode.Disposable;
  #pages = 1;
  /** Something changed while the view was hidden. */
  #stale = false;

  constructor(engine: Pick<EngineClient, "request" | "state" | "onState">, actions: MemoryActions) {
    this.#engine = engine;
    this.#actions = actions;
    this.#view = vscode.window.createTreeView(MemoryTree.viewId, { treeDataProvider: this, showCollapseAll: true });
    this.#subscriptions = vscode.Disposable.from(
      this.#view,
      this.#changed,
      actions.onDidChange(() => {
        this.#pages = 1;
        this.#refresh();
      }),
      engine.onState(({ name }) => { if (name === "ready") this.#refresh(); }),
      this.#view.onDidChangeVisibility(({ visible }) => { if (visible && this.#stale) this.#refresh(); }),
      vscode.commands.registerCommand(MORE_COMMAND, () => {
        this.#pages++;
        this.#refresh();
      }),
    );
  }

  dispose(): void {
    this.#subscriptions.dispose();
  }

  async getChildren(element?: Element): Promise<Element[]> {
    if (this.#engine.state.name !== "ready") return [];
    try {
      if (element === undefined) return await this.#timeline();
      if (element.type === "group") return element.items.map((item) => ({ type: "item", item, parent: element.id, link: null }));
      if (element.type === "item" && element.link === null) {
        const { links } = await this.#engine.request("memory/show", { key: element.item.key });
        return links.map((link) => ({ type: "item", item: link.item, parent: element.item.key, link }));
      }
      return [];
    } catch (error) {
      const text = sentenceFor(error);
      return text === null ? [] : [{ type: "message", text }];
    }
  }

  getTreeItem(element: Element): vscode.TreeItem {
    if (element.type === "group") {
      const group = new vscode.TreeItem(element.title, element.id === "older" || element.id === "month" ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.Expanded);
      group.id = `group ${element.id}`;
      group.description = String(element.items.length);
      return group;
    }
    if (element.type === "message") {
      const message = new vscode.TreeItem(element.text);
      message.iconPath = new vscode.ThemeIcon("warning");
      return message;
    }
    if (element.type === "more") {
      const more = new vscode.TreeItem(vscode.l10n.t("Show More"));
      more.iconPath = new vscode.ThemeIcon("ellipsis");
      more.command = { command: MORE_COMMAND, title: vscode.l10n.t("Show More") };
      return more;
    }
    const { item, link } = element;
    const words = oneLine(item.text === "" ? item.label : item.text);
    const treeItem = new vscode.TreeItem(words, link === null ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None);
    treeItem.id = `${element.parent} ${link?.type ?? ""} ${link?.direction ?? ""} ${item.key}`;
    treeItem.description = link === null ? description(item) : linkWords(link.type, link.direction);
    treeItem.iconPath = new vscode.ThemeIcon(item.holds ? (item.doubted ? "question" : iconOf(item.kind)) : "history", item.holds ? undefined : new vscode.ThemeColor("disabledForeground"));
    treeItem.tooltip = new vscode.MarkdownString().appendText(`${item.text.slice(0, 1_000)}\n\n${description(item)}, ${new Date(item.at).toLocaleString()}`);
    treeItem.contextValue = isEditable(item) ? "memory editable" : "memory";
    treeItem.command = { command: "kalactica.inspectMemory", title: vscode.l10n.t("Inspect"), arguments: [element] };
    treeItem.accessibilityInformation = { label: `${words}, ${treeItem.description}` };
    return treeItem;
  }

  async #timeline(): Promise<Element[]> {
    const query = this.#actions.search;
    this.#view.description = query === "" ? undefined : `“${query}”`;
    const limit = this.#pages * PAGE;
    const { items, overview } = await this.#engine.request("memory/list", { ...(query === "" ? { kinds: TIMELINE_KINDS } : { contains: query, invalidated: true }), limit });
    // An answer stands under its question.
    let shown = items.filter(({ kind, label }) => query !== "" || kind !== "turn" || label !== "assistant");
    if (query !== "") {
      const recalled = await this.#engine.request("memory/recall", { query, k: 20 });
      const keys = new Set(items.map(({ key }) => key));
      shown = [...items, ...recalled.items.filter(({ key }) => !keys.has(key))];
    }
    const groups = byTime(shown, Date.now()).map((group): Element => ({ type: "group", ...group }));
    return items.length === limit && overview.nodes > limit ? [...groups, { type: "more" }] : groups;
  }

  #refresh(): void {
    this.#stale = !this.#view.visible;
    if (this.#view.visible) this.#changed.fire(undefined);
  }
}

/** The item that a command of the view's menus was called on. */
export function itemOf(argument: unknown): MemoryItem | null {
  const element = argument as Element | undefined;
  return typeof element === "object" && "type" in element && element.type === "item" ? element.item : null;
}
