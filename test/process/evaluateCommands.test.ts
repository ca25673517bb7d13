// `kalactica evaluate` as scripts use it: a run is kept, compared, told as a document, and a worse one fails on wish.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

describe("kalactica evaluate", function () {
  this.timeout(120_000);
  let folder: string;
  before(() => { folder = mkdtempSync(path.join(tmpdir(), "kalactica-evaluate-")); });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function kalactica(...args: string[]): { code: number | null; out: string; err: string } {
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, "bin", "kalactica.mjs"), "evaluate", ...args], { encoding: "utf8", env: { ...process.env, KALACTICA_HOME: path.join(folder, "home") } });
    return { code: status, out: stdout, err: stderr };
  }
  interface Run { id: string; suite: string; n: number; metrics: Record<string, number>; comparison?: { metrics: { metric: string; verdict: string }[] } }
  const run = (...args: string[]): Run => JSON.parse(kalactica(...args, "--json").out) as Run;

  const rows = [1, 2, 3, 4, 5, 6].map((i) => JSON.stringify({ task_id: `own/${i}`, prompt: `def twice_${i}(x):\n`, entry_point: `twice_${i}`, canonical_solution: "    return 2 * x\n", test: "def check(candidate):\n    assert candidate(3) == 6\n" }));

  it("judges a set's own solutions, keeps the run, and compares a later one with it", () => {
    const data = path.join(folder, "rows.jsonl");
    writeFileSync(data, `${rows.join("\n")}\n`);
    const right = run("code", "--data", data, "--writer", "canonical");
    assert.deepEqual([right.suite, right.n, right.metrics["pass@1"]], ["code", 6, 1]);
    const wrong = run("code", "--data", data, "--writer", "mutated", "--baseline", right.id);
    assert.equal(wrong.metrics["pass@1"], 0);
    assert.equal(wrong.comparison?.metrics.find(({ metric }) => metric === "pass@1")?.verdict, "worse");
    const compared = kalactica("compare", right.id, wrong.id, "--fail-if-worse");
    assert.equal(compared.code, 1);
    assert.match(compared.out, /pass@1\s+1 → 0/);
    assert.equal(kalactica("compare", wrong.id, right.id, "--fail-if-worse").code, 0);
    const page = path.join(folder, "report.html");
    assert.equal(kalactica("report", wrong.id, "--to", page, "--baseline", right.id).code, 0);
    assert.match(readFileSync(page, "utf8"), /Compared with code-/);
    assert.match(kalactica("runs").out, new RegExp(`${wrong.id}[\\s\\S]*${right.id}`));
  });

  it("has the loaded model write, and says of each item what came of it", () => {
    const data = path.join(folder, "rows.jsonl");
    const items = path.join(folder, "items.jsonl");
    const { n, metrics } = run("code", "--data", data, "--max-tokens", "12", "--items", items);
    const lines = readFileSync(items, "utf8").trim().split("\n").map((line) => JSON.parse(line) as { text: string; outcome: string });
    assert.ok(lines.length === 6 && n === 6 && lines.every(({ text, outcome }) => typeof text === "string" && outcome !== "notRun"));
    assert.equal(metrics["pass@1"], lines.filter(({ outcome }) => outcome === "passed").length / 6);
  });

  it("times the folder", () => {
    const workspace = path.join(folder, "ws");
    cpSync(path.join(root, "test/fixtures/workspace"), workspace, { recursive: true });
    const { metrics } = run("latency", "--workspace", workspace, "-n", "4") as unknown as { metrics: Record<string, { p50: number; p95: number; n: number }> };
    for (const name of ["search", "answer", "completion", "card", "checks"]) assert.ok((metrics[name]?.p95 ?? -1) >= (metrics[name]?.p50 ?? 0) && metrics[name]?.n === 3, name);
    // The questions of a measurement once came back as memories of the user's.
    const memory = new DatabaseSync(path.join(workspace, ".kalactica", "memory.sqlite"), { readOnly: true });
    assert.deepEqual({ ...memory.prepare("SELECT count(*) AS remembered FROM memoryNode").get() }, { remembered: 0 });
    memory.close();
  });

  it("says what is wrong with what it is given", () => {
    const broken = path.join(folder, "broken.jsonl");
    writeFileSync(broken, `${rows[0] ?? ""}\n{"task_id": 3}\n`);
    const { code, err } = kalactica("code", "--data", broken);
    assert.equal(code, 1);
    assert.match(err, /broken\.jsonl:2: .*expected \{task_id/);
    assert.match(kalactica("code", "--data", path.join(folder, "none.jsonl")).err, /There is no .*none\.jsonl/);
    assert.equal(kalactica("code").code, 2);
    assert.equal(kalactica("code", "--data", broken, "--fail-if-worse").code, 2);
    assert.match(kalactica("report", "no-such-run").err, /There is no evaluation "no-such-run"\. The newest are .*code-/);
  });
});
