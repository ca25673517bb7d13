// Follows a new user's first steps: ticks a step of the walkthrough when what it is about has really happened, whichever way the user went
// there, and opens the walkthrough once in a new installation. It takes part in nothing.
import * as vscode from "vscode";
import type { EngineClient } from "./engineClient.ts";
import type { TrainingState } from "./trainingState.ts";
import { doneKey, STEPS, stepsDoneBy, WALKTHROUGH } from "./walkthroughSteps.ts";
import type { StepId } from "./walkthroughSteps.ts";

const DONE = "walkthrough.done";
const OPENED = "walkthrough.opened";

/** An example in which the next line is what the lines above say. The caret goes to its end. */
const EXAMPLE = `// What is suggested stands in grey at the caret.
// Tab takes it, Esc lets it go; or just type on.
export function readSize(options) {
  const width = readNumber(options, "width");
  const height = readNumber(options, "height");
  const depth = read`;

export interface WalkthroughOptions {
  client: EngineClient;
  training: TrainingState;
  /** Kept for all workspaces. */
  memento: vscode.Memento;
  extensionId: string;
}

export class Walkthrough implements vscode.Disposable {
  readonly #options: WalkthroughOptions;
  readonly #done: Set<StepId>;
  readonly #subscriptions: { dispose(): unknown }[];

  constructor(options: WalkthroughOptions) {
    this.#options = options;
    const { client, training, memento } = options;
    this.#done = new Set(memento.get<StepId[]>(DONE, []));
    for (const id of this.#done) void vscode.commands.executeCommand("setContext", doneKey(id), true);
    this.#subscriptions = [
      client.onTraffic((traffic) => {
        for (const id of stepsDoneBy(traffic)) this.#tick(id);
      }),
      client.onNotification("engine/statusChanged", ({ index }) => { if (index.state === "ready" && index.files > 0) this.#tick("index"); }),
      training.onChange(() => { if (training.runs.some(({ state }) => state === "finished")) this.#tick("fineTune"); }),
    ];
  }

  /** Which steps were done, for tests and for nobody else. */
  get done(): readonly StepId[] {
    return STEPS.map(({ id }) => id).filter((id) => this.#done.has(id));
  }

  /**
   * Opens the walkthrough the first time that KaLactica runs in this installation, unless the user has told VS Code not to do such things.
   * Where something is being edited, it is opened behind it.
   */
  async openOnce(newInstallation: boolean): Promise<void> {
    const { memento, extensionId } = this.#options;
    if (memento.get(OPENED) === true) return;
    // First noted, then opened: a second window that starts at the same time finds it noted.
    await memento.update(OPENED, true);
    if (!newInstallation) return;
    if (vscode.workspace.getConfiguration("workbench.welcomePage.walkthroughs").get<boolean>("openOnInstall") === false) return;
    const inTheWay = vscode.window.tabGroups.all.some(({ tabs }) => tabs.some(({ input }) => input !== undefined));
    await vscode.commands.executeCommand("workbench.action.openWalkthrough", `${extensionId}#${WALKTHROUGH}`, { toSide: false, inactive: inTheWay });
  }

  dispose(): void {
    vscode.Disposable.from(...this.#subscriptions).dispose();
  }

  #tick(id: StepId): void {
    if (this.#done.has(id)) return;
    this.#done.add(id);
    void vscode.commands.executeCommand("setContext", doneKey(id), true);
    void this.#options.memento.update(DONE, [...this.#done]);
  }
}

/** A first impression waits for a model that is still loading, or a machine that is busy with starting: so many tries, each as long as this. */
const TRIES = 12;
const TRY_MS = 1_200;

/** Opens the example and asks for a suggestion at its end, until there is one or the user does something else. */
export async function tryCompletion(client: EngineClient): Promise<void> {
  if (!vscode.workspace.getConfiguration("kalactica").get<boolean>("completion.enabled")) {
    const enable = vscode.l10n.t("Switch On");
    if ((await vscode.window.showInformationMessage(vscode.l10n.t("Inline completions are switched off (setting \"kalactica.completion.enabled\")."), enable)) !== enable) return;
    await vscode.workspace.getConfiguration("kalactica").update("completion.enabled", true, vscode.ConfigurationTarget.Global);
  }
  const document = await vscode.workspace.openTextDocument({ language: "javascript", content: EXAMPLE });
  const end = document.lineAt(document.lineCount - 1).range.end;
  await vscode.window.showTextDocument(document, { selection: new vscode.Range(end, end), preview: false });
  for (let tries = 0; tries < TRIES; tries++) {
    const suggested = new Promise<boolean>((resolve) => {
      const listening = client.onTraffic((traffic) => { if (traffic.method === "completion/complete" && traffic.result.text !== null) resolve(true); });
      setTimeout(() => {
        listening.dispose();
        resolve(false);
      }, TRY_MS);
    });
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
    if (await suggested) return;
    const editor = vscode.window.activeTextEditor;
    if (editor?.document !== document || document.version > 1 || !editor.selection.active.isEqual(end)) return;
  }
}
