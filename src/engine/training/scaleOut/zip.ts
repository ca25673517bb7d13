// Writes a ZIP archive of some files in memory: what Ray takes as a job's working folder. Archives beyond 4 GB are not needed:
// Ray refuses packages of some hundred megabytes. Source: APPNOTE.TXT of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16.
import { crc32, deflateRawSync } from "node:zlib";

/** The archive. Dates are fixed, so that the same files give the same bytes. */
export function zip(files: readonly { readonly name: string; readonly data: Uint8Array }[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, data } of files) {
    const nameBytes = Buffer.from(name, "utf8");
    const compressed = deflateRawSync(data);
    // Version 2.0, names in UTF-8, deflate, 1980-01-01 00:00.
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(0x0800, 2);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt16LE(0, 6);
    fields.writeUInt16LE(0x21, 8);
    fields.writeUInt32LE(crc32(data), 10);
    fields.writeUInt32LE(compressed.length, 14);
    fields.writeUInt32LE(data.length, 18);
    fields.writeUInt16LE(nameBytes.length, 22);
    const header = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), fields, nameBytes]);
    local.push(header, compressed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    // Made by version 2.0; then the same fields; comment, disk and attributes are 0.
    central.push(Buffer.from("PK\x01\x02\x14\x00", "latin1"), fields, tail, nameBytes);
    offset += header.length + compressed.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, Buffer.from("PK\x05\x06", "latin1"), end]);
}
