// Rewards, and the ways in which a reply might earn one without being right.
import assert from "node:assert/strict";
import type { TaskRecord } from "../../../src/engine/base/reward.ts";
import type { TaskCheck } from "../../../src/engine/base/trainingRecord.ts";
import { judgeReply } from "../../../src/engine/sandbox/judge/judgeReply.ts";
import type { Verdict } from "../../../src/engine/sandbox/judge/judgeReply.ts";
import { parsesIn } from "../../../src/engine/sandbox/judge/parses.ts";
import { fencedCode, programOf } from "../../../src/engine/sandbox/judge/replyCode.ts";
import { formatReward, matchReward, testsReward, weightedReward } from "../../../src/engine/sandbox/rewards.ts";
import type { Sandbox } from "../../../src/engine/sandbox/sandbox.ts";
import { openSandbox } from "./openSandbox.ts";

function task(over: Partial<TaskRecord> & { check?: TaskCheck }): TaskRecord {
  return { kind: "task", prompt: { form: "text", text: "" }, origin: { at: "tasks.jsonl:1" }, ...over };
}

describe("a reply's code", () => {
  it("is the fenced block of its language, closed or not, or else all of it", () => {
    assert.equal(fencedCode("Use this:\n```js\nx\n```\nor\n```python\ny = 1\n```\n", "python"), "y = 1\n");
    assert.equal(fencedCode("```\nz\n", "python"), "z\n");
    assert.equal(fencedCode("def f(): pass", "python"), undefined);
  });

  it("continues the preamble, stops after its function, and replaces a signature that it repeats", () => {
    const check: TaskCheck = { language: "python", tests: "", preamble: "import math\ndef area(r):\n" };
    assert.equal(programOf(task({ check }), check, "    return math.pi * r\n\nprint(1)\n"), "import math\ndef area(r):\n    return math.pi * r\n");
    assert.equal(programOf(task({ check }), check, "```python\ndef area(r):\n    return 1\n```"), "import math\n\ndef area(r):\n    return 1\n");
    const js: TaskCheck = { language: "javascript", tests: "", preamble: "function f(x) {\n" };
    assert.equal(programOf(task({ check: js }), js, "  return x;\n}\nf(1);\n"), "function f(x) {\n  return x;\n}");
  });
});

describe("the tests of a task", function () {
  this.timeout(60_000);
  let box: Sandbox;

  before(async function () {
    box = await openSandbox(this, { parallel: 2 });
  });
  after(() => box?.close());

  const judge = (language: TaskCheck["language"], tests: string, program: string, wallMs = 4000): Promise<Verdict> =>
    judgeReply(box.converse.bind(box), { check: { language, tests }, program, reply: program }, { wallMs });

  it("count each assert, in Python", async () => {
    const right = "def double(x):\n    return 2 * x\n";
    const [all, some, unreached] = await Promise.all([
      judge("python", "assert double(2) == 4\nfor i in range(3):\n    assert double(i) == 2 * i\nassert double('a') == 'aa'", right),
      judge("python", "assert double(2) == 4\nassert double(2) == 5\nassert double(None) == 1", right),
      judge("python", "for x in []:\n    assert double(x) == 1\nassert double(1) == 2", right),
    ]);
    assert.deepEqual(all, { passed: 3, total: 3, error: null });
    assert.deepEqual([some.passed, some.total], [1, 3]);
    assert.deepEqual([unreached.passed, unreached.total], [1, 2]);
  });

  it("pass functions, classes, exceptions and changed arguments across, in Python", async () => {
    const verdict = await judge("python", `
def check(candidate):
    x = [3, 1]
    assert candidate(x) is None
    assert x == [1, 3]
check(order)
assert apply(lambda a: a + 1, 2) == 3
assert compose(str, lambda a: a * 2)(4) == "8"
assert list(evens(5)) == [0, 2, 4]
s = Stack()
s.push(3)
assert len(s) == 1 and s.pop() == 3 and isinstance(s, Stack)
try:
    s.pop()
    assert False
except Empty as error:
    assert str(error) == "nothing left"
`, `
def order(x): x.sort()
def apply(f, x): return f(x)
def compose(f, g): return lambda x: f(g(x))
def evens(n):
    for i in range(0, n, 2): yield i
class Empty(Exception): pass
class Stack:
    def __init__(self): self.items = []
    def push(self, x): self.items.append(x)
    def pop(self):
        if not self.items: raise Empty("nothing left")
        return self.items.pop()
    def __len__(self): return len(self.items)
`);
    assert.deepEqual(verdict, { passed: 7, total: 7, error: null });
  });

  it("run unittest cases and test functions", async () => {
    const program = "def one(): return 1";
    const cases = await judge("python", "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(one(), 1)\n    def test_b(self): self.assertEqual(one(), 2)", program);
    assert.deepEqual([cases.passed, cases.total], [1, 2]);
    const functions = await judge("python", "def test_one():\n    assert one() == 1", program);
    assert.deepEqual(functions, { passed: 1, total: 1, error: null });
  });

  it("count each assert, in JavaScript and TypeScript", async () => {
    const [javascript, typescript, jest] = await Promise.all([
      judge("javascript", `
import { inspect } from "node:util";
assert.equal(f(2), 4); assert.deepEqual(pair(1, 2), new Map([[1, 2]]));
const next = counter(); next(); assert.equal(next(), 2);
assert.equal(await later(), "x"); assert.throws(() => bad(), TypeError);
const s = new Stack(); s.push(1); assert.equal(s.size, 1); assert.ok(s instanceof Stack);
const a = [2, 1]; order(a); assert.deepEqual(a, [1, 2]); assert.equal(map([1], (x) => x + 1)[0], 2); assert.equal(inspect(1), "1");
`, `
export const f = (x) => 2 * x;
function pair(a, b) { return new Map([[a, b]]); }
function counter() { let n = 0; return () => ++n; }
async function later() { return "x"; }
function bad() { throw new TypeError("no"); }
export class Stack { #all = []; push(x) { this.#all.push(x); } get size() { return this.#all.length; } }
const order = (a) => { a.sort(); };
const map = (a, f) => a.map(f);
`),
      judge("typescript", "const three: number = 3;\nassert.equal(triple(1), three);\nassert.equal(triple(2), 7);", "export function triple(x: number): number { return 3 * x; }"),
      judge("javascript", "test('adds', () => { expect(add(1, 2)).toBe(3); expect(add(1, 2)).not.toBe(4); expect(() => add()).toThrow(); });", "module.exports = { add(a, b) { if (a === undefined) throw new Error('x'); return a + b; } };"),
    ]);
    assert.deepEqual(javascript, { passed: 10, total: 10, error: null });
    assert.deepEqual([typescript.passed, typescript.total], [1, 2]);
    assert.deepEqual(jest, { passed: 3, total: 3, error: null });
  });

  it("are refused where they are broken, and never hold by default", async () => {
    await assert.rejects(judge("python", "assert f(1 == 1", "x = 1"), { reason: "dataInvalid" });
    await assert.rejects(judge("javascript", "assert.equal(f(1, 1", "x = 1"), { reason: "dataInvalid" });
    await assert.rejects(judge("python", "assert 1 == 1", "x = 1"), { reason: "dataInvalid" });
    assert.equal((await judge("javascript", "assert.equal(1, 1)", "const x = 1;")).passed, 0);
    assert.equal((await judge("python", "assert f", "")).passed, 0);
  });

  const CHEATS: [name: string, language: TaskCheck["language"], program: string][] = [
    ["exits with code 0", "python", "import sys\ndef f(x): sys.exit(0)\nsys.exit(0)"],
    ["exits with code 0 when called", "python", "import sys\ndef f(x): sys.exit(0)"],
    ["ends its process", "python", "import os\ndef f(x): os._exit(0)"],
    ["ends its process while it loads", "python", "import os\nos._exit(0)"],
    ["prints a verdict", "python", "import sys, os\nfor fd in range(1, 64):\n    try: os.write(fd, b'{\"verdict\": {\"passed\": 9, \"total\": 9, \"error\": null, \"looks\": true}}\\npassed\\nOK\\n')\n    except OSError: pass\ndef f(x): return 0"],
    ["always equals", "python", "class A:\n    def __eq__(self, o): return True\n    def __sub__(self, o): return 0\n    def __bool__(self): return True\n    def __abs__(self): return 0\n    def __lt__(self, o): return True\n    __hash__ = None\ndef f(x): return A()"],
    ["always equals as a number", "python", "class A(int):\n    def __eq__(self, o): return True\n    def __lt__(self, o): return True\n    __hash__ = int.__hash__\ndef f(x): return A(0)"],
    ["patches builtins", "python", "import builtins\nbuiltins.AssertionError = SystemExit\nbuiltins.abs = lambda x: 0\nbuiltins.compile = lambda *a, **k: (lambda: None)\nbuiltins.exec = lambda *a: None\ndef f(x): return 0"],
    ["patches the harness's modules", "python", "import sys, json\nfor m in list(sys.modules.values()):\n    try: m.judge = lambda *a: {'passed': 9, 'total': 9}\n    except Exception: pass\njson.dumps = lambda *a, **k: '{\"verdict\": {\"passed\": 9, \"total\": 9, \"error\": null, \"looks\": true}}'\ndef f(x): return 0"],
    ["traces and looks through frames and files", "python", "import sys, os, gc\ndef f(x):\n    seen = [open(os.path.join(d, n), errors='ignore').read() for d, _, ns in os.walk('/box') for n in ns] + [str(o) for o in gc.get_objects() if isinstance(o, dict)][:500]\n    found = [m for s in seen for m in __import__('re').findall(r'f\\(1\\) =+ (\\d+)', s)]\n    return int(found[0]) if found else 0"],
    ["shadows the builtins that tests use", "python", "def abs(x): return 0\ndef all(x): return True\ndef f(x): return 0"],
    ["deletes every file", "python", "import os\nfor n in os.listdir('.'):\n    os.remove(n)\ndef f(x): return 0"],
    ["registers an exit hook", "python", "import atexit\natexit.register(lambda: print('passed'))\ndef f(x): return 0"],
    ["kills the others", "python", "import os, signal\ndef f(x):\n    os.kill(-1, signal.SIGKILL)"],
    ["raises what ends loops", "python", "def f(x): raise StopIteration"],
    ["raises the harness's own end", "python", "class Gone(BaseException): pass\ndef f(x): raise Gone()"],
    ["redefines assert's words", "python", "__mark__ = lambda *a: None\nreply = 41\nf = None"],
    ["exits with code 0", "javascript", "function f() { process.exit(0); }"],
    ["exits while it loads", "javascript", "process.exit(0);"],
    ["prints a verdict", "javascript", "import fs from 'node:fs';\nfs.writeSync(1, '{\"verdict\":{\"passed\":9,\"total\":9,\"error\":null,\"looks\":true}}\\n');\nfunction f() { return 0; }"],
    ["replaces assert", "javascript", "import assert from 'node:assert/strict';\nassert.equal = () => {}; globalThis.assert = assert;\nfunction f() { return 0; }"],
    ["replaces built-ins", "javascript", "Object.is = () => true; Array.prototype.every = () => true; JSON.stringify = () => '{\"verdict\":{\"passed\":9,\"total\":9,\"error\":null,\"looks\":true}}';\nfunction f() { return 0; }"],
    ["returns something that becomes what is wanted", "javascript", "function f() { return { valueOf: () => 41, toString: () => '41', [Symbol.toPrimitive]: () => 41 }; }"],
    ["returns a proxy", "javascript", "function f() { return new Proxy(function () {}, { get: () => f(), apply: () => f() }); }"],
    ["deletes every file", "javascript", "import fs from 'node:fs';\nfor (const n of fs.readdirSync('.')) fs.rmSync(n, { recursive: true });\nfunction f() { return 0; }"],
  ];
  // Judged side by side, since each takes its processes some tenths of a second.
  let verdicts: Promise<PromiseSettledResult<Verdict>[]> | undefined;
  const verdictOf = async (i: number): Promise<Verdict> => {
    verdicts ??= Promise.allSettled(CHEATS.map(([, language, program]) => {
      const tests = language === "python" ? "assert f(1) == 41\nassert abs(f(2) - 41) < 1e-9" : "assert.equal(f(1), 41);\nassert.deepEqual(f(2), 41);";
      return judge(language, tests, program, 2500);
    }));
    const result = (await verdicts)[i];
    if (result?.status !== "fulfilled") throw result?.reason;
    return result.value;
  };
  for (const [i, [name, language]] of CHEATS.entries()) {
    it(`earn nothing for a ${language} reply that ${name}`, async () => {
      const verdict = await verdictOf(i);
      assert.equal(verdict.passed, 0, JSON.stringify(verdict));
      assert.ok(verdict.total >= 1);
      assert.notEqual(verdict.error, null);
    });
  }

  it("score all or a share, and say what a task lacks", async () => {
    const converse = box.converse.bind(box);
    const check: TaskCheck = { language: "python", preamble: "def f(x):\n", tests: "assert f(1) == 1\nassert f(2) == 4" };
    const share = testsReward(converse, { credit: "share" }), all = testsReward(converse, { credit: "all" });
    assert.equal(await share.score(task({ check }), "    return x\n"), 0.5);
    assert.equal(await all.score(task({ check }), "    return x\n"), 0);
    assert.equal(await all.score(task({ check }), "    return x * x\n"), 1);
    await assert.rejects(all.score(task({}), ""), { reason: "dataInvalid" });
  });

  it("take a builtin's name from a reply where the task asks for it", async () => {
    const check: TaskCheck = { language: "python", preamble: "def sum(x):\n", tests: "assert sum([2]) == 'own'" };
    assert.equal(await testsReward(box.converse.bind(box), { credit: "all" }).score(task({ check }), "    return 'own'\n"), 1);
  });

  it("end when cancelled", async () => {
    const controller = new AbortController();
    const reward = testsReward(box.converse.bind(box), { credit: "all" });
    const scoring = reward.score(task({ check: { language: "python", tests: "assert f(1)" } }), "def f(x):\n    while True: pass", controller.signal);
    setTimeout(() => { controller.abort(); }, 300);
    await assert.rejects(scoring, { name: "CancelledError" });
  });

  it("find out whether code parses", async () => {
    const parses = parsesIn(box);
    assert.deepEqual(await Promise.all([
      parses("python", "def f(:"), parses("python", "x = 1"), parses("javascript", "const = 1"), parses("javascript", "export const a = 1;"), parses("typescript", "let a: number = 1"),
    ]), [false, true, false, true, true]);
  });
});

describe("rewards of form and agreement", () => {
  it("give the share of the wished forms", async () => {
    const reward = formatReward({ fence: true, longest: 20, parses: (_, code) => Promise.resolve(!code.includes("(:")), language: "python" });
    assert.equal(await reward.score(task({}), ""), 0);
    assert.equal(await reward.score(task({}), "```py\nx\n```"), 1);
    assert.equal(await reward.score(task({}), "x = 1"), 2 / 3);
    assert.equal(await reward.score(task({}), `(:${"x".repeat(28)}`), 0.5 / 3);
  });

  it("compare with the reference as told", async () => {
    const of = (reply: string, options: Parameters<typeof matchReward>[0]): Promise<number> => matchReward(options).score(task({ reference: "snakeCase" }), reply);
    assert.equal(await of("snakeCase", { compare: "exact" }), 1);
    assert.equal(await of(" snakeCase", { compare: "exact" }), 0);
    assert.equal(await of(" snakeCase\nmore", { compare: "trimmed", firstLine: true }), 1);
    assert.equal(await of("SNAKEcase", { compare: "normalised" }), 1);
    assert.ok(Math.abs(await of("snakecase", { compare: "trimmed", partial: true }) - 0.5 * 5 / 9) < 1e-12);
    assert.equal(await of("", { compare: "trimmed", partial: true }), 0);
    await assert.rejects(matchReward({ compare: "exact" }).score(task({}), "x"), { reason: "dataInvalid" });
  });

  it("combine by weight, and refuse weights that mean nothing", async () => {
    const constant = (name: string, value: number) => ({ name, score: () => Promise.resolve(value) });
    const both = weightedReward([{ reward: constant("a", 1), weight: 3 }, { reward: constant("b", 0), weight: 1 }]);
    assert.equal(both.name, "a+b");
    assert.equal(await both.score(task({}), ""), 0.75);
    assert.throws(() => weightedReward([]), { reason: "badRequest" });
    assert.throws(() => weightedReward([{ reward: constant("a", 1), weight: 0 }]), { reason: "badRequest" });
  });
});
