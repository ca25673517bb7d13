import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { makeFolder, sha256, sha256File, writeFailure, writeFileAtomic } from "../../../src/engine/base/files.ts";

describe("writeFileAtomic", () => {
  it("replaces the content and leaves no temporary file behind", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "kalactica-files-"));
    const file = path.join(folder, "deep", "settings.json");
    await writeFileAtomic(file, "one");
    await writeFileAtomic(file, "two");
    assert.equal(await readFile(file, "utf8"), "two");
    assert.deepEqual(await readdir(path.dirname(file)), ["settings.json"]);
  });

  it("keeps the old content when the new one cannot be written", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "kalactica-files-"));
    const file = path.join(folder, "kept");
    await writeFile(file, "old");
    // A folder in the place of the target makes the rename fail after the temporary file was written.
    const blocked = path.join(folder, "blocked");
    await writeFileAtomic(path.join(blocked, "inner"), "x");
    await assert.rejects(writeFileAtomic(blocked, "new"));
    assert.equal(await readFile(path.join(blocked, "inner"), "utf8"), "x");
    assert.deepEqual((await readdir(folder)).sort(), ["blocked", "kept"]);
    await chmod(folder, 0o755);
  });

  it("says what to do when the disk is full", () => {
    const failure = writeFailure("/data/index.db", Object.assign(new Error("ENOSPC"), { code: "ENOSPC" }));
    assert.ok(failure instanceof EngineError);
    assert.equal(failure.reason, "diskFull");
    assert.match(failure.message, /no space left to write \/data\/index\.db.*Free some disk space/s);
  });
});

describe("sha256", () => {
  it("agrees with the published value for \"abc\", in memory and from a file", async () => {
    const expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; // FIPS 180-2, appendix B.1
    assert.equal(sha256("abc"), expected);
    const file = path.join(await mkdtemp(path.join(tmpdir(), "kalactica-files-")), "abc");
    await writeFile(file, "abc");
    assert.equal(await sha256File(file), expected);
  });
});

describe("makeFolder", () => {
  it("makes a folder with all it lies in, and ends with a sentence where none can be made", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "kalactica-folder-"));
    await makeFolder(path.join(folder, "a", "b"));
    await makeFolder(path.join(folder, "a", "b"));
    await writeFile(path.join(folder, "file"), "");
    await assert.rejects(makeFolder(path.join(folder, "file", "c")), /file is no folder/);
    // Node's own recursive mkdir asks there for ever.
    if (process.platform === "linux") await assert.rejects(makeFolder("/proc/kalactica/x"), { reason: "unreadable" });
    await rm(folder, { recursive: true });
  });
});
