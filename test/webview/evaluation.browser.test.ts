// The evaluation page in a real browser, with a fake host: runs, two of them side by side, single items by mouse and keyboard, figures of use.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { describe, it } from "mocha";
import type { Page } from "playwright-core";
import type { EvaluationViewMessage } from "../../src/webview/evaluationProtocol.ts";
import { useBrowserPage } from "./browserPage.ts";
import { THEMES } from "./previewServer.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PICTURES = path.resolve(import.meta.dirname, "../../out/pictures");
/** The page's own script may not outgrow this. */
const MAX_SCRIPT_BYTES = 60_000;

describe("evaluations in a browser", function () {
  this.timeout(60_000);
  const view = useBrowserPage();
  let page: Page;

  async function open(scenario: string, theme = "dark", width = 1100): Promise<void> {
    page = await view.open(view.preview.evaluationUrl(scenario, theme), { width, height: 800 }, "evaluation");
  }
  async function postedOf<T extends EvaluationViewMessage["type"]>(type: T): Promise<Extract<EvaluationViewMessage, { type: T }>[]> {
    return (await page.evaluate(() => window.evaluationHost.posted)).filter((message): message is Extract<EvaluationViewMessage, { type: T }> => message.type === type);
  }
  const compare = async (): Promise<void> => {
    await page.getByRole("checkbox", { name: /^Compare with completion/ }).nth(1).click();
    await page.getByTestId("differences").waitFor();
  };

  it("shows two runs side by side, item by item, and only what the filter leaves", async () => {
    await open("runs");
    assert.ok(view.preview.scriptBytes.evaluation < MAX_SCRIPT_BYTES, `${view.preview.scriptBytes.evaluation} bytes`);
    assert.match(await page.getByTestId("figures").innerText(), /exact\s+0\.25\s+\[0\.19, 0\.31\]/);
    assert.equal(await page.getByRole("checkbox", { name: /^Compare with code/ }).isDisabled(), true, "another suite cannot be compared");
    await compare();
    assert.match((await page.getByTestId("differences").innerText()).replace(/\s+/g, " "), /exact 0\.333 0\.25 −0\.083 \(same\) \[−0\.21, 0\.05\] p = 0\.31 60 shown .* \+0\.4 \(better\) .* p < 0\.0001/);
    await page.getByTestId("filter-after").click();
    await page.waitForFunction(() => document.querySelector("[data-testid=found]")?.textContent === "10 items");
    assert.match(await page.getByTestId("filter-after").innerText(), /Only B right\s+10/);
    assert.match(await page.getByTestId("winner").innerText(), /B was better/);
    assert.deepEqual([await page.getByTestId("side-a").innerText(), await page.getByTestId("side-b").innerText()], ["throw new Error(\"no job\");", "return done(job4);"]);
    await page.getByTestId("words").fill("worker8");
    await page.waitForFunction(() => document.querySelector("[data-testid=found]")?.textContent === "1 item");
  });

  it("is worked by the keyboard alone, and keeps its choices when it is taken down", async () => {
    await open("runs");
    await compare();
    await page.getByTestId("item-list").focus();
    const name = (): Promise<string | null> => page.locator("[role=option][aria-selected=true] bdi").textContent();
    const first = await name();
    await page.keyboard.press("ArrowDown");
    assert.notEqual(await name(), first);
    assert.equal(await page.getByTestId("item").getByRole("heading", { level: 3 }).first().innerText(), await name());
    await page.keyboard.press("End");
    assert.equal(await name(), "src/queue/worker59.ts:69");
    await page.keyboard.press("Home");
    assert.equal(await name(), first);
    await page.getByTestId("filter-changed").click();
    await page.reload();
    await page.getByTestId("differences").waitFor();
    assert.equal(await page.getByTestId("filter-changed").getAttribute("aria-pressed"), "true");
    await page.getByRole("tab", { name: "Evaluations" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.getByTestId("use").waitFor();
  });

  it("tells figures of use, that nothing is sent, and lets them be exported and erased", async () => {
    await open("use");
    await page.getByTestId("use").waitFor();
    assert.match(await page.getByTestId("nothing-sent").innerText(), /Nothing of this is sent anywhere\. It stands in .*memory\.sqlite/);
    assert.match((await page.getByTestId("use-completions").getByTestId("total").innerText()).replace(/\s+/g, " "), /^All 1,240 402 \(32 %\) 62 342 \(85 %\) 281 \(70 %\) 7,638 64 ms 241 ms$/);
    await page.getByTestId("days-7").click();
    for (const action of ["use-csv", "use-json", "use-erase"]) await page.getByTestId(action).click();
    assert.equal((await postedOf("use")).at(-1)?.days, 7);
    assert.deepEqual((await postedOf("useAction")).map(({ action, days }) => [action, days]), [["exportCsv", 7], ["exportJson", 7], ["erase", 7]]);
  });

  it("says how to begin, and that nothing is recorded", async () => {
    await open("empty");
    await page.getByRole("button", { name: "Find the Best Model for This Repository" }).click();
    assert.deepEqual((await postedOf("command")).map(({ command }) => command), ["evaluateRepository"]);
    await page.getByTestId("tab-use").click();
    assert.match(await page.getByTestId("nothing-sent").innerText(), /At present nothing is written down/);
  });

  it("shows what others wrote as text, in a narrow tab too", async () => {
    await open("hostile", "light", 420);
    await page.getByTestId("item").waitFor();
    const origin = new URL(view.preview.evaluationUrl("hostile")).origin;
    assert.deepEqual(view.requests.filter((url) => !url.startsWith(origin)), []);
    for (const selector of ["html", "main", ".runs"]) assert.ok((await page.locator(selector).evaluate((e) => e.scrollWidth - e.clientWidth)) <= 0, selector);
  });

  for (const theme of Object.keys(THEMES)) {
    it(`has no serious accessibility violations in ${THEMES[theme]!.name}`, async () => {
      mkdirSync(PICTURES, { recursive: true });
      for (const scenario of ["runs", "use"]) {
        await open(scenario, theme);
        if (scenario === "runs") {
          await compare();
          await page.getByTestId("filter-changed").click();
          await page.getByTestId("side-a").waitFor();
        } else await page.getByTestId("use").waitFor();
        await page.screenshot({ path: path.join(PICTURES, `evaluation-${scenario}-${theme}.png`) });
        const violations = await page.evaluate(async (axe) => {
          // Under the page's policy no script element would run; an evaluation from outside does.
          if (!("axe" in window)) (0, eval)(axe);
          interface Axe { run(options: object): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> }
          const result = await (window as unknown as { axe: Axe }).axe.run({ resultTypes: ["violations"] });
          return result.violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ""}`);
        }, AXE);
        assert.deepEqual(violations, [], scenario);
        if (scenario === "runs") await page.context().close();
      }
    });
  }
});
