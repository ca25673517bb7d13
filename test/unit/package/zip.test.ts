import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { inflateRawSync } from "node:zlib";
import { writeZip } from "../../../tools/package/zip.ts";

describe("a package's archive", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-zip-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("has the same bytes whatever the order and the times of its files", async () => {
    const file = path.join(folder, "b.txt");
    writeFileSync(file, "the same words ".repeat(100));
    const entries = [{ name: "b.txt", content: { file } }, { name: "a.txt", content: Buffer.from("a") }, { name: "c/d.mjs", content: Buffer.alloc(0), executable: true }];
    await writeZip(path.join(folder, "one.zip"), entries, 9);
    utimesSync(file, 1, 1);
    await writeZip(path.join(folder, "two.zip"), entries.toReversed(), 9);
    assert.deepEqual(readFileSync(path.join(folder, "one.zip")), readFileSync(path.join(folder, "two.zip")));
  });

  it("holds what was put in, packed where that is smaller", async () => {
    const packed = await writeZip(path.join(folder, "x.zip"), [{ name: "long", content: Buffer.from("ab".repeat(500)) }, { name: "short", content: Buffer.from("x") }], 9);
    assert.deepEqual(packed.map(({ name, bytes, packedBytes }) => [name, bytes, packedBytes < bytes]), [["long", 1000, true], ["short", 1, false]]);
    const bytes = readFileSync(path.join(folder, "x.zip"));
    // A local header has 30 bytes, then the name, then the data.
    assert.equal(bytes.readUInt32LE(0), 0x04034b50);
    assert.equal(inflateRawSync(bytes.subarray(30 + 4, 30 + 4 + packed[0]!.packedBytes)).toString(), "ab".repeat(500));
    assert.equal(bytes.readUInt32LE(bytes.length - 22), 0x06054b50);
    assert.equal(bytes.readUInt16LE(bytes.length - 12), 2);
  });

  it("refuses a name that is there twice", async () => {
    const entries = [{ name: "a", content: Buffer.from("1") }, { name: "b", content: Buffer.from("2") }, { name: "a", content: Buffer.from("3") }];
    await assert.rejects(writeZip(path.join(folder, "x.zip"), entries, 1), /would hold a twice/);
  });
});
