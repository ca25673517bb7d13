// The page that carries a webview of ours: a root element, one style sheet, one script, and a policy that allows nothing else.
import { L10N_ELEMENT } from "../webview/shared/l10n.ts";

export interface WebviewPage {
  title: string;
  /** The webview's own source, as VS Code names it. */
  cspSource: string;
  scriptUri: string;
  styleUri: string;
  /** Fresh for every page. */
  nonce: string;
  /** BCP 47 tag of the interface language. */
  language: string;
  /** Sentences in that language by their English ones (`vscode.l10n.bundle`); absent: English. */
  bundle?: Readonly<Record<string, string>> | undefined;
}

/** No images, no connections, no frames, no inline styles or handlers: text of a model or of a data set cannot reach out even if it gets past the sanitiser. */
export function contentSecurityPolicy({ cspSource, nonce }: Pick<WebviewPage, "cspSource" | "nonce">): string {
  return [
    "default-src 'none'", `script-src 'nonce-${nonce}'`, `style-src ${cspSource}`, `font-src ${cspSource}`,
    "img-src 'none'", "connect-src 'none'", "base-uri 'none'", "form-action 'none'",
  ].join("; ");
}

export function webviewHtml(page: WebviewPage): string {
  return `<!DOCTYPE html>
<html lang="${escapeAttribute(page.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy(page)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeText(page.title)}</title>
<link rel="stylesheet" href="${escapeAttribute(page.styleUri)}">
</head>
<body>
<div id="root"></div>
${page.bundle === undefined ? "" : `<script type="application/json" id="${L10N_ELEMENT}">${dataBlock(page.bundle)}</script>\n`}<script nonce="${page.nonce}" src="${escapeAttribute(page.scriptUri)}"></script>
</body>
</html>
`;
}

/** JSON that cannot end the element it stands in. A block of data is not run, so the policy needs no word for it. */
function dataBlock(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}

function escapeAttribute(text: string): string {
  return escapeText(text).replace(/"/g, "&quot;");
}
