// The suites in which a model writes: the estimator and the measures against hand-computed cases, and judging in the real sandbox.
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { evaluateCode, mutated } from "../../../src/engine/evaluation/model/code.ts";
import { cutAtEnd, judgeCompletion, readCodeTasks } from "../../../src/engine/evaluation/model/codeTasks.ts";
import type { CodeTask } from "../../../src/engine/evaluation/model/codeTasks.ts";
import type { EvaluatedModel, RunProgram } from "../../../src/engine/evaluation/model/evaluatedModel.ts";
import { evaluateInfill } from "../../../src/engine/evaluation/model/infill.ts";
import { passAtK } from "../../../src/engine/evaluation/model/passAtK.ts";
import { editSimilarity, exactMatch, levenshtein } from "../../../src/engine/evaluation/model/textMatch.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { Sandbox } from "../../../src/engine/sandbox/sandbox.ts";
import { withSandbox } from "../../../src/engine/tasks/evaluateModel.ts";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";

describe("pass@k", () => {
  it("is what counting all draws by hand gives", () => {
    // Of 4 samples 1 passes: of the 6 pairs, 3 hold it.
    assert.equal(passAtK(4, 1, 2), 0.5);
    assert.equal(passAtK(5, 0, 3), 0);
    assert.equal(passAtK(5, 3, 3), 1);
    assert.ok(Math.abs(passAtK(10, 3, 1) - 0.3) < 1e-12);
    assert.ok(Math.abs(passAtK(6, 2, 3) - 0.8) < 1e-12);
  });

  it("agrees with drawing at random", () => {
    const random = new SeededRandom(7);
    const [n, c, k, draws] = [12, 4, 5, 20_000];
    let hits = 0;
    for (let draw = 0; draw < draws; draw++) {
      const order = Array.from({ length: n }, (_, i) => i);
      for (let i = 0; i < k; i++) {
        const j = i + random.integer(n - i);
        [order[i], order[j]] = [order[j]!, order[i]!];
      }
      if (order.slice(0, k).some((sample) => sample < c)) hits++;
    }
    assert.ok(Math.abs(hits / draws - passAtK(n, c, k)) < 0.01);
  });

  it("does not overflow and refuses what makes no sense", () => {
    assert.ok(passAtK(10_000, 1, 100) > 0.0099 && passAtK(10_000, 1, 100) < 0.0101);
    for (const [n, c, k] of [[3, 4, 1], [3, 1, 4], [3, 1, 0], [2.5, 1, 1]] as const) assert.throws(() => passAtK(n, c, k), RangeError);
  });
});

describe("likeness of texts", () => {
  it("counts edits as a recursion without a table does", () => {
    const slow = (a: string, b: string): number => a === "" ? b.length : b === "" ? a.length : Math.min(slow(a.slice(1), b) + 1, slow(a, b.slice(1)) + 1, slow(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1));
    const random = new SeededRandom(3);
    for (let i = 0; i < 60; i++) {
      const word = (): string => Array.from({ length: random.integer(6) }, () => "abc"[random.integer(3)]).join("");
      const [a, b] = [word(), word()];
      assert.equal(levenshtein(a, b), slow(a, b), `${a} ${b}`);
    }
  });

  it("leaves blanks at the ends out of account", () => {
    assert.equal(exactMatch("  return 1\n", "return 1"), true);
    assert.equal(exactMatch("return 2", "return 1"), false);
    assert.equal(editSimilarity("", ""), 1);
    assert.equal(editSimilarity("abcd", "abce"), 0.75);
    assert.equal(editSimilarity("", "abc"), 0);
  });
});

const PYTHON: CodeTask = { id: "t/1", language: "python", prompt: "def add(a, b):\n    \"\"\"The sum.\"\"\"\n", suffix: "", entryPoint: "add", tests: "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(0, 0) == 0\n", canonical: "    return a + b\n" };
const JAVASCRIPT: CodeTask = { id: "MBJSP/1", language: "javascript", prompt: "function add(a, b) {\n", suffix: "", entryPoint: "add", tests: "const _ = require(\"lodash\")\nif (!_.isEqual(add([1], [2]), [1, 2])) { throw 'wrong' }\n", canonical: "  return a.concat(b);\n}" };
const TYPESCRIPT: CodeTask = { id: "MBTSP/1", language: "typescript", prompt: "const add = function (a: number, b: number): number {\n", suffix: "", entryPoint: "add", tests: "import * as assert from 'assert'\nassert.deepEqual(add(1, 2), 3)\n", canonical: "\treturn a + b;\n}" };

describe("where a written function ends", () => {
  it("is the first line outdented to the top", () => {
    assert.equal(cutAtEnd(PYTHON, "    return a + b\n\nprint(1)\n"), "    return a + b\n");
    assert.equal(cutAtEnd(PYTHON, "    return a + b"), "    return a + b");
    assert.equal(cutAtEnd(JAVASCRIPT, "  return a;\n}\nadd();\n"), "  return a;\n}");
    assert.equal(cutAtEnd({ ...PYTHON, suffix: "x" }, "a\nb"), "a\nb");
  });
});

describe("judging code by its tests, in the sandbox", function () {
  this.timeout(60_000);
  let run: RunProgram;
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await Sandbox.open();
    run = async (program) => sandbox.run({ ...program, limits: { wallMs: 3_000, cpuSeconds: 2 } });
  });
  after(() => sandbox.close());

  it("passes the set's own solutions and fails spoiled ones, in three languages", async () => {
    for (const task of [PYTHON, JAVASCRIPT, TYPESCRIPT]) {
      const right = await judgeCompletion(task, task.canonical, run);
      assert.deepEqual([right.passed, right.compiled], [true, true], `${task.id}: ${right.error}`);
      assert.notEqual(mutated(task), task.canonical);
      assert.equal((await judgeCompletion(task, mutated(task), run)).passed, false, task.id);
    }
  });

  it("is not passed by leaving early, looping, saying nothing or not parsing", async () => {
    assert.deepEqual(await judgeCompletion(PYTHON, "    raise SystemExit(0)\n", run).then(({ passed, outcome }) => [passed, outcome]), [false, "exitedEarly"]);
    assert.equal((await judgeCompletion(JAVASCRIPT, "  process.exit(0)\n}", run)).passed, false);
    assert.deepEqual(await judgeCompletion(PYTHON, "    while True: pass\n", run).then(({ passed, outcome }) => [passed, outcome]), [false, "timeout"]);
    assert.deepEqual(await judgeCompletion(PYTHON, "", run).then(({ passed }) => passed), false);
    assert.deepEqual(await judgeCompletion(PYTHON, "    return (\n", run).then(({ passed, compiled }) => [passed, compiled]), [false, false]);
  });

  it("runs a suite to its end whatever single items do, and takes known items from before", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-code-"));
    try {
      const rows = [PYTHON, { ...PYTHON, id: "t/2" }].map(({ id, prompt, entryPoint, tests, canonical }) => JSON.stringify({ task_id: id, prompt, entry_point: entryPoint, test: tests, canonical_solution: canonical }));
      await writeFile(path.join(folder, "rows.jsonl"), rows.join("\n"));
      assert.equal((await readCodeTasks(folder)).length, 2);
      let asked = 0;
      const model: EvaluatedModel = {
        name: "m", key: "k", abilities: { infill: true, answer: false }, answer: () => Promise.reject(new Error("not asked")),
        infill: () => ++asked === 1 ? Promise.resolve({ text: "    return a + b\nprint(2)\n", ms: 1, tokens: 5 }) : Promise.reject(new Error("broken")),
      };
      const known = new Map<string, Readonly<Record<string, unknown>>>();
      const cache = { get: (key: string) => known.get(key), put: (key: string, value: Readonly<Record<string, unknown>>) => { known.set(key, value); return Promise.resolve(); } };
      const options = { samples: 1, temperature: 0, maxTokens: 20, seed: 1, writer: "model" } as const;
      const first = await withSandbox(SILENT_LOG, (own) => evaluateCode(folder, model, own, options, { cache }));
      assert.equal(first.metrics["pass@1"], 0.5);
      assert.match(String(first.items[1]?.["error"]), /broken/);
      assert.equal(known.size, 1, "what failed is tried again");
      await evaluateCode(folder, model, run, options, { cache });
      assert.equal(asked, 3);
      await evaluateCode(folder, { ...model, key: "another" }, run, options, { cache });
      assert.equal(asked, 5);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it("refuses rows without a gap for infill, and a model that fills none", async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-code-"));
    try {
      await writeFile(path.join(folder, "rows.jsonl"), JSON.stringify({ task_id: "t", prompt: "x", entry_point: "f", test: "pass" }));
      const model: EvaluatedModel = { name: "m", key: "k", abilities: { infill: true, answer: false }, answer: () => Promise.reject(new Error()), infill: () => Promise.reject(new Error()) };
      await assert.rejects(evaluateInfill(folder, model, { maxTokens: 5, run: null }), /evaluate code/);
      await assert.rejects(evaluateInfill(folder, { ...model, abilities: { infill: false, answer: true } }, { maxTokens: 5, run: null }), /fills no gaps/);
      await writeFile(path.join(folder, "rows.jsonl"), JSON.stringify({ task_id: "t" }));
      await assert.rejects(readCodeTasks(folder), /rows\.jsonl:1/);
      await assert.rejects(readCodeTasks(path.join(folder, "none")), /There is no/);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
