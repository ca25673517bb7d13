// A history becomes examples in the order of time, without bots, merges and empty talk, and reading it runs nothing of the repository's.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, describe, it } from "mocha";
import type { TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { learnableMessage } from "../../../../src/engine/data/sources/commitMessage.ts";
import { parseDiff, readCommits } from "../../../../src/engine/data/sources/commits.ts";
import { lastCommits } from "../../../../src/engine/data/sources/gitFileTimes.ts";
import { insertedCode } from "../../../../src/engine/data/sources/insertedCode.ts";
import { gitHistory } from "../../../../src/engine/data/sources/gitHistory.ts";
import { isProblem } from "../../../../src/engine/data/sources/source.ts";

const base = "export function area(width: number, height: number): number {\n  return width + height;\n}\n\nexport function name(): string {\n  return \"box\";\n}\n";

describe("git history", () => {
  let folder: string;
  let clock = 1_700_000_000;

  const git = (args: string[], author = "Ana Silva <ana@posteo.de>"): void => {
    const [, who, mail] = /^(.*) <(.*)>$/.exec(author) as unknown as [string, string, string];
    clock += 60;
    const date = `${clock} +0000`;
    execFileSync("git", ["-C", folder, "-c", "commit.gpgsign=false", ...args], { stdio: "pipe", env: { ...process.env, GIT_AUTHOR_NAME: who, GIT_AUTHOR_EMAIL: mail, GIT_COMMITTER_NAME: who, GIT_COMMITTER_EMAIL: mail, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date } });
  };
  const write = (file: string, text: string | Buffer): void => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), text);
  };
  const commit = (message: string, author?: string): void => {
    git(["add", "-A"], author);
    git(["commit", "-q", "-m", message], author);
  };

  before(function () {
    try {
      execFileSync("git", ["--version"], { stdio: "pipe" });
    } catch {
      this.skip();
    }
    folder = mkdtempSync(path.join(tmpdir(), "kalactica-git-"));
    git(["init", "-q", "-b", "main"]);
    write("src/shape.ts", base);
    write("src/other file.ts", "export const a = 1;\n");
    write("package-lock.json", "{}\n");
    commit("Add shapes with an area and a name");
    write("src/shape.ts", base.replace("width + height", "width * height"));
    commit("Multiply to get the area (#12)\n\nIt was added up, which is the half of the circumference.\n\nSigned-off-by: Ana Silva <ana@posteo.de>\nCo-authored-by: Bo <bo@x.de>");
    write("package-lock.json", "{ \"a\": 1 }\n");
    commit("Bump left-pad from 1.0.0 to 1.1.0", "dependabot[bot] <support@github.com>");
    write("src/other file.ts", "export const a = 2;\n");
    commit("wip");
    write("src/other file.ts", "export const a = compute(2);\n");
    commit("Compute the constant instead of writing it down");
    git(["checkout", "-q", "-b", "side", "HEAD~1"]);
    write("src/side.ts", "export const side = 1;\n");
    commit("Give the box a side of its own");
    git(["checkout", "-q", "main"]);
    git(["merge", "-q", "--no-ff", "-m", "Merge the side of the box into main", "side"]);
    write("src/big.ts", Array.from({ length: 6_000 }, (_, i) => `export const value${i} = "${"x".repeat(30)}${i}";`).join("\n"));
    commit("Import a table of many values from elsewhere");
    write("src/picture.png", Buffer.from([0, 1, 2, 3, 0, 255]));
    write("id_rsa", "secret\n");
    write("src/side.ts", "export const side = 2;\nexport const marked = \"\\u0001\";\n");
    commit("Make the side twice as long, with a picture");
    git(["mv", "src/side.ts", "src/edge.ts"]);
    write("src/edge.ts", "export const side = 2;\nexport const marked = \"\\u0001\";\nexport const edge = side + 1;\n");
    commit("Call the side an edge from now on");
  });
  after(() => { if (folder) rmSync(folder, { recursive: true, force: true }); });

  const source = (extra: Partial<Parameters<typeof gitHistory>[0]> = {}) => gitHistory({
    folder, languageOf: (file) => (file.endsWith(".ts") ? "typescript" : "plaintext"), leaveOut: (file) => (/package-lock|id_rsa/.test(file) ? "not to be learnt" : null), ...extra,
  });
  const all = async (extra?: Partial<Parameters<typeof gitHistory>[0]>): Promise<{ records: TrainingRecord[]; problems: string[] }> => {
    const records: TrainingRecord[] = [];
    const problems: string[] = [];
    for await (const item of source(extra).records()) {
      if (isProblem(item)) problems.push(item.sentence);
      else records.push(item);
    }
    return { records, problems };
  };
  const promptOf = (record: TrainingRecord): string => (record.kind === "example" && record.prompt.form === "chat" ? record.prompt.messages.map(({ content }) => content).join("\n") : "");

  it("gives messages for diffs and edits for messages, oldest first", async () => {
    const { records, problems } = await all();
    const times = records.map(({ origin }) => origin.time ?? 0);
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
    const message = records.find((record) => record.kind === "example" && record.completion.startsWith("Multiply"));
    assert.ok(message?.kind === "example");
    assert.equal(message.completion, "Multiply to get the area\n\nIt was added up, which is the half of the circumference.");
    assert.match(promptOf(message), /--- a\/src\/shape\.ts\n\+\+\+ b\/src\/shape\.ts\n@@ line 1 @@\n export function area\(width: number, height: number\): number \{\n- {2}return width \+ height;\n\+ {2}return width \* height;/);
    const edit = records.find(({ origin }) => origin.at.startsWith("src/shape.ts:"));
    assert.ok(edit?.kind === "example");
    assert.ok(promptOf(edit).includes("return width + height;") && !promptOf(edit).includes("width * height"));
    assert.ok(edit.completion.includes("return width * height;") && !edit.completion.includes("width + height"));
    assert.equal(problems.length, 1);
  });

  it("leaves out merges, bots, haste and imports, and every name of a person", async () => {
    const text = JSON.stringify((await all()).records);
    for (const absent of ["Merge", "left-pad", "wip", "Import a table", "Ana Silva", "posteo", "Co-authored-by", "#12"]) assert.ok(!text.includes(absent), absent);
    for (const present of ["Compute the constant", "Give the box a side"]) assert.ok(text.includes(present), present);
  });

  it("shows no file that is not to be learnt from; a commit that holds one has no message example", async () => {
    const { records } = await all();
    assert.ok(!JSON.stringify(records).includes("id_rsa"));
    assert.ok(records.some((record) => record.kind === "example" && record.prompt.form === "infill" && record.completion === "export const edge = side + 1;"));
    const ofSide = records.filter((record) => promptOf(record).includes("twice as long") || (record.kind === "example" && record.completion.includes("twice as long")));
    assert.deepEqual(ofSide.map(({ origin }) => origin.at), ["src/side.ts:1"]);
  });

  it("follows renames and reads paths with spaces", async () => {
    const { records } = await all();
    assert.ok(records.some((record) => promptOf(record).includes("--- a/src/side.ts\n+++ b/src/edge.ts")));
    assert.ok(records.some(({ origin }) => origin.at.startsWith("src/other file.ts:")));
  });

  it("reads only as many commits as it is told, the last ones", async () => {
    const { records } = await all({ mostCommits: 2 });
    assert.ok(!JSON.stringify(records).includes("Multiply"));
    assert.ok(JSON.stringify(records).includes("an edge from now on"));
  });

  it("bounds what it holds of a large diff", async () => {
    let largest = 0;
    let cut = 0;
    for await (const item of readCommits(folder, { mostCommits: 100, mostCharacters: 10_000, contextLines: 3 })) {
      largest = Math.max(largest, JSON.stringify(item.files).length);
      if (item.cut) cut++;
    }
    assert.equal(cut, 1);
    assert.ok(largest < 30_000, `${largest}`);
  });

  it("stops when it is told to, and git with it", async () => {
    const abort = new AbortController();
    await assert.rejects(async () => {
      for await (const item of source().records({ signal: abort.signal })) {
        assert.ok(item);
        abort.abort();
      }
    }, { name: "CancelledError" });
  });

  it("runs nothing that the repository names", async () => {
    const proof = path.join(folder, "..", `${path.basename(folder)}-ran`);
    const program = path.join(folder, "evil.sh");
    writeFileSync(program, `#!/bin/sh\ntouch "${proof}"\ncat "$1" 2>/dev/null\n`);
    chmodSync(program, 0o755);
    const restore: string[] = [];
    const configure = (key: string, value: string): void => {
      restore.push(key);
      git(["config", key, value]);
    };
    try {
      configure("diff.external", program);
      configure("diff.evil.textconv", program);
      configure("diff.evil.command", program);
      configure("core.fsmonitor", program);
      configure("core.pager", program);
      configure("log.showSignature", "true");
      configure("gpg.program", program);
      writeFileSync(path.join(folder, ".git", "info", "attributes"), "*.ts diff=evil\n");
      const { records } = await all();
      await lastCommits(folder, ["src/shape.ts"]);
      assert.ok(records.length > 4);
      assert.equal(existsSync(proof), false, "a program of the repository was run");
    } finally {
      for (const key of restore) git(["config", "--unset", key]);
      rmSync(path.join(folder, ".git", "info", "attributes"), { force: true });
      rmSync(proof, { force: true });
      rmSync(program);
    }
  });

  it("tells when each file was last committed, but not of files that were changed since or never committed", async () => {
    write("src/other file.ts", "export const a = 4;\n");
    write("src/new.ts", "export const fresh = 1;\n");
    try {
      const commits = await lastCommits(folder, ["src/shape.ts", "src/other file.ts", "src/new.ts", "src/edge.ts"]);
      assert.deepEqual([...commits ?? []].map(([file]) => file).sort(), ["src/edge.ts", "src/shape.ts"]);
      assert.ok((commits?.get("src/edge.ts")?.time ?? 0) > (commits?.get("src/shape.ts")?.time ?? 0));
      assert.match(commits?.get("src/edge.ts")?.commit ?? "", /^[0-9a-f]{40}$/);
      const below = await lastCommits(path.join(folder, "src"), ["shape.ts"]);
      assert.deepEqual(below?.get("shape.ts"), commits?.get("src/shape.ts"));
    } finally {
      git(["checkout", "-q", "--", "src/other file.ts"]);
      rmSync(path.join(folder, "src", "new.ts"));
    }
  });

  it("says in a sentence where there is no history", async () => {
    const bare = mkdtempSync(path.join(tmpdir(), "kalactica-nogit-"));
    try {
      await assert.rejects(async () => { for await (const item of source({ folder: bare }).records()) assert.ok(item); }, { reason: "notFound", message: /has no Git history/ });
      assert.equal(await lastCommits(bare, ["a.ts"]), null);
    } finally {
      rmSync(bare, { recursive: true });
    }
  });
});

describe("commit messages", () => {
  it("that say something are kept, without trailers and numbers", () => {
    assert.equal(learnableMessage("Fix off-by-one in the pager (#482)\n\nThe last page was empty.\n\nFixes: #480\nReviewed-by: A <a@b.de>", "Jo <jo@x.de>"), "Fix off-by-one in the pager\n\nThe last page was empty.");
    assert.equal(learnableMessage("feat(api): accept lists of ids", "Jo <jo@x.de>"), "feat(api): accept lists of ids");
  });

  it("that say nothing are not", () => {
    for (const message of ["wip", "fix", "Merge branch 'x' into y", "v1.2.3", "1.2.3", "Release 2.0.1", "Update README.md", "chore(deps): bump a from 1 to 2", "Revert \"Add a thing\"", "Apply suggestions from code review", "fixup! Add a thing to it", "....................", "Initial commit", ""]) {
      assert.equal(learnableMessage(message, "Jo <jo@x.de>"), null, message);
    }
    for (const author of ["renovate[bot] <bot@renovateapp.com>", "github-actions <x@y.z>", "semantic-release-bot <a@b.c>"]) assert.equal(learnableMessage("Add a thing to the other thing", author), null, author);
    assert.ok(learnableMessage("Add a thing to the other thing", "Abbott Robotham <abbott@x.de>"));
  });
});

describe("what a commit put in", () => {
  const bounds = { maximumLines: 3, prefixCharacters: 400, suffixCharacters: 100 };
  const of = (...lines: string[]) => [...insertedCode({ line: 1, lines: [" export function area(width: number, height: number) {", "   const scale = readScale();", ...lines, "   return width * height;", " }"] }, "typescript", bounds)];

  it("is an example at its place, without the lines that went", () => {
    const [cut, ...others] = of("-  check(scale);", "   // sizes", "+  if (width < 0) {", "+    return 0;", "+  }");
    assert.deepEqual(others, []);
    assert.equal(cut?.prefix, "export function area(width: number, height: number) {\n  const scale = readScale();\n  // sizes\n  ");
    assert.equal(cut.middle, "if (width < 0) {\n    return 0;\n  }");
    assert.equal(cut.suffix, "\n  return width * height;\n}");
    assert.equal(cut.line, 4);
  });

  it("is none where it replaces, is too long, a comment, an import or a bracket", () => {
    assert.deepEqual(of("-  a();", "+  b();"), []);
    assert.deepEqual(of("+  b();", "-  a();"), []);
    assert.deepEqual(of("+  a();", "+  b();", "+  c();", "+  d();"), []);
    assert.deepEqual(of("+  // why"), []);
    assert.deepEqual(of("+import a from \"a\";"), []);
    assert.deepEqual(of("+  }"), []);
    assert.deepEqual([...insertedCode({ line: 1, lines: ["+const a = 1;", " const b = 2;"] }, "typescript", bounds)], [], "nothing before it");
    assert.equal(of("+  const depth = readDepth();").length, 1);
  });
});

describe("diffs", () => {
  it("are parsed by their counts, so that code that looks like a header is code", () => {
    const [file] = parseDiff("diff --git a/x.sql b/x.sql\nindex 1..2 100644\n--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@\n--- a comment\n+-- another\n select 1;\n\\ No newline at end of file\n", false);
    assert.deepEqual(file, { path: "x.sql", from: null, change: "changed", hunks: [{ line: 1, lines: ["--- a comment", "+-- another", " select 1;"] }] });
  });
});
