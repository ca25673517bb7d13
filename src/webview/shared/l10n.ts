// Says the webviews' sentences in the user's language: the English sentence is the key, as in the extension's own `vscode.l10n.t`, and the
// host puts the bundle of the language into the page (webviewHtml.ts). Without one, or without that sentence in it, it stays English.
// A leaf, which the host uses too for the words that it shares with a webview.

/** The element of the page that holds the bundle as JSON. */
export const L10N_ELEMENT = "l10n";

type Bundle = Readonly<Record<string, string>>;
let bundle: Bundle | null = null;

/** The bundle of the page; {} where there is no page or none in it. */
function bundleOfPage(): Bundle {
  if (bundle !== null) return bundle;
  const text = typeof document === "undefined" ? "" : document.getElementById(L10N_ELEMENT)?.textContent ?? "";
  try {
    bundle = text === "" ? {} : JSON.parse(text) as Bundle;
  } catch {
    bundle = {};
  }
  return bundle;
}

/** What {@link t} uses from now on where there is no page, in the host and in tests; null reads the page again. */
export function useBundle(next: Bundle | null): void {
  bundle = next;
}

/**
 * `message`, a plain literal, in the user's language, with `args` in the places of {0}, {1}, …. Where number matters, give each
 * number its own sentence: t(n === 1 ? …) would hide both from the table of sentences.
 */
export function t(message: string, ...args: readonly (string | number)[]): string {
  return fill(bundleOfPage()[message] ?? message, args);
}

/** Marks a literal that stands in a table and is translated where it is shown, by {@link translated}. */
export function mark<S extends string>(message: S): S {
  return message;
}

/** A sentence that was marked by {@link mark}, in the user's language. */
export function translated(marked: string): string {
  return t(marked);
}

function fill(text: string, args: readonly (string | number)[]): string {
  return args.length === 0 ? text : text.replace(/\{(\d+)\}/g, (place, n: string) => String(args[Number(n)] ?? place));
}
