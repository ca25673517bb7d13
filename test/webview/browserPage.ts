// One page of a webview in a real browser, with what it asked for and what went wrong in it. What is tested stands in the
// tests; which pages there are, in previewServer.ts.
import assert from "node:assert/strict";
import { after, afterEach, before } from "mocha";
import type { Browser, Page } from "playwright-core";
import { findChromium, launchChromium, NO_CHROMIUM } from "../e2e/chromium.ts";
import { startPreview } from "./previewServer.ts";
import type { PreviewServer } from "./previewServer.ts";

export interface BrowserPage {
  readonly preview: PreviewServer;
  readonly browser: Browser;
  readonly page: Page;
  /** Addresses that the page asked for. */
  readonly requests: string[];
  /** Exceptions and error messages in the page; a test that passed must have left none. */
  readonly errors: string[];
  /** Opens another page and waits for the element with `testId`. */
  open(url: string, size: { width: number; height: number }, testId: string): Promise<Page>;
}

/** Makes the hooks of a suite that needs a browser; without one the suite is skipped, which CI counts as a failure. */
export function useBrowserPage(): BrowserPage {
  let browser: Browser | undefined;
  let preview: PreviewServer | undefined;
  let page: Page | undefined;
  let requests: string[] = [];
  let errors: string[] = [];
  const made = <T>(value: T | undefined): T => value ?? assert.fail("no page is open yet");

  before(async function () {
    if (findChromium() === undefined && process.env.CI !== "true") {
      console.log(`      Skipped: ${NO_CHROMIUM}`);
      this.skip();
    }
    [browser, preview] = await Promise.all([launchChromium(), startPreview()]);
  });

  after(async () => {
    await browser?.close();
    await preview?.close();
  });

  afterEach(async function () {
    const unexpected = errors;
    await page?.context().close();
    if (this.currentTest?.state === "passed") assert.deepEqual(unexpected, [], "errors in the page");
  });

  return {
    get browser() { return made(browser); },
    get preview() { return made(preview); },
    get page() { return made(page); },
    get requests() { return requests; },
    get errors() { return errors; },
    async open(url, size, testId) {
      const context = await made(browser).newContext({ viewport: size });
      const opened = await context.newPage();
      const [asked, wrong]: [string[], string[]] = [[], []];
      opened.on("request", (request) => asked.push(request.url()));
      opened.on("pageerror", (error) => wrong.push(error.message));
      opened.on("console", (message) => { if (message.type() === "error") wrong.push(message.text()); });
      [page, requests, errors] = [opened, asked, wrong];
      await opened.goto(url);
      await opened.getByTestId(testId).waitFor();
      return opened;
    },
  };
}
