// The training monitor in a real browser, with a fake host: what people do with mouse and keyboard, and what must never happen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, it } from "mocha";
import type { Page } from "playwright-core";
import type { MonitorHostMessage, MonitorViewMessage } from "../../src/webview/monitorProtocol.ts";
import { chartsOf } from "../../src/webview/monitor/series.ts";
import { runTitle } from "../../src/webview/trainingWords.ts";
import { adapterFrom, MONITOR_SCENARIOS, RECEIPT, RECORDED, run } from "./monitorScenarios.ts";
import { useBrowserPage } from "./browserPage.ts";
import { THEMES } from "./previewServer.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** The page's own script may not outgrow this. */
const MAX_SCRIPT_BYTES = 90_000;

describe("training monitor in a browser", function () {
  this.timeout(30_000);
  const view = useBrowserPage();
  let page: Page;

  async function open(scenario: string, theme = "dark", width = 1100): Promise<void> {
    page = await view.open(view.preview.monitorUrl(scenario, theme), { width, height: 800 }, "monitor");
  }

  const send = (message: MonitorHostMessage): Promise<void> => page.evaluate((m) => window.monitorHost.send(m), message);
  const posted = (): Promise<MonitorViewMessage[]> => page.evaluate(() => window.monitorHost.posted);
  async function postedOf<T extends MonitorViewMessage["type"]>(type: T): Promise<Extract<MonitorViewMessage, { type: T }>[]> {
    return (await posted()).filter((message): message is Extract<MonitorViewMessage, { type: T }> => message.type === type);
  }
  const chart = (id: string) => page.getByTestId(`chart-${id}`);
  const line = () => page.getByTestId("line").innerText();
  /** What the chart's legend says, as one text. */
  const legend = async (id: string): Promise<string> => (await chart(id).locator(".legend").innerText()).replace(/\s+/g, " ");

  it("keeps its script small", () => {
    assert.ok(view.preview.scriptBytes.monitor < MAX_SCRIPT_BYTES, `${view.preview.scriptBytes.monitor} bytes`);
  });

  it("says how to start where nothing was started", async () => {
    await open("empty");
    for (const [name, command] of [["Fine-tune on This Workspace", "fineTune"], ["Prepare Training Data…", "prepareData"], ["Train…", "train"], ["Manage Adapters…", "manageAdapters"]] as const) {
      await page.getByRole("button", { name, exact: true }).click();
      assert.equal((await postedOf("command")).at(-1)?.command, command);
    }
    await send({ type: "run", run: run({ state: "queued", step: 0 }) });
    await page.getByTestId("head").waitFor();
    assert.equal(await page.getByTestId("empty").count(), 0);
  });

  it("says what stands in the way, with one button that helps", async () => {
    for (const [scenario, label, command] of [["noFolder", "Open Folder", "openFolder"], ["untrusted", "Manage Trust", "manageTrust"], ["engineFailed", "Restart Engine", "restartEngine"]] as const) {
      await open(scenario);
      await page.getByRole("button", { name: label }).click();
      assert.equal((await postedOf("command")).at(-1)?.command, command, scenario);
      if (scenario !== "engineFailed") await page.context().close();
    }
  });

  it("claims nothing about runs while the engine is starting", async () => {
    await open("starting");
    await page.getByTestId("banner").waitFor();
    assert.equal(await page.getByTestId("empty").count(), 0);
    await send(MONITOR_SCENARIOS["sft"]!.snapshot);
    await page.getByTestId("head").waitFor();
  });

  it("shows the run in progress with curves that grow, and nothing moves while they do", async () => {
    await open("sft");
    const first = MONITOR_SCENARIOS["sft"]!.snapshot.runs[0]!;
    assert.match(await line(), /^Step 260 of 400 · 4 min left · 1,184 tokens\/s$/);
    const places = () => page.evaluate(() => [...document.querySelectorAll("h1, h2, h3, .plot, .head-buttons, .legend")].map((e) => [e.className || e.textContent, e.getBoundingClientRect().top, e.getBoundingClientRect().left]));
    await chart("loss").locator(".drawing path.line").first().waitFor();
    const before = await places();
    const path = await chart("loss").locator(".drawing path.line:not(.raw)").first().getAttribute("d");
    await send({ type: "figures", runId: first.id, figures: [{ step: 261, at: Date.now(), loss: 12.5, gradientNorm: 3, tokensPerSecond: 4, residentMb: 99_999, rate: 1e-9 }], whole: false });
    await send({ type: "run", run: { ...first, step: 261, secondsLeft: 7_300, last: { step: 261, at: 1, tokensPerSecond: 12_345 } } });
    await page.getByText("12,345 tokens/s").or(page.getByText("12,3")).first().waitFor();
    await page.waitForFunction((d) => document.querySelector("[data-testid=chart-loss] .drawing path.line:not(.raw)")?.getAttribute("d") !== d, path);
    assert.deepEqual(await places(), before);
    assert.match(await legend("memory"), /100\.0 GB/);
  });

  it("draws every chart of every method", async () => {
    for (const [scenario, charts] of [["sft", 5], ["dpo", 8], ["grpo", 11]] as const) {
      await open(scenario);
      await chart("loss").locator(".drawing path.line").first().waitFor();
      await page.waitForFunction((n) => document.querySelectorAll(".drawing path.line").length >= n, charts);
      assert.equal(await page.locator(".chart").count(), charts, scenario);
      if (scenario === "grpo") assert.equal(await page.locator("path.band").count(), 1);
      if (scenario === "dpo") assert.match(await legend("logProbabilities"), /Chosen −\d\d\.\d\d Rejected −\d\d\.\d\d/);
      if (scenario !== "grpo") await page.context().close();
    }
  });

  it("shows real runs of every method as their engine told of them", async () => {
    await open("recorded");
    for (const { run: recorded, figures } of RECORDED) {
      await page.locator(`[data-run="${recorded.id}"] .run-open`).click();
      await page.getByRole("heading", { name: runTitle(recorded) }).waitFor();
      assert.equal(await page.getByTestId("head").getAttribute("data-state"), recorded.state);
      for (const { id, series } of chartsOf(recorded.method)) {
        const measured = series.filter(({ key }) => figures.some((figure) => figure[key] !== undefined)).length;
        await page.waitForFunction(([chart, n]) => document.querySelectorAll(`[data-testid="chart-${chart}"] .drawing path.line:not(.raw)`).length >= n, [id, measured] as const);
        if (measured > 0) assert.match(await legend(id), /\d/, `${recorded.method} ${id}`);
      }
      if (recorded.receipt) assert.equal(await page.getByTestId("verdict").innerText(), recorded.receipt.sentence);
    }
  });

  it("shows the values under the pointer in all charts at once", async () => {
    await open("sft");
    const plot = chart("loss").locator(".plot-pointer");
    const before = await legend("rate");
    const box = (await plot.boundingBox())!;
    await page.mouse.move(box.x + 46 + (box.width - 56) / 2, box.y + 50);
    await page.waitForFunction(() => /^step \d+$/.test(document.querySelector("[data-testid=pointer]")?.textContent ?? ""));
    const step = Number((await page.getByTestId("pointer").innerText()).replace("step ", ""));
    assert.ok(Math.abs(step - 130) <= 2, `in the middle of 260 steps: ${step}`);
    assert.notEqual(await legend("rate"), before);
    assert.equal(await page.locator(".pointer-line").count(), 5);
    await page.mouse.move(2, 2);
    await page.waitForFunction(() => document.querySelector("[data-testid=pointer]")?.textContent === "latest values");
  });

  it("is read by keyboard, value by value", async () => {
    await open("sft");
    const plot = chart("loss").getByRole("slider");
    await plot.focus();
    await page.keyboard.press("Home");
    assert.match((await plot.getAttribute("aria-valuetext")) ?? "", /^step 1: Training 3\.\d+, Held out 3\.\d+$/);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("PageUp");
    assert.match((await plot.getAttribute("aria-valuetext")) ?? "", /^step 12: /);
    await page.keyboard.press("End");
    assert.match((await plot.getAttribute("aria-valuetext")) ?? "", /^step 260: /);
    assert.match((await plot.getAttribute("aria-label")) ?? "", /^Loss\. Training: from 3\.\d+ at step 1 to 1\.\d+ at step 260, lowest/);
  });

  it("offers each chart as a table, and remembers it", async () => {
    await open("sft");
    await page.getByLabel("Show Loss as Table").click();
    const table = chart("loss").getByRole("table");
    assert.deepEqual(await table.getByRole("columnheader").allInnerTexts(), ["Step", "Training", "Held out"]);
    const rows = await table.getByRole("row").count();
    assert.ok(rows > 100 && rows <= 202, `${rows} rows`);
    assert.deepEqual((await table.getByRole("row").nth(1).locator("th, td").allInnerTexts()).slice(0, 1), ["1"]);
    await page.reload();
    await chart("loss").getByRole("table").waitFor();
    await page.getByLabel("Show Loss as Curve").click();
    assert.equal(await page.getByRole("table").count(), 0);
  });

  it("smooths as far as one likes, and can take time for its axis", async () => {
    await open("sft");
    const path = () => chart("loss").locator(".drawing path.line:not(.raw)").first().getAttribute("d");
    const raw = () => chart("loss").locator("path.raw").count();
    await chart("loss").locator("path.raw").waitFor();
    const before = await path();
    await page.getByTestId("smoothing").fill("0.9");
    assert.notEqual(await path(), before);
    await page.getByTestId("smoothing").fill("0");
    assert.equal(await raw(), 0, "nothing behind a line that is not smoothed");
    await page.getByTestId("axis").selectOption("time");
    await chart("loss").getByText("2 min", { exact: true }).waitFor();
  });

  it("draws several runs into one chart and tells them apart", async () => {
    await open("finished");
    await page.getByLabel("Compare SFT · workspace").nth(1).check();
    assert.deepEqual((await postedOf("watch")).at(-1)?.runIds.length, 2);
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=chart-loss] .drawing path.line:not(.raw)").length === 4);
    assert.equal(await page.getByTestId("compared").getByRole("listitem").count(), 2);
    const colours = await chart("gradient").locator(".drawing path.line:not(.raw)").evaluateAll((paths) => paths.map((path) => getComputedStyle(path).stroke));
    assert.equal(new Set(colours).size, 2);
    await page.reload();
    await page.getByTestId("compared").waitFor();
  });

  it("changes the chosen run by click and by keyboard, and keeps choice and place when it is shown again", async () => {
    await open("sft");
    await page.locator(".run-open").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.match(await line(), /^Promoted · held-out perplexity −27\.2 %/);
    await page.getByTestId("samples").getByText("Actual").first().waitFor();
    await page.locator("main").evaluate((e) => { e.scrollTop = 300; });
    await page.waitForTimeout(100);
    await page.reload();
    await page.getByTestId("samples").getByText("Actual").first().waitFor();
    await page.waitForFunction(() => document.querySelector("main")?.scrollTop === 300);
    assert.match(await line(), /^Promoted/);
  });

  it("goes to a run that was just started", async () => {
    await open("finished");
    await send({ type: "run", run: run({ id: "fresh", dataset: "fresh data", createdAt: Date.now(), state: "preparing", step: 0, steps: 0 }) });
    await send({ type: "choose", runId: "fresh" });
    await page.getByRole("heading", { name: "SFT · fresh data" }).waitFor();
    assert.equal((await postedOf("watch")).at(-1)?.runIds[0], "fresh");
  });

  it("offers what can be done now, and asks its host for it", async () => {
    await open("sft");
    const id = MONITOR_SCENARIOS["sft"]!.snapshot.runs[0]!.id;
    const buttons = () => page.locator(".head-buttons button").allInnerTexts();
    const first = MONITOR_SCENARIOS["sft"]!.snapshot.runs[0]!;
    assert.deepEqual(await buttons(), ["Pause", "Cancel"]);
    await page.getByTestId("action-pause").click();
    assert.deepEqual((await postedOf("runAction")).at(-1), { type: "runAction", runId: id, action: "pause" });
    for (const [changes, expected] of [[{ state: "paused", resumable: true }, ["Resume", "Cancel"]], [{ state: "evaluating" }, ["Cancel"]], [{ state: "finished", receipt: RECEIPT }, ["Roll Back", "Export…", "Delete Run…"]]] as const) {
      const changed = { ...first, ...changes };
      await send({ type: "adapters", adapters: changed.receipt ? [adapterFrom(changed)] : [] });
      await send({ type: "run", run: changed });
      await page.waitForFunction((n) => document.querySelectorAll(".head-buttons button").length === n, expected.length);
      assert.deepEqual(await buttons(), expected);
    }
    await page.getByTestId("action-rollBack").click();
    assert.equal((await postedOf("runAction")).at(-1)?.action, "rollBack");
    await send({ type: "adapters", adapters: [adapterFrom(first, { active: false })] });
    await page.getByTestId("action-activate").click();
    assert.equal((await postedOf("runAction")).at(-1)?.action, "activate");
    await send({ type: "status", status: { engine: "ready", engineFailure: null, folderOpen: true, trusted: false } });
    await page.getByTestId("banner").waitFor();
    assert.equal(await page.getByTestId("action-activate").isDisabled(), true, "nothing goes live without trust");
  });

  it("shows the receipt with figures before and after, and why it was not promoted", async () => {
    await open("notPromoted");
    const receipt = page.getByTestId("receipt");
    assert.match(await receipt.innerText(), /Not promoted: held-out perplexity fell by 18\.0 %, but general text rose by 13\.0 %/);
    const cells = await receipt.getByRole("row").nth(2).locator("th, td").allInnerTexts();
    assert.deepEqual(cells.map((cell) => cell.trim().replace(/\s*\(worse\)/, "")), ["Perplexity on general text", "14.07", "15.90", "+13.0 %", "8,192 tokens"]);
    await receipt.getByRole("button", { name: /settings/ }).click();
    assert.match(await receipt.innerText(), /optimizer\.learningRate\s*0\.0002/);
  });

  it("shows the data that a run learns from, with problems by place", async () => {
    await open("sft");
    const text = await page.getByTestId("data").innerText();
    assert.match(text, /3,204 records to learn from, 356 records held out/);
    assert.match(text, /data\/broken\.jsonl:9999/);
    assert.match(text, /3 secrets redacted/);
  });

  it("announces the end of a run, and not every step", async () => {
    await open("sft");
    const first = MONITOR_SCENARIOS["sft"]!.snapshot.runs[0]!;
    await send({ type: "run", run: { ...first, step: 261 } });
    await page.waitForTimeout(50);
    assert.equal(await page.getByTestId("announcer").innerText(), "");
    await send({ type: "run", run: { ...first, state: "finished", receipt: RECEIPT } });
    await page.waitForFunction(() => /Finished\. Promoted/.test(document.querySelector("[data-testid=announcer]")?.textContent ?? ""));
    assert.equal(await page.getByTestId("announcer").getAttribute("aria-live"), "polite");
  });

  it("shows hostile names and texts as text, and fetches nothing", async () => {
    await open("hostile");
    await page.getByTestId("samples").locator("pre").first().waitFor();
    await page.getByRole("button", { name: /settings/ }).click();
    assert.equal(await page.locator("main img, main script, nav img, nav script, main iframe").count(), 0);
    assert.equal(await page.evaluate(() => "hacked" in window), false);
    assert.match(await page.getByTestId("samples").innerText(), /<script>window\.hacked=2<\/script>/);
    assert.match(await legend("loss"), /Training −\d\.\d\de\d+/, "values beyond all measure are still values");
    const origin = new URL(view.preview.monitorUrl("hostile")).origin;
    assert.deepEqual(view.requests.filter((url) => !url.startsWith(origin)), []);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    assert.equal(await page.locator("main").evaluate((e) => e.scrollWidth - e.clientWidth), 0);
  });

  it("draws twenty thousand steps without holding the page up", async () => {
    await open("long");
    await chart("loss").locator(".drawing path.line").first().waitFor();
    const ms = await page.evaluate(async () => {
      const begun = performance.now();
      const slider = document.querySelector<HTMLInputElement>("[data-testid=smoothing]")!;
      slider.value = "0.9";
      slider.dispatchEvent(new InputEvent("input", { bubbles: true }));
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      return performance.now() - begun;
    });
    assert.ok(ms < 1_000, `${Math.round(ms)} ms`);
    assert.ok((await chart("loss").locator(".drawing path.line:not(.raw)").first().getAttribute("d"))!.length < 20_000);
  });

  it("draws the other charts where one cannot be drawn, and that one again with the next values", async () => {
    await open("sft");
    const runId = MONITOR_SCENARIOS["sft"]!.snapshot.runs[0]!.id;
    await chart("rate").locator(".drawing path.line").first().waitFor();
    const next = (step: number): Promise<void> => send({ type: "figures", runId, figures: [{ step, at: Date.now(), loss: 2, rate: 1e-9, gradientNorm: 1, tokensPerSecond: 900, residentMb: 900 }], whole: false });
    // Only very small and very large ticks are written so: here those of the learning rate.
    await page.evaluate(() => {
      const whole = Object.getOwnPropertyDescriptor(Number.prototype, "toExponential")!;
      Object.assign(window, { mend: () => { Object.defineProperty(Number.prototype, "toExponential", whole); } });
      Number.prototype.toExponential = () => { throw new Error("poisoned"); };
    });
    await next(261);
    await page.getByTestId("chart-failure").waitFor();
    assert.match(await page.getByTestId("chart-failure").innerText(), /cannot be drawn \(poisoned\)/);
    assert.equal(await chart("rate").count(), 0);
    assert.ok(await chart("loss").locator(".drawing path.line").count() > 0, "the loss is drawn");
    await page.evaluate(() => (window as unknown as { mend: () => void }).mend());
    await next(262);
    await chart("rate").locator(".drawing path.line").first().waitFor();
    assert.equal(await page.getByTestId("chart-failure").count(), 0);
  });

  it("fits a narrow tab", async () => {
    await open("sft", "light", 380);
    for (const selector of ["html", "main", ".runs"]) assert.ok((await page.locator(selector).evaluate((e) => e.scrollWidth - e.clientWidth)) <= 0, selector);
  });

  it("holds still for those who want less motion", async () => {
    await open("sft");
    await page.emulateMedia({ reducedMotion: "reduce" });
    assert.equal(await page.locator(".head-state .codicon").evaluate((e) => getComputedStyle(e).animationName), "none");
  });

  for (const theme of Object.keys(THEMES)) {
    it(`has no serious accessibility violations in ${THEMES[theme]!.name}`, async function () {
      this.timeout(120_000);
      await open("empty", theme);
      for (const scenario of ["empty", "sft", "finished", "dpo", "grpo", "untrusted", "hostile"]) {
        if (scenario !== "empty") {
          const { snapshot, figures, samples, datasets } = MONITOR_SCENARIOS[scenario]!;
          await send(snapshot);
          for (const [runId, all] of Object.entries(figures)) await send({ type: "figures", runId, figures: all, whole: true });
          for (const [runId, all] of Object.entries(samples)) await send({ type: "samples", runId, samples: all });
          for (const [runId, dataset] of Object.entries(datasets)) await send({ type: "dataset", runId, dataset });
          await page.waitForTimeout(100);
        }
        if (scenario === "sft") await page.getByLabel("Show Loss as Table").click();
        if (scenario === "finished") await page.getByLabel(/^Compare/).nth(1).check();
        const violations = await page.evaluate(async (axe) => {
          // The policy of the page allows no inline script; the test's own evaluation is not bound by it.
          if (!("axe" in window)) (0, eval)(axe);
          type Axe = { run(options: unknown): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> };
          const result = await (window as unknown as { axe: Axe }).axe.run({ resultTypes: ["violations"] });
          return result.violations.filter(({ impact }) => impact !== "minor")
            .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 260)}`).join(" | ")}`);
        }, AXE);
        assert.deepEqual(violations, [], scenario);
      }
    });
  }
});
