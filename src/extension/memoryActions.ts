// What the user does with memory, from the chat, the palette and the memory view alike: remember, forget, edit, pin, inspect, search.
// Asks the engine and shows VS Code's own inputs; it keeps nothing but the words that the view is filtered by.
import * as vscode from "vscode";
import type { MemoryItem } from "../engine/protocol/memory.ts";
import type { EngineClient } from "./engineClient.ts";
import { description, iconOf, isDecision, isEditable, itemPage, oneLine } from "./memoryWords.ts";
import type { ReportDocuments } from "./reportDocuments.ts";

const MAXIMUM_LISTED = 200;

export class MemoryActions implements vscode.Disposable {
  readonly #engine: Pick<EngineClient, "request">;
  readonly #documents: ReportDocuments;
  readonly #forgotten = new vscode.EventEmitter<readonly string[]>();
  readonly #changed = new vscode.EventEmitter<void>();
  /** Keys that are gone: chips of them must go too. */
  readonly onDidForget = this.#forgotten.event;
  /** Something was remembered, changed or forgotten, or other words are looked for. */
  readonly onDidChange = this.#changed.event;
  #search = "";

  constructor(engine: Pick<EngineClient, "request">, documents: ReportDocuments) {
    this.#engine = engine;
    this.#documents = documents;
  }

  get search(): string {
    return this.#search;
  }

  dispose(): void {
    this.#forgotten.dispose();
    this.#changed.dispose();
  }

  refresh(): void {
    this.#changed.fire();
  }

  /** Remembers `text`, or what the user types where it is empty; returns a sentence to show, or null where nothing was done. */
  async remember(text: string, session?: string): Promise<string | null> {
    const words = text.trim() !== "" ? text.trim() : (await vscode.window.showInputBox({ title: vscode.l10n.t("Remember"), prompt: vscode.l10n.t("A fact or decision about this folder; it stays on this machine"), ignoreFocusOut: true }))?.trim();
    if (words === undefined || words === "") return null;
    const item = await this.#engine.request("memory/remember", { text: words, kind: isDecision(words) ? "decision" : "note", ...(session === undefined ? {} : { session }) });
    this.#changed.fire();
    return vscode.l10n.t("Remembered: {0}", oneLine(item.text, 80));
  }

  /** Lets the user choose among what has the words of `text` and forgets it for good; returns a sentence to show, or null. */
  async forget(text: string): Promise<string | null> {
    const query = text.trim();
    const found = query === "" ? (await this.#engine.request("memory/list", { limit: MAXIMUM_LISTED })).items : await this.#matching(query);
    if (found.length === 0) return query === "" ? vscode.l10n.t("Nothing is remembered yet.") : vscode.l10n.t("Nothing that is remembered has these words: {0}", query);
    const picked = await vscode.window.showQuickPick(found.map((item) => ({ label: `$(${iconOf(item.kind)}) ${oneLine(item.text, 90)}`, description: description(item), item })), {
      title: vscode.l10n.t("Forget"), placeHolder: vscode.l10n.t("Choose what to forget for good"), canPickMany: true, matchOnDescription: true, ignoreFocusOut: true,
    });
    if (!picked || picked.length === 0) return null;
    return this.#forgetItems(picked.map(({ item }) => item));
  }

  /** Asks once more and forgets `item` for good. */
  async forgetItem(item: MemoryItem): Promise<void> {
    const said = await this.#forgetItems([item]);
    if (said !== null) vscode.window.setStatusBarMessage(said, 5_000);
  }

  /** Writes an item anew: the old one stays as history, and what rested on it becomes doubtful. */
  async edit(item: MemoryItem): Promise<void> {
    if (!isEditable(item)) return;
    const text = (await vscode.window.showInputBox({ title: vscode.l10n.t("Edit"), value: item.text, prompt: vscode.l10n.t("What was remembered before stays in its history"), ignoreFocusOut: true }))?.trim();
    if (text === undefined || text === "" || text === item.text) return;
    await this.#engine.request("memory/remember", { text, supersedes: item.key, kind: item.kind === "decision" ? "decision" : "note" });
    this.#changed.fire();
  }

  async pin(item: MemoryItem): Promise<void> {
    await this.#engine.request("memory/pin", { key: item.key, pinned: !item.pinned });
    this.#changed.fire();
  }

  async inspect(key: string): Promise<void> {
    const shown = await this.#engine.request("memory/show", { key });
    await this.#documents.showMarkdown(vscode.l10n.t("Memory: {0}", oneLine(shown.item.text, 40)), itemPage(shown));
  }

  /** Asks for words and filters the view by them. */
  async searchFor(): Promise<void> {
    const words = await vscode.window.showInputBox({ title: vscode.l10n.t("Search Memory"), value: this.#search, placeHolder: vscode.l10n.t("Words, or a question such as: what did we decide last week?") });
    if (words !== undefined) await this.setSearch(words.trim());
  }

  async setSearch(words: string): Promise<void> {
    this.#search = words;
    await vscode.commands.executeCommand("setContext", "kalactica.memorySearched", words !== "");
    this.#changed.fire();
  }

  /** Items that hold the words, and those that recall finds for them, each once. */
  async #matching(query: string): Promise<MemoryItem[]> {
    const [{ items: containing }, { items: recalled }] = await Promise.all([
      this.#engine.request("memory/list", { contains: query, limit: MAXIMUM_LISTED }),
      this.#engine.request("memory/recall", { query, k: 20 }),
    ]);
    const keys = new Set(containing.map(({ key }) => key));
    return [...containing, ...recalled.filter(({ key }) => !keys.has(key))];
  }

  async #forgetItems(items: readonly MemoryItem[]): Promise<string | null> {
    const forget = vscode.l10n.t("Forget");
    const question = items.length === 1 ? vscode.l10n.t("Forget \"{0}\" for good?", oneLine(items[0]?.text ?? "", 80)) : vscode.l10n.t("Forget these {0} memories for good?", items.length);
    const answer = await vscode.window.showWarningMessage(question, { modal: true, detail: vscode.l10n.t("What was drawn from it goes too. This cannot be undone.") }, forget);
    if (answer !== forget) return null;
    const { forgotten, traces } = await this.#engine.request("memory/forget", { keys: items.map(({ key }) => key) });
    this.#forgotten.fire(forgotten);
    this.#changed.fire();
    const count = forgotten.length === 1 ? vscode.l10n.t("Forgotten.") : vscode.l10n.t("Forgotten: {0} items.", forgotten.length);
    return traces === "elsewhere" ? `${count} ${vscode.l10n.t("The same words stand in something else that is remembered.")}` : count;
  }
}
