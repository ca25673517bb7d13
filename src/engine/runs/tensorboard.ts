// Writes the figures of a run as event files that TensorBoard opens: TFRecord frames around protocol buffers, both
// written by hand, since only scalars are needed. It knows nothing of training beyond the tags that its caller gives.
// Format: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, framework/summary.proto.
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { writeFailure } from "../base/files.ts";

/** The reversed Castagnoli polynomial of CRC-32C. */
const CASTAGNOLI = 0x82f63b78;
/** What TFRecord adds to a rotated checksum, so that checksums of data that contain checksums stay good. */
const MASK_DELTA = 0xa282ead8;
/** tensorflow.SessionLog.START: what was written from its step on before is of an abandoned attempt. */
const SESSION_START = 1;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ CASTAGNOLI : value >>> 1;
  return value;
});

/** CRC-32C of `bytes`, rotated and shifted as TFRecord wants it. */
export function maskedCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0;
}

/** One TFRecord: length, its checksum, data, its checksum. */
export function frame(data: Uint8Array): Buffer {
  const record = Buffer.alloc(data.length + 16);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(maskedCrc32c(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(maskedCrc32c(data), 12 + data.length);
  return record;
}

/** Protocol buffer fields that events need. */
const field = {
  varint: (number: number, value: number): Buffer => Buffer.from([...varint(number << 3), ...varint(value)]),
  double(number: number, value: number): Buffer {
    const bytes = Buffer.alloc(9);
    bytes[0] = (number << 3) | 1;
    bytes.writeDoubleLE(value, 1);
    return bytes;
  },
  float(number: number, value: number): Buffer {
    const bytes = Buffer.alloc(5);
    bytes[0] = (number << 3) | 5;
    bytes.writeFloatLE(value, 1);
    return bytes;
  },
  bytes: (number: number, value: Uint8Array): Buffer => Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(value.length)]), value]),
  text: (number: number, value: string): Buffer => field.bytes(number, Buffer.from(value, "utf8")),
};

/** Little-endian groups of seven bits; safe integers from 0 on. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

export interface ScalarEvent {
  step: number;
  /** In ms since 1970. */
  at: number;
  /** Values by tag ("train/loss"). */
  scalars: ReadonlyMap<string, number>;
}

/** tensorflow.Event with a summary of scalars. */
export function scalarEvent({ step, at, scalars }: ScalarEvent): Buffer {
  const values = [...scalars].map(([tag, value]) => field.bytes(1, Buffer.concat([field.text(1, tag), field.float(2, value)])));
  return Buffer.concat([field.double(1, at / 1000), field.varint(2, step), field.bytes(5, Buffer.concat(values))]);
}

/** A new event file in a run's folder. Each start of the trainer gets its own; TensorBoard reads them as one run. */
export class EventFile {
  readonly file: string;
  readonly #handle: number;

  /**
   * `nextStep`: where the run goes on; points from there on in earlier files of the folder are dropped by TensorBoard.
   * Errors: `diskFull`, `unreadable`.
   */
  constructor(folder: string, nextStep: number, now: number = Date.now()) {
    mkdirSync(folder, { recursive: true });
    // The number after "tfevents" orders the files; the rest only has to differ.
    this.file = path.join(folder, `events.out.tfevents.${String(Math.floor(now / 1000)).padStart(10, "0")}.${os.hostname() || "local"}.${process.pid}.${now % 1000}`);
    try {
      this.#handle = openSync(this.file, "a");
    } catch (error) {
      throw writeFailure(this.file, error);
    }
    this.#write(Buffer.concat([field.double(1, now / 1000), field.text(3, "brain.Event:2")]));
    this.#write(Buffer.concat([field.double(1, now / 1000), field.varint(2, nextStep), field.bytes(7, field.varint(1, SESSION_START))]));
  }

  /** Errors: `diskFull`, `unreadable`. */
  add(event: ScalarEvent): void {
    if (event.scalars.size > 0) this.#write(scalarEvent(event));
  }

  close(): void {
    closeSync(this.#handle);
  }

  #write(event: Uint8Array): void {
    try {
      writeSync(this.#handle, frame(event));
    } catch (error) {
      throw writeFailure(this.file, error);
    }
  }
}
