// The chat view as a user meets it: found by its roles and test ids, never by its look.
import type { FrameLocator, Locator } from "playwright-core";
import type { Workbench } from "./workbench.ts";

export class ChatView {
  readonly #workbench: Workbench;

  private constructor(workbench: Workbench) {
    this.#workbench = workbench;
  }

  /** Opens the view by its command and waits until it can be written in. */
  static async open(workbench: Workbench): Promise<ChatView> {
    await workbench.activated();
    await workbench.command("kalactica.openChat");
    const view = new ChatView(workbench);
    await view.composer.waitFor({ timeout: 30_000 });
    return view;
  }

  get frame(): FrameLocator {
    return this.#workbench.webview();
  }

  get composer(): Locator {
    return this.frame.getByTestId("composer");
  }

  get stopButton(): Locator {
    return this.frame.getByTestId("stop");
  }

  get turns(): Locator {
    return this.frame.locator("[data-turn]");
  }

  /** The answer of the last turn. */
  get lastAnswer(): Locator {
    return this.frame.getByTestId("answer").last();
  }

  /** The chips of the last answer. */
  get citations(): Locator {
    return this.lastAnswer.getByTestId("citation");
  }

  /** Path and lines of the last answer's `index`-th chip, from the name it has for screen readers. */
  async citedPlace(index = 0): Promise<{ path: string; startLine: number; endLine: number; verified: boolean }> {
    const chip = this.citations.nth(index);
    const name = (await chip.getAttribute("aria-label")) ?? "";
    const [, path, start, end] = /^Open source \d+: (.+?):(\d+)(?:–(\d+))?(?:, |$)/.exec(name) ?? [];
    if (path === undefined) throw new Error(`The chip is called "${name}", which names no path and lines.`);
    return { path, startLine: Number(start), endLine: Number(end ?? start), verified: (await chip.getAttribute("data-verified")) === "true" };
  }

  /** Waits until the header says that the index is ready, and returns how many files it holds. */
  async indexReady(timeoutMs = 60_000): Promise<number> {
    const index = this.frame.locator('.header-index[data-state="ready"]');
    await index.waitFor({ timeout: timeoutMs });
    const tip = (await index.getAttribute("title")) ?? "";
    const files = /^([\d,]+) files? indexed/.exec(tip)?.[1];
    if (files === undefined) throw new Error(`The header says "${tip}" of the index, which names no number of files.`);
    return Number(files.replaceAll(",", ""));
  }

  /** Types a question and sends it; does not wait for the answer. */
  async send(question: string): Promise<void> {
    const before = await this.turns.count();
    await this.composer.click();
    await this.composer.fill(question);
    await this.composer.press("Enter");
    await this.turns.nth(before).waitFor();
  }

  /** Asks and waits until the answer is done (or failed, or stopped); returns the turn's state. */
  async ask(question: string, timeoutMs = 30_000): Promise<string> {
    await this.send(question);
    return this.ended(timeoutMs);
  }

  /** Waits until the last turn does not run any more and returns its state. */
  async ended(timeoutMs = 30_000): Promise<string> {
    return this.#workbench.until("the last turn has ended", async () => {
      const state = await this.lastAnswer.getAttribute("data-state");
      return state !== "running" && state;
    }, timeoutMs);
  }
}
