// The names of cells against a reading by hand: test/fixtures/notebooks/cells.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { cellNames } from "../../../src/engine/notebooks/analysis/cellNames.ts";
import { isBuiltin } from "../../../src/engine/notebooks/analysis/python/methods.ts";
import { loadNotebookGrammars, readCell } from "../../../src/engine/notebooks/analysis/readCell.ts";

type Kind = "uses" | "defines" | "changes" | "deletes" | "later";
interface GoldCell { source: string; names: Record<Kind | "either", string[]>; opaque: boolean }

function goldCells(file: string): GoldCell[] {
  const text = readFileSync(new URL(`../../fixtures/notebooks/cells/${file}`, import.meta.url), "utf8");
  return text.split(/^===[ ]?/m).slice(1).map((block) => {
    const [head = "", ...lines] = block.split("\n");
    const names: GoldCell["names"] = { uses: [], defines: [], changes: [], deletes: [], later: [], either: [] };
    let kind: keyof typeof names | null = null;
    for (const word of head.split(" ")) {
      if (word.endsWith(":")) kind = word.slice(0, -1) as Kind;
      else if (kind !== null && word !== "opaque" && word !== "") names[kind].push(word);
    }
    return { source: lines.join("\n").trimEnd(), names, opaque: head.includes("opaque") };
  });
}

/** Whether the language brings the name itself. */
function isBrought(name: string, language: string): boolean {
  return language === "python" ? isBuiltin(name) : language === "r" ? /^(?:c|mean|sapply|names|sum|rm)$/.test(name) : /^(?:Math|console)$/.test(name);
}

/** Right items over all items of either side, and the cells that are wrong. */
function compare(file: string, language: string): { right: number; all: number; cells: number; wrong: string[] } {
  const cells = goldCells(file);
  const wrong: string[] = [];
  let right = 0;
  let all = 0;
  for (const { source, names, opaque } of cells) {
    const facts = readCell(source, language);
    const found = cellNames(facts);
    const sides: [Kind, string[]][] = [["uses", found.uses], ["defines", found.defines], ["changes", found.changes], ["deletes", found.deletes], ["later", found.usesWhenCalled]];
    const faults: string[] = [];
    for (const [kind, list] of sides) {
      const got = new Set(list.filter((name) => !name.startsWith("‹") && !isBrought(name, language) && !names.either.includes(name)));
      for (const name of new Set([...got, ...names[kind]])) {
        all++;
        if (got.has(name) && names[kind].includes(name)) right++;
        else faults.push(`${kind} ${got.has(name) ? "+" : "-"}${name}`);
      }
    }
    if (facts.statements.some((statement) => statement.opaque !== null) !== opaque) faults.push("opaque");
    if (faults.length > 0) wrong.push(`${JSON.stringify(source)}: ${faults.join(", ")}`);
  }
  return { right, all, cells: cells.length, wrong };
}

describe("the names of cells", () => {
  before(loadNotebookGrammars);

  it("of Python are at least 95 % those that a person reads", () => {
    const { right, all, cells, wrong } = compare("python.txt", "python");
    console.log(`      ${right} of ${all} names of ${cells} cells (${(100 * right / all).toFixed(1)} %), ${wrong.length} cells with a fault`);
    if (process.env["KALACTICA_SHOW"]) console.log(wrong.join("\n"));
    assert.ok(cells >= 150);
    assert.ok(right / all >= 0.95, `${right} of ${all}\n${wrong.join("\n")}`);
  });

  for (const [language, file] of [["javascript", "javascript.txt"], ["typescript", "javascript.txt"], ["r", "r.txt"]] as const) {
    it(`of ${language} are at least 95 % those that a person reads`, () => {
      const { right, all, cells, wrong } = compare(file, language);
      console.log(`      ${right} of ${all} names of ${cells} cells (${(100 * right / all).toFixed(1)} %)`);
      assert.ok(right / all >= 0.95, `${right} of ${all}\n${wrong.join("\n")}`);
    });
  }
});
