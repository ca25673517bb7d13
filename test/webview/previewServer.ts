// Serves the pages with fake hosts on loopback, under the product's own page and policy.
// As a program it stays up for people to look at: node24 test/webview/previewServer.ts [port]
// then /?scenario=full&theme=dark or /monitor?scenario=sft&theme=dark (themes: dark, light, hcBlack, hcLight; scenarios: see
// scenarios.ts and monitorScenarios.ts, listed at /index).
import { mkdtempSync, readFileSync } from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { webviewHtml } from "../../src/extension/webviewHtml.ts";
import { bundlePages } from "./bundle.ts";
import type { PageName } from "./bundle.ts";
import { EVALUATION_SCENARIOS } from "./evaluationScenarios.ts";
import { MONITOR_SCENARIOS } from "./monitorScenarios.ts";
import { SCENARIOS } from "./scenarios.ts";

export interface Theme {
  name: string;
  bodyClass: string;
  variables: Record<string, string>;
}

export const THEMES = JSON.parse(readFileSync(path.join(import.meta.dirname, "themes.json"), "utf8")) as Record<string, Theme>;

const TYPES: Record<string, string> = { ".js": "text/javascript", ".css": "text/css", ".ttf": "font/ttf" };
const NONCE = "cHJldmlldw";

export interface PreviewServer {
  /** Address of a scenario of the chat in a theme; in another language than English with the product's own bundle for it. */
  url(scenario: string, theme?: string, direction?: "ltr" | "rtl", language?: string): string;
  /** Address of a scenario of the training monitor in a theme. */
  monitorUrl(scenario: string, theme?: string): string;
  /** Address of a scenario of the evaluation page in a theme. */
  evaluationUrl(scenario: string, theme?: string): string;
  /** Sizes of the pages' scripts, minified. */
  scriptBytes: Record<PageName, number>;
  close(): Promise<void>;
}

export async function startPreview(port = 0): Promise<PreviewServer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-preview-"));
  const scriptBytes = await bundlePages(folder);
  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (url.pathname === "/") { respond(response, "text/html", page("chat", url.searchParams, request.headers.host ?? "")); return; }
    if (url.pathname === "/monitor" || url.pathname === "/evaluation") { respond(response, "text/html", page(url.pathname === "/monitor" ? "monitor" : "evaluation", url.searchParams, request.headers.host ?? "")); return; }
    if (url.pathname === "/index") {
      const links = [...Object.keys(SCENARIOS).map((name) => `/?scenario=${name}`), ...Object.keys(MONITOR_SCENARIOS).map((name) => `/monitor?scenario=${name}`), ...Object.keys(EVALUATION_SCENARIOS).map((name) => `/evaluation?scenario=${name}`)];
      respond(response, "text/html", links.map((link) => `<p><a href="${link}">${link}</a>`).join(""));
      return;
    }
    const [, of, theme] = /^\/(chat|monitor|evaluation)-theme-(\w+)\.css$/.exec(url.pathname) ?? [];
    if (theme && THEMES[theme]) { respond(response, "text/css", themeCss(THEMES[theme], of === "chat" ? "sideBar" : "editor")); return; }
    try {
      const file = path.basename(url.pathname);
      respond(response, TYPES[path.extname(file)] ?? "application/octet-stream", readFileSync(path.join(folder, file)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  const at = `http://127.0.0.1:${typeof address === "object" && address ? address.port : port}`;
  return {
    scriptBytes,
    url: (scenario, theme = "dark", direction = "ltr", language = "en") => `${at}/?scenario=${scenario}&theme=${theme}&dir=${direction}&lang=${language}`,
    monitorUrl: (scenario, theme = "dark") => `${at}/monitor?scenario=${scenario}&theme=${theme}`,
    evaluationUrl: (scenario, theme = "dark") => `${at}/evaluation?scenario=${scenario}&theme=${theme}`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

/** What VS Code puts into every webview before the page's own styles and that could show through them. */
const VSCODE_DEFAULTS = `@layer vscode-default {
  html { scrollbar-color: var(--vscode-scrollbarSlider-background) var(--vscode-editor-background); }
  body { padding: 0 20px; color: var(--vscode-editor-foreground); }
  a, a code { color: var(--vscode-textLink-foreground); }
  a:focus, textarea:focus { outline: 1px solid -webkit-focus-ring-color; outline-offset: -1px; }
  code { color: var(--vscode-textPreformat-foreground); background-color: var(--vscode-textPreformat-background); padding: 1px 3px; border-radius: 4px; }
  pre code { padding: 0; }
  blockquote { background: var(--vscode-textBlockQuote-background); }
  kbd { border: 1px solid var(--vscode-keybindingLabel-border); box-shadow: inset 0 -1px 0 var(--vscode-widget-shadow); padding: 1px 3px; vertical-align: middle; }
}
`;

/** The product's page, with the theme that VS Code would have put in and the fake host before the script. */
function page(name: PageName, query: URLSearchParams, host: string): string {
  const theme = query.get("theme") ?? "dark";
  const { bodyClass } = THEMES[theme] ?? THEMES["dark"]!;
  const language = query.get("lang") ?? "en";
  const bundle = language === "en" ? undefined : JSON.parse(readFileSync(path.join(import.meta.dirname, `../../l10n/bundle.l10n.${path.basename(language)}.json`), "utf8")) as Record<string, string>;
  return webviewHtml({ title: "KaLactica", cspSource: `http://${host}`, scriptUri: `/${name}.js`, styleUri: `/${name}.css`, nonce: NONCE, language, bundle })
    .replace("<link rel", `<link rel="stylesheet" href="/${name}-theme-${theme}.css">\n<link rel`)
    .replace("<html ", `<html dir="${query.get("dir") === "rtl" ? "rtl" : "ltr"}" `)
    .replace("<body>", `<body class="${bodyClass}">`)
    .replace("<script ", `<script nonce="${NONCE}" src="/${name}Host.js"></script>\n<script `);
}

function themeCss({ variables }: Theme, surface: "sideBar" | "editor"): string {
  const lines = Object.entries(variables).map(([name, value]) => `  ${name}: ${value};`);
  return `:root {\n${lines.join("\n")}\n}\nhtml { background: var(--vscode-${surface}-background); }\n${VSCODE_DEFAULTS}`;
}

function respond(response: http.ServerResponse, type: string, body: string | Buffer): void {
  response.writeHead(200, { "content-type": type, "cache-control": "no-store" }).end(body);
}

if (process.argv[1] === import.meta.filename) {
  const preview = await startPreview(Number(process.argv[2] ?? 8123));
  console.log(`${preview.url("conversation")}  ${preview.monitorUrl("sft")}  (${JSON.stringify(preview.scriptBytes)} bytes, minified)`);
}
