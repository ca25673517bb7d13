// The page that carries the chat view: a root element, one style sheet, one script, and a policy that allows nothing else.

export interface ChatPage {
  /** The webview's own source, as VS Code names it. */
  cspSource: string;
  scriptUri: string;
  styleUri: string;
  /** Fresh for every page. */
  nonce: string;
  /** BCP 47 tag of the interface language. */
  language: string;
}

/** No images, no connections, no frames, no inline styles or handlers: an answer cannot reach out even if it gets past the sanitiser. */
export function contentSecurityPolicy({ cspSource, nonce }: Pick<ChatPage, "cspSource" | "nonce">): string {
  return [
    "default-src 'none'", `script-src 'nonce-${nonce}'`, `style-src ${cspSource}`, `font-src ${cspSource}`,
    "img-src 'none'", "connect-src 'none'", "base-uri 'none'", "form-action 'none'",
  ].join("; ");
}

export function chatHtml(page: ChatPage): string {
  return `<!DOCTYPE html>
<html lang="${escapeAttribute(page.language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy(page)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>KaLactica Chat</title>
<link rel="stylesheet" href="${escapeAttribute(page.styleUri)}">
</head>
<body>
<div id="root"></div>
<script nonce="${page.nonce}" src="${escapeAttribute(page.scriptUri)}"></script>
</body>
</html>
`;
}

function escapeAttribute(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
}
