import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { confirmationText, datasetMarkdown } from "../../../src/extension/dataReport.ts";
import type { RunEstimate } from "../../../src/engine/protocol/training.ts";
import { DATASET } from "../../webview/monitorScenarios.ts";

const ESTIMATE: RunEstimate = { memoryBytes: 1.2e9, availableBytes: 8e9, tokensPerStep: 2048, steps: 400, seconds: 780, fits: true, sentence: "", config: {}, rewards: {}, sample: [] };

describe("the report of a data set", () => {
  it("names counts, problems with their places, and what is learnt of a sample", () => {
    const text = datasetMarkdown(DATASET, [{ text: "def add(a, b):\n", learnt: false }, { text: "    return a + b\n", learnt: true }]);
    assert.match(text, /\*\*3,204\*\* records to learn from, \*\*356\*\* held out/);
    assert.match(text, /\| error \| data\/broken\.jsonl:9999 \| The line is no JSON/);
    assert.match(text, /```text\ndef add\(a, b\):\n⟦ {4}return a \+ b\n⟧\n```/);
    assert.match(text, /\| Near duplicates \| 214 \|/);
    assert.match(text, /MIT 409, unknown 2/);
  });

  it("reads nothing in names and texts as Markdown", () => {
    const name = "a|b](command:evil) <img src=x> ```\n# big";
    const text = datasetMarkdown({ ...DATASET, name, report: { ...DATASET.report, problems: [{ severity: "error", at: name, sentence: name }], languages: { [name]: 1 } } }, [{ text: "````\n# not a title\n```", learnt: true }]);
    assert.ok(!/(^|[^\\])\]\(command/m.test(text), "no link");
    assert.ok(!/(^|[^\\])<img/m.test(text), "no tag");
    const fence = /^(`{5,})text$/m.exec(text)?.[1];
    assert.equal(fence, "`````", "a fence longer than any in the sample");
    assert.equal(text.split("\n").filter((line) => line.startsWith("# ")).length, 2, "its title, and the sample's line inside the fence");
    assert.equal(text.split("\n").find((line) => line.startsWith("| error"))?.match(/(?<!\\)\|/g)?.length, 4, "three cells");
  });

  it("says in a dialog what is learnt from, what it costs, and what happens then", () => {
    const text = confirmationText(DATASET, ESTIMATE);
    assert.match(text, /3,204 records of the code of this workspace, 356 more held out/);
    assert.match(text, /3 secrets redacted, 11 pieces of personal data redacted, 335 duplicates left out, 1 errors, 1 warnings/);
    assert.match(text, /about 13 min, 400 steps\. Memory: 1\.20 GB of 8\.00 GB free/);
    assert.match(confirmationText(DATASET, { ...ESTIMATE, seconds: null, sentence: "The batch was halved." }), /not known before the first steps[\s\S]*The batch was halved\./);
  });
});
