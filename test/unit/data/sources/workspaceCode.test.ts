// Code becomes examples that an editor could have posed: inside the file, at code, disjoint, and the same for the same seed.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, it } from "mocha";
import { SeededRandom } from "../../../../src/engine/base/random.ts";
import type { TrainingRecord } from "../../../../src/engine/base/trainingRecord.ts";
import { fileLines, infillCuts } from "../../../../src/engine/data/sources/infillCuts.ts";
import { licenceOfText } from "../../../../src/engine/data/sources/licence.ts";
import { isProblem } from "../../../../src/engine/data/sources/source.ts";
import { afterLicenceHeader, textWindows } from "../../../../src/engine/data/sources/textWindows.ts";
import { recordsOfFile, workspaceCode } from "../../../../src/engine/data/sources/workspaceCode.ts";
import type { CodeFiles } from "../../../../src/engine/data/sources/workspaceCode.ts";

const bounds = { maximumLines: 6, prefixCharacters: 600, suffixCharacters: 300 };

function python(nFunctions: number): string {
  const functions = Array.from({ length: nFunctions }, (_, i) => `def step_${i}(values, limit=${i}):
    """Adds up what is not above the limit."""
    # only small ones count
    total = sum(value for value in values if value <= limit)
    if total > ${i * 7}:
        print("much", total)
        return total - ${i}
    return make_result(
        total,
        name="step_${i}",
    )
`);
  return `# Copyright (c) 2024 Somebody\n# SPDX-License-Identifier: MIT\n\nimport os\n\n\n${functions.join("\n\n")}`;
}

const infills = (records: Iterable<TrainingRecord>) => [...records].flatMap((record) => (record.kind === "example" && record.prompt.form === "infill" ? [{ ...record, prompt: record.prompt }] : []));

describe("cuts for fill-in-the-middle", () => {
  const text = python(60);
  const file = fileLines(text, "python");
  const cuts = [...infillCuts(file, 0, new SeededRandom(3), bounds)];

  it("stand in the file, one after the other, without sharing text", () => {
    assert.ok(cuts.length > 20, `${cuts.length} cuts`);
    let from = 0;
    for (const { prefix, middle, suffix } of cuts) {
      const at = text.indexOf(prefix + middle + suffix, from);
      assert.ok(at >= from, `the cut at ${JSON.stringify(middle)} is not in the rest of the file`);
      from = at + prefix.length + middle.length + suffix.length;
    }
  });

  it("leave out code and never white space, comment or docstring alone, in as many lines as completions have", () => {
    for (const { middle, prefix } of cuts) {
      assert.ok(middle.trim().length >= 2, JSON.stringify(middle));
      assert.ok(middle.split("\n").length <= bounds.maximumLines, middle);
      const lines = (prefix.slice(prefix.lastIndexOf("\n") + 1) + middle).split("\n");
      const nCode = lines.filter((line) => line.trim() !== "" && !/^\s*(?:#|""")/.test(line)).length;
      assert.ok(nCode > 0 && nCode * 2 >= lines.length, middle);
    }
  });

  it("are line endings, whole statements, blocks and several lines", () => {
    const whats = new Set(cuts.map(({ what }) => what));
    assert.deepEqual([...whats].sort(), ["block", "lineEnding", "lines", "statement"]);
    const block = cuts.find(({ what }) => what === "block");
    assert.match(block?.prefix ?? "", /:\n {4,8}$/);
    for (const { what, middle, suffix } of cuts) {
      if (what === "statement") assert.ok(/^\s*(?:\n|$)/.test(suffix) || suffix === "", `a statement ends its line: ${JSON.stringify(suffix.slice(0, 20))}`);
      if (what === "lines") assert.ok(middle.includes("\n"), middle);
    }
  });

  it("of statements over several lines are whole", () => {
    const statements = Array.from({ length: 12 }, (_, seed) => [...infillCuts(file, 0, new SeededRandom(seed), bounds)]).flat().filter(({ middle }) => middle.startsWith("return make_result("));
    assert.ok(statements.length > 0);
    for (const { middle } of statements) assert.ok(middle === "return make_result(" || middle.endsWith(")"), middle);
  });
});

describe("windows of text", () => {
  it("hold every line once, from the first definition on, and begin where code does", () => {
    const lines = python(40).split("\n");
    const windows = [...textWindows(lines, 3, 1_000)];
    let next = 4;
    for (const { text, startLine, endLine } of windows) {
      for (let line = next; line < startLine; line++) assert.equal(lines[line - 1], "", `line ${line} is left out`);
      assert.equal(text, `${lines.slice(startLine - 1, endLine).join("\n")}\n`);
      assert.ok(text.length <= 1_300, `${text.length}`);
      next = endLine + 1;
    }
    assert.ok(next >= lines.length - 1);
    assert.ok(windows.slice(1).filter(({ text }) => text.startsWith("def ")).length >= 0.8 * (windows.length - 1));
  });

  it("leave out what is no text: blobs and tables of numbers", () => {
    assert.deepEqual([...textWindows([`const data = "${"A1b2".repeat(400)}";`, ...Array.from({ length: 30 }, (_, i) => `${i}, ${i * 3}, 0.${i}17, 42, 99999,`)], 0, 1_500)], []);
  });

  it("begin after a header about licence, but not after one about the module", () => {
    const flags = (lines: string[]) => fileLines(lines.join("\n"), "typescript").isCode;
    const licensed = ["/*", " * Copyright 2020 X.", " */", "", "// What this is for.", "import a from \"a\";"];
    assert.equal(afterLicenceHeader(licensed, flags(licensed)), 3);
    const described = ["// What this is for.", "", "import a from \"a\";"];
    assert.equal(afterLicenceHeader(described, flags(described)), 0);
  });
});

describe("the workspace as a source", () => {
  const origin = { at: "src/steps.py", language: "python" };

  it("gives the same records for the same seed, others for another, and others' files change nothing", () => {
    const records = (seed: number) => JSON.stringify([...recordsOfFile(python(20), origin, { seed })]);
    assert.equal(records(1), records(1));
    assert.notEqual(records(1), records(2));
  });

  it("names the place, and cuts each pass elsewhere", () => {
    const once = infills(recordsOfFile(python(20), origin, { seed: 1, infillPasses: 1 }));
    const thrice = infills(recordsOfFile(python(20), origin, { seed: 1, infillPasses: 3 }));
    assert.ok(thrice.length > 2 * once.length);
    assert.ok(new Set(thrice.map(({ origin: { at } }) => at)).size > 0.7 * thrice.length);
    for (const { origin: { at }, prompt } of thrice) {
      assert.match(at, /^src\/steps\.py:\d+$/);
      assert.equal(prompt.path, "src/steps.py");
    }
  });

  it("says what it left out and why, and refuses a folder without code", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "kalactica-source-"));
    const files = (entries: Record<string, string | { reason: string }>): CodeFiles => ({
      folder,
      async *walk() { for (const entry of Object.keys(entries)) yield { path: entry, reason: entry.endsWith(".png") ? "binary file" : null }; },
      read: (entry) => Promise.resolve(typeof entries[entry] === "string" ? { text: entries[entry] } : entries[entry] ?? { reason: "gone" }),
      languageOf: (entry) => (entry.endsWith(".py") ? "python" : entry.endsWith(".md") ? "markdown" : "plaintext"),
    });
    try {
      const items = [];
      const progress: number[] = [];
      const source = workspaceCode({ seed: 1, files: files({ "a.py": python(8), "key.py": { reason: "holds a secret (AWS access key, line 3)" }, "README.md": "# Read", "vendor/b.py": python(8), "logo.png": "" }) });
      for await (const item of source.records({ onProgress: ({ done }) => progress.push(done) })) items.push(item);
      const problems = items.filter(isProblem);
      assert.ok(problems.some(({ at, sentence }) => at === "key.py" && sentence.includes("AWS access key")));
      assert.ok(problems.some(({ sentence }) => sentence.includes("1 × no code (markdown)") && sentence.includes("vendored") && sentence.includes("binary file")));
      assert.ok(items.some((item) => !isProblem(item) && item.origin.licence === "MIT" && item.origin.at.startsWith("a.py:")));
      assert.ok(!items.some((item) => !isProblem(item) && /^(?:key|vendor)/.test(item.origin.at)));
      assert.equal(progress.at(-1), 2);
      await assert.rejects(async () => { for await (const item of workspaceCode({ seed: 1, files: files({ "README.md": "x" }) }).records()) assert.ok(item); }, { reason: "dataInvalid" });
      const stop = AbortSignal.abort();
      await assert.rejects(async () => { for await (const item of source.records({ signal: stop })) assert.ok(item); }, { name: "CancelledError" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("licences", () => {
  it("are told by what only they say", () => {
    const cases: [string, string | undefined][] = [
      ["MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy", "MIT"],
      ["Apache License\n   Version 2.0, January 2004", "Apache-2.0"],
      ["Redistribution and use in source and binary forms ... Neither the name of the copyright holder", "BSD-3-Clause"],
      ["Redistribution and use in source and binary forms, with or without modification", "BSD-2-Clause"],
      ["GNU GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007 ... GNU Lesser General Public License instead", "GPL-3.0"],
      ["GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1", "LGPL-2.1"],
      ["GNU AFFERO GENERAL PUBLIC LICENSE Version 3", "AGPL-3.0"],
      ["Mozilla Public License Version 2.0", "MPL-2.0"],
      ["Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted, provided that the above copyright notice and this permission notice appear in all copies.", "ISC"],
      ["All rights reserved. Ask before you use it.", undefined],
    ];
    for (const [text, expected] of cases) assert.equal(licenceOfText(text), expected, text.slice(0, 40));
  });
});
