// Names every third-party package whose code, binaries or fonts are in a package, with its licence, and writes their
// licence texts as one file. A licence that is not on the list below stops the packaging: somebody must look at it first.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

export interface Component {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression. */
  readonly licence: string;
  readonly homepage?: string;
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

/** The shortest licence texts have no file of their own in some packages; the SPDX identifier in package.json then stands for it. */
const TEXT = /^(?:licen[cs]e|copying|notice|third[-_ ]?party)/i;

/** Reads the component in `folder`, an unpacked npm package. */
export function componentIn(folder: string): Component {
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as { name: string; version: string; license?: string | { type: string }; licenses?: { type: string }[]; homepage?: string };
  const licence = typeof manifest.license === "string" ? manifest.license : (manifest.license?.type ?? manifest.licenses?.map(({ type }) => type).join(" OR ") ?? "");
  const texts = readdirSync(folder).filter((name) => TEXT.test(name) && !/\.(?:js|ts|json)$/.test(name)).sort()
    .map((file) => ({ file, text: readFileSync(path.join(folder, file), "utf8").replaceAll("\r\n", "\n").trim() }));
  return { name: manifest.name, version: manifest.version, licence: CHOSEN[licence] ?? licence, ...(manifest.homepage === undefined ? {} : { homepage: manifest.homepage }), texts };
}

/** Sentences about components that may not be shipped as they are; empty where all is well. */
export function licenceProblems(components: readonly Component[]): string[] {
  return components.flatMap(({ name, version, licence }) => {
    const parts = licence.split(/\s+AND\s+/).map((part) => part.replace(/^\(|\)$/g, ""));
    if (licence !== "" && parts.every((part) => ALLOWED.has(part))) return [];
    return [`${name}@${version} has the licence "${licence || "unknown"}", which is not on the list of tools/package/licences.ts. Look at it, and add it there or leave the package out.`];
  });
}

/** The text of THIRD-PARTY-LICENCES.txt. `more` are components that are no npm packages, with their texts below `root`. */
export function licencesText(components: readonly Component[]): string {
  const sorted = components.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.version < b.version ? -1 : 1));
  const list = sorted.map(({ name, version, licence }) => `  ${name} ${version}: ${licence}`).join("\n");
  const texts = sorted.map(({ name, version, licence, homepage, texts: found }) => {
    const body = found.length > 0 ? found.map(({ text }) => text).join("\n\n") : `Licensed under ${licence}. The package brings no text of its own; the licence's text: https://spdx.org/licenses/${licence}.html`;
    return `${"=".repeat(100)}\n${name} ${version} (${licence})${homepage === undefined ? "" : `\n${homepage}`}\n${"=".repeat(100)}\n\n${body}\n`;
  });
  return `KaLactica contains the following third-party software. Its own licence is in LICENSE.\n\n${list}\n\n${texts.join("\n")}`;
}

/** Texts kept in tools/package/licences/ for what is inside others' binaries and brings no text: one folder a component with package.json and LICENSE. */
export function innerComponents(root: string): Map<string, Component> {
  const folder = path.join(root, "tools/package/licences");
  const found = new Map<string, Component>();
  for (const name of existsSync(folder) ? readdirSync(folder) : []) found.set(name, componentIn(path.join(folder, name)));
  return found;
}
