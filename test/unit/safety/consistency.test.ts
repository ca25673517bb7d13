// Agreement of samples: examples found in text, calls generated from them, and behaviour that outvotes; run in the real sandbox once.
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { auroc } from "../../../src/engine/evaluation/auroc.ts";
import { behaviourEvidence, behaviourScore, planBehaviour, spelling } from "../../../src/engine/safety/consistency/behaviour.ts";
import { examplesIn } from "../../../src/engine/safety/consistency/examples.ts";
import { generateInputs } from "../../../src/engine/safety/consistency/generateInputs.ts";
import { readValue, writeValue } from "../../../src/engine/safety/consistency/literals.ts";
import { parametersOf } from "../../../src/engine/safety/consistency/signature.ts";
import { textEvidence, textScore } from "../../../src/engine/safety/consistency/textAgreement.ts";
import { typeByUse } from "../../../src/engine/safety/consistency/typeByUse.ts";
import { Sandbox } from "../../../src/engine/sandbox/sandbox.ts";
import { tryBehaviours } from "../../../src/engine/tasks/tryBehaviours.ts";

describe("examples and literals", () => {
  it("read what a text says comes out of a call, and only literals", () => {
    const text = ">>> f([1, 2.5], 'a')\nTrue\nassert not f(None)\nassert f(3) == {'a': (1,)}\nf(n) == 3\ndef f(a):\nf(2) ➞ \"x\"\nf(4) == 3 * n";
    assert.deepEqual(examplesIn(text, "f").map(({ inputs, expected }) => `${inputs.map((value) => writeValue(value, "python")).join(",")} ${expected ? writeValue(expected, "python") : "?"}`),
      ["[1, 2.5],\"a\" True", "None False", "3 {\"a\": (1,)}", "2 \"x\"", "4 ?"]);
  });

  it("survive being written and read again", () => {
    for (const source of ["[1, -2.5, \"a\\u00e9\", True, None]", "{\"k\": (1,), \"l\": {1, 2}}", "set()", "(1, (2, []))"]) {
      const { value } = readValue(source)!;
      assert.equal(writeValue(readValue(writeValue(value, "python"))!.value, "python"), writeValue(value, "python"));
    }
    assert.equal(readValue("f(1)"), null);
    assert.equal(spelling(readValue("{\"b\": 1.0, \"a\": [True, \"it's\"]}")!.value), "{'a':[1,\"it's\"],'b':1}");
  });

  it("make calls of the right types from signatures, use and examples", () => {
    const parameters = parametersOf("def f(words: List[str], n: int = 3, *args) -> bool:", "f")!;
    assert.deepEqual(parameters.map(({ type, optional }) => [type.of, optional]), [["list", false], ["int", true]]);
    const inputs = generateInputs(parameters, [], 20, new SeededRandom(1));
    assert.equal(inputs.length, 20);
    assert.ok(inputs.every(([words, n]) => words?.kind === "list" && words.items.every(({ kind }) => kind === "string") && n!.kind === "int"));
    assert.deepEqual(typeByUse("b", ["return a in b.lower()", "b.split(' ')", "x = b.strip()"]), { of: "string" });
    assert.equal(typeByUse("b", ["return b"]), null);
  });
});

describe("agreement", () => {
  const prompt = "def total(numbers: list) -> int:\n    \"\"\"Add up.\n    >>> total([1, 2])\n    3\n    \"\"\"\n";
  const bodies = ["    return sum(numbers)\n", "    t = 0\n    for x in numbers:\n        t += x\n    return t\n", "    return 0\n", "    while True: pass\n", "    import os\n    os._exit(0)\n", "    return sum(numbers) + 1\n", "    return sum(sorted(numbers))\n"];

  it("tells right samples by what they do, whatever they look like, and survives those that loop or end", async function () {
    const sandbox = await Sandbox.open({ parallel: 1 }).catch(() => null);
    if (sandbox === null || "missing" in sandbox.interpreters.python) return this.skip();
    try {
      const programs = bodies.map((body) => prompt + body);
      const plan = planBehaviour(prompt, bodies, programs, "total");
      const outcomes = await tryBehaviours(sandbox, plan.request);
      assert.deepEqual(outcomes[0], outcomes[1]);
      assert.ok(outcomes[3]!.every((text) => text === "!late") && outcomes[4]!.every((text) => text === "!ended"));
      const scores = behaviourEvidence(plan, outcomes).map(behaviourScore);
      for (const right of [0, 1, 6]) for (const wrong of [2, 3, 4, 5]) assert.ok(scores[right]! > scores[wrong]!, `${right} ${wrong} ${String(scores)}`);
    } finally {
      await sandbox.close();
    }
  });

  it("of constants is no agreement", () => {
    const plan = { request: { programs: [], name: "f", calls: ["1", "2", "3"] }, stated: [null, null, null], guessed: [new Map(), new Map(), new Map()] };
    const scores = behaviourEvidence(plan, [["1", "4", "9"], ["1", "4", "9"], ["0", "0", "0"], ["0", "0", "0"]]).map(behaviourScore);
    assert.ok(scores[0]! > scores[2]!);
  });

  it("of texts prefers what the others look like and what is complete", () => {
    const scores = textEvidence(["    return sum(numbers)", "    return sum(numbers)\n", "    total = sum(numbers)\n    return total", "    print('x', (", "    return sum(numbers"]).map(textScore);
    assert.ok(scores[0]! > scores[3]! && scores[0]! > scores[4]!);
  });

  it("AUROC counts pairs, ties half", () => {
    const cases = [[0.1, false], [0.4, true], [0.4, false], [0.9, true]] as const;
    assert.equal(auroc(cases.map(([score, positive]) => ({ score, positive }))), 3.5 / 4);
    assert.ok(Number.isNaN(auroc([{ score: 1, positive: true }])));
  });
});
