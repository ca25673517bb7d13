// The training monitor as a user meets it: found by its roles and test ids, never by its look.
import type { FrameLocator, Locator } from "playwright-core";
import type { Workbench } from "./workbench.ts";

export class TrainingMonitor {
  readonly #workbench: Workbench;
  readonly #frame: FrameLocator;

  private constructor(workbench: Workbench) {
    this.#workbench = workbench;
    this.#frame = workbench.webview();
  }

  /** The monitor that is open, with a run in it. */
  static async withRun(workbench: Workbench): Promise<TrainingMonitor> {
    const monitor = new TrainingMonitor(workbench);
    await monitor.head.waitFor({ timeout: 60_000 });
    return monitor;
  }

  get frame(): FrameLocator {
    return this.#frame;
  }

  get head(): Locator {
    return this.#frame.getByTestId("head");
  }

  /** The one line that says where the run stands, or how it ended. */
  get line(): Locator {
    return this.#frame.getByTestId("line");
  }

  get receipt(): Locator {
    return this.#frame.getByTestId("receipt");
  }

  button(action: string): Locator {
    return this.#frame.getByTestId(`action-${action}`);
  }

  chart(id: string): Locator {
    return this.#frame.getByTestId(`chart-${id}`);
  }

  async state(): Promise<string> {
    return (await this.head.getAttribute("data-state")) ?? "";
  }

  /** Waits until the run is in one of `states`, and returns which. */
  async reaches(states: readonly string[], timeoutMs: number): Promise<string> {
    return this.#workbench.until(`the run is ${states.join(" or ")}`, async () => {
      const state = await this.state();
      if (state === "failed" && !states.includes("failed")) throw new Error(`The run failed: ${await this.line.innerText()}`);
      return states.includes(state) && state;
    }, timeoutMs);
  }
}
