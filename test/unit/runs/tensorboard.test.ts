import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { EventFile, maskedCrc32c } from "../../../src/engine/runs/tensorboard.ts";

/** Reads protocol buffer fields: number → raw values, in order. */
function fields(bytes: Buffer): { number: number; value: number | Buffer }[] {
  const found: { number: number; value: number | Buffer }[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const number = key >>> 3;
    switch (key & 7) {
      case 0: found.push({ number, value: varint() }); break;
      case 1: found.push({ number, value: bytes.readDoubleLE(at) }); at += 8; break;
      case 2: { const length = varint(); found.push({ number, value: bytes.subarray(at, at + length) }); at += length; break; }
      case 5: found.push({ number, value: bytes.readFloatLE(at) }); at += 4; break;
      default: assert.fail(`wire type ${key & 7}`);
    }
  }
  return found;
}

/** The records of a TFRecord file, checksums checked. */
function records(file: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < file.length;) {
    const length = Number(file.readBigUInt64LE(at));
    assert.equal(file.readUInt32LE(at + 8), maskedCrc32c(file.subarray(at, at + 8)));
    const data = file.subarray(at + 12, at + 12 + length);
    assert.equal(file.readUInt32LE(at + 12 + length), maskedCrc32c(data));
    found.push(data);
    at += length + 16;
  }
  return found;
}

describe("TensorBoard event files", () => {
  it("masks CRC-32C as TFRecord does", () => {
    // CRC-32C of "123456789" is 0xe3069283 (RFC 3720's polynomial); masked: rotated right by 15, plus 0xa282ead8.
    const crc = 0xe3069283;
    assert.equal(maskedCrc32c(Buffer.from("123456789")), ((((crc >>> 15) | (crc << 17)) >>> 0) + 0xa282ead8) >>> 0);
  });

  it("hold version, session start and scalars in frames", () => {
    const events = new EventFile(mkdtempSync(path.join(tmpdir(), "kalactica-tb-")), 301, 1_700_000_000_000);
    events.add({ step: 301, at: 1_700_000_001_500, scalars: new Map([["loss/train", 2.5], ["train/learningRate", 0.125]]) });
    events.add({ step: 302, at: 1_700_000_002_000, scalars: new Map() });
    events.close();
    assert.match(path.basename(events.file), /^events\.out\.tfevents\.1700000000\./);
    const [version, start, scalars, ...rest] = records(readFileSync(events.file)).map(fields);
    assert.equal(rest.length, 0);
    assert.equal(String(version!.find(({ number }) => number === 3)!.value), "brain.Event:2");
    assert.equal(start!.find(({ number }) => number === 2)!.value, 301);
    assert.deepEqual(fields(start!.find(({ number }) => number === 7)!.value as Buffer), [{ number: 1, value: 1 }]);
    assert.deepEqual(scalars!.slice(0, 2), [{ number: 1, value: 1_700_000_001.5 }, { number: 2, value: 301 }]);
    const values = fields(scalars![2]!.value as Buffer).map(({ value }) => fields(value as Buffer).map((part) => Buffer.isBuffer(part.value) ? part.value.toString() : part.value));
    assert.deepEqual(values, [["loss/train", 2.5], ["train/learningRate", 0.125]]);
  });
});
