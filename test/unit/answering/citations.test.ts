import assert from "node:assert/strict";
import { CitationLedger, citedNumbers, MAXIMUM_CITED_LINES, nearestOccurrence, withNumbers } from "../../../src/engine/answering/citations.ts";
import { sha256 } from "../../../src/engine/base/files.ts";
import { memoryWorkspace } from "./memoryWorkspace.ts";

const TEXT = "one\ntwo\nthree\nfour\nfive";
const expectation = (text: string) => ({ text, sha256: sha256(text) });

describe("CitationLedger", () => {
  it("numbers what it read from disk, and gives one place one number", async () => {
    const { readLines } = memoryWorkspace({ "a.ts": TEXT });
    const ledger = new CitationLedger(readLines);
    const first = await ledger.cite({ path: "a.ts", startLine: 2, endLine: 3 }, expectation("two\nthree"));
    const again = await ledger.cite({ path: "a.ts", startLine: 2, endLine: 3 });
    assert.deepEqual([first?.n, again?.n, first?.text, first?.verified], [1, 1, "two\nthree", true]);
    assert.equal(first?.sha256, sha256("two\nthree"));
    assert.equal(ledger.dropped, 0);
  });

  it("follows lines that moved within their file", async () => {
    const { readLines } = memoryWorkspace({ "a.ts": `new\nnew\n${TEXT}` });
    const citation = await new CitationLedger(readLines).cite({ path: "a.ts", startLine: 2, endLine: 3 }, expectation("two\nthree"));
    assert.deepEqual([citation?.startLine, citation?.endLine], [4, 5]);
  });

  it("drops and counts what changed or is gone", async () => {
    const { readLines } = memoryWorkspace({ "a.ts": TEXT.replace("three", "3") });
    const ledger = new CitationLedger(readLines);
    assert.equal(await ledger.cite({ path: "a.ts", startLine: 2, endLine: 3 }, expectation("two\nthree")), null);
    assert.equal(await ledger.cite({ path: "gone.ts", startLine: 1, endLine: 1 }, expectation("x")), null);
    assert.equal(await ledger.cite({ path: "a.ts", startLine: 99, endLine: 99 }), null);
    assert.deepEqual([ledger.dropped, ledger.list()], [3, []]);
  });

  it("takes other line ends for the same text", async () => {
    const { readLines } = memoryWorkspace({ "a.ts": "one\r\ntwo\r\n" });
    assert.equal((await new CitationLedger(readLines).cite({ path: "a.ts", startLine: 1, endLine: 2 }, expectation("one\ntwo")))?.n, 1);
  });

  it("cites the first lines of what is long", async () => {
    const long = Array.from({ length: 300 }, (_, i) => `line ${i}`).join("\n");
    const { readLines } = memoryWorkspace({ "a.ts": long });
    const citation = await new CitationLedger(readLines).cite({ path: "a.ts", startLine: 1, endLine: 300 }, expectation(long));
    assert.equal(citation?.endLine, MAXIMUM_CITED_LINES);
    assert.equal(citation?.sha256, sha256(citation.text));
  });

  it("sees on recheck that a file was deleted, changed, or shifted since", async () => {
    const workspace = memoryWorkspace({ "a.ts": TEXT, "b.ts": TEXT, "c.ts": TEXT, "d.ts": TEXT });
    const ledger = new CitationLedger(workspace.readLines);
    for (const path of ["a.ts", "b.ts", "c.ts", "d.ts"]) await ledger.cite({ path, startLine: 2, endLine: 3 });
    workspace.disk.delete("a.ts");
    workspace.disk.set("b.ts", "all\nnew\nhere");
    workspace.disk.set("c.ts", `x\n${TEXT}`);
    const { gone, moved } = await ledger.recheck();
    assert.deepEqual([[...gone], [...moved]], [[1, 2], [3]]);
    assert.deepEqual(ledger.list().map((citation) => [citation.n, citation.startLine]), [[3, 3], [4, 2]]);
    assert.equal(ledger.dropped, 2);
  });

  it("renumbers in the order of use and forgets the rest", async () => {
    const ledger = new CitationLedger(memoryWorkspace({ "a.ts": TEXT }).readLines);
    for (const startLine of [1, 2, 3]) await ledger.cite({ path: "a.ts", startLine, endLine: startLine });
    assert.deepEqual([...ledger.renumber([3, 1, 3])], [[3, 1], [1, 2]]);
    assert.deepEqual(ledger.list().map((citation) => [citation.n, citation.startLine]), [[1, 3], [2, 1]]);
    assert.equal((await ledger.cite({ path: "a.ts", startLine: 5, endLine: 5 }))?.n, 3);
  });
});

describe("nearestOccurrence", () => {
  it("takes the occurrence nearest to where the text stood", () => {
    const whole = "a\nb\nx\na\nb\nx\na\nb";
    assert.equal(nearestOccurrence(whole, "a\nb", 5), 4);
    assert.equal(nearestOccurrence(whole, "a\nb", 8), 7);
    assert.equal(nearestOccurrence(whole, "b\na", 1), null);
  });
});

describe("citations of composed Markdown", () => {
  it("are told apart from brackets in code and in quotations", () => {
    assert.deepEqual(citedNumbers("Is `a [1]` in “see \\[2\\]” [3] and ``x ` [4]`` [5]."), [3, 5]);
  });

  it("are renumbered, or removed where they have no new number", () => {
    assert.equal(withNumbers("One [1]. Two [2], `x [1]` [1].", new Map([[1, 7]])), "One [7]. Two, `x [1]` [7].");
  });
});
