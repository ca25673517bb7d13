// A candidate is fitted into its place: no duplicate of what follows, balanced, inside its block, not repeating.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { lineRuleAt, opensEmptyBlock } from "../../../src/engine/completion/lineRule.ts";
import { isSubsequence, mayStandBefore, placeCandidate } from "../../../src/engine/completion/placement.ts";

const place = (prefix: string, suffix: string, maximumLines = 1) => ({ prefix, suffix, maximumLines });

describe("placing a candidate", () => {
  it("takes off the closers that already stand after the caret", () => {
    assert.deepEqual(placeCandidate("a, b)", place("call(", ")\n")), { text: "a, b", replacesAfter: 0, unfit: null });
  });

  it("replaces an automatic closer by a text that brings it and more", () => {
    assert.deepEqual(placeCandidate("a, b);", place("call(", ")\n")), { text: "a, b);", replacesAfter: 1, unfit: null });
  });

  it("keeps a closer of its own that only looks like the one after the caret", () => {
    assert.deepEqual(placeCandidate("inner(a)", place("call(", ")\n")), { text: "inner(a)", replacesAfter: 0, unfit: null });
  });

  it("does not repeat the line that follows", () => {
    assert.deepEqual(placeCandidate("value;", place("  return ", "\n  return value;\n}")), { text: null, unfit: "duplicate" });
  });

  it("drops a text that goes round in circles", () => {
    assert.equal(placeCandidate("foo.bar.foo.bar.foo.bar.foo.bar.foo.bar.foo.bar.", place("x = ", "\n")).unfit, "repetition");
  });

  it("drops a closer for a bracket that nothing opened", () => {
    assert.equal(placeCandidate("a)]);", place("x = ", "\n")).unfit, "unbalanced");
    assert.equal(placeCandidate("a);", place("x = f(", "\n")).unfit, null);
  });

  it("stops at the end of the block and before what follows", () => {
    const raw = "{\n  return a;\n}\n\nfunction next() {}";
    assert.equal(placeCandidate(raw, place("function f() ", "\nconst z = 1;\n", 9)).text, "{\n  return a;\n}");
    assert.equal(placeCandidate("a();\n  b();\n  c();", place("{\n  ", "\n  b();\n}", 9)).text, "a();");
  });

  it("keeps to one line where one is allowed", () => {
    assert.equal(placeCandidate("a();\n  b();", place("{\n  ", "\n}", 1)).text, "a();");
  });

  it("indents as the file does", () => {
    assert.equal(placeCandidate("if (a) {\n    b();\n}", place("\tx();\n", "\n", 9)).text, "if (a) {\n\tb();\n}");
  });

  it("drops the gap that already stands, and white space at the end", () => {
    assert.equal(placeCandidate("  a + b  ", place("x = ", "\n")).text, "a + b");
  });

  it("calls nothing but white space empty", () => {
    assert.deepEqual(placeCandidate("  \n ", place("x = ", "\n")), { text: null, unfit: "empty" });
  });

  it("knows what may follow the caret", () => {
    assert.equal(mayStandBefore(");"), true);
    assert.equal(mayStandBefore("  foo()"), false);
    assert.equal(isSubsequence(")", "a, b);"), true);
    assert.equal(isSubsequence("))", "a, b);"), false);
  });
});

describe("the line rule", () => {
  it("wants a block where one is open and empty", () => {
    assert.equal(lineRuleAt("function f() {\n  ", "\n}\n"), "multi");
    assert.equal(lineRuleAt("def f(a):\n    ", "\n\ndef g():\n    pass\n"), "multi");
  });

  it("wants the rest of the line everywhere else", () => {
    assert.equal(lineRuleAt("function f() {\n  const a = ", "\n  return a;\n}\n"), "single");
    assert.equal(lineRuleAt("function f() {\n  ", "\n  return a;\n}\n"), "single");
    assert.equal(lineRuleAt("const a = 1;\n", "\nconst b = 2;\n"), "single");
  });

  it("sees a block that the completed line opens and nobody has filled", () => {
    assert.equal(opensEmptyBlock("  if (", "a) {", "\n}\n"), true);
    assert.equal(opensEmptyBlock("def f(", "a):", "\n\ndef g():\n"), true);
    assert.equal(opensEmptyBlock("  if (", "a) {", "\n    b();\n  }\n"), false);
    assert.equal(opensEmptyBlock("  if (", "a) {", " b() }\n"), false);
    assert.equal(opensEmptyBlock("const a = ", "b;", "\n}\n"), false);
  });
});
