// `npm run package`: makes one `.vsix` per platform in out/package/, and lists what is in it. It publishes nothing.
// usage: npm run package -- [--target NAME[,NAME…]|all] [--gpu vulkan|cuda] [--out FOLDER] [--fast] [--vectors FILE]
import { mkdirSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildBundles, packageContents } from "./contents.ts";
import type { Bundles, PackageContents } from "./contents.ts";
import { PackageError } from "./registry.ts";
import { allScripts, scriptSizes, sizesByPart } from "./sizes.ts";
import { hostTarget, TARGET_NAMES, targetOf, TARGETS } from "./targets.ts";
import type { Gpu, Target } from "./targets.ts";
import { writeZip } from "./zip.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const usage = `usage: npm run package -- [--target NAME[,NAME…]|all] [--gpu vulkan|cuda] [--out FOLDER] [--fast] [--vectors FILE]
targets: ${TARGET_NAMES.join(", ")} (default: this machine's)
--gpu      puts the libraries for GPUs into the package as well (linux-x64 and win32-x64)
--fast     packs lightly, for tests: the same contents, a larger file
--vectors  a binary of hnswlib-node compiled for the target, where that is another platform`;

export interface MadePackage {
  readonly file: string;
  readonly bytes: number;
  readonly contents: PackageContents;
}

export interface MakeOptions {
  readonly target: Target;
  readonly bundles: Bundles;
  readonly outdir: string;
  readonly gpu?: Gpu;
  readonly vectors?: string;
  /** Default: package.json's. */
  readonly version?: string;
  /** zlib's level, 1 to 9. */
  readonly level: number;
  readonly log: (line: string) => void;
}

/** Makes one package and lists its parts. */
export async function makePackage({ target, bundles, outdir, gpu, vectors, version: wanted, level, log }: MakeOptions): Promise<MadePackage> {
  const contents = await packageContents(bundles, { root, target, gpu, vectors, version: wanted });
  const { name, version } = contents.manifest;
  mkdirSync(outdir, { recursive: true });
  const file = path.join(outdir, `${name}-${target.name}${gpu === undefined ? "" : `-${gpu}`}-${version}.vsix`);
  const packed = await writeZip(file, contents.files, level);
  const { size } = statSync(file);
  log(`\n${path.relative(root, file)}: ${megabytes(size)} in ${contents.files.length} files`);
  for (const part of sizesByPart(contents.files, packed)) log(`  ${megabytes(part.packedBytes).padStart(9)}  (${megabytes(part.bytes).padStart(9)} unpacked, ${String(part.files).padStart(3)} files)  ${part.part}`);
  for (const note of contents.notes) log(`  note: ${note}`);
  const host = hostTarget()?.name;
  if (host !== target.name) log(`  note: made on ${host ?? "another platform"} and not tried on ${target.name}.`);
  return { file, bytes: size, contents };
}

/** The table of JavaScript by entry point, ours and dependencies' apart. */
export function scriptTable(bundles: Bundles): string[] {
  const lines = scriptSizes(bundles.metafiles).map(({ entry, startOurs, startOthers, laterOurs, laterOthers }) =>
    `  ${entry.padEnd(20)} ${kilobytes(startOurs)} ours + ${kilobytes(startOthers)} others' at its start; ${kilobytes(laterOurs)} + ${kilobytes(laterOthers)} only when needed`);
  const { ours, others } = allScripts(bundles.metafiles);
  return ["JavaScript, minified:", ...lines, `  all bundles, each piece once: ${kilobytes(ours)} ours, ${kilobytes(others)} dependencies'`];
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1e3).toFixed(0).padStart(5)} kB`;
}

async function main(): Promise<void> {
  let values: { target?: string; gpu?: string; out?: string; fast?: boolean; vectors?: string; help?: boolean };
  try {
    ({ values } = parseArgs({ options: { target: { type: "string" }, gpu: { type: "string" }, out: { type: "string" }, fast: { type: "boolean" }, vectors: { type: "string" }, help: { type: "boolean" } } }));
  } catch (error) {
    throw new PackageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
  if (values.help === true) {
    console.log(usage);
    return;
  }
  const names = values.target === "all" ? [...TARGET_NAMES] : (values.target ?? hostTarget()?.name ?? "").split(",");
  const targets = names.map((name) => {
    const target = targetOf(name);
    if (target === undefined) throw new PackageError(`There is no target "${name}". There are ${TARGETS.map((known) => known.name).join(", ")}.`);
    return target;
  });
  if (values.gpu !== undefined && values.gpu !== "vulkan" && values.gpu !== "cuda") throw new PackageError(`There is no GPU variant "${values.gpu}". There are vulkan and cuda.`);
  if (values.vectors !== undefined && targets.length !== 1) throw new PackageError("--vectors names one platform's binary, so it goes with one --target.");
  const bundles = await buildBundles(root);
  for (const target of targets) {
    await makePackage({
      target, bundles, outdir: path.resolve(values.out ?? path.join(root, "out/package")), level: values.fast === true ? 1 : 9, log: (line) => { console.log(line); },
      gpu: values.gpu, vectors: values.vectors,
    });
  }
  console.log(`\n${scriptTable(bundles).join("\n")}`);
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof PackageError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
