// The shell syntax that documents may use is read as a shell would read it, and the rest is refused.
import assert from "node:assert/strict";
import { commandsOf, kalacticaArguments, parseLine, printsAsShown, ShellSyntaxError, withoutVariables } from "../../../tools/docs/commandLines.ts";

describe("commands in documents", () => {
  it("are split into words, pipes and files as a shell does", () => {
    assert.deepEqual(parseLine(`npx kalactica ask "where is \\"x\\"?" --json  # why`, 1), [{ words: ["npx", "kalactica", "ask", "where is \"x\"?", "--json"], input: null, piped: false, line: 1 }]);
    assert.deepEqual(parseLine("echo 'a | b' | kalactica check --kind command && kalactica doctor", 2).map(({ words, piped }) => [words[0], words[1], piped]), [["echo", "a | b", false], ["kalactica", "check", true], ["kalactica", "doctor", false]]);
    assert.deepEqual(parseLine("kalactica check --kind code < a.py", 3)[0], { words: ["kalactica", "check", "--kind", "code"], input: "a.py", piped: false, line: 3 });
    assert.deepEqual(parseLine("# only said", 4), []);
    assert.deepEqual(kalacticaArguments({ words: ["npx", "kalactica", "doctor"], input: null, piped: false, line: 1 }), ["doctor"]);
  });

  it("are refused where a shell would do more than the test does", () => {
    for (const text of ["a $HOME", "a > b", "a; b", "a `b`", "a \"$b\"", "ls *.md", "a || b", "a 'b", "&& a"]) assert.throws(() => parseLine(text, 1), ShellSyntaxError, text);
  });

  it("come with what a console block shows below them", () => {
    const shown = commandsOf({ language: "console", text: "$ kalactica doctor \\\n    --json\nok\n\nmore\n$ kalactica index\n", line: 10, note: null });
    assert.deepEqual(shown.map(({ text, output, outputLines, line }) => ({ text, output, outputLines, line })), [
      { text: "kalactica doctor  --json", output: ["ok", "", "more"], outputLines: { from: 2, to: 5 }, line: 10 },
      { text: "kalactica index", output: [], outputLines: { from: 6, to: 6 }, line: 15 },
    ]);
    assert.throws(() => commandsOf({ language: "console", text: "ok\n", line: 1, note: null }), ShellSyntaxError);
  });

  it("are compared without what changes from run to run", () => {
    assert.equal(withoutVariables("3 sources · 12 ms, 0.4 s, 56a7ee6c6f37  2026-11-22 20:42"), withoutVariables("3 sources · 7 ms, 11.25 s, 00632471a366 2025-01-02 03:04"));
    assert.notEqual(withoutVariables("3 sources"), withoutVariables("4 sources"));
    assert.notEqual(withoutVariables("src/a.ts:12-14"), withoutVariables("src/a.ts:13-14"));
    assert.ok(printsAsShown("a 1 ms\nb\nc\n", ["a 7 ms", "b", "…"]) && printsAsShown("a\n\n", ["a", ""]));
    assert.ok(!printsAsShown("a\nb", ["a"]) && !printsAsShown("a", ["a", "b", "…"]) && !printsAsShown("a", ["b"]));
  });
});
