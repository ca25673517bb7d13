// Decides whether a file's text is worth training on, and takes its licence header off. Pure functions over text;
// does not read files and does not look for duplicates.
import type { Language } from "./codeLines.ts";

export type Refusal = "size" | "encoding" | "minified" | "generated" | "compiled" | "data" | "licence" | "repetitive";

const minBytes = 300;
const maxBytes = 150_000;
const generatedMarks = /@generated\b|do not (edit|modify)|auto[- ]?generated|automatically generated|this file was generated|machine generated/i;
const compiledMarks = /__esModule|__webpack_require__|_interopRequire|\bo?__exportStar|\b__awaiter\b|\b_createClass\b|\b_classCallCheck\b|sourceMappingURL|require\("tslib"\)|from ["']tslib["']|\b_extends\(\{|@babel\/runtime|\/\*#__PURE__\*\/_/;
const restrictiveHeader = /GNU (Lesser |Affero |Library )?General Public|Mozilla Public License|\bGPL-?[23v]|Eclipse Public|proprietary and confidential|Creative Commons Attribution-(Non|Share)/i;

/** Decodes UTF-8; undefined where the bytes are none, or hold NUL. A byte order mark goes, line ends become \n. */
export function decodeSource(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text.replaceAll("\r\n", "\n");
  } catch {
    return undefined;
  }
}

/** Why `text` is not trained on; undefined where it is. `text` as {@link decodeSource} gives it. */
export function refusalOf(text: string, language: Language): Refusal | undefined {
  if (text.length < minBytes || text.length > maxBytes) return "size";
  const head = text.slice(0, 2500);
  if (restrictiveHeader.test(head)) return "licence";
  const lines = text.split("\n");
  let longest = 0;
  for (const line of lines) longest = Math.max(longest, line.length);
  if (longest > (language === "md" ? 2000 : 500) || (language !== "md" && text.length / lines.length > 80)) return "minified";
  if (language === "md") return repetitive(lines) ? "repetitive" : undefined;
  if (generatedMarks.test(head.slice(0, 1200))) return "generated";
  if (language === "js" && compiledMarks.test(text)) return "compiled";
  if (text.length / lines.length < 8) return "data";
  let digits = 0;
  let letters = 0;
  let foreign = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) digits++;
    else if ((c >= 65 && c <= 90) || (c >= 97 && c <= 122)) letters++;
    else if (c > 127) foreign++;
  }
  if (digits > 0.2 * (digits + letters) || foreign > 0.05 * text.length || letters < 0.3 * text.length) return "data";
  return repetitive(lines) ? "repetitive" : undefined;
}

/** True where most lines of a longer file are copies of one another: tables, fixtures, enumerations. */
function repetitive(lines: readonly string[]): boolean {
  const wordy = lines.map((line) => line.trim()).filter((line) => line.length > 8);
  return wordy.length > 40 && new Set(wordy).size < 0.4 * wordy.length;
}

/** Takes leading comments that speak of copyright or licence off, so that the model does not learn to write them. */
export function withoutLicenceHeader(text: string, language: Language): string {
  if (language === "md") return text;
  let rest = text;
  for (;;) {
    const comment = language === "py"
      ? /^\s*(?:#[^\n]*(?:\n|$))+/.exec(rest)
      : /^\s*(?:\/\*[\s\S]*?\*\/[ \t]*(?:\n|$)|(?:[ \t]*\/\/[^\n]*(?:\n|$))+)/.exec(rest);
    if (comment === null || !/copyright|licen[cs]e|\(c\)|spdx|coding[:=]|^#!/i.test(comment[0])) break;
    rest = rest.slice(comment[0].length);
  }
  return rest.replace(/^\n+/, "");
}
