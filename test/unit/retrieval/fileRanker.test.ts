import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { parseFile } from "../../../src/engine/retrieval/chunking/parseFile.ts";
import { changeQuery } from "../../../src/engine/retrieval/fileRanker/changeQuery.ts";
import { FIRST_FEATURES } from "../../../src/engine/retrieval/fileRanker/fileFeatures.ts";
import { FILE_SIGNALS, rankFiles } from "../../../src/engine/retrieval/fileRanker/rankFiles.ts";
import { usesOfLikely } from "../../../src/engine/retrieval/fileRanker/related.ts";
import { FILE_RANKER_WEIGHTS } from "../../../src/engine/retrieval/fileRanker/weights.ts";
import { ChunkStore } from "../../../src/engine/retrieval/store/chunkStore.ts";
import { RETRIEVAL_SCHEMA } from "../../../src/engine/retrieval/store/schema.ts";

async function storeOf(files: Record<string, string>): Promise<ChunkStore> {
  const database = new DatabaseSync(":memory:");
  for (const migration of RETRIEVAL_SCHEMA.migrations) database.exec(migration);
  const store = new ChunkStore(database);
  for (const [path, text] of Object.entries(files)) {
    const parsed = await parseFile("python", text, SILENT_LOG);
    store.write(() => store.writeFile({ path, language: "python", size: text.length, mtimeMs: 0, readAtMs: 0, sha256: "", parsed, passageKeys: parsed.chunks.map(() => new Uint8Array(16)), vectors: parsed.chunks.map(() => null) }));
  }
  return store;
}

const FILES = {
  "net/retry.py": "def retry_request(request):\n    \"\"\"Send a request again after a timeout.\"\"\"\n    return backoff(request)\n",
  "net/client.py": "from net.retry import retry_request\n\nclass Client:\n    def send(self, request):\n        return retry_request(request)\n",
  "ui/colours.py": "RED = '#f00'\n\ndef darker(colour):\n    return mix(colour, BLACK)\n",
  "ui/menu.py": "from ui.colours import darker\n\ndef open_menu():\n    paint(darker(RED))\n",
};

describe("a description of a change", () => {
  it("is read without its conventional prefix and without the words of every change", () => {
    const { words, paths } = changeQuery("fix(retry): add a longer timeout\n\nsee net/retry.py");
    assert.deepEqual(words.filter(({ subject }) => subject).map(({ word }) => word), ["retri", "longer", "timeout"]);
    assert.ok(!words.some(({ word }) => word === "fix" || word === "add"));
    assert.deepEqual(paths, ["net/retry.py"]);
    // Nothing but such words: they are better than none.
    assert.ok(changeQuery("fix bug").words.length > 0);
  });
});

describe("the file ranker", () => {
  it("puts the files that a description speaks of first, and says why", async () => {
    const store = await storeOf(FILES);
    const ranked = rankFiles(store, "use a darker red for the colours", { queryVector: null });
    assert.equal(ranked[0]?.path, "ui/colours.py");
    assert.ok(ranked[0].via.length > 0);
    assert.deepEqual(rankFiles(store, "zebra", { queryVector: null }), []);
  });

  it("brings files in that are only named", async () => {
    const ranked = rankFiles(await storeOf(FILES), "zebra in ui/menu.py", { queryVector: null });
    assert.equal(ranked[0]?.path, "ui/menu.py");
  });

  it("ranks otherwise without a signal, each of which can be switched off", async () => {
    const store = await storeOf(FILES);
    const scores = (without: (keyof typeof FILE_SIGNALS)[]) => rankFiles(store, "retry_request after a timeout", { queryVector: null, without }).map(({ path, score }) => `${path} ${score.toFixed(4)}`).join();
    const whole = scores([]);
    for (const signal of ["path", "symbols", "comments", "body", "passages", "size", "links"] as const) assert.notEqual(scores([signal]), whole, signal);
  });

  it("counts using what a likely file defines", () => {
    assert.deepEqual(usesOfLikely([[0, 1], [0, 0]], [0.1, 0.9]), [1, 0]);
    assert.deepEqual(usesOfLikely([[0, 0], [0, 0]], [0.1, 0.9]), [0, 0]);
  });

  it("has weights for features that exist, and signals for all of them", () => {
    const known = new Set<string>([...FIRST_FEATURES, "usesLikely"]);
    for (const name of [...Object.keys(FILE_RANKER_WEIGHTS.first), ...Object.keys(FILE_RANKER_WEIGHTS.second)]) assert.ok(known.has(name), name);
    assert.deepEqual(Object.values(FILE_SIGNALS).flat().sort(), [...known].sort());
  });
});
