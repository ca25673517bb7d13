// Chooses the documents of the base model's corpus from the unpacked sources: filters, held-out split, exact and
// near-duplicate removal, caps by package. Writes documents.jsonl; does not tokenise.
//
//   node clean.ts [--cap BYTES]
import { createHash } from "node:crypto";
import { createWriteStream, existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import path from "node:path";
import { once } from "node:events";
import { gunzipSync } from "node:zlib";
import { parseArgs } from "node:util";
import { languageOf, type Language } from "./codeLines.ts";
import { cacheFolder, folderOf, readSources, type Source, type SourceList } from "./fetch.ts";
import { NearDuplicates, sketch } from "./minHash.ts";
import { decodeSource, refusalOf, withoutLicenceHeader } from "./textFilters.ts";

/** One line of documents.jsonl. `path` is relative to the package, in POSIX form. */
export interface Document {
  package: string;
  path: string;
  language: Language;
  split: "train" | "heldOut";
  text: string;
}

export const documentsFile = path.join(cacheFolder, "documents.jsonl");

const skippedFolders = new Set([
  "node_modules", "dist", "dist-src", "build", "umd", "cjs", "esm", "es", "es5", "es6", "_esm", "_cjs", "_types", "lib.commonjs", "lib.esm", "lib-commonjs",
  "bundles", "bundle", "min", "vendor", "_vendor", "_vendored", "vendored", "vendored_packages", "third_party", "thirdparty", "extern", "externals", "_externals", "__snapshots__", "snapshots",
  "locale", "locales", "migrations", "__pycache__", "lib2to3", "idlelib", "encodings", "fixtures", "__fixtures__", "test-data", "testdata",
]);
const skippedNames = /\.d\.[mc]?ts$|\.min\.|\.snap$|\.bundle\.|\.umd\.|\.iife\.|^(changelog|changes|history|licen[cs]e|news|authors|contributors|code_of_conduct|security|releases?)\b/i;
const testPath = /(^|\/)(tests?|__tests__|spec|specs|testing)\/|[._-](test|spec)\.[a-z]+$|(^|\/)test_[^/]*\.py$/i;

/** The name by which a package is held out: its scope, or what stands before the first dash. */
export function familyOf(source: Pick<Source, "kind" | "name">): string {
  const name = source.kind === "deb" ? source.name.replace(/^python3?-/, "") : source.name;
  return name.startsWith("@") ? name.slice(1).split("/")[0] as string : name.split(/[-.]/)[0] as string;
}

function hashPercent(text: string): number {
  return createHash("sha256").update(text).digest().readUInt32LE(0) % 100;
}

/** True for packages never trained on: those named in sources.json and about 4 % of the families, by hash. */
export function isHeldOut(source: Pick<Source, "kind" | "name">, list: Pick<SourceList, "heldOut">): boolean {
  return list.heldOut[source.kind].includes(source.name) || hashPercent(`held out: ${familyOf(source)}`) < 4;
}

/** Paths of a package's candidate files, relative to its folder. */
function candidates(folder: string, kind: Source["kind"]): string[] {
  const found: string[] = [];
  const walk = (relative: string): void => {
    for (const entry of readdirSync(path.join(folder, relative), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const inner = path.posix.join(relative, entry.name);
      if (entry.isDirectory()) {
        if (!skippedFolders.has(entry.name.toLowerCase()) && !entry.name.startsWith(".")) walk(inner);
      } else if (entry.isFile() && !skippedNames.test(entry.name) && languageOf(entry.name.replace(/\.gz$/, "")) !== undefined) found.push(inner);
    }
  };
  walk("");
  if (kind === "deb") return found.filter((file) => /\.py$|\.md(\.gz)?$/.test(file));
  // JavaScript beside TypeScript sources is what the compiler made of them.
  const nTypeScript = found.filter((file) => languageOf(file) === "ts").length;
  return nTypeScript >= 3 ? found.filter((file) => languageOf(file) !== "js") : found;
}

/** The path a reader of the package's repository would know: without Debian's install folders. */
function displayPath(file: string): string {
  return file.replace(/^usr\/(lib\/python3\/dist-packages|lib\/python3\.\d+|share\/[^/]+|lib)\//, "").replace(/\.gz$/, "");
}

export async function main(): Promise<void> {
  const { values } = parseArgs({ options: { cap: { type: "string", default: "6000000" } } });
  const cap = Number(values.cap);
  const list = await readSources();
  const heldOutParts = new Set(list.heldOut.pathParts);
  const exact = new Set<string>();
  const near = new NearDuplicates();
  const nearHeldOut = new NearDuplicates();
  const refused = new Map<string, number>();
  const kept = new Map<string, { files: number; bytes: number }>();
  const count = (reason: string): void => void refused.set(reason, (refused.get(reason) ?? 0) + 1);

  await mkdir(cacheFolder, { recursive: true });
  const out = createWriteStream(`${documentsFile}.tmp`);
  // Held-out packages first, so that copies of their files are found wherever they were vendored.
  const packages = list.packages.filter((p) => existsSync(folderOf(p))).sort((a, b) => Number(isHeldOut(b, list)) - Number(isHeldOut(a, list)));
  for (const source of packages) {
    const heldOut = isHeldOut(source, list);
    const folder = folderOf(source);
    let bytes = 0;
    // By hash order, so that a cap takes files from everywhere in the package; written in path order.
    const files = candidates(folder, source.kind);
    const chosen: Document[] = [];
    for (const file of files.slice().sort((a, b) => (hashKey(a) < hashKey(b) ? -1 : 1))) {
      if (bytes > cap) {
        count("cap");
        continue;
      }
      const shown = displayPath(file);
      if (!heldOut && shown.toLowerCase().split("/").some((part) => heldOutParts.has(part.replace(/\.[^.]*$/, "")))) {
        count("heldOutName");
        continue;
      }
      // A third of the tests is enough: they repeat themselves.
      if (testPath.test(shown) && hashPercent(`test: ${shown}`) >= 33) {
        count("test");
        continue;
      }
      const full = path.join(folder, file);
      if (statSync(full).size > 400_000) {
        count("size");
        continue;
      }
      const raw = readFileSync(full);
      const decoded = decodeSource(file.endsWith(".gz") ? gunzipSync(raw) : raw);
      const language = languageOf(shown);
      if (decoded === undefined || language === undefined) {
        count("encoding");
        continue;
      }
      const text = withoutLicenceHeader(decoded, language);
      const refusal = refusalOf(decoded, language) ?? (text.length < 200 ? "size" : undefined);
      if (refusal !== undefined) {
        count(refusal);
        continue;
      }
      const digest = createHash("sha1").update(text.replace(/\s+/g, "")).digest("base64");
      if (exact.has(digest)) {
        count("duplicate");
        continue;
      }
      exact.add(digest);
      const item = sketch(text);
      if (item !== undefined) {
        if (!heldOut && nearHeldOut.find(item, 0.5) !== undefined) {
          count("nearHeldOut");
          continue;
        }
        if (near.find(item, 0.75) !== undefined) {
          count("nearDuplicate");
          continue;
        }
        near.add(item);
        if (heldOut) nearHeldOut.add(item);
      }
      bytes += text.length;
      chosen.push({ package: source.name, path: shown, language, split: heldOut ? "heldOut" : "train", text });
    }
    for (const item of chosen.sort((a, b) => (a.path < b.path ? -1 : 1))) {
      const key = `${item.split} ${item.language}`;
      const sum = kept.get(key) ?? { files: 0, bytes: 0 };
      kept.set(key, { files: sum.files + 1, bytes: sum.bytes + item.text.length });
      if (!out.write(JSON.stringify(item) + "\n")) await once(out, "drain");
    }
    console.error(`${heldOut ? "held out " : ""}${source.name}: ${chosen.length} files, ${(bytes / 1e6).toFixed(2)} MB`);
  }
  out.end();
  await once(out, "close");
  await rename(`${documentsFile}.tmp`, documentsFile);
  console.error("kept", Object.fromEntries([...kept].map(([key, { files, bytes }]) => [key, `${files} files, ${(bytes / 1e6).toFixed(1)} MB`])));
  console.error("refused", Object.fromEntries(refused));
}

function hashKey(text: string): string {
  return createHash("sha1").update(text).digest("hex");
}

if (process.argv[1] === import.meta.filename) await main();
