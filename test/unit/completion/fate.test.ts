// What becomes of a suggestion is inferred from recorded edits; the wait before asking adapts.
import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { AdaptiveDebounce } from "../../../src/extension/completionDebounce.ts";
import { CompletionFates, type FateReport } from "../../../src/extension/completionFate.ts";

const suggestion = { completionId: "1", document: "d", offset: 10, text: "alpha, beta);" };

function watched(): { fates: CompletionFates; reports: FateReport[] } {
  const reports: FateReport[] = [];
  return { fates: new CompletionFates((report) => reports.push(report)), reports };
}

describe("the fate of a suggestion", () => {
  it("is accepted by the command, once, and kept after 30 s", () => {
    const { fates, reports } = watched();
    fates.show(suggestion);
    fates.edited("d", [{ offset: 10, removed: 0, text: suggestion.text }]);
    fates.accept("1", "d", 10, suggestion.text);
    let text = `0123456789${suggestion.text}`;
    fates.edited("d", [{ offset: 0, removed: 0, text: "new\n" }]);
    text = `new\n${text}`;
    fates.reviewAfter30s("1", (_, offset, length) => text.slice(offset, offset + length));
    assert.deepEqual(reports.map(({ outcome }) => outcome), ["accepted", "keptAfter30s"]);
  });

  it("is looked at again after five minutes, wherever it has moved to, and then no more", () => {
    const { fates, reports } = watched();
    fates.accept("1", "a.ts", 10, "alpha(beta, gamma);");
    const look = (text: string) => (_: string, offset: number, length: number): string => text.slice(offset, offset + length);
    fates.reviewAfter30s("1", look("0123456789alpha(beta, gamma);"));
    fates.edited("a.ts", [{ offset: 0, removed: 0, text: "ab" }, { offset: 12, removed: 19, text: "x" }]);
    fates.reviewAfter5min("1", look("ab0123456789x"));
    fates.reviewAfter5min("1", look("ab0123456789x"));
    assert.deepEqual(reports.slice(1).map(({ outcome, charactersKept }) => [outcome, charactersKept]), [["keptAfter30s", 19], ["undoneWithin5min", 0]]);
  });

  it("is undone when the text is gone after 30 s", () => {
    const { fates, reports } = watched();
    fates.accept("1", "d", 10, suggestion.text);
    fates.edited("d", [{ offset: 10, removed: suggestion.text.length, text: "x" }]);
    fates.reviewAfter30s("1", (_, offset, length) => "0123456789x".slice(offset, offset + length));
    assert.equal(reports.at(-1)?.outcome, "undoneWithin30s");
  });

  it("is accepted when typed along to its end", () => {
    const { fates, reports } = watched();
    fates.show(suggestion);
    for (let i = 0; i < suggestion.text.length; i++) fates.edited("d", [{ offset: 10 + i, removed: 0, text: suggestion.text.charAt(i) }]);
    assert.deepEqual(reports.map(({ outcome }) => outcome), ["accepted"]);
  });

  it("is partly accepted when a word is taken and something else follows", () => {
    const { fates, reports } = watched();
    fates.show(suggestion);
    fates.edited("d", [{ offset: 10, removed: 0, text: "alpha, " }]);
    fates.edited("d", [{ offset: 17, removed: 0, text: "z" }]);
    assert.deepEqual(reports, [{ completionId: "1", outcome: "partiallyAccepted", charactersKept: 7 }]);
  });

  it("is rejected when something else is typed, or another suggestion comes", () => {
    const { fates, reports } = watched();
    fates.show(suggestion);
    fates.edited("d", [{ offset: 10, removed: 0, text: "q" }]);
    fates.show({ ...suggestion, completionId: "2" });
    fates.show({ ...suggestion, completionId: "3" });
    assert.deepEqual(reports.map(({ completionId, outcome }) => `${completionId} ${outcome}`), ["1 rejected", "2 rejected"]);
  });

  it("tells what was written instead, wherever it has moved to", () => {
    const { fates, reports } = watched();
    let text = "0123456789 // end\n";
    const edit = (offset: number, removed: number, inserted: string): void => {
      text = text.slice(0, offset) + inserted + text.slice(offset + removed);
      fates.edited("d", [{ offset, removed, text: inserted }]);
    };
    fates.show(suggestion);
    for (const [i, character] of Array.from("gammx").entries()) edit(10 + i, 0, character);
    edit(0, 0, "import x;\n");
    edit(24, 1, "");
    edit(24, 0, "a);");
    edit(27, 0, "\nnext();");
    fates.reviewAfter30s("1", (_, offset, length) => text.slice(offset, offset + length));
    assert.deepEqual(reports, [{ completionId: "1", outcome: "rejected" }, { completionId: "1", outcome: "rejected", instead: "gamma);" }]);
  });

  it("tells nothing where the same was typed by hand, nothing was, or the text before it went", () => {
    for (const edits of [[[10, 0, "q"], [10, 1, ""], [10, 0, "alpha"]], [[10, 0, "q"], [10, 1, ""]], [[10, 0, "quite other"], [8, 4, ""]]] as [number, number, string][][]) {
      const { fates, reports } = watched();
      let text = "0123456789\n";
      fates.show(suggestion);
      for (const [offset, removed, inserted] of edits) {
        text = text.slice(0, offset) + inserted + text.slice(offset + removed);
        fates.edited("d", [{ offset, removed, text: inserted }]);
      }
      fates.reviewAfter30s("1", (_, offset, length) => text.slice(offset, offset + length));
      assert.deepEqual(reports, [{ completionId: "1", outcome: "rejected" }]);
    }
  });

  it("tells what stands in the place of an accepted one that was undone", () => {
    const { fates, reports } = watched();
    fates.accept("1", "d", 10, suggestion.text);
    fates.edited("d", [{ offset: 16, removed: 7, text: "gamma, delta);" }]);
    fates.reviewAfter30s("1", (_, offset, length) => "0123456789alpha,gamma, delta);".slice(offset, offset + length));
    assert.deepEqual(reports.at(-1), { completionId: "1", outcome: "undoneWithin30s", charactersKept: 10, instead: "alpha,gamma, delta);" });
  });

  it("goes on under the same id while its remainder is shown", () => {
    const { fates, reports } = watched();
    fates.show(suggestion);
    fates.edited("d", [{ offset: 10, removed: 0, text: "al" }]);
    fates.show({ ...suggestion, offset: 12, text: "pha, beta);" });
    assert.deepEqual(reports, []);
    assert.equal(fates.shown?.text, suggestion.text);
  });

  it("overlooks the closer that the editor inserts", () => {
    const { fates, reports } = watched();
    fates.show({ ...suggestion, text: "(a)" });
    fates.edited("d", [{ offset: 10, removed: 0, text: "(" }, { offset: 11, removed: 0, text: ")" }]);
    assert.deepEqual(reports, []);
  });
});

describe("the debounce", () => {
  it("asks a quick engine at once and a slow one later", () => {
    const quick = new AdaptiveDebounce();
    const slow = new AdaptiveDebounce();
    for (let i = 0; i < 20; i++) {
      quick.answered(8);
      slow.answered(300);
    }
    assert.ok(quick.delay() <= 25);
    assert.ok(slow.delay() > quick.delay());
    assert.ok(slow.delay() <= 250);
  });

  it("waits less for those who type fast and accept often", () => {
    const patient = new AdaptiveDebounce();
    const eager = new AdaptiveDebounce();
    for (let i = 0; i < 40; i++) {
      patient.keystroke(i * 400);
      eager.keystroke(i * 80);
      patient.outcome(false);
      eager.outcome(true);
      patient.answered(150);
      eager.answered(150);
    }
    assert.ok(eager.delay() < patient.delay());
  });
});
