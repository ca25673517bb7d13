import assert from "node:assert/strict";
import { placesInOutput } from "../../../src/engine/retrieval/placesInOutput.ts";
import { routeCrops, withinBudget } from "../../../src/engine/retrieval/routeCrops.ts";
import { openIndex, removeTemporaryFolders, workspaceOf } from "./support.ts";

describe("routing between the crops", () => {
  it("asks the session where the query points at it, and not where it names code", () => {
    assert.equal(routeCrops("why does this fail again?").why, "asksAboutSession");
    assert.equal(routeCrops("what does readHeader do here").why, "namesCode");
    assert.equal(routeCrops("this in src/a.ts").why, "namesCode");
    assert.equal(routeCrops("how are sessions stored").why, "balanced");
  });

  it("gives the session its share and no more, unless there is nothing else", () => {
    const hits = Array.from({ length: 6 }, (_, i) => ({ i, crop: i < 4 ? "short" as const : "long" as const }));
    assert.deepEqual(withinBudget(hits, 4, { shortShare: 0.5 }).map(({ i }) => i), [0, 1, 4, 5]);
    assert.deepEqual(withinBudget(hits.slice(0, 4), 4, { shortShare: 0.5 }).map(({ i }) => i), [0, 1, 2, 3]);
  });
});

describe("outputs of the session", () => {
  afterEach(removeTemporaryFolders);

  it("name places in Python's, Node's and compilers' words", () => {
    const places = (text: string) => placesInOutput(text).map(({ path, startLine, endLine }) => [path, startLine, endLine]);
    assert.deepEqual(places("Traceback\n  File \"/w/app/load.py\", line 20, in <module>\n"), [["/w/app/load.py", 14, 26]]);
    assert.deepEqual(places("    at run (file:///w/src/a.ts:3:7)\nsrc/b.ts(12,4): error TS2304"), [["/w/src/a.ts", 1, 9], ["src/b.ts", 6, 18]]);
    assert.deepEqual(places("all 12 passed in 3:45"), []);
  });

  it("lift what the newest of them names, where the question points at it", async () => {
    const text = (name: string) => `def ${name}(rows):\n    """Read the rows of a table."""\n    return [row for row in rows]\n`;
    const workspaceDir = workspaceOf({ "one.py": text("one"), "two.py": text("two") });
    const index = await openIndex(workspaceDir, { embedder: null });
    await index.update();
    const first = async (query: string) => (await index.search(query, { k: 2 }))[0];
    const before = (await first("why do the rows of this table fail"))?.path;
    const other = before === "one.py" ? "two.py" : "one.py";
    await index.rememberOutput("output", `Traceback\n  File "${workspaceDir}/${other}", line 2, in f\nValueError: no rows\n  File "/elsewhere/x.py", line 1`);
    const after = await first("why do the rows of this table fail");
    assert.equal(after?.path, other);
    assert.ok(after.via.includes("output") && after.via.includes("asksAboutSession"));
    // A question that does not point at it owes it nothing.
    assert.ok(!(await first("rows of a table"))?.via.includes("output"));
    await index.close();
  });
});

describe("the file ranker of a workspace", () => {
  afterEach(removeTemporaryFolders);

  it("ranks the files of a folder", async () => {
    const index = await openIndex(workspaceOf({ "src/retry.py": "def retry(request):\n    \"\"\"Send again after a timeout.\"\"\"\n    return send(request)\n", "src/menu.py": "def open_menu():\n    return paint()\n" }));
    await index.update();
    const files = await index.rankFiles("fix: wait longer before the retry after a timeout", { k: 1 });
    assert.equal(files[0]?.path, "src/retry.py");
    assert.equal(index.status().pendingPassages, undefined);
    await index.close();
  });
});
