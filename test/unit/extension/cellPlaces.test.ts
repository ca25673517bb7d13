// Lines of a notebook's file lead to the cell that people see.
import assert from "node:assert/strict";
import { cellIndexAt } from "../../../src/extension/cellPlaces.ts";

const notebook = {
  cells: [
    { cell_type: "markdown", metadata: {}, source: ["# Says \"cell_type\": twice\n", "\"cell_type\": here"] },
    { cell_type: "code", execution_count: 1, id: "a", metadata: {}, outputs: [{ text: ["\"cell_type\": \"code\"\n"] }], source: ["x = 1\n", "y = 2"] },
    { id: "b", cell_type: "code", metadata: {}, outputs: [], source: ["z = 3"] },
  ],
  metadata: {}, nbformat: 4, nbformat_minor: 5,
};

describe("cellIndexAt", () => {
  const file = JSON.stringify(notebook, null, 1);
  const lineOf = (text: string): number => file.split("\n").findIndex((line) => line.includes(text)) + 1;

  it("finds the cell of a line, whatever its texts quote", () => {
    assert.deepEqual(["Says", "y = 2", "z = 3"].map((text) => cellIndexAt(file, lineOf(text))), [0, 1, 2]);
  });

  it("stays inside the notebook before its first cell", () => {
    assert.equal(cellIndexAt(file, 1), 0);
  });
});
