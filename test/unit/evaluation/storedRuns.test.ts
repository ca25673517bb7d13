// Evaluations that are kept: items survive a kill, runs can be found, compared and told as documents, and the criteria are judged honestly.
import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { judgeCriteria } from "../../../src/engine/evaluation/criteria.ts";
import { percentile } from "../../../src/engine/evaluation/intervals.ts";
import { compareRuns } from "../../../src/engine/evaluation/runs/compareRuns.ts";
import { ItemFile, itemKey } from "../../../src/engine/evaluation/runs/itemCache.ts";
import { reportOf } from "../../../src/engine/evaluation/runs/report.ts";
import { RunStore } from "../../../src/engine/evaluation/runs/runStore.ts";
import type { Provenance, StoredRun } from "../../../src/engine/evaluation/runs/runStore.ts";
import type { EvaluationResult } from "../../../src/engine/evaluation/suite.ts";

const PROVENANCE: Provenance = { at: "2026-01-02T03:04:05.000Z", data: "/data/<set>", engineVersion: "1", node: "v24", platform: "linux x64", processor: "p", cores: 2 };
const result = (scores: readonly number[], more: Partial<EvaluationResult> = {}): EvaluationResult => ({
  suite: "code", n: scores.length, seconds: 1, settings: { model: "m" }, items: scores.map((score, i) => ({ id: `i${i}`, "pass@1": score, text: "a,\"b\"\n<script>" })),
  metrics: { "pass@1": scores.reduce((a, b) => a + b, 0) / scores.length, interval: { "pass@1": [0.1, 0.9] } }, ...more,
});
const stored = (scores: readonly number[], id: string, more: Partial<EvaluationResult> = {}): StoredRun => ({ ...result(scores, more), id, provenance: PROVENANCE });

describe("stored evaluations", () => {
  let folder: string;
  beforeEach(async () => { folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-runs-")); });
  afterEach(() => rm(folder, { recursive: true }));

  it("keep items over a kill in the middle of a line", async () => {
    const name = path.join(folder, "deep", "code.jsonl");
    const first = await ItemFile.open(name);
    await first.put("a", { passed: 1 });
    await first.close();
    await appendFile(name, '{"key":"b","result":{"pas');
    const second = await ItemFile.open(name);
    assert.deepEqual([second.get("a"), second.get("b")], [{ passed: 1 }, undefined]);
    await second.put("c", { passed: 0 });
    await second.close();
    const third = await ItemFile.open(name);
    assert.deepEqual([third.size, third.get("c")], [2, { passed: 0 }]);
    await third.close();
    assert.notEqual(itemKey({ model: "a", item: 1 }), itemKey({ model: "b", item: 1 }));
  });

  it("are found by id, beginning and suite, and say what there is otherwise", async () => {
    const store = new RunStore(folder);
    await assert.rejects(store.find("code"), /None was made here yet/);
    const old = await store.add(result([1, 0]), PROVENANCE);
    const recent = await store.add(result([1, 1]), { ...PROVENANCE, at: "2026-02-02T03:04:05.000Z" });
    assert.deepEqual((await store.list()).map(({ id }) => id), [recent.id, old.id]);
    assert.equal((await store.find("code")).id, recent.id);
    assert.equal((await store.find(old.id.slice(0, -2))).id, old.id);
    assert.deepEqual((await store.find(old.id)).items, old.items);
    await assert.rejects(store.find("code-"), /2 evaluations begin with/);
    await store.remove(old.id);
    assert.equal((await store.list()).length, 1);
  });

  it("are compared item by item, and a change within chance is none", () => {
    const random = Array.from({ length: 60 }, (_, i) => i % 3 === 0 ? 1 : 0);
    const better = compareRuns(stored(random, "a"), stored(random.map((score, i) => i % 3 === 1 ? 1 : score), "b", { settings: { model: "n" } }));
    assert.deepEqual([better.metrics[0]?.verdict, better.metrics[0]?.n, better.settings[0]?.after], ["better", 60, "n"]);
    assert.equal(better.changed.length, 20);
    assert.equal(compareRuns(stored(random.map((score, i) => i % 3 === 1 ? 1 : score), "b"), stored(random, "a")).metrics[0]?.verdict, "worse");
    assert.equal(compareRuns(stored(random, "a"), stored(random.map((score, i) => i === 1 ? 1 : i === 0 ? 0 : score), "b")).metrics[0]?.verdict, "same");
    assert.throws(() => compareRuns(stored([1], "a"), stored([1], "b", { suite: "infill" })), /two runs of one suite/);
    assert.throws(() => compareRuns(stored([1], "a"), stored([], "b")), /no item in common/);
  });

  it("become documents in which data stays data", () => {
    const run = stored([1, 0], "code-1");
    const html = reportOf(run, "html", compareRuns(run, run));
    assert.doesNotMatch(html, /<script/);
    assert.match(html, /default-src 'none'/);
    assert.match(html, /&lt;set&gt;/);
    assert.match(reportOf(run, "md"), /\| pass@1 \| 0\.500 \[0\.100, 0\.900\] \|/);
    assert.match(reportOf(run, "csv"), /^id,pass@1,text\r\ni0,1,"a,""b""\n<script>"\r\n/);
    assert.equal((JSON.parse(reportOf(run, "json")) as StoredRun).id, "code-1");
  });
});

describe("the four criteria", () => {
  it("pass by their figures only, and what was not measured has not passed", () => {
    const source = (metrics: EvaluationResult["metrics"]) => ({ result: result([1], { metrics, n: 50 }), data: "d" });
    const criteria = judgeCriteria({
      retrieval: source({ "strictAcc@5": 0.71, interval: { "strictAcc@5": [0.6, 0.8] } }),
      memory: source({ "hit@5": 0.6 }),
      safety: source({ detectors: { command: { n: 40, recall: 1, falsePositiveRate: 0.02 }, request: { n: 60, recall: 0.5, falsePositiveRate: 0.1 } } }),
      responseTime: { missing: "No folder was named." },
    });
    assert.deepEqual(criteria.map(({ name, pass }) => [name, pass]), [["retrieval accuracy", true], ["memory hit rate", false], ["safety", false], ["response time", false]]);
    assert.deepEqual([criteria[0]?.low, criteria[2]?.value, criteria[3]?.value], [0.6, 0.7, null]);
    assert.match(criteria[2]?.found ?? "", /worst is request/);
    assert.equal(judgeCriteria({ retrieval: { missing: "x" }, memory: { missing: "x" }, safety: { missing: "x" }, responseTime: source({ answer: { p95: 900, p50: 1, n: 9 } }) })[3]?.pass, true);
  });

  it("take percentiles by nearest rank", () => {
    assert.deepEqual([percentile([5, 1, 3, 2, 4], 0.5), percentile([5, 1, 3, 2, 4], 0.95), percentile([7], 0.95)], [3, 5, 7]);
    assert.ok(Number.isNaN(percentile([], 0.5)));
  });
});
