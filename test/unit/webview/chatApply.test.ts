import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { findDefinition, indentForInsertion, proposeContent } from "../../../src/extension/chatApply.ts";

const TS = `import { a } from "./a.ts";

export class Box {
  size = 1;

  grow(by: number): void {
    this.size += by; // }
  }

  shrink(): void {
    this.size = 0;
  }
}

export function area(box: Box): number {
  return box.size ** 2;
}
`;
const PY = `import os


@cached
def one(x):
    if x:
        return 1

    return 2


def two():
    return 2
`;

describe("apply with diff", () => {
  it("replaces a function of the same name", () => {
    const { content, how, line } = proposeContent(TS, "export function area(box: Box): number {\n  return box.size * box.size;\n}", null);
    assert.equal(how, "definitions");
    assert.equal(content, TS.replace("box.size ** 2", "box.size * box.size"));
    assert.equal(line, 16);
  });

  it("replaces a method and keeps the class's indentation", () => {
    const { content } = proposeContent(TS, "grow(by: number): void {\n  if (by > 0) this.size += by;\n}", null);
    assert.equal(content, TS.replace("    this.size += by; // }", "    if (by > 0) this.size += by;"));
  });

  it("replaces a Python function with its decorator and nothing after it", () => {
    const { content } = proposeContent(PY, "@cached\ndef one(x):\n    return 1 if x else 2", null);
    assert.equal(content, "import os\n\n\n@cached\ndef one(x):\n    return 1 if x else 2\n\n\ndef two():\n    return 2\n");
  });

  it("puts several definitions each in its place, and new imports after the others", () => {
    const { content } = proposeContent(PY, "import os\nimport sys\n\ndef two():\n    return sys.argv\n\ndef three():\n    return 3", null);
    assert.equal(content, `import os\nimport sys\n\n\n@cached\ndef one(x):\n    if x:\n        return 1\n\n    return 2\n\n\ndef two():\n    return sys.argv\n\ndef three():\n    return 3\n`);
  });

  it("replaces given lines, indented as they were", () => {
    const { content, how } = proposeContent(TS, "shrink(): void {\n  this.size--;\n}", { startLine: 10, endLine: 12 });
    assert.equal(how, "lines");
    assert.equal(content, TS.replace("this.size = 0", "this.size--"));
  });

  it("takes code that keeps most of the file as the whole file", () => {
    const whole = TS.replace("size = 1", "size = 2");
    const proposed = proposeContent(TS, whole, { startLine: 1, endLine: 1 });
    assert.deepEqual([proposed.how, proposed.content], ["file", whole]);
  });

  it("appends what has no place, and fills an empty file", () => {
    const appended = proposeContent(TS, "export const ZERO = 0;", null);
    assert.equal(appended.how, "end");
    assert.equal(appended.content, `${TS}\nexport const ZERO = 0;\n`);
    assert.equal(proposeContent("", "x", null).content, "x");
  });

  it("keeps the file's line endings", () => {
    const { content } = proposeContent(TS.replaceAll("\n", "\r\n"), "export function area(box: Box): number {\n  return 0;\n}", null);
    assert.ok(!/[^\r]\n/.test(content));
  });

  it("ends a definition at its brace, not at one in a comment or string", () => {
    assert.deepEqual(findDefinition(TS.split("\n"), "grow"), { startLine: 6, endLine: 8 });
    assert.deepEqual(findDefinition(TS.split("\n"), "Box"), { startLine: 3, endLine: 13 });
    assert.equal(findDefinition(TS.split("\n"), "absent"), null);
  });
});

describe("insert at cursor", () => {
  it("lines the code up with the caret's line", () => {
    assert.equal(indentForInsertion("  if (a) {\n    b();\n  }\n", "    "), "if (a) {\n      b();\n    }");
  });
});
