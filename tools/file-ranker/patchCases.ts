// Cases for the file ranker from the patches that a Debian source package carries: the upstream commit's message is the
// query, the files it changes are gold, the unpacked upstream release is the tree. Writes the format of `evaluate localise`.
//   node tools/file-ranker/patchCases.ts --tree DIR --patches DIR --repo NAME --out DIR [--most-files 2500]
// `--tree` is the unpacked .orig archive, `--patches` its debian/patches. Nothing is invented: a patch without a message,
// or one that changes only tests, documents or build files, is left out. It neither downloads nor unpacks.
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { isSourceFile } from "../../src/engine/evaluation/localiseHistory.ts";

const { values } = parseArgs({ options: { tree: { type: "string" }, patches: { type: "string" }, repo: { type: "string" }, out: { type: "string" }, "most-files": { type: "string", default: "2500" } } });
const { tree, patches, repo, out } = values;
if (tree === undefined || patches === undefined || repo === undefined || out === undefined) {
  console.error("Usage: node tools/file-ranker/patchCases.ts --tree DIR --patches DIR --repo NAME --out DIR [--most-files N]");
  process.exit(2);
}

/** As in the development set: changes of more files are refactorings that no description names. */
const MOST_GOLD = 3;
const FILE_BYTES = 400_000;

const under = (folder: string): string[] => readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"));

/** The message of a patch: subject and body as git format-patch and DEP-3 write them, without the fields that name people and places. */
function messageOf(patch: string): string | null {
  const head = patch.split(/^(?:---|diff --git |Index: |\+\+\+ )/m)[0] ?? "";
  const subject = /^(?:Subject|Description): *((?:.*)(?:\n[ \t]+.*)*)/m.exec(head);
  if (!subject) return null;
  const [first = "", ...indented] = (subject[1] as string).split("\n");
  const folded = /^Subject/m.test(subject[0]);
  const title = (folded ? [first, ...indented.map((line) => line.trim())].join(" ") : first).replace(/^\s*(?:\[[^\]]*\]\s*)+/, "").trim();
  const rest = head.slice(subject.index + subject[0].length).split("\n").filter((line) => !/^[A-Z][A-Za-z-]+: /.test(line) && !/^\((?:cherry picked|backported)/.test(line));
  const body = [...(folded ? [] : indented.map((line) => line.trim())), ...rest.map((line) => line.trim())].join("\n").replace(/\n{2,}/g, "\n").trim();
  return title === "" ? null : `${title}${body === "" ? "" : `\n${body}`}`;
}

/** Files that a patch changes and that exist before and after it, in the tree's paths. */
function changedFiles(patch: string, known: ReadonlySet<string>): string[] | null {
  const found = new Set<string>();
  for (const [, before, after] of patch.matchAll(/^--- (\S+).*\n\+\+\+ (\S+)/gm)) {
    if (before === "/dev/null" || after === "/dev/null") continue;
    const parts = (after as string).split("/");
    const match = [1, 0, 2, 3].map((strip) => parts.slice(strip).join("/")).find((candidate) => known.has(candidate));
    if (match !== undefined) found.add(match);
  }
  return found.size === 0 ? null : [...found];
}

const files = under(tree).filter((file) => isSourceFile(file));
const texts = new Map(files.flatMap((file): [string, string][] => {
  const bytes = readFileSync(path.join(tree, file));
  return bytes.length > FILE_BYTES || bytes.includes(0) ? [] : [[file, bytes.toString("utf8")]];
}));
if (texts.size > Number(values["most-files"])) {
  console.error(`${repo}: ${texts.size} files are more than --most-files`);
  process.exit(1);
}
mkdirSync(out, { recursive: true });
const shas = new Map([...texts].map(([file, text]) => [file, createHash("sha1").update(text).digest("hex")]));
const known = new Set(texts.keys());
const rows: string[] = [];
const all = existsSync(patches) ? under(patches).filter((file) => /\.(patch|diff)$/.test(file)).sort() : [];
for (const file of all) {
  const patch = readFileSync(path.join(patches, file), "utf8");
  const query = messageOf(patch);
  const gold = changedFiles(patch, known);
  if (query === null || gold === null || gold.length > MOST_GOLD) continue;
  rows.push(JSON.stringify({ id: `${repo}:${file}`, repo, query, gold, files: Object.fromEntries(shas) }));
}
appendFileSync(path.join(out, "instances.jsonl"), rows.map((row) => `${row}\n`).join(""));
const written = new Set<string>();
appendFileSync(path.join(out, "blobs.jsonl"), [...texts].flatMap(([file, text]) => {
  const sha = shas.get(file) as string;
  if (written.has(sha)) return [];
  written.add(sha);
  return [`${JSON.stringify({ sha, text })}\n`];
}).join(""));
console.log(JSON.stringify({ repo, patches: all.length, files: texts.size, cases: rows.length }));
