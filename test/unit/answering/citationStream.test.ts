import assert from "node:assert/strict";
import { CitationStream, filterCitations } from "../../../src/engine/answering/citationStream.ts";

const upTo = (last: number) => (n: number): boolean => n >= 1 && n <= last;

const CASES: [name: string, prose: string, expected: string, removed: number][] = [
  ["one citation", "It opens [1].", "It opens [1].", 0],
  ["a list", "It opens [1, 3].", "It opens [1][3].", 0],
  ["a range", "It opens [1-3].", "It opens [1][2][3].", 0],
  ["an en dash and a semicolon", "It opens [1–2; 3].", "It opens [1][2][3].", 0],
  ["neighbours", "It opens [1][2].", "It opens [1][2].", 0],
  ["a source that does not exist", "It opens [7]. Then it closes.", "It opens. Then it closes.", 1],
  ["a list of which one exists", "It opens [2, 8].", "It opens [2].", 1],
  ["a range that leaves the list", "It opens [2-5].", "It opens [2][3].", 2],
  ["other brackets", "It opens 【1】 and [^2] and [source 3].", "It opens [1] and [2] and [3].", 0],
  ["a citation dressed as a link", "See [1](http://evil.example/x) now.", "See [1] now.", 0],
  ["a made-up citation dressed as a link", "See [9](src/x.ts) now.", "See now.", 1],
  ["an ordinary link", "See [the docs](http://x.example).", "See [the docs](http://x.example).", 0],
  ["code", "Take `xs[9]` and\n```js\nconst a = b[7]; // [8]\n```\nthen stop [9].", "Take `xs[9]` and\n```js\nconst a = b[7]; // [8]\n```\nthen stop.", 1],
  ["code with two ticks", "Take ``a ` [9]`` now [9].", "Take ``a ` [9]`` now.", 1],
  ["a backtick that never closes", "A stray ` here [9]\nand [8] there.", "A stray ` here [9]\nand there.", 1],
  ["an index, a class of characters, a year", "x [0] and [0-9] and [2024] and [a].", "x [0] and [0-9] and [2024] and [a].", 0],
  ["a task list", "- [ ] open\n- [x] done", "- [ ] open\n- [x] done", 0],
  ["an unfinished citation at the end", "It opens [1", "It opens [1", 0],
  ["blanks at the end", "It opens  ", "It opens  ", 0],
];

describe("CitationStream", () => {
  for (const [name, prose, expected, removed] of CASES) {
    it(`handles ${name}, whole`, () => {
      const filtered = filterCitations(prose, upTo(3));
      assert.deepEqual([filtered.text, filtered.removed], [expected, removed]);
    });
    it(`handles ${name}, in pieces of every size`, () => {
      for (let size = 1; size < prose.length; size++) {
        const stream = new CitationStream(upTo(3));
        let text = "";
        for (let at = 0; at < prose.length; at += size) text += stream.push(prose.slice(at, at + size));
        text += stream.end();
        assert.deepEqual([text, stream.removed], [expected, removed], `pieces of ${size}`);
      }
    });
  }

  it("never shows the beginning of a citation that is then removed", () => {
    const stream = new CitationStream(upTo(1));
    assert.equal(stream.push("It opens ["), "It opens");
    assert.equal(stream.push("1"), "");
    assert.equal(stream.push("2]"), "");
    assert.equal(stream.push("."), ".");
    assert.equal(stream.removed, 1);
  });

  it("says which sources were cited", () => {
    assert.deepEqual([...filterCitations("a [3] b [1] c [3] `[2]`", upTo(3)).cited], [3, 1]);
  });

  it("is quick on long prose without end of a citation", () => {
    // Processor time: the machine that runs this may be busy.
    const begun = process.cpuUsage();
    const stream = new CitationStream(upTo(3));
    for (let i = 0; i < 20_000; i++) stream.push("[1, word [ ");
    stream.end();
    const ms = process.cpuUsage(begun).user / 1_000;
    assert.ok(ms < 800, `${ms} ms`);
  });
});
