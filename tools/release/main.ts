// `npm run release -- X.Y.Z`: checks what must hold, runs the tests, makes the packages of all platforms with checksums, bills of
// materials and licences in out/release/, and says what remains to be done by a person. By itself it changes nothing else; with
// --commit it also sets version and change log, commits and tags. It never pushes and never publishes.
// usage: npm run release -- X.Y.Z [--commit] [--target NAME[,NAME…]|all] [--skip-tests]
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildBundles } from "../package/contents.ts";
import { licencesText } from "../package/licences.ts";
import { makePackage, scriptTable } from "../package/main.ts";
import type { MadePackage } from "../package/main.ts";
import { PackageError } from "../package/registry.ts";
import { TARGET_NAMES, targetOf } from "../package/targets.ts";
import { changelogSection, git, releaseProblems } from "./checks.ts";
import { billOfMaterials } from "./sbom.ts";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const outdir = path.join(root, "out/release");
/** What a user on Linux is asked to download, without GPU libraries. */
const MOST_BYTES = 100e6;
const usage = `usage: npm run release -- X.Y.Z [--commit] [--target NAME[,NAME…]|all] [--skip-tests]
  Without --commit nothing but out/release/ is written. Nothing is ever pushed or published.`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { commit: { type: "boolean" }, target: { type: "string" }, "skip-tests": { type: "boolean" }, help: { type: "boolean" } } });
  const [version] = positionals;
  if (values.help === true || version === undefined) {
    console.log(usage);
    return values.help === true ? 0 : 2;
  }
  const problems = releaseProblems({ root, version });
  for (const problem of problems) console.error(`✖ ${problem}`);
  if (problems.length > 0) return 1;
  console.log(`✔ ${version}: version, change log and tree`);

  if (values["skip-tests"] === true) {
    if (values.commit === true) throw new PackageError("--commit wants the tests: leave --skip-tests out.");
    console.log("- tests: left out");
  } else {
    const { status } = spawnSync(process.execPath, [path.join(root, "test/run.ts")], { cwd: root, stdio: "inherit", env: { ...process.env, CI: "true" } });
    if (status !== 0) {
      console.error(`✖ The tests ended with ${status ?? "a signal"}.`);
      return 1;
    }
    console.log("✔ tests");
  }

  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const names = values.target === undefined || values.target === "all" ? [...TARGET_NAMES] : values.target.split(",");
  const bundles = await buildBundles(root);
  const made: MadePackage[] = [];
  for (const name of names) {
    const target = targetOf(name);
    if (target === undefined) throw new PackageError(`There is no target "${name}". There are ${TARGET_NAMES.join(", ")}.`);
    const found = await makePackage({ target, bundles, outdir, version, level: 9, log: (line) => { console.log(line); } });
    writeFileSync(found.file.replace(/\.vsix$/, ".cdx.json"), billOfMaterials(found.contents, version, found.file));
    if (found.bytes > MOST_BYTES) throw new PackageError(`${path.basename(found.file)} has ${(found.bytes / 1e6).toFixed(0)} MB; ${MOST_BYTES / 1e6} MB is the limit. See what grew in the list above.`);
    made.push(found);
  }
  console.log(`\n${scriptTable(bundles).join("\n")}`);

  const [first] = made;
  if (first === undefined) throw new PackageError("No target was named.");
  const again = await makePackage({ target: targetOf(names[0]!)!, bundles: await buildBundles(root), outdir: path.join(root, "out/package/again"), version, level: 9, log: () => undefined });
  if (sha256(again.file) !== sha256(first.file)) throw new PackageError(`Made twice, ${path.basename(first.file)} is not the same: ${again.file} differs.`);
  console.log(`✔ ${path.basename(first.file)} is the same when it is made again`);

  const all = new Map(made.flatMap(({ contents }) => contents.components).map((component) => [`${component.name}@${component.version}`, component]));
  writeFileSync(path.join(outdir, "THIRD-PARTY-LICENCES.txt"), licencesText([...all.values()]));
  const changes = changelogSection(readFileSync(path.join(root, "CHANGELOG.md"), "utf8"), version)!;
  writeFileSync(path.join(outdir, "NOTES.md"), `# KaLactica ${version}\n\n${changes}\n\n## Packages\n\n${made.map(({ file, contents }) => `- \`${path.basename(file)}\`, ${(statSync(file).size / 1e6).toFixed(1)} MB${contents.notes.map((note) => `. ${note}`).join("")}`).join("\n")}\n`);
  const artefacts = [...made.flatMap(({ file }) => [file, file.replace(/\.vsix$/, ".cdx.json")]), path.join(outdir, "THIRD-PARTY-LICENCES.txt"), path.join(outdir, "NOTES.md")];
  writeFileSync(path.join(outdir, "SHA256SUMS"), artefacts.map((file) => `${sha256(file)}  ${path.basename(file)}\n`).join(""));
  console.log(`✔ ${artefacts.length + 1} files in ${path.relative(root, outdir)}/; \`sha256sum -c SHA256SUMS\` checks them`);

  if (values.commit === true) commit(version);
  console.log(`\nLeft to a person:${values.commit === true ? "" : `\n  npm run release -- ${version} --commit   (sets version and change log, commits, tags)`}
  git push --follow-tags
  vsce publish --packagePath out/release/*.vsix   (or ovsx publish; or hand the files on)`);
  return 0;
}

/** Sets the version in package.json and its lock, names the change log's section, commits and tags. */
function commit(version: string): void {
  for (const file of ["package.json", "package-lock.json"]) {
    const text = readFileSync(path.join(root, file), "utf8");
    const manifest = JSON.parse(text) as { version: string; packages?: Record<string, { version?: string }> };
    manifest.version = version;
    const own = manifest.packages?.[""];
    if (own) own.version = version;
    writeFileSync(path.join(root, file), `${JSON.stringify(manifest, null, 2)}\n`);
  }
  const log = path.join(root, "CHANGELOG.md");
  writeFileSync(log, readFileSync(log, "utf8").replace(/^## Unreleased$/m, `## ${version}`));
  git(root, "commit", "--quiet", "--message", `Release ${version}`, "--", "package.json", "package-lock.json", "CHANGELOG.md");
  git(root, "tag", "--annotate", `v${version}`, "--message", `KaLactica ${version}`);
  console.log(`✔ committed and tagged v${version}`);
}

function sha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof PackageError) && !(error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS")) throw error;
  console.error(`${(error as Error).message}${error instanceof PackageError ? "" : `\n${usage}`}`);
  process.exitCode = 1;
}
