import assert from "node:assert/strict";
import { codeLineFlags, languageOf } from "../../../tools/base-model/codeLines.ts";
import { cutColumns, maskedLineEndings } from "../../../tools/base-model/masks.ts";

const files = [
  { path: "src/a.ts", text: "// only a comment here\n/* a block\n   goes on */\nconst total = add(1, 2);\n\nexport function add(a: number, b: number) {\n  return a + b;\n}\n" },
  { path: "b.py", text: "\"\"\"Module text that goes on\nand ends here.\"\"\"\n# comment of some words\ndef run(path):\n    value = open(path).read()   \n    return value.strip()\n" },
  { path: "README.md", text: "some words of text\n" },
];

describe("masked line endings", () => {
  it("cut code lines only, at word boundaries in their middle", () => {
    const cases = maskedLineEndings(files, { n: 100, seed: 1 });
    const allowed = new Set(["src/a.ts:4", "src/a.ts:6", "src/a.ts:7", "b.py:4", "b.py:6"]);
    assert.deepEqual(new Set(cases.map((item) => `${item.path}:${item.line}`)), allowed);
    for (const item of cases) {
      const line = (files.find((file) => file.path === item.path) as { text: string }).text.split("\n")[item.line - 1] as string;
      assert.equal(line.slice(item.column), item.expected);
      assert.ok(line.slice(0, item.column).trim() !== "" && item.expected.trim().length >= 2);
      assert.notEqual(/\w/.test(line[item.column - 1] as string), /\w/.test(line[item.column] as string), "not a word boundary");
    }
  });

  it("are the same for a seed and others for another", () => {
    const draw = (seed: number): string => JSON.stringify(maskedLineEndings(files, { n: 3, seed }));
    assert.equal(draw(5), draw(5));
    assert.ok([6, 7, 8, 9].some((seed) => draw(seed) !== draw(5)));
    assert.equal(maskedLineEndings(files, { n: 3, seed: 5 }).length, 3);
  });

  it("finds no cut in a line with nothing to leave out", () => {
    assert.deepEqual(cutColumns("  }"), []);
    assert.deepEqual(cutColumns("x"), []);
  });
});

describe("code lines", () => {
  it("are told from docstrings and comments", () => {
    assert.deepEqual(codeLineFlags(["def f():", "    '''One line.'''", "    x = '''a", "    b'''", "    return x"], "py"), [true, false, true, false, true]);
    assert.deepEqual(codeLineFlags(["/** One. */", "a();", "/*", " * b", " */", "c(); // d"], "ts"), [false, true, false, false, false, true]);
  });

  it("know languages by extension", () => {
    assert.deepEqual(["a.tsx", "b.mjs", "c.py", "d.md", "e.rs", "f"].map(languageOf), ["ts", "js", "py", "md", undefined, undefined]);
  });
});
