// The chat view in a real browser, with a fake host: what people do with mouse and keyboard, and what must never happen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { describe, it } from "mocha";
import type { Page } from "playwright-core";
import type { HostMessage, ViewMessage } from "../../src/webview/protocol.ts";
import { useBrowserPage } from "./browserPage.ts";
import { THEMES } from "./previewServer.ts";
import { CARD, CARD_ONLY, CITATIONS, PROSE, SCENARIOS, SCREENED, turn } from "./scenarios.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Our own script may not outgrow this. */
const MAX_SCRIPT_BYTES = 400_000;

/** Where a picture for people to look at goes. */
function picture(name: string): string {
  return path.join(import.meta.dirname, "../../out/pictures", `${name}.png`);
}

describe("chat view in a browser", function () {
  this.timeout(30_000);
  const view = useBrowserPage();
  let page: Page;

  async function open(scenario: string, theme = "dark", width = 340): Promise<void> {
    page = await view.open(view.preview.url(scenario, theme), { width, height: 700 }, "header");
  }

  const composer = () => page.getByTestId("composer");
  const answer = () => page.getByTestId("answer").last();
  const posted = (): Promise<ViewMessage[]> => page.evaluate(() => window.fakeHost.posted);
  const send = (message: HostMessage): Promise<void> => page.evaluate((m) => window.fakeHost.send(m), message);
  /** Another scenario in the open page, as a host that sends everything anew. */
  async function show(scenario: string): Promise<void> {
    await send(SCENARIOS[scenario]!.snapshot);
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 50))));
  }
  async function postedOf<T extends ViewMessage["type"]>(type: T): Promise<Extract<ViewMessage, { type: T }>[]> {
    return (await posted()).filter((message): message is Extract<ViewMessage, { type: T }> => message.type === type);
  }

  it("keeps its script small", () => {
    assert.ok(view.preview.scriptBytes.chat < MAX_SCRIPT_BYTES, `${view.preview.scriptBytes.chat} bytes`);
  });

  it("streams an answer: card first, then provisional prose, then the checked answer", async () => {
    await open("welcome");
    await composer().fill("How is work ordered?");
    await composer().press("Enter");
    await page.getByTestId("card").waitFor();
    assert.equal(await page.getByTestId("stop").count(), 1);
    await page.locator(".prose.provisional").waitFor();
    assert.equal(await answer().getAttribute("aria-busy"), "true");
    await page.getByTestId("health").waitFor();
    assert.equal(await page.getByTestId("health").innerText(), "3 sources verified · 2 checks passed · 2.1 s");
    assert.equal(await page.locator(".provisional").count(), 0);
    assert.equal(await page.getByTestId("send").count(), 1);
    assert.equal(await composer().inputValue(), "");
    assert.equal(await page.locator(".prose pre").innerText(), PROSE.split("```")[1]!.replace(/^.*\n/, "").trimEnd());
    const [ask] = await postedOf("ask");
    assert.equal(ask?.question, "How is work ordered?");
    assert.equal(ask?.attachments[0]?.kind, "selection", "the editor's selection goes along");
  });

  it("follows the stream, unless one reads further up", async () => {
    await open("streaming");
    const main = page.locator("main");
    const add = (): Promise<void> => send({ type: "turnEvent", turnId: "t1", event: { type: "prose", text: "\n\n```\n\nmore\n\nand more\n\nand more" } });
    const distance = (): Promise<number> => main.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
    await add();
    await page.getByText("and more").first().waitFor();
    assert.ok((await distance()) < 2);
    await main.evaluate((e) => { e.scrollTop = 0; });
    await page.waitForTimeout(100);
    await add();
    await page.waitForTimeout(100);
    assert.equal(await main.evaluate((e) => e.scrollTop), 0);
  });

  it("shows a card taller than the view from its question on", async () => {
    await open("conversation", "dark", 300);
    await page.setViewportSize({ width: 300, height: 480 });
    const running = turn({ id: "t3", state: "running", question: "Another" });
    await send({ type: "turn", turn: running });
    await send({ type: "turnEvent", turnId: "t3", event: { type: "card", card: CARD, citations: CITATIONS } });
    await send({ type: "turn", turn: { ...CARD_ONLY, id: "t3", question: "Another" } });
    await page.getByText("Another").waitFor();
    await page.waitForTimeout(200);
    const top = await page.locator(".turn").last().evaluate((e) => e.getBoundingClientRect().top - e.parentElement!.getBoundingClientRect().top);
    assert.ok(Math.abs(top) < 3, `the question stands ${top} px below the top`);
  });

  it("stops by the button and by Escape", async () => {
    await open("streaming");
    await page.getByTestId("stop").click();
    assert.equal((await postedOf("stop")).length, 1);
    await page.keyboard.press("Escape");
    assert.equal((await postedOf("stop")).length, 2);
    await page.evaluate(() => document.body.focus());
  });

  it("opens a source by click and by keyboard, and shows its lines on focus", async () => {
    await open("card");
    await page.getByTestId("citation").first().click();
    assert.deepEqual((await postedOf("openRange"))[0]?.range, { path: "src/engine/base/scheduler.ts", startLine: 41, endLine: 58 });
    await page.locator(".turn").focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.getByTestId("preview").waitFor();
    assert.match(await page.getByTestId("preview").innerText(), /README\.md:12–20/);
    await page.keyboard.press("Enter");
    assert.equal((await postedOf("openRange"))[1]?.range.path, "README.md");
  });

  it("closes the preview with Escape and stops nothing by it", async () => {
    await open("streaming");
    await page.getByTestId("citation").first().focus();
    await page.getByTestId("preview").waitFor();
    await page.keyboard.press("Escape");
    await page.getByTestId("preview").waitFor({ state: "detached" });
    assert.equal((await postedOf("stop")).length, 0);
  });

  it("walks from message to message with the arrows, and on to the field", async () => {
    await open("conversation");
    await page.locator(".turn").last().focus();
    await page.keyboard.press("ArrowUp");
    assert.equal(await page.evaluate(() => (document.activeElement as HTMLElement).dataset["turn"]), "t1");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    assert.equal(await page.evaluate(() => (document.activeElement as HTMLElement).dataset["testid"]), "composer");
  });

  it("offers commands after a slash and takes one by keyboard", async () => {
    await open("welcome");
    await composer().pressSequentially("/");
    assert.equal(await page.getByRole("option").count(), 8);
    await page.keyboard.press("ArrowDown");
    assert.equal(await composer().getAttribute("aria-activedescendant"), "suggestion-1");
    await page.keyboard.press("Enter");
    assert.equal(await composer().inputValue(), "/fix ");
    assert.equal((await postedOf("ask")).length, 0, "choosing does not send");
    await composer().pressSequentially("the loop");
    await page.keyboard.press("Enter");
    const [ask] = await postedOf("ask");
    assert.deepEqual([ask?.command, ask?.question], ["fix", "the loop"]);
  });

  it("shows memories as chips with their source, and takes one away by keyboard", async () => {
    await open("memory");
    const chips = page.getByTestId("memory");
    assert.equal(await chips.count(), 2);
    assert.match(await chips.first().getByRole("button").first().getAttribute("aria-label") ?? "", /^Remembered: A keystroke may wait for nothing.*, you, in the chat, 3 days ago$/);
    await chips.first().getByRole("button").first().click();
    assert.equal((await postedOf("openMemory"))[0]?.key, "decision-1");
    await chips.first().getByLabel(/^Dismiss: /).focus();
    await page.keyboard.press("Delete");
    assert.deepEqual((await postedOf("dismissMemory")).map(({ turnId, key }) => [turnId, key]), [["t2", "decision-1"]]);
    assert.match(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")) ?? "", /^Dismiss: latency/, "the focus stays in the row");
  });

  it("tells why by /why, opens what it names, and closes by Escape", async () => {
    await open("memory");
    await composer().fill("/why");
    await page.keyboard.press("Enter");
    const why = page.getByTestId("why");
    await why.waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-testid")), "why", "it is read out");
    assert.match(await why.innerText(), /“it” → schedule[\s\S]*\[1\] src\/engine\/base\/scheduler\.ts:41–58[\s\S]*same words, decided by you/);
    assert.equal((await postedOf("ask")).length, 0);
    await page.keyboard.press("Escape");
    assert.equal(await why.count(), 0);
    assert.equal(await page.evaluate(() => (document.activeElement as HTMLElement).dataset["testid"]), "composer");
  });

  it("remembers by /remember with text, and keeps the command while there is none", async () => {
    await open("memory");
    await composer().fill("/remember ");
    await page.keyboard.press("Enter");
    assert.equal(await composer().inputValue(), "/remember ");
    await composer().pressSequentially("we use node:sqlite");
    await page.keyboard.press("Enter");
    assert.equal((await postedOf("remember"))[0]?.text, "we use node:sqlite");
    await composer().fill("/forget sqlite");
    await page.keyboard.press("Enter");
    assert.equal((await postedOf("forget"))[0]?.text, "sqlite");
    assert.equal(await composer().inputValue(), "");
    await send({ type: "notice", text: "Remembered: we use node:sqlite" });
    assert.match(await page.getByRole("status").innerText(), /Remembered/);
  });

  it("opens what is known of the conversation, quiet until then", async () => {
    await open("memory");
    const line = page.getByTestId("state-line");
    assert.equal(await line.innerText(), "About schedule · 1 decision · 1 constraint · 2 to do");
    assert.equal(await line.getAttribute("aria-expanded"), "false");
    await line.press("Enter");
    const panel = page.getByTestId("state-panel");
    await panel.getByText("It must not slow down a keystroke.").click();
    assert.equal(await page.evaluate(() => (document.activeElement as HTMLElement).dataset["turn"]), "t1", "the turn that says so");
    await panel.getByLabel(/^Remember: Let's put it between/).click();
    assert.equal((await postedOf("remember"))[0]?.text, "Let's put it between chat and indexing.");
    await panel.getByRole("button", { name: "priority.ts" }).click();
    assert.equal((await postedOf("openRange"))[0]?.range.path, "src/engine/base/priority.ts");
  });

  it("offers @memory", async () => {
    await open("card");
    await composer().pressSequentially("what did we decide @mem");
    await page.getByRole("option", { name: "@memory" }).waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await composer().inputValue(), "what did we decide @memory ");
    assert.equal(await page.locator(".chip-context").count(), 1, "it attaches no file");
    await composer().fill("what did we decide? @memory");
    await page.keyboard.press("Enter");
    assert.equal((await postedOf("ask"))[0]?.question, "what did we decide? @memory", "written out, it is sent");
  });

  it("asks the obvious question when a command stands alone, and nothing when the field is empty", async () => {
    await open("card");
    await composer().press("Enter");
    assert.equal((await postedOf("ask")).length, 0);
    await composer().fill("/explain ");
    await composer().press("Enter");
    assert.equal((await postedOf("ask"))[0]?.question, "Explain this code.");
  });

  it("attaches a file by @ and takes it away again by keyboard", async () => {
    await open("card");
    await composer().pressSequentially("what is @rand");
    await page.getByRole("option").first().waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await composer().inputValue(), "what is @random.ts ");
    const remove = page.getByLabel("Remove random.ts");
    await remove.focus();
    await page.keyboard.press("Delete");
    assert.equal(await remove.count(), 0);
    await page.waitForFunction(() => document.activeElement?.getAttribute("data-testid") === "composer");
  });

  it("attaches the selection by #selection, once", async () => {
    await open("welcome");
    await composer().pressSequentially("fix #sel");
    await page.keyboard.press("Enter");
    assert.equal(await composer().inputValue(), "fix #selection ");
    assert.equal(await page.locator(".chip-context").count(), 1);
    await page.keyboard.press("Enter");
    assert.equal((await postedOf("ask"))[0]?.attachments.length, 1);
  });

  it("does not send what was dismissed", async () => {
    await open("welcome");
    await page.getByLabel("Remove scheduler.ts:41–58").click();
    await page.getByLabel("Remove scheduler.ts", { exact: true }).click();
    await composer().fill("q");
    await composer().press("Enter");
    const [ask] = await postedOf("ask");
    assert.deepEqual([ask?.attachments, ask?.useActiveFile], [[], false]);
  });

  it("breaks the line on Shift+Enter and grows", async () => {
    await open("welcome");
    const before = (await composer().boundingBox())!.height;
    await composer().pressSequentially("one");
    await page.keyboard.press("Shift+Enter");
    await composer().pressSequentially("two");
    assert.equal(await composer().inputValue(), "one\ntwo");
    assert.ok((await composer().boundingBox())!.height > before);
  });

  it("brings earlier questions back with ArrowUp in an empty field", async () => {
    await open("conversation");
    await composer().press("ArrowUp");
    assert.equal(await composer().inputValue(), "/explain Explain how work is ordered");
    await composer().press("ArrowUp");
    assert.match(await composer().inputValue(), /^Where is the scheduler/);
    await composer().press("ArrowDown");
    await composer().press("ArrowDown");
    assert.equal(await composer().inputValue(), "");
  });

  it("keeps the draft and the place when the view is taken down and shown again", async () => {
    await open("conversation");
    await composer().fill("half a thought");
    await page.locator("main").evaluate((e) => { e.scrollTop = 60; });
    await page.waitForTimeout(100);
    await page.reload();
    await page.getByTestId("header").waitFor();
    assert.equal(await composer().inputValue(), "half a thought");
    assert.equal(await page.getByTestId("answer").count(), 2);
    assert.equal(await page.locator("main").evaluate((e) => e.scrollTop), 60);
  });

  it("lists earlier conversations and opens one by keyboard", async () => {
    await open("conversation");
    await page.getByLabel("Chat History").click();
    await page.locator(".history-open").first().focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.equal((await postedOf("openConversation"))[0]?.id, "c2");
    assert.equal(await page.getByTestId("history").count(), 0);
  });

  it("renders hostile Markdown inert, and fetches nothing", async () => {
    await open("hostile");
    await answer().waitFor();
    const found = await answer().evaluate((e) => ({
      tags: [...e.querySelectorAll("script, img, iframe, style, link, form, object, embed, svg, input")].map((x) => x.tagName),
      handlers: [...e.querySelectorAll("*")].flatMap((x) => [...x.attributes].filter((a) => a.name.startsWith("on") || a.name === "style").map((a) => a.name)),
      links: [...e.querySelectorAll("a")].map((a) => a.getAttribute("href")),
      text: (e as HTMLElement).innerText,
    }));
    assert.deepEqual(found.tags, []);
    assert.deepEqual(found.handlers, []);
    assert.deepEqual(found.links, ["https://example.com/beacon2.png", "https://example.com/ok"]);
    assert.match(found.text, /<script>window\.hacked = 1<\/script>/, "shown as text");
    await page.getByText("ok", { exact: true }).click();
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => "hacked" in window), false);
    assert.deepEqual((await postedOf("openLink"))[0]?.href, "https://example.com/ok");
    assert.deepEqual(view.requests.filter((url) => !url.startsWith(view.preview.url("").split("/?")[0]!)), []);
  });

  it("has a policy that stops a script and a beacon that got into the page all the same", async () => {
    await open("card");
    await page.evaluate(() => {
      const box = document.createElement("div");
      box.innerHTML = '<img src="http://127.0.0.1:1/x.png" onerror="window.hacked = true">';
      const script = document.createElement("script");
      script.textContent = "window.hacked = true";
      document.body.append(box, script);
    });
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => "hacked" in window), false);
    assert.ok(view.errors.some((error) => /Content Security Policy/.test(error)));
    view.errors.length = 0;
  });

  it("offers copy, insert and apply on code, with the path that the block names", async () => {
    await open("full");
    const code = page.locator(".code");
    for (const label of ["Copy", "Insert at cursor", "Apply with diff"]) await code.getByLabel(label, { exact: true }).click();
    const [copy] = await postedOf("copy");
    assert.match(copy?.text ?? "", /^\/\/ Lower runs first\.\nexport const PRIORITIES/);
    assert.equal((await postedOf("insertAtCursor"))[0]?.code, copy?.text);
    const [apply] = await postedOf("applyCode");
    assert.deepEqual([apply?.path, apply?.language, apply?.turnId], ["src/engine/base/priority.ts", "ts", "t2"]);
  });

  it("rates, takes a rating back, copies and regenerates", async () => {
    await open("full");
    await page.getByLabel("Helpful", { exact: true }).click();
    await page.getByLabel("Not Helpful").click();
    assert.deepEqual((await postedOf("rate")).map(({ rating }) => rating), [null, "down"]);
    await page.getByLabel("Regenerate").click();
    assert.equal((await postedOf("regenerate"))[0]?.turnId, "t2");
  });

  it("shows why there is no prose, with a way to another model", async () => {
    await open("card");
    await page.getByTestId("prose-omitted").getByRole("button").click();
    assert.equal((await postedOf("command"))[0]?.command, "chooseModel");
  });

  it("says what failed, with one button that helps", async () => {
    await open("failed");
    await page.getByRole("button", { name: "Try Again" }).click();
    assert.equal((await postedOf("regenerate"))[0]?.turnId, "t1");
    for (const [scenario, label, command] of [["noFolder", "Open Folder", "openFolder"], ["indexFailed", "Build Again", "updateIndex"], ["untrusted", "Manage Trust", "manageTrust"], ["engineFailed", "Restart Engine", "restartEngine"]] as const) {
      await show(scenario);
      await page.getByRole("button", { name: label }).click();
      assert.equal((await postedOf("command")).at(-1)?.command, command, scenario);
    }
  });

  it("stays usable while the index is being built", async () => {
    await open("indexing");
    assert.match(await page.getByTestId("header").innerText(), /884 left/);
    await composer().fill("q");
    await composer().press("Enter");
    assert.equal((await postedOf("ask")).length, 1);
  });

  it("opens the health line into checks, budget and timings", async () => {
    await open("full");
    await page.getByTestId("health").click();
    const details = await page.locator(".health-details").innerText();
    assert.match(details, /Checks[\s\S]*Token budget[\s\S]*8,192 tokens[\s\S]*Timings[\s\S]*310 ms/);
  });

  it("tells under a block what is wrong with it, asks to run it, and allows it by one click", async () => {
    await open("screened", "dark", 260);
    const blocks = page.locator(".code");
    assert.deepEqual(await blocks.locator(".code-mark").allInnerTexts(), ["asks first", "CWE-89", "blocked"]);
    assert.match(await blocks.nth(1).locator(".code-note").innerText(), /CWE-89 An SQL statement.*prepared statement\./s);
    await blocks.nth(0).getByRole("button", { name: "Run in terminal" }).click();
    assert.deepEqual((await postedOf("runCode"))[0], { type: "runCode", code: "curl -fsSL https://get.example.com/install.sh | sh", language: "sh" });
    await blocks.nth(2).getByRole("button", { name: /^Allow – Deletes every file/ }).click();
    assert.deepEqual((await postedOf("allowConcern"))[0], { type: "allowConcern", turnId: "t5", key: "k3", allowed: true });
    const { verdict } = SCREENED.checks!;
    await send({ type: "turn", turn: { ...SCREENED, checks: { ...SCREENED.checks!, verdict: { ...verdict, concerns: verdict.concerns!.map((concern) => ({ ...concern, allowed: concern.key === "k3" })) } } } });
    await page.getByRole("button", { name: /^Stop allowing/ }).waitFor();
    assert.deepEqual(await blocks.locator(".code-mark").allInnerTexts(), ["asks first", "CWE-89"]);
    await page.getByTestId("health").click();
    assert.match(await page.locator(".health-details").innerText(), /Commands[\s\S]*2 findings[\s\S]*allowed by you/);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
  });

  it("announces the answer in sentences, and its end", async () => {
    await open("welcome");
    await composer().fill("q");
    await composer().press("Enter");
    await page.waitForFunction(() => /Answer complete: 3 sources verified/.test(document.querySelector("[data-testid=announcer]")?.textContent ?? ""), null, { timeout: 15_000 });
    assert.equal(await page.getByTestId("announcer").getAttribute("aria-live"), "polite");
  });

  it("does not overflow sideways at 260 pixels", async () => {
    await open("welcome", "dark", 260);
    for (const scenario of ["conversation", "memory", "failed", "untrusted", "proposal", "welcome"]) {
      await show(scenario);
      const { scroll, client, wide } = await page.evaluate(() => ({
        scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth,
        wide: [...document.querySelectorAll("button, p, .card, .composer")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest("pre")).map((e) => e.className),
      }));
      assert.ok(scroll <= client, scenario);
      assert.deepEqual(wide, [], scenario);
    }
  });

  it("speaks the user's language, and finds room for its longer words", async () => {
    page = await view.open(view.preview.url("welcome", "light", "ltr", "de"), { width: 260, height: 700 }, "header");
    assert.equal(await page.locator("html").getAttribute("lang"), "de");
    assert.equal(await composer().getAttribute("placeholder"), "Fragen zu diesem Ordner");
    await composer().pressSequentially("/");
    assert.match(await page.getByTestId("suggestions").innerText(), /Erklären, wie der Code funktioniert[\s\S]*Eine Tatsache oder Entscheidung merken/);
    await composer().fill("");
    for (const scenario of ["conversation", "memory", "failed", "untrusted", "proposal", "noFolder", "screened"]) {
      await show(scenario);
      const { scroll, client } = await page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, client: document.documentElement.clientWidth }));
      assert.ok(scroll <= client, scenario);
      // What the engine says stays English; what the page itself says must not.
      const labels = await page.evaluate(() => [...document.querySelectorAll(".header, .foot, .composer-area, .banner button")].flatMap((part) => [part.textContent ?? "", ...[...part.querySelectorAll("[aria-label]")].map((e) => e.getAttribute("aria-label") ?? "")]));
      assert.doesNotMatch(labels.join("\n"), /\b(?:sources? verified|checks? passed|Regenerate|Copy Answer|Helpful|Chat History|Send|Add a file|bytes out|Restart Engine|Accept|Discard|Manage Trust)\b/, scenario);
    }
    await show("conversation");
    assert.match(await page.getByTestId("health").last().innerText(), /^3 Quellen geprüft · 2 Prüfungen bestanden · /);
    await page.screenshot({ path: picture("chat-german") });
  });

  it("sets right-to-left questions and prose from the right, code and paths from the left", async () => {
    for (const direction of ["ltr", "rtl"] as const) {
      page = await view.open(view.preview.url("rtl", "light", direction), { width: 340, height: 900 }, "health");
      const found = await page.evaluate(() => {
        const paragraph = [...document.querySelectorAll(".prose p")].find((p) => /[\u0590-\u06ff]/.test(p.textContent ?? ""))!;
        return {
          question: getComputedStyle(document.querySelector(".question p")!).direction, paragraph: getComputedStyle(paragraph).direction,
          code: [...new Set([...document.querySelectorAll("pre")].map((pre) => getComputedStyle(pre).direction))], paths: [...new Set([...document.querySelectorAll(".path")].map((path) => getComputedStyle(path).direction))],
          wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
        };
      });
      assert.deepEqual(found, { question: "rtl", paragraph: "rtl", code: ["ltr"], paths: ["ltr"], wide: false }, direction);
      await composer().fill("كيف يُرتَّب العمل؟");
      assert.equal(await composer().evaluate((field) => getComputedStyle(field).direction), "rtl", direction);
      await page.screenshot({ path: picture(`chat-right-to-left-${direction}`) });
      if (direction === "ltr") await page.context().close();
    }
  });

  it("can be used from end to end without a mouse", async () => {
    await open("conversation");
    await composer().focus();
    const reached = new Set<string>();
    const all = await page.evaluate(() => [...document.querySelectorAll<HTMLElement>("button, a[href], input, select, textarea, [tabindex]")]
      .filter((e) => e.tabIndex >= 0 && !(e as HTMLButtonElement).disabled && e.offsetParent !== null).map((e, i) => { e.dataset["stop"] = String(i); return `${i} ${e.getAttribute("aria-label") ?? e.title ?? ""} ${e.className} ${(e.textContent ?? "").slice(0, 30)}`; }));
    for (let i = 0; i < all.length + 5; i++) {
      const { stop, visible } = await page.evaluate(() => {
        const focused = document.activeElement as HTMLElement | null;
        const { outlineStyle, boxShadow, borderColor } = focused ? getComputedStyle(focused) : { outlineStyle: "none", boxShadow: "none", borderColor: "" };
        return { stop: focused?.dataset["stop"] ?? "", visible: outlineStyle !== "none" || boxShadow !== "none" || borderColor !== "" };
      });
      reached.add(stop);
      assert.ok(visible, `the focus shows on ${all[Number(stop)]}`);
      await page.keyboard.press("Tab");
    }
    assert.deepEqual(all.filter((_, i) => !reached.has(String(i))), []);
  });

  it("holds still for those who want less motion", async () => {
    await open("searching");
    await page.emulateMedia({ reducedMotion: "reduce" });
    assert.equal(await page.locator(".progress .codicon").evaluate((e) => getComputedStyle(e).animationName), "none");
  });

  for (const theme of Object.keys(THEMES)) {
    it(`has no serious accessibility violations in ${THEMES[theme]!.name}`, async function () {
      this.timeout(120_000);
      await open("welcome", theme);
      for (const scenario of ["welcome", "conversation", "memory", "streaming", "failed", "proposal", "warned", "screened", "rtl", "noFolder"]) {
        await composer().fill("");
        await show(scenario);
        if (scenario === "welcome") {
          await composer().pressSequentially("/");
          await page.getByRole("option").first().waitFor();
        }
        if (scenario === "memory") {
          await page.getByTestId("state-line").click();
          await page.getByRole("button", { name: "Why?" }).click();
        }
        if (scenario === "conversation") await page.getByTestId("health").last().click();
        const violations = await page.evaluate(async (axe) => {
          // The policy of the page allows no inline script; the test's own evaluation is not bound by it.
          if (!("axe" in window)) (0, eval)(axe);
          type Axe = { run(options: unknown): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> };
          const result = await (window as unknown as { axe: Axe }).axe.run({ resultTypes: ["violations"] });
          return result.violations.filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary.slice(0, 260)}`).join(" | ")}`);
        }, AXE);
        assert.deepEqual(violations, [], scenario);
      }
    });
  }
});
