import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { sha256 } from "../../../src/engine/base/files.ts";
import { isCancelled } from "../../../src/engine/base/errors.ts";
import type { WorkspaceIndex } from "../../../src/engine/retrieval/workspaceIndex.ts";
import { openIndex, randomEmbedder, removeTemporaryFolders, temporaryFolder, workspaceOf, writeFiles } from "./support.ts";

/** A key of the right form, put together here so that this file does not look like one that holds a key. */
const KEY = ["AKIA", "Z7QX5JWP3NVB2KTM"].join("");

const FILES = {
  "src/retry.ts": "/** Tries again with growing pauses. */\nexport async function retryWithBackoff(attempts: number): Promise<void> {\n  for (let i = 0; i < attempts; i++) {\n    await pause(2 ** i);\n  }\n}\n\nfunction pause(ms: number): Promise<void> {\n  return new Promise((resolve) => setTimeout(resolve, ms));\n}\n",
  "src/main.ts": "import { retryWithBackoff } from \"./retry.ts\";\n\nawait retryWithBackoff(3);\n",
  "tools/report.py": "def render_report(rows):\n    \"\"\"Renders rows as an HTML table.\"\"\"\n    return \"<table>\" + \"\".join(row for row in rows) + \"</table>\"\n",
  "README.md": "# Example\n\nA tiny project.\n\n## Installation\n\nRun `npm install`.\n",
};

describe("WorkspaceIndex", () => {
  const open: WorkspaceIndex[] = [];
  const opened = async (...args: Parameters<typeof openIndex>): Promise<WorkspaceIndex> => {
    const index = await openIndex(...args);
    open.push(index);
    return index;
  };
  afterEach(async () => {
    for (const index of open.splice(0)) await index.close();
    removeTemporaryFolders();
  });

  it("finds code by words, by name and by file, and tells how", async () => {
    const index = await opened(workspaceOf(FILES));
    const report = await index.update();
    assert.equal(report.files, 4);
    const [byWords] = await index.search("growing pauses between attempts", { k: 3 });
    assert.equal(byWords?.path, "src/retry.ts");
    assert.ok(byWords.via.includes("keyword"), byWords.via.join());
    const [byName] = await index.search("where is retryWithBackoff?", { k: 3 });
    assert.equal(byName?.path, "src/retry.ts");
    assert.ok(byName.via.includes("symbol"), byName.via.join());
    const [byFile] = await index.search("what does report.py do", { k: 3 });
    assert.equal(byFile?.path, "tools/report.py");
    assert.ok(byFile.via.includes("path"), byFile.via.join());
    assert.equal(byFile.sha256, sha256(byFile.text));
  });

  it("lets other work come to its turn between batches of vectors, however quick each batch is", async () => {
    // Headings without a text: some 300 passages that cost next to nothing.
    const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`docs/page${i}.md`, `# Page ${i}\n\nword${i}\n`]));
    const index = await opened(workspaceOf(files), { embedder: randomEmbedder(4) });
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns++;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    const seen = new Map<number, number>();
    await index.update({ onProgress: ({ pendingPassages }) => { if (pendingPassages !== undefined && !seen.has(pendingPassages)) seen.set(pendingPassages, turns); } });
    counting = false;
    const counts = [...seen.values()];
    assert.ok(counts.length >= 4, `${counts.length} batches`);
    for (const [i, at] of counts.entries()) if (i > 0) assert.ok(at > (counts[i - 1] ?? 0), `nothing else came to its turn before batch ${i}: ${counts.join(", ")}`);
  });

  it("finds nothing in an empty workspace and with an empty query", async () => {
    const empty = await opened(temporaryFolder());
    assert.equal((await empty.update()).files, 0);
    assert.deepEqual(await empty.search("anything", { k: 5 }), []);
    const index = await opened(workspaceOf(FILES));
    await index.update();
    assert.deepEqual(await index.search("", { k: 5 }), []);
    assert.deepEqual(await index.search("\"*(^) OR NEAR(", { k: 5, crops: ["long"] }).then((hits) => hits.filter((hit) => hit.via.includes("keyword"))), []);
  });

  it("survives the operators of the full-text query language in a question", async () => {
    const index = await opened(workspaceOf(FILES));
    await index.update();
    for (const query of ["path:report", "render* AND NOT table", "\"unclosed", "a-b + c^2 {body}: x", "'; DROP TABLE files; --", "😀 table"]) await index.search(query, { k: 3 });
  });

  it("knows where names are defined and used", async () => {
    const index = await opened(workspaceOf(FILES));
    await index.update();
    const [definition] = index.definitions("retryWithBackoff");
    assert.equal(definition?.signature, "export async function retryWithBackoff(attempts: number): Promise<void>");
    assert.equal(definition.documentation, "Tries again with growing pauses.");
    assert.deepEqual([definition.path, definition.startLine, definition.endLine, definition.exported], ["src/retry.ts", 2, 6, true]);
    assert.equal(index.definitions("RETRY_WITH_BACKOFF")[0]?.name, "retryWithBackoff");
    assert.deepEqual(index.usages("retryWithBackoff", 10), {
      count: 2,
      usages: [
        { path: "src/main.ts", line: 1, text: "import { retryWithBackoff } from \"./retry.ts\";" },
        { path: "src/main.ts", line: 3, text: "await retryWithBackoff(3);" },
      ],
    });
    assert.equal(index.usages("retryWithBackoff", 1).usages.length, 1);
    assert.deepEqual(index.similarSymbols("retryWithBackof", 1), ["retryWithBackoff"]);
    assert.deepEqual(index.symbolsIn("src/retry.ts").map((symbol) => symbol.name), ["retryWithBackoff", "pause"]);
    assert.deepEqual(index.definitions("noSuchName"), []);
  });

  it("finds a changed file within a second, and forgets deleted and moved ones", async () => {
    const folder = workspaceOf(FILES);
    const index = await opened(folder);
    await index.update();
    appendFileSync(path.join(folder, "src/main.ts"), "\nexport function zebraCrossing(): void {\n  console.log(\"stripes\");\n}\n");
    const started = performance.now();
    await index.updateFiles(["src/main.ts"]);
    assert.equal((await index.search("zebraCrossing", { k: 1 }))[0]?.path, "src/main.ts");
    assert.ok(performance.now() - started < 1_000, "took longer than a second");
    unlinkSync(path.join(folder, "src/main.ts"));
    await index.updateFiles(["src/main.ts"]);
    assert.deepEqual(index.definitions("zebraCrossing"), []);
    assert.ok((await index.search("zebraCrossing", { k: 5 })).every((hit) => hit.path !== "src/main.ts"));
    mkdirSync(path.join(folder, "lib"));
    renameSync(path.join(folder, "tools"), path.join(folder, "lib/tools"));
    await index.updateFiles(["tools", "lib/tools"]);
    assert.equal(index.definitions("render_report")[0]?.path, "lib/tools/report.py");
    assert.equal(index.definitions("render_report").length, 1);
  });

  it("reads again only what changed, also when only the time did", async () => {
    const folder = workspaceOf(FILES);
    const old = new Date(Date.now() - 60_000);
    for (const file of Object.keys(FILES)) utimesSync(path.join(folder, file), old, old);
    const index = await opened(folder);
    assert.equal((await index.update()).filesPerSecond > 0, true);
    assert.equal((await index.update()).filesPerSecond, 0);
    utimesSync(path.join(folder, "README.md"), new Date(), new Date());
    assert.equal((await index.update()).chunksPerSecond, 0);
    writeFiles(folder, { "README.md": "# Example\n\nSomething about walruses.\n" });
    assert.ok((await index.update()).chunksPerSecond > 0);
    assert.equal((await index.search("walruses", { k: 1 }))[0]?.path, "README.md");
  });

  it("notices a change that kept size and time, when told of it", async () => {
    const folder = workspaceOf({ "a.txt": "aardvark" });
    const old = new Date(Date.now() - 60_000);
    utimesSync(path.join(folder, "a.txt"), old, old);
    const index = await opened(folder);
    await index.update();
    writeFileSync(path.join(folder, "a.txt"), "anteater");
    utimesSync(path.join(folder, "a.txt"), old, old);
    await index.updateFiles(["a.txt"]);
    assert.equal((await index.search("anteater", { k: 1 }))[0]?.path, "a.txt");
  });

  it("keeps the index and the vectors over a restart", async () => {
    const folder = workspaceOf(FILES);
    const storageDir = temporaryFolder();
    let embedded = 0;
    const counting = () => {
      const inner = randomEmbedder();
      return { ...inner, id: inner.id, hash: inner.hash, dimension: inner.dimension, embed: (...args: Parameters<typeof inner.embed>) => { if (args[1] === "passage") embedded += args[0].length; return inner.embed(...args); } };
    };
    const first = await openIndex(folder, { storageDir, embedder: counting() });
    await first.update();
    await first.close();
    assert.ok(embedded > 0);
    const before = embedded;
    const second = await opened(folder, { storageDir, embedder: counting() });
    await second.update();
    assert.equal(embedded, before);
    const [hit] = await second.search("html table of rows", { k: 1 });
    assert.equal(hit?.path, "tools/report.py");
    assert.ok(hit.via.includes("vector"));
  });

  it("embeds only the changed passages of a changed file", async () => {
    const many = (word: string) => Array.from({ length: 20 }, (_, i) => `export function part${i}(): string {\n  const text = "${i === 7 ? word : "same"}";\n  const more = text + text;\n  return more;\n}\n`).join("\n");
    const folder = workspaceOf({ "many.ts": many("before") });
    const inner = randomEmbedder();
    let embedded = 0;
    const index = await opened(folder, { embedder: { id: inner.id, hash: inner.hash, dimension: inner.dimension, embed: (texts, kind) => { embedded += texts.length; return inner.embed(texts, kind); } } });
    await index.update();
    assert.equal(embedded, 20);
    writeFiles(folder, { "many.ts": many("after") });
    await index.updateFiles(["many.ts"]);
    assert.equal(embedded, 21);
  });

  it("rebuilds the vector file when it is damaged, missing, or of another embedder", async () => {
    const folder = workspaceOf(FILES);
    const storageDir = temporaryFolder();
    const first = await openIndex(folder, { storageDir });
    await first.update();
    await first.close();
    const graph = () => path.join(storageDir, readdirSync(storageDir).find((name) => name.endsWith(".hnsw")) as string);
    truncateSync(graph(), 100);
    const second = await openIndex(folder, { storageDir });
    assert.ok((await second.search("html table", { k: 1 }))[0]?.via.includes("vector"));
    await second.update();
    await second.close();
    rmSync(graph());
    const third = await openIndex(folder, { storageDir });
    assert.ok((await third.search("html table", { k: 1 }))[0]?.via.includes("vector"));
    await third.close();
    writeFileSync(path.join(storageDir, "vectors.json"), "{ not json");
    const fourth = await openIndex(folder, { storageDir });
    assert.ok((await fourth.search("html table", { k: 1 }))[0]?.via.includes("vector"));
    await fourth.close();
    const other = await opened(folder, { storageDir, embedder: randomEmbedder(2, 32) });
    await other.update();
    assert.ok((await other.search("html table", { k: 1 }))[0]?.via.includes("vector"));
  });

  it("sets a damaged database aside and indexes anew", async () => {
    const folder = workspaceOf(FILES);
    const storageDir = temporaryFolder();
    const first = await openIndex(folder, { storageDir });
    await first.update();
    await first.close();
    writeFileSync(path.join(storageDir, "index.sqlite"), Buffer.alloc(8192, 7));
    const second = await opened(folder, { storageDir });
    assert.equal(second.status().files, 0);
    await second.update();
    assert.equal(second.status().files, 4);
    assert.ok(readdirSync(storageDir).some((name) => name.includes(".damaged-")));
  });

  it("searches by words where nothing embeds", async () => {
    const index = await opened(workspaceOf(FILES), { embedder: null });
    await index.update();
    assert.equal((await index.search("html table", { k: 1 }))[0]?.path, "tools/report.py");
  });

  it("leaves out what is ignored, binary, minified, generated, too large, not UTF-8 or secret, and says why", async () => {
    const folder = workspaceOf({
      ...FILES,
      ".gitignore": "ignored.ts\nbuild/\n", "ignored.ts": "export const a = 1;\n", "build/out.ts": "export const b = 1;\n",
      ".kalacticaignore": "private/\n", "private/notes.md": "# mine\n",
      "logo.png": Buffer.from([0x89, 0x50, 0, 0]), "data.txt": Buffer.from([65, 0, 66, 0, 1]), "latin1.py": Buffer.from("# caf\xe9\n", "latin1"),
      "app.js": `var a=${"1+".repeat(4_000)}1;`, "lib.min.js": "var x;", "api.pb.go": "package api\n", "made.ts": "// Code generated by tool. DO NOT EDIT.\nexport const c = 1;\n",
      ".env": "PASSWORD=hunter2\n", ".env.example": "PASSWORD=\n", "deploy/id_rsa": "key", "config.py": `KEY = "${KEY}"\n`,
    });
    const index = await opened(folder);
    const report = await index.update();
    const reasons = Object.fromEntries(report.skipped.map(({ path, reason }) => [path, reason]));
    assert.deepEqual(Object.keys(reasons).sort(), [".env", "api.pb.go", "app.js", "config.py", "data.txt", "deploy/id_rsa", "latin1.py", "lib.min.js", "logo.png", "made.ts"]);
    assert.match(reasons[".env"] as string, /secret/);
    assert.match(reasons["config.py"] as string, /AWS access key, line 1/);
    assert.equal(reasons["latin1.py"], "not valid UTF-8 text");
    assert.equal(reasons["app.js"], "minified");
    assert.equal(reasons["data.txt"], "binary file");
    assert.equal(reasons["made.ts"], "generated file");
    assert.deepEqual(index.files().map((file) => file.path).sort(), [".env.example", ".gitignore", ".kalacticaignore", "README.md", "src/main.ts", "src/retry.ts", "tools/report.py"]);
    assert.ok((await index.search("hunter2 PASSWORD", { k: 10 })).every((hit) => hit.path !== ".env"));
  });

  it("never reads a file of 100 MB, and says that it is too large", async () => {
    const folder = workspaceOf({ "small.txt": "small", "huge.json": "" });
    truncateSync(path.join(folder, "huge.json"), 100 * 1024 * 1024);
    const index = await opened(folder);
    const before = process.memoryUsage().arrayBuffers;
    const report = await index.update();
    assert.ok(process.memoryUsage().arrayBuffers - before < 50e6);
    assert.match(report.skipped[0]?.reason ?? "", /^too large: 100 MB, the limit is 1 MB/);
  });

  it("indexes a file again once its reason to be left out is gone", async () => {
    const folder = workspaceOf({ "big.txt": `${"word ".repeat(2_000)}\n` });
    const storageDir = temporaryFolder();
    const strict = await openIndex(folder, { storageDir, settings: { "index.maximumFileKilobytes": 1 } });
    assert.equal((await strict.update()).files, 0);
    await strict.close();
    const lenient = await opened(folder, { storageDir });
    assert.equal((await lenient.update()).files, 1);
    writeFiles(folder, { "big.txt": `KEY=${KEY}\n` });
    assert.equal((await lenient.update()).skipped.length, 1);
    writeFiles(folder, { "big.txt": "nothing secret\n" });
    const report = await lenient.update();
    assert.deepEqual([report.files, report.skipped], [1, []]);
  });

  it("follows no symbolic links, circular or out of the workspace", async () => {
    const outside = workspaceOf({ "secret.txt": "outside" });
    const folder = workspaceOf({ "a/b.txt": "inside" });
    symlinkSync(folder, path.join(folder, "a/loop"));
    symlinkSync(path.join(outside, "secret.txt"), path.join(folder, "link.txt"));
    symlinkSync(outside, path.join(folder, "out"));
    const index = await opened(folder);
    const report = await index.update();
    assert.equal(report.files, 1);
    assert.deepEqual(report.skipped.map((skipped) => skipped.path), ["a/loop", "link.txt", "out"]);
    await index.updateFiles(["out/secret.txt", "a/loop/a/b.txt", "../escape.txt", "/etc/passwd"]);
    assert.equal(index.status().files, 1);
    assert.equal(await index.readLines({ path: "out/secret.txt", startLine: 1, endLine: 1 }), null);
    assert.equal(await index.readLines({ path: "link.txt", startLine: 1, endLine: 1 }), null);
    assert.equal(await index.readLines({ path: "../etc/passwd", startLine: 1, endLine: 1 }), null);
  });

  it("re-reads lines from disk, also with carriage returns, and says when they are gone", async () => {
    const folder = workspaceOf({ "a.txt": "one\r\ntwo\r\nthree\r\n" });
    const index = await opened(folder);
    await index.update();
    const [hit] = await index.search("two", { k: 1 });
    assert.ok(hit);
    assert.equal((await index.readLines(hit))?.sha256, hit.sha256);
    assert.equal((await index.readLines({ path: "a.txt", startLine: 2, endLine: 2 }))?.text, "two");
    assert.equal(await index.readLines({ path: "a.txt", startLine: 9, endLine: 9 }), null);
    writeFileSync(path.join(folder, "a.txt"), "one\nchanged\nthree\n");
    assert.notEqual((await index.readLines(hit))?.sha256, hit.sha256);
    unlinkSync(path.join(folder, "a.txt"));
    assert.equal(await index.readLines(hit), null);
  });

  it("gives the indexed texts back as they are on disk but for blank lines at the end", async () => {
    const folder = workspaceOf({ ...FILES, "blank.txt": "\n\nfirst\n\n\n\nsecond   \n\tthird" });
    const index = await opened(folder);
    await index.update();
    for (const { path: file, text } of index.texts()) assert.equal(text, readFileSync(path.join(folder, file), "utf8").replace(/\s*$/, "").replace(/[ \t]+$/, ""), file);
  });

  it("can be searched while it is being built, and goes on where it was cancelled", async () => {
    const files = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`f${String(i).padStart(3, "0")}.ts`, `export function unit${i}(): number {\n  return ${i};\n}\n`]));
    const index = await opened(workspaceOf(files));
    const controller = new AbortController();
    let during = 0;
    await assert.rejects(index.update({
      signal: controller.signal,
      onProgress: (status) => {
        if (status.state !== "indexing" || controller.signal.aborted) return;
        during = status.files;
        assert.ok(index.definitions("unit0").length === 1);
        controller.abort();
      },
    }), isCancelled);
    assert.ok(during > 0 && during < 120, String(during));
    assert.equal(index.status().state, "ready");
    assert.ok((await index.search("unit3", { k: 1 })).length === 1);
    const rest = await index.update();
    assert.equal(rest.files, 120);
    assert.ok(Math.round(rest.filesPerSecond * rest.seconds) < 120);
  });

  it("lets small changes in while a scan goes on", async () => {
    const files = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`f${String(i).padStart(3, "0")}.ts`, `export function unit${i}(): number {\n  return ${i};\n}\n`]));
    const folder = workspaceOf(files);
    const index = await opened(folder);
    let finished = false;
    let urgent: Promise<void> | undefined;
    const scan = index.update({
      onProgress: (status) => {
        if (status.state !== "indexing" || urgent) return;
        writeFiles(folder, { "f149.ts": "export function urgentChange(): void {}\n" });
        urgent = index.updateFiles(["f149.ts"]).then(() => {
          assert.equal(finished, false);
          assert.equal(index.definitions("urgentChange").length, 1);
        });
      },
    });
    await scan;
    finished = true;
    await urgent;
    assert.equal(index.definitions("urgentChange").length, 1);
    assert.equal(index.definitions("unit149").length, 0);
  });

  it("lets a second index on the same storage read along, and take over", async () => {
    const folder = workspaceOf(FILES);
    const storageDir = temporaryFolder();
    const writer = await openIndex(folder, { storageDir });
    const reader = await opened(folder, { storageDir });
    assert.deepEqual([writer.writable, reader.writable], [true, false]);
    await writer.update();
    assert.equal((await reader.search("html table of rows", { k: 1 }))[0]?.path, "tools/report.py");
    writeFiles(folder, { "new.ts": "export function quokka(): void {}\n" });
    await reader.updateFiles(["new.ts"]);
    assert.equal(reader.definitions("quokka").length, 0);
    await writer.updateFiles(["new.ts"]);
    const [found] = await reader.search("quokka", { k: 1 });
    assert.equal(found?.path, "new.ts");
    assert.ok(found.via.includes("vector"));
    assert.equal((await reader.update()).files, 5);
    await writer.close();
    writeFiles(folder, { "later.ts": "export function wombat(): void {}\n" });
    await reader.updateFiles(["later.ts"]);
    assert.equal(reader.definitions("wombat").length, 1);
  });

  it("refuses an index that a newer engine wrote, with a sentence", async () => {
    const folder = workspaceOf(FILES);
    const storageDir = temporaryFolder();
    await (await openIndex(folder, { storageDir })).close();
    const { DatabaseSync } = await import("node:sqlite");
    const database = new DatabaseSync(path.join(storageDir, "index.sqlite"));
    database.exec("UPDATE schemaVersion SET version = 99 WHERE room = 'retrieval'");
    database.close();
    await assert.rejects(openIndex(folder, { storageDir }), { reason: "indexTooNew", message: /newer KaLactica/ });
  });

  it("lifts what the session is at, and finds what is not saved yet", async () => {
    const folder = workspaceOf({ "a.ts": "export function parseHeader(): void {\n  // reads the header\n  return;\n}\n", "b.ts": "export function parseHeaders(): void {\n  // reads the header\n  return;\n}\n" });
    const index = await opened(folder);
    await index.update();
    const query = "reads the header";
    const [plain] = await index.search(query, { k: 1 });
    const other = plain?.path === "a.ts" ? "b.ts" : "a.ts";
    await index.touch({ path: other, language: "typescript", text: readFileSync(path.join(folder, other), "utf8"), reason: "edited" });
    const [lifted] = await index.search(query, { k: 1 });
    assert.equal(lifted?.path, other);
    assert.ok(lifted.via.includes("session"));
    await index.touch({ path: "draft.ts", language: "typescript", text: "export function unsavedThought(): string {\n  return \"platypus\";\n}\n", reason: "edited" });
    const [draft] = await index.search("platypus", { k: 1 });
    assert.deepEqual([draft?.path, draft?.crop], ["draft.ts", "short"]);
    assert.ok((await index.search("platypus", { k: 3, crops: ["long"] })).every((hit) => hit.path !== "draft.ts"));
    assert.ok((await index.search("reads the header", { k: 5, crops: ["short"] })).every((hit) => hit.crop === "short"));
  });

  it("is closed twice without harm and refuses work afterwards", async () => {
    const index = await openIndex(workspaceOf(FILES));
    await index.update();
    await index.close();
    await index.close();
    await assert.rejects(index.search("x", { k: 1 }), { reason: "noWorkspace" });
  });
});
