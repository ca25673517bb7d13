// Python sources of wheels (PEP 427): which wheels of some folders may be learnt from, and the files in them. A wheel that is
// not permissively licensed, or whose package is held out, is named with the reason and left out. It downloads nothing.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const PERMISSIVE = /\b(MIT|Expat|ISC|BSD|Apache|0BSD|Unlicense|CC0|Zlib|BlueOak|PSF|Python Software|HPND|public.domain)/i;
const RESTRICTIVE = /\b(A?GPL|LGPL|MPL|EPL|CDDL|SSPL|BUSL|NC|Artistic|proprietary|Mozilla|GNU)/i;
/** Code of others, or of tests, within a package. */
const FOREIGN_FOLDER = /^(tests?|testing|_vendor|vendor|_vendored|vendored|third_party|externals?)$/;
const GENERATED_FILE = /^test_|_pb2|conftest/;
const MOST_CHARACTERS = 400_000;

export interface Wheel {
  /** Normalised as in PEP 503. */
  name: string;
  file: string;
}

/** One name for all spellings of a package: "Flask_Login", "python3-flask-login" → "flask-login". */
export function normalisedName(name: string): string {
  return name.toLowerCase().replace(/^python3?-/, "").replace(/[-_.]+/g, "-");
}

/** One wheel a package, by name; of several the one in the last folder. */
export async function listWheels(folders: readonly string[]): Promise<Wheel[]> {
  const files = new Map<string, string>();
  for (const folder of folders) for (const file of (await readdir(folder)).sort()) if (file.endsWith(".whl")) files.set(normalisedName(file.split("-")[0] as string), path.join(folder, file));
  return [...files].map(([name, file]) => ({ name, file })).sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The wheel's own Python sources by path, or why it is left out. */
export async function wheelSources(wheel: Wheel, isHeldOut: (part: string) => boolean): Promise<{ licence: string; sources: [path: string, text: string][] } | { leftOut: string }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-wheel-"));
  try {
    // unzip ends with 11 where a pattern matches nothing: a wheel without Python files.
    await promisify(execFile)("unzip", ["-q", "-o", wheel.file, "*.py", "*.dist-info/METADATA", "-d", folder]).catch((error: unknown) => {
      const { code } = error as { code?: unknown };
      if (code !== 11 && code !== 1) throw error;
    });
    const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort();
    const metadata = files.find((file) => file.endsWith("METADATA"));
    const licence = metadata === undefined ? "" : statedLicence(await readFile(path.join(folder, metadata), "utf8"));
    if (!PERMISSIVE.test(licence) || (RESTRICTIVE.test(licence) && !/\bor\b/i.test(licence))) return { leftOut: `licence ${licence === "" ? "(none stated)" : licence}` };
    const sources: [string, string][] = [];
    for (const file of files) {
      const parts = file.split("/");
      if (!file.endsWith(".py") || GENERATED_FILE.test(parts.at(-1) as string) || parts.some((part) => FOREIGN_FOLDER.test(part) || isHeldOut(normalisedName(part)))) continue;
      const text = await readFile(path.join(folder, file), "utf8");
      if (text.length <= MOST_CHARACTERS) sources.push([file, text]);
    }
    return { licence, sources };
  } finally {
    if (existsSync(folder)) await rm(folder, { recursive: true, force: true });
  }
}

/** What a wheel's METADATA says of its licence, fields and classifiers together. */
function statedLicence(metadata: string): string {
  const head = metadata.split("\n\n")[0] as string;
  return [...head.matchAll(/^(?:License|License-Expression|Classifier: License):* (.*)$/gm)].map((match) => match[1]).join(" | ").slice(0, 300);
}
