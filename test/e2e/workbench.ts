// One VS Code window under test: server, browser page and probe together, with the few verbs the suites need.
// What a suite expects of the product stays in the suite.
import { randomBytes } from "node:crypto";
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, FrameLocator, Page } from "playwright-core";
import type * as VSCodeAPI from "vscode";
import { launchChromium } from "./chromium.ts";
import { installVSCodeWeb } from "./install.ts";
import { startServer } from "./server.ts";
import type { Server } from "./server.ts";

export const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const picturesFolder = path.join(repository, "out/pictures");
/** A window takes 5 s to open on an idle machine; this is for a busy one. */
const START_TIMEOUT_MS = 90_000;
/** Loaded into server and extension host where the run counts sockets (test/run.ts). */
export const socketGuard = process.env.KALACTICA_SOCKET_LOG === undefined ? undefined : path.join(repository, "test/support/socketGuard.cjs");
/**
 * What is tested: this checkout, or what KALACTICA_EXTENSION names (an unpacked extension, or a `.vsix`). The whole suite names the
 * folder into which VS Code has installed the package (packaged.ts).
 */
const underTest = path.resolve(process.env.KALACTICA_EXTENSION ?? repository);
const probeExtension = path.join(repository, "test/e2e/probe");

export interface WorkbenchOptions {
  /** Folder to copy and open; a copy, so that a test may change it. */
  readonly workspace: string;
  /** Unpacked extensions, installed beside the probe (default: the product). */
  readonly extensions?: readonly string[];
  /** `.vsix` files to install in place of `extensions`. */
  readonly packages?: readonly string[];
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Open the folder untrusted, as VS Code does with a folder it has not seen. */
  readonly untrusted?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Puts files in place before VS Code starts, for example a model where the extension keeps downloaded ones. */
  readonly prepare?: (places: { readonly workspace: string; readonly models: string }) => Promise<void>;
  /** Width and height of the window in CSS pixels. */
  readonly size?: { readonly width: number; readonly height: number };
}

type VSCode = typeof VSCodeAPI;

/** A function that runs in the extension host. It is sent as text: it sees its arguments and nothing else. */
export type InHost<A extends unknown[], T> = (vscode: VSCode, ...args: A) => T | PromiseLike<T>;

export class Workbench {
  readonly page: Page;
  /** The copy of the workspace that is open. */
  readonly workspace: string;
  /** The server's folder: user data, extensions, logs. */
  readonly root: string;
  readonly server: Server;
  readonly #browser: Browser;
  readonly #context: BrowserContext;
  readonly #token: string;
  readonly #probeFile: string;

  private constructor(fields: { page: Page; workspace: string; root: string; server: Server; browser: Browser; context: BrowserContext; token: string; probeFile: string }) {
    this.page = fields.page;
    this.workspace = fields.workspace;
    this.root = fields.root;
    this.server = fields.server;
    this.#browser = fields.browser;
    this.#context = fields.context;
    this.#token = fields.token;
    this.#probeFile = fields.probeFile;
  }

  /** Starts server and browser, opens a copy of the workspace and waits until the extension host answers. */
  static async open(options: WorkbenchOptions): Promise<Workbench> {
    const vscode = await installVSCodeWeb((line) => console.log(line));
    const root = mkdtempSync(path.join(os.tmpdir(), "kalactica-e2e-"));
    const workspace = path.join(root, path.basename(options.workspace));
    cpSync(options.workspace, workspace, { recursive: true });
    const models = path.join(root, "user-data/User/globalStorage/kalactica.kalactica/models");
    await options.prepare?.({ workspace, models });
    const token = randomBytes(16).toString("hex");
    const probeFile = path.join(root, "probe.json");
    const server = await startServer(vscode, {
      root,
      extensions: [...(options.packages !== undefined ? [] : (options.extensions ?? (underTest.endsWith(".vsix") ? [] : [underTest]))), probeExtension],
      packages: options.packages ?? (options.extensions === undefined && underTest.endsWith(".vsix") ? [underTest] : []),
      preload: socketGuard,
      workspaceTrust: options.untrusted === true,
      settings: {
        "editor.autoClosingBrackets": "never",
        "workbench.colorTheme": "Light 2026",
        "security.workspace.trust.startupPrompt": "never",
        "security.workspace.trust.banner": "never",
        "workbench.welcomePage.walkthroughs.openOnInstall": false,
        ...options.settings,
      },
      env: { ...options.env, KALACTICA_PROBE_FILE: probeFile, KALACTICA_PROBE_TOKEN: token },
    });
    let browser: Browser | undefined;
    try {
      browser = await launchChromium();
      const context = await browser.newContext({ viewport: options.size ?? { width: 1400, height: 900 }, permissions: ["clipboard-read", "clipboard-write"] });
      const page = await context.newPage();
      watchPage(page, path.join(root, "console.log"));
      const workbench = new Workbench({ page, workspace, root, server, browser, context, token, probeFile });
      await workbench.#load();
      return workbench;
    } catch (error) {
      await browser?.close();
      await server.stop();
      throw error;
    }
  }

  async #load(): Promise<void> {
    await this.page.goto(`http://localhost:${this.server.port}/?folder=${encodeURIComponent(this.workspace)}`, { waitUntil: "commit", timeout: START_TIMEOUT_MS });
    await this.#ready();
  }

  async #ready(): Promise<void> {
    await this.page.waitForSelector(".monaco-workbench", { timeout: START_TIMEOUT_MS });
    await this.until("the extension host answers", () => existsSync(this.#probeFile), START_TIMEOUT_MS);
  }

  /** "Developer: Reload Window": VS Code saves its state, then page and extension host start anew. */
  async reload(): Promise<void> {
    const navigated = this.page.waitForEvent("framenavigated", { predicate: (frame) => frame === this.page.mainFrame(), timeout: 30_000 });
    await this.inHost((vscode) => {
      // Not awaited: the host is gone before the command would return.
      setTimeout(() => void vscode.commands.executeCommand("workbench.action.reloadWindow"), 50);
    });
    rmSync(this.#probeFile, { force: true });
    await navigated;
    await this.#ready();
  }

  /** Process id of the extension host. */
  get extensionHostPid(): number {
    return this.#probe().pid;
  }

  #probe(): { port: number; pid: number } {
    return JSON.parse(readFileSync(this.#probeFile, "utf8")) as { port: number; pid: number };
  }

  /** Evaluates `run` in the extension host; arguments and result must survive JSON. */
  async inHost<A extends unknown[], T>(run: InHost<A, T>, ...args: A): Promise<Awaited<T>> {
    const response = await fetch(`http://127.0.0.1:${this.#probe().port}`, {
      method: "POST",
      headers: { "x-probe-token": this.#token, connection: "close" },
      body: JSON.stringify({ source: run.toString(), args }),
    });
    const answer = (await response.json()) as { ok: true; value: Awaited<T> } | { ok: false; error: string };
    if (!answer.ok) throw new Error(`in the extension host: ${answer.error}`);
    return answer.value;
  }

  /** Waits until the extension under test is active; fails with its own error where it cannot be. */
  async activated(): Promise<void> {
    await this.inHost(async (vscode) => {
      await vscode.extensions.getExtension("kalactica.kalactica")!.activate();
    });
  }

  /** Runs a VS Code command and waits for it. */
  async command(id: string, ...args: unknown[]): Promise<unknown> {
    return this.inHost(async (vscode, command: string, rest: unknown[]) => {
      const result: unknown = await vscode.commands.executeCommand(command, ...rest);
      return ["string", "number", "boolean"].includes(typeof result) ? result : null;
    }, id, args);
  }

  /** Shows a file of the workspace in the editor and waits until it is the active one. */
  async openFile(relativePath: string): Promise<void> {
    await this.inHost(async (vscode, file: string) => {
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(vscode.Uri.file(file)));
    }, path.join(this.workspace, relativePath));
    await this.page.locator(`.editor-instance .monaco-editor`).first().waitFor();
  }

  /** Runs `condition` until it gives something other than false, null or undefined; fails with `what` in the message. */
  async until<T>(what: string, condition: () => T | Promise<T>, timeoutMs = 15_000): Promise<NonNullable<Exclude<T, false>>> {
    const begun = Date.now();
    for (;;) {
      const value = await condition();
      if (value !== false && value !== null && value !== undefined) return value as NonNullable<Exclude<T, false>>;
      if (Date.now() - begun > timeoutMs) {
        throw new Error(`Waited ${timeoutMs} ms in vain until ${what}.`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The document inside the webview view that is open. With several webviews, `nth` chooses. */
  webview(nth = 0): FrameLocator {
    return this.page.locator("iframe.webview.ready").nth(nth).contentFrame().locator("iframe#active-frame").contentFrame();
  }

  /** Saves a picture of the window under out/pictures. */
  async picture(name: string): Promise<string> {
    mkdirSync(picturesFolder, { recursive: true });
    const file = path.join(picturesFolder, `${name}.png`);
    await this.page.screenshot({ path: file });
    return file;
  }

  /** For `afterEach`: a picture of what the window showed when a test failed. */
  async pictureOfFailure(test: { readonly state?: string | undefined; fullTitle(): string } | undefined): Promise<void> {
    if (test?.state === "failed") await this.picture(`failed-${test.fullTitle().replace(/[^a-z0-9]+/gi, "-").slice(0, 80)}`);
  }

  /** Changes a user setting and waits until the host sees it. */
  async setting(key: string, value: unknown): Promise<void> {
    await this.inHost(async (vscode, k: string, v: unknown) => {
      await vscode.workspace.getConfiguration().update(k, v, vscode.ConfigurationTarget.Global);
    }, key, value);
  }

  /** Ends browser and server and deletes their folder. */
  async close(): Promise<void> {
    await this.#context.close();
    await this.#browser.close();
    await this.server.stop();
    if (process.env.KALACTICA_KEEP === undefined) rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
    else console.log(`kept: ${this.root}`);
  }
}

/** Writes the page's console to a file, and every request that leaves loopback to the socket log. */
export function watchPage(page: Page, consoleFile: string): void {
  page.on("console", (message) => appendFileSync(consoleFile, `[${message.type()}] ${message.text()}\n`));
  page.on("pageerror", (error) => appendFileSync(consoleFile, `[pageerror] ${error.stack ?? String(error)}\n`));
  // A webview's own files have an https address that its service worker answers; only what the worker leaves to the
  // network is a request.
  const outside = (address: string): boolean => {
    const url = new URL(address);
    return /^(https?|wss?):$/.test(url.protocol) && !/^(localhost|127\.0\.0\.1|.+\.localhost)$/.test(url.hostname);
  };
  const record = (kind: string, address: string): void => {
    appendFileSync(consoleFile, `[outside] ${kind} ${address}\n`);
    const log = process.env.KALACTICA_SOCKET_LOG;
    if (log !== undefined) appendFileSync(log, `${JSON.stringify({ kind, target: address, pid: process.pid, process: "browser" })}\n`);
  };
  page.on("response", (response) => {
    if (outside(response.url()) && !response.fromServiceWorker()) record("browser response", response.url());
  });
  page.on("websocket", (socket) => {
    if (outside(socket.url())) record("browser socket", socket.url());
  });
  page.on("requestfailed", (request) => {
    appendFileSync(consoleFile, `[requestfailed] ${request.url()} ${request.failure()?.errorText ?? ""}\n`);
    // A request that a page gave up is cancelled by its own side; what the network refused had left for it.
    if (outside(request.url()) && request.failure()?.errorText !== "net::ERR_ABORTED") record("browser request", request.url());
  });
}
