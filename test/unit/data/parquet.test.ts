// Parquet files as pyarrow 25 writes them (five rows of messages in row groups of two), and files that are none.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { FileSource } from "../../../src/engine/data/readers/fileSource.ts";
import { isProblem } from "../../../src/engine/data/sources/source.ts";

const fixture = (name: string): string => path.join(import.meta.dirname, name);

async function read(file: string): Promise<{ at: string; content: string }[]> {
  const records: { at: string; content: string }[] = [];
  for await (const item of new FileSource(file).records()) {
    if (isProblem(item) || item.kind !== "conversation") assert.fail(JSON.stringify(item));
    assert.equal(item.origin.licence, "MIT");
    records.push({ at: item.origin.at, content: item.messages.map(({ role, content }) => `${role} ${content}`).join(", ") });
  }
  return records;
}

describe("Parquet files", () => {
  let folder: string;
  before(() => void (folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-parquet-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const codec of ["snappy", "zstd"]) {
    it(`are read row by row across row groups, packed with ${codec}`, async () => {
      const name = `messages.${codec}.parquet`;
      assert.deepEqual(await read(fixture(name)), [0, 1, 2, 3, 4].map((i) => ({ at: `${name}:${i + 1}`, content: `user q${i}, assistant answer ü ${i}` })));
    });
  }

  it("are refused with a sentence where their codec is not known or they are damaged", async () => {
    await assert.rejects(read(fixture("messages.lz4.parquet")), { reason: "dataInvalid", message: /packed with LZ4_RAW, which is not supported\. Write it with snappy/ });
    const sound = readFileSync(fixture("messages.zstd.parquet"));
    const damages = { cut: sound.subarray(0, 200), head: Buffer.concat([Buffer.alloc(300, 7), sound.subarray(300)]), none: Buffer.from("PAR1 and nothing PAR1"), empty: Buffer.alloc(0) };
    for (const [name, bytes] of Object.entries(damages)) {
      const file = path.join(folder, `${name}.parquet`);
      writeFileSync(file, bytes);
      await assert.rejects(read(file), { reason: "dataInvalid", message: /is no sound Parquet file/ }, name);
    }
  });
});
