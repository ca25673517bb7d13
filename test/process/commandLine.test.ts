// The command line as scripts use it: exit codes, JSON on standard output, progress on standard error.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "kalactica-cli-"));
const workspace = path.join(folder, "ws");

function kalactica(...args: string[]): { code: number | null; out: string; err: string; json: () => Record<string, never> } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, "bin", "kalactica.mjs"), ...args], { encoding: "utf8", env: { ...process.env, KALACTICA_HOME: path.join(folder, "home") } });
  return { code: status, out: stdout, err: stderr, json: () => JSON.parse(stdout) as Record<string, never> };
}

describe("kalactica", function () {
  this.timeout(60_000);
  before(() => cpSync(path.join(root, "test", "fixtures", "workspace"), workspace, { recursive: true }));

  it("indexes a folder and reports what it did as JSON", () => {
    const { code, json } = kalactica("index", "--workspace", workspace, "--json");
    assert.equal(code, 0);
    const report = json();
    for (const name of ["files", "chunks", "seconds", "filesPerSecond", "chunksPerSecond", "peakRssMb"]) assert.equal(typeof report[name], "number", name);
    assert.ok(Number(report["files"]) >= 15 && Array.isArray(report["skipped"]));
  });

  it("searches", () => {
    const { results } = kalactica("search", "permits a second with bursts", "-k", "2", "--workspace", workspace, "--json").json() as unknown as { results: { path: string; crop: string; via: string[] }[] };
    assert.ok(results.length <= 2 && results[0]!.path === "src/rateLimiter.ts");
    assert.ok(["short", "long"].includes(results[0]!.crop) && results[0]!.via.length > 0);
  });

  it("answers with verified citations, as JSON and as text", () => {
    const answer = kalactica("ask", "what does RateLimiter do?", "--workspace", workspace, "--json").json() as unknown as { citations: { n: number; path: string; sha256: string; verified: boolean }[]; timings: Record<string, unknown>; tokens: Record<string, unknown>; verdict: { action: string } };
    assert.equal(answer.citations[0]!.path, "src/rateLimiter.ts");
    assert.ok(answer.citations.every(({ verified, sha256 }) => verified && /^[0-9a-f]{64}$/.test(sha256)));
    assert.deepEqual(["retrieveMs", "firstTokenMs", "totalMs"].filter((name) => !(name in answer.timings)), []);
    assert.deepEqual(["prompt", "reused", "generated"].filter((name) => !(name in answer.tokens)), []);
    assert.match(kalactica("ask", "what does RateLimiter do?", "--workspace", workspace).out, /\[1\] src\/rateLimiter\.ts:\d+-\d+[\s\S]*sources verified/);
  });

  it("completes at a place, and names a place that is not there", () => {
    const lines = readFileSync(path.join(workspace, "src", "queue.ts"), "utf8").split("\n");
    writeFileSync(path.join(workspace, "src", "again.ts"), [...lines.slice(0, 1), lines[1]!.slice(0, 9)].join("\n"));
    const result = kalactica("complete", "src/again.ts", "--line", "2", "--column", "9", "--workspace", workspace, "--json").json();
    assert.ok("text" in result && "reason" in result && "timings" in result);
    const beyond = kalactica("complete", "src/again.ts", "--line", "999", "--column", "0", "--workspace", workspace);
    assert.equal(beyond.code, 2);
    assert.match(beyond.err, /has \d+ lines, but line 999 was asked for/);
  });

  it("lists models and inspects a damaged one with a sentence", () => {
    const { models } = kalactica("models", "list", "--json").json() as unknown as { models: { id: string; capabilities: Record<string, boolean> }[] };
    assert.ok(models.some((model) => model.capabilities["answer"]));
    const file = path.join(folder, "broken.gguf");
    writeFileSync(file, "GGUF");
    const { code, err, out } = kalactica("models", "inspect", file, "--json");
    assert.equal(code, 1);
    assert.match(err, /broken\.gguf/);
    assert.equal((JSON.parse(out) as { error: { reason: string } }).error.reason, "modelTruncated");
  });

  it("checks the machine, and writes what a report of a problem holds", () => {
    const bundle = path.join(folder, "report.md");
    const { items } = kalactica("doctor", "--json", "--bundle", bundle).json() as unknown as { items: { name: string; state: string; found: string }[] };
    const report = readFileSync(bundle, "utf8");
    for (const part of [/## Versions/, /\| Hardware \| ok \|/, /0 bytes in 0 attempts/]) assert.match(report, part);
    assert.ok(!report.includes(homedir()), "a home folder");
    for (const name of ["Hardware", "SQLite", "Vector index library", "Training runtime", "Disk"]) assert.ok(items.some((item) => item.name === name && item.state !== "problem"), JSON.stringify(items));
  });

  it("answers wrong usage with code 2 and the right usage", () => {
    for (const [args, pattern] of [
      [["frobnicate"], /"frobnicate" is not a command/], [["models", "eat"], /models list/], [["search"], /There is no question/],
      [["index", "--bogus"], /Unknown option '--bogus'/], [["ask", "x", "--set", "no.such=1"], /There is no setting "no\.such"/],
      [["complete", "a.ts", "--line", "x", "--column", "0"], /--line is "x", but must be a whole number/],
    ] as const) {
      const { code, err } = kalactica(...args);
      assert.equal(code, 2, args.join(" "));
      assert.match(err, pattern);
    }
    assert.equal(kalactica("ask", "--help").code, 0);
    const missing = kalactica("index", "--workspace", path.join(folder, "nowhere"));
    assert.equal(missing.code, 1);
    assert.match(missing.err, /There is no folder .*nowhere/);
  });
});
