// The look-up proposes what followed similar contexts, adapts names, respects what is typed, and never sees the file's masked text.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { indentationStep } from "../../../src/engine/completion/blockContinuation.ts";
import { Lookup } from "../../../src/engine/completion/lookup.ts";
import { fittedWeights } from "../../../src/engine/completion/lookupWeights.ts";
import { WorkspaceTexts } from "../../../src/engine/completion/workspaceTexts.ts";

function lookupOver(texts: Record<string, string>): Lookup {
  const workspace = new WorkspaceTexts(100_000);
  for (const [path, text] of Object.entries(texts)) workspace.set({ path, language: "typescript", text });
  return new Lookup(workspace, fittedWeights());
}

function best(lookup: Lookup, prefix: string, suffix = "\n", path = "src/here.ts"): string | undefined {
  return lookup.judge({ path, language: "typescript", prefix, suffix }).proposals[0]?.text;
}

const logging = [1, 2, 3, 4].map((n) => `export function f${n}(input: Input): void {\n  logger.info("start", { step: ${n} });\n  validateInput(input, currentOptions);\n}\n`).join("\n");

describe("continuation look-up", () => {
  it("continues a line as other files of the workspace do", () => {
    const lookup = lookupOver({ "src/a.ts": logging });
    assert.equal(best(lookup, "export function g(input: Input): void {\n  validateInput(", "\n}\n"), "input, currentOptions);");
  });

  it("continues a line as the caret's own file does, with nothing else indexed", () => {
    const lookup = lookupOver({});
    assert.equal(best(lookup, `${logging}\nfunction g(input: Input): void {\n  validateInput(`, "\n}\n"), "input, currentOptions);");
  });

  it("finishes a half-typed word", () => {
    const lookup = lookupOver({ "src/a.ts": logging });
    assert.equal(best(lookup, "export function g(input: Input): void {\n  valid", "\n}\n"), "ateInput(input, currentOptions);");
  });

  it("adapts names that a similar context calls otherwise", () => {
    const copies = ["alpha", "beta", "gamma", "delta"].map((name) => `const ${name} = read("${name}");\nif (!${name}) throw new Missing(${name});\n`).join("");
    const lookup = lookupOver({ "src/a.ts": copies });
    assert.equal(best(lookup, `${copies}const omega = read("omega");\nif (!omega) throw new Missing(`), "omega);");
  });

  it("never looks at the indexed copy of the caret's own file", () => {
    const secret = "const answer = computeTheUniqueAnswer(fortyTwo);\n";
    const lookup = lookupOver({ "src/here.ts": secret, "src/b.ts": "const b = 1;\n" });
    assert.notEqual(best(lookup, "const answer = "), "computeTheUniqueAnswer(fortyTwo);");
    assert.equal(best(lookup, "const answer = ", "\n", "src/other.ts"), "computeTheUniqueAnswer(fortyTwo);");
  });

  it("forgets a replaced text", () => {
    const workspace = new WorkspaceTexts(100_000);
    workspace.set({ path: "src/a.ts", language: "typescript", text: "const answer = oldWay(one);\n" });
    workspace.set({ path: "src/a.ts", language: "typescript", text: "const answer = newWay(two);\n" });
    assert.equal(best(new Lookup(workspace, fittedWeights()), "const answer = "), "newWay(two);");
  });

  it("judges the caret's text the same after another request came between", () => {
    const lookup = lookupOver({ "src/a.ts": logging });
    const caret = lookup.judge({ path: "src/x.ts", language: "typescript", prefix: "{\n  validateInput(", suffix: "\n}\n" });
    const text = "somethingElse(input);";
    const before = caret.evidence(text, null).lookup.logProbability;
    lookup.judge({ path: "src/y.ts", language: "typescript", prefix: "logger.", suffix: "\n" });
    assert.equal(caret.evidence(text, null).lookup.logProbability, before);
  });

  it("leaves out texts beyond its capacity and says so", () => {
    const workspace = new WorkspaceTexts(50);
    assert.equal(workspace.set({ path: "a.ts", language: "typescript", text: "const a = 1;\n" }), true);
    assert.equal(workspace.set({ path: "b.ts", language: "typescript", text: logging }), false);
    assert.equal(workspace.texts, 1);
    const roomy = new WorkspaceTexts(1_000_000);
    assert.equal(roomy.set({ path: "data.ts", language: "typescript", text: `x = ${"1, ".repeat(200_000)}` }), false);
  });

  it("takes CRLF, tabs, unclosed brackets and lone surrogates without failing", () => {
    const lookup = lookupOver({ "src/a.ts": "\tif (a) {\r\n\t\tb();\r\n\t}\r\n\ud800 ((((((((((((((((((((((((((((\n" });
    assert.doesNotThrow(() => best(lookup, "\tif (a) {\r\n\t\t", "\r\n\t}\r\n"));
    assert.doesNotThrow(() => best(lookup, "", ""));
  });
});

describe("a block by look-up", () => {
  const handlers = ["alpha", "beta", "gamma", "delta"].map((name) => `function on${name}(event) {\n  if (!event) {\n    return null;\n  }\n  dispatch(event);\n}\n`).join("\n");

  it("goes on to the end of an open block that the workspace always fills alike", () => {
    const lookup = lookupOver({ "src/a.ts": handlers });
    const caret = lookup.judge({ path: "src/here.ts", language: "typescript", prefix: `${handlers}\nfunction onOmega(event) {\n  if (`, suffix: "\n}\n" });
    const [first] = caret.proposals;
    assert.equal(first?.text, "!event) {");
    assert.deepEqual(caret.block(first, 5, 0.3), ["    return null;", "  }"]);
  });

  it("adds nothing where the workspace disagrees", () => {
    const other = handlers.replaceAll("return null", "return undefined").replaceAll("dispatch", "send");
    const lookup = lookupOver({ "src/a.ts": handlers, "src/b.ts": other });
    const caret = lookup.judge({ path: "src/here.ts", language: "typescript", prefix: "function onOmega(event) {\n  if (", suffix: "\n}\n" });
    const [first] = caret.proposals;
    assert.ok(first);
    assert.deepEqual(caret.block(first, 5, 0.9), []);
  });

  it("indents by the file's own step", () => {
    assert.equal(indentationStep("a:\n  b\n  c:\n    d\n"), "  ");
    assert.equal(indentationStep("a:\n\tb\n"), "\t");
    assert.equal(indentationStep("a\nb\n"), "    ");
  });
});
