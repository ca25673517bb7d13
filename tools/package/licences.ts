// Names every third-party package whose code, binaries or fonts are in a package, with its licence, and writes their
// licence texts as one file. A licence that is not on the list below stops the packaging: somebody must look at it first.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { GRAMMARS } from "./grammarLicences.ts";

export interface Component {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly licence: string;
  readonly homepage?: string;
  /** False for what no npm package of that name holds. */
  readonly npm?: false;
  /** The texts of licence and notice that come with it, each with its file's name. */
  readonly texts: readonly { readonly file: string; readonly text: string }[];
}

/** Licences that allow what we do: pass on, with the text, inside a package under MIT. None of them asks for our source. */
const ALLOWED = new Set(["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD", "BlueOak-1.0.0", "Unlicense", "CC0-1.0", "CC-BY-4.0", "Zlib"]);

/** Licence expressions that offer a choice: what we choose, and why it may be chosen. */
const CHOSEN: Readonly<Record<string, string>> = {
  "(MPL-2.0 OR Apache-2.0)": "Apache-2.0",
  "MPL-2.0 OR Apache-2.0": "Apache-2.0",
};

const TEXT = /^(?:licen[cs]e|copying|notice|third[-_ ]?party)/i;

/** Holders for packages that name none and bring no text: they come out of the repository of another that does. */
const HOLDERS: Readonly<Record<string, string>> = { "@simple-git/argv-parser": "Steve King" };

/** Reads the component in `folder`, an unpacked npm package. */
export function componentIn(folder: string): Component {
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as { name: string; version: string; license?: string | { type: string }; licenses?: { type: string }[]; homepage?: string; author?: string | { name: string } };
  const author = (typeof manifest.author === "string" ? manifest.author : (manifest.author?.name ?? HOLDERS[manifest.name] ?? "")).replace(/\s*[<(].*$/, "");
  const licence = typeof manifest.license === "string" ? manifest.license : (manifest.license?.type ?? manifest.licenses?.map(({ type }) => type).join(" OR ") ?? "");
  const texts = readdirSync(folder).filter((name) => TEXT.test(name) && !/\.(?:js|ts|json)$/.test(name)).sort()
    .map((file) => ({ file, text: readFileSync(path.join(folder, file), "utf8").replaceAll("\r\n", "\n").trim() }));
  // Some packages name the MIT licence and their author, and bring no text.
  if (texts.length === 0 && licence === "MIT" && author !== "") texts.push({ file: "LICENSE", text: mitText(author) });
  return { name: manifest.name, version: manifest.version, licence: CHOSEN[licence] ?? licence, ...(manifest.homepage === undefined ? {} : { homepage: manifest.homepage }), texts };
}

/** Sentences about components that may not be shipped as they are; empty where all is well. */
export function licenceProblems(components: readonly Component[]): string[] {
  return components.flatMap(({ name, version, licence, texts }) => {
    if (texts.length === 0) return [`${name}@${version} brings no licence text, which must be passed on with it. Find the text, or leave the package out.`];
    const parts = licence.split(/\s+AND\s+/).map((part) => part.replace(/^\(|\)$/g, ""));
    if (licence !== "" && parts.every((part) => ALLOWED.has(part))) return [];
    return [`${name}@${version} has the licence "${licence || "unknown"}", which is not on the list of tools/package/licences.ts. Look at it, and add it there or leave the package out.`];
  });
}

/** The text of THIRD-PARTY-LICENCES.txt. */
export function licencesText(components: readonly Component[]): string {
  const sorted = components.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
  const list = sorted.map(({ name, version, licence }) => `  ${name} ${version}: ${licence}`).join("\n");
  const texts = sorted.map(({ name, version, licence, homepage, texts: found }) => {
    const body = found.map(({ text }) => text).join("\n\n");
    return `${"=".repeat(100)}\n${name} ${version} (${licence})${homepage === undefined ? "" : `\n${homepage}`}\n${"=".repeat(100)}\n\n${body}\n`;
  });
  return `KaLactica contains the following third-party software. Its own licence is in LICENSE.\n\n${list}\n\n${texts.join("\n")}`;
}

/** What lies inside others' binaries, as their authors' licence files name it: source, version, holder. All of it under the MIT licence. */
const INSIDE: Readonly<Record<string, readonly { readonly name: string; readonly version: string; readonly holder: string; readonly homepage: string }[]>> = {
  "@node-llama-cpp": [{ name: "llama.cpp and ggml", version: "0.5.0", holder: "2023-2026 The ggml authors", homepage: "https://github.com/ggml-org/llama.cpp" }],
  "@vscode/tree-sitter-wasm": GRAMMARS,
};

/** The components inside the binaries of the npm package `name`, "@scope" meaning all of a scope. */
export function componentsInside(name: string): Component[] {
  return (INSIDE[name] ?? []).map(({ holder, ...component }) => ({ ...component, licence: "MIT", npm: false as const, texts: [{ file: "LICENSE", text: mitText(holder) }] }));
}

function mitText(holder: string): string {
  return `MIT License

Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.`;
}
