// Reads the outputs of a notebook cell, whatever their size: text and errors within bounds, one line for each figure or
// table, and a hash of what was shown. It keeps nothing.
import { createHash } from "node:crypto";
import type * as vscode from "vscode";

const ERROR_MIME = "application/vnd.code.notebook.error";
const TEXT_MIMES = ["application/vnd.code.notebook.stdout", "text/plain"];
/** Of long outputs, this much at either end is hashed, and their length. */
const HASHED_BYTES = 64 * 1024;
const OUTPUT_CHARACTERS = 2_000;
const TRACEBACK_CHARACTERS = 4_000;
const MOST_SHOWN = 12;

type Outputs = readonly { readonly items: readonly Pick<vscode.NotebookCellOutputItem, "mime" | "data">[] }[];

export function textOf(outputs: Outputs, most = OUTPUT_CHARACTERS): string {
  let text = "";
  for (const { items } of outputs) {
    const item = items.find(({ mime }) => TEXT_MIMES.includes(mime));
    if (item && text.length < most) text += `${new TextDecoder().decode(item.data.subarray(0, 4 * most))}\n`;
  }
  return plain(text).slice(0, most);
}

/** "figure (image/png, 18 kB)", "table of 5 rows × 3 columns". */
export function shownBy(outputs: Outputs): string[] {
  const shown: string[] = [];
  for (const { items } of outputs) {
    if (shown.length >= MOST_SHOWN) break;
    const image = items.find(({ mime }) => mime.startsWith("image/") || mime === "application/pdf");
    const table = items.find(({ mime }) => mime === "text/html" || mime === "application/vnd.dataresource+json");
    const other = items.find(({ mime }) => mime !== ERROR_MIME && !TEXT_MIMES.includes(mime) && mime !== "application/vnd.code.notebook.stderr");
    if (image) shown.push(`figure (${image.mime}, ${size(image.data.byteLength)})`);
    else if (table?.mime === "text/html") {
      const html = new TextDecoder().decode(table.data.subarray(0, HASHED_BYTES));
      const rows = html.match(/<tr\b/gi)?.length ?? 0;
      const columns = /<tr\b[^]*?<\/tr>/i.exec(html)?.[0].match(/<t[hd]\b/gi)?.length ?? 0;
      shown.push(rows > 0 ? `table of ${rows} rows × ${columns} columns` : `text/html (${size(table.data.byteLength)})`);
    } else if (other) shown.push(`${other.mime} (${size(other.data.byteLength)})`);
  }
  return shown;
}

export function hasError(outputs: Outputs): boolean {
  return outputs.some(({ items }) => items.some(({ mime }) => mime === ERROR_MIME));
}

/** A hash of what was shown; addresses in memory, which differ from run to run, do not count. */
export function hashOf(outputs: Outputs): string {
  const hash = createHash("sha256");
  for (const { items } of outputs) {
    for (const { mime, data } of items) {
      if (mime === "application/vnd.code.notebook.stderr") continue;
      hash.update(`${mime}:${mime === ERROR_MIME ? 0 : data.byteLength}:`);
      const isText = mime.startsWith("text/") || mime.includes("stdout");
      if (mime === ERROR_MIME) hash.update(errorIn([{ items: [{ mime, data }] }]).message);
      else if (isText && data.byteLength <= HASHED_BYTES) hash.update(new TextDecoder().decode(data).replaceAll(/0x[0-9a-f]{6,}/g, "0x"));
      else if (data.byteLength <= 2 * HASHED_BYTES) hash.update(data);
      else hash.update(data.subarray(0, HASHED_BYTES)).update(data.subarray(data.byteLength - HASHED_BYTES));
    }
  }
  return hash.digest("hex");
}

/** An execution that failed without saying how (interrupted, the kernel died) has an empty name. */
export function errorIn(outputs: Outputs): { name: string; message: string; traceback: string } {
  for (const { items } of outputs) {
    const item = items.find(({ mime }) => mime === ERROR_MIME);
    if (!item) continue;
    try {
      const { name, message, stack } = JSON.parse(new TextDecoder().decode(item.data)) as { name?: unknown; message?: unknown; stack?: unknown };
      const traceback = plain(text(stack));
      // The first frame says which line of the cell it was, the last what went wrong: both are kept.
      const kept = traceback.length <= TRACEBACK_CHARACTERS ? traceback : `${traceback.slice(0, TRACEBACK_CHARACTERS / 2)}\n…\n${traceback.slice(-TRACEBACK_CHARACTERS / 2 + 3)}`;
      return { name: text(name), message: plain(text(message)).slice(0, OUTPUT_CHARACTERS), traceback: kept };
    } catch {
      // A controller may put anything there; that it failed is known all the same.
    }
  }
  return { name: "", message: "", traceback: "" };
}

function size(bytes: number): string {
  return bytes < 1_000 ? `${bytes} B` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Without terminal colours. */
function plain(value: string): string {
  return value.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, "").trimEnd();
}
