// The package of this machine's platform, as far as its list of files tells: only this platform's binaries, nothing of development,
// within its size, and the same from two builds. That it works is shown by the windows of test/e2e/installed, which run it.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { buildBundles, packageContents } from "../../tools/package/contents.ts";
import type { PackageContents } from "../../tools/package/contents.ts";
import { scriptSizes } from "../../tools/package/sizes.ts";
import { hostTarget } from "../../tools/package/targets.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const outdir = path.join(root, "out/package/tested");

describe("the package", function () {
  this.timeout(120_000);
  let contents: PackageContents;
  let names: string[];

  const bytesOf = ({ content }: PackageContents["files"][number]): Buffer => (Buffer.isBuffer(content) ? content : readFileSync(content.file));
  const digest = ({ files }: PackageContents): Map<string, string> => new Map(files.filter(({ name }) => !/\.(?:gguf|so|node|wasm)$/.test(name)).map((file) => [file.name, createHash("sha256").update(bytesOf(file)).digest("hex")]));
  const make = async (): Promise<PackageContents> => packageContents(await buildBundles(root, outdir), { root, target: hostTarget()! });

  before(async function () {
    if (hostTarget() === undefined) this.skip();
    contents = await make();
    names = contents.files.map(({ name }) => name);
  });
  after(() => rmSync(outdir, { recursive: true, force: true }));

  it("holds this platform's binaries and no other's, and no GPU library", () => {
    const { llama, koffi, koffiFolder } = hostTarget()!;
    const folders = new Set(names.flatMap((name) => /^extension\/node_modules\/@(?:node-llama-cpp|koromix)\/([^/]+)\//.exec(name)?.[1] ?? []));
    assert.deepEqual([...folders].sort(), [koffi, ...(llama === null ? [] : [llama])].sort());
    assert.deepEqual(names.filter((name) => /\.node$/.test(name) && !name.includes("@node-llama-cpp")).sort(), [`extension/node_modules/@koromix/${koffi}/${koffiFolder}/koffi.node`, "extension/node_modules/hnswlib-node/build/Release/addon.node"]);
    assert.deepEqual(names.filter((name) => /cuda|vulkan/i.test(name) && /\.(?:so|dll|node)$/.test(name)), []);
  });

  it("holds nothing that only development needs", () => {
    assert.deepEqual(names.filter((name) => /\.map$|\.d\.ts$|\.tsx?$|\/test\/|gitRelease\.bundle|node-linux|\/\.|tsconfig/.test(name)), []);
    const manifest = JSON.parse(bytesOf(contents.files.find(({ name }) => name === "extension/package.json")!).toString()) as Record<string, unknown>;
    assert.equal(manifest["devDependencies"], undefined);
    assert.deepEqual(Object.keys(manifest["scripts"] as object), ["vscode:uninstall"]);
  });

  it("is at most 100 MB even before it is packed, and its bundles are near what they should be", () => {
    const bytes = contents.files.reduce((sum, { content }) => sum + (Buffer.isBuffer(content) ? content.length : statSync(content.file).size), 0);
    console.log(`      ${(bytes / 1e6).toFixed(1)} MB unpacked in ${names.length} files`);
    assert.ok(bytes <= 100e6, `${(bytes / 1e6).toFixed(1)} MB`);
    const extension = scriptSizes(contents.metafiles).find(({ entry }) => entry.endsWith("extension.cjs"));
    assert.ok(extension !== undefined && extension.startOurs + extension.startOthers <= 400e3, "the extension host would load more than 400 kB");
  });

  it("is the same when it is made again", async () => {
    assert.deepEqual(digest(await make()), digest(contents));
  });
});
