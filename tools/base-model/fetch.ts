// Downloads the sources of the base model's corpus by package name and version, and verifies them against
// what sources.json records. Does not read, clean or choose files (clean.ts does).
//
//   node fetch.ts                      downloads and verifies every package in sources.json
//   node fetch.ts --add npm:NAME …     resolves a package (npm:NAME, npm:NAME@VERSION, deb:NAME), checks its
//                                      licence and records it with version and checksum in sources.json
//   … --licence SPDX                   the licence as a person read it in the package's copyright file
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, readdir, realpath, rename, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);
const recipeFolder = import.meta.dirname;

/** Where the recipe keeps what it downloads and makes. Never inside the repository. */
export const cacheFolder = process.env["KALACTICA_BASE_MODEL_CACHE"] ?? path.join(os.homedir(), ".cache", "kalactica", "base-model");
export const sourcesFolder = path.join(cacheFolder, "sources");

/** One package of the corpus. `checksum` is npm's SRI integrity or the .deb file's SHA-256 in hex. */
export interface Source {
  kind: "npm" | "deb";
  name: string;
  version: string;
  licence: string;
  checksum: string;
}

export interface SourceList {
  release: string;
  /** Names that are never trained on: the evaluation's repositories and their families. */
  heldOut: { npm: string[]; deb: string[]; pathParts: string[] };
  packages: Source[];
}

const permissive = /\b(MIT|Expat|ISC|BSD|Apache|0BSD|Unlicense|CC0|Zlib|BlueOak|PSF|Python|HPND|public-domain)/i;
const restrictive = /\b(A?GPL|LGPL|MPL|EPL|CDDL|SSPL|BUSL|NC|Artistic|proprietary)/i;

export async function readSources(): Promise<SourceList> {
  return JSON.parse(await readFile(path.join(recipeFolder, "sources.json"), "utf8")) as SourceList;
}

/** Folder that holds an unpacked package. */
export function folderOf(source: Source): string {
  return path.join(sourcesFolder, source.kind, `${source.name.replaceAll("/", "__")}@${source.version.replaceAll(":", "_")}`);
}

async function packNpm(name: string, into: string): Promise<{ file: string; version: string; integrity: string }> {
  const { stdout } = await run("npm", ["pack", name, "--json", "--ignore-scripts", "--pack-destination", into], { maxBuffer: 1 << 26, cwd: into });
  const parsed = JSON.parse(stdout) as unknown;
  // npm 11 answers with a list, npm 12 with an object keyed by name.
  const first = (Array.isArray(parsed) ? parsed[0] : Object.values(parsed as object)[0]) as { filename: string; version: string };
  const [file] = (await readdir(into)).filter((entry) => entry.endsWith(".tgz"));
  if (file === undefined) throw new Error(`npm pack ${name} wrote no archive`);
  const full = path.join(into, file);
  return { file: full, version: first.version, integrity: `sha512-${createHash("sha512").update(await readFile(full)).digest("base64")}` };
}

async function packDebian(spec: string, into: string): Promise<{ file: string; version: string; sha256: string }> {
  await run("apt-get", ["download", spec], { cwd: into, maxBuffer: 1 << 26 });
  const [file] = (await readdir(into)).filter((entry) => entry.endsWith(".deb"));
  if (file === undefined) throw new Error(`apt-get download ${spec} wrote no archive`);
  const full = path.join(into, file);
  const { stdout } = await run("dpkg-deb", ["-f", full, "Version"]);
  return { file: full, version: stdout.trim(), sha256: createHash("sha256").update(await readFile(full)).digest("hex") };
}

/** The licence that an unpacked package states for its main files; undefined if it states none that is understood. */
async function statedLicence(kind: Source["kind"], folder: string, name: string): Promise<string | undefined> {
  if (kind === "npm") {
    const manifest = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8")) as { license?: string | { type: string }; licenses?: { type: string }[] };
    const stated = manifest.license ?? manifest.licenses?.[0];
    return typeof stated === "string" ? stated : stated?.type;
  }
  const docs = path.join(folder, "usr/share/doc");
  const candidates = existsSync(path.join(docs, name, "copyright")) ? [name] : existsSync(docs) ? await readdir(docs) : [];
  for (const candidate of candidates) {
    const file = path.join(docs, candidate, "copyright");
    if (!existsSync(file)) continue;
    const text = await readFile(await realpath(file), "utf8");
    const stanza = /^Files:[ \t]*\n?[ \t]*\*[\s\S]*?^License:[ \t]*(.+)$/m.exec(text);
    if (stanza?.[1] !== undefined) return stanza[1].trim();
    if (/Permission is hereby granted, free of charge/.test(text) && !restrictive.test(text)) return "Expat";
    if (/Redistribution and use in source and binary forms/.test(text) && !restrictive.test(text)) return "BSD";
    if (/Apache License/.test(text) && !restrictive.test(text)) return "Apache-2.0";
  }
  return undefined;
}

/** Downloads one package, checks it against `expected` where given, unpacks it and returns what it is. */
async function obtain(kind: Source["kind"], spec: string, expected?: Source, readLicence?: string): Promise<Source> {
  await mkdir(path.join(sourcesFolder, kind), { recursive: true });
  const scratch = await mkdtemp(path.join(sourcesFolder, ".fetch-"));
  try {
    const packed = kind === "npm" ? await packNpm(spec, scratch) : await packDebian(spec, scratch);
    const checksum = "integrity" in packed ? packed.integrity : packed.sha256;
    if (expected !== undefined && expected.checksum !== checksum) {
      throw new Error(`${kind}:${spec} has checksum ${checksum}, but sources.json records ${expected.checksum}`);
    }
    const name = expected?.name ?? (kind === "npm" ? spec.replace(/(?<=.)@[^@/]+$/, "") : spec.replace(/=.*/, ""));
    const unpacked = path.join(scratch, "out");
    await mkdir(unpacked);
    if (kind === "npm") await run("tar", ["xzf", packed.file, "-C", unpacked, "--strip-components=1", "--no-same-owner"], { maxBuffer: 1 << 26 });
    else await run("dpkg-deb", ["-x", packed.file, unpacked]);
    const licence = expected?.licence ?? readLicence ?? (await statedLicence(kind, unpacked, name));
    if (licence === undefined || !permissive.test(licence) || (restrictive.test(licence) && !/\bor\b/i.test(licence))) {
      throw new Error(`${kind}:${spec} states the licence ${licence ?? "(none)"}, which the recipe does not take`);
    }
    const source: Source = { kind, name, version: packed.version, licence, checksum };
    const target = folderOf(source);
    await rm(target, { recursive: true, force: true });
    await rename(unpacked, target);
    return source;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function inParallel<T>(items: T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.slice();
  await Promise.all(Array.from({ length: width }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  }));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { add: { type: "boolean" }, licence: { type: "string" } } });
  const list = await readSources();
  let failures = 0;
  if (values.add === true) {
    await inParallel(positionals, 5, async (spec) => {
      const kind = spec.startsWith("npm:") ? "npm" : "deb";
      try {
        const source = await obtain(kind, spec.slice(4), undefined, values.licence);
        list.packages = list.packages.filter((p) => p.kind !== kind || p.name !== source.name);
        list.packages.push(source);
        console.error(`added ${spec} ${source.version} (${source.licence})`);
      } catch (error) {
        failures++;
        console.error(`left out ${spec}: ${(error as Error).message.split("\n").slice(0, 3).join(" ")}`);
      }
    });
    list.packages.sort((a, b) => (a.kind + a.name < b.kind + b.name ? -1 : 1));
    const lines = list.packages.map((p) => "    " + JSON.stringify(p)).join(",\n");
    const head = JSON.stringify({ release: list.release, heldOut: list.heldOut }, null, 2).slice(0, -2);
    await writeFile(path.join(recipeFolder, "sources.json"), `${head},\n  "packages": [\n${lines}\n  ]\n}\n`);
    console.error(`${list.packages.length} packages recorded, ${failures} left out`);
    return;
  }
  await inParallel(list.packages, 5, async (source) => {
    if (existsSync(folderOf(source))) return;
    const spec = source.kind === "npm" ? `${source.name}@${source.version}` : `${source.name}=${source.version}`;
    try {
      await obtain(source.kind, spec, source);
      console.error(`fetched ${source.kind}:${spec}`);
    } catch (error) {
      failures++;
      console.error(`failed ${source.kind}:${spec}: ${(error as Error).message.split("\n").slice(0, 3).join(" ")}`);
    }
  });
  if (failures > 0) process.exitCode = 1;
}

if (process.argv[1] === import.meta.filename) await main();
