// Readers of data files: what they give, and how they name by line what they cannot take.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import type { FileFacts } from "../../../src/engine/data/readers/bytes.ts";
import { readBytes } from "../../../src/engine/data/readers/bytes.ts";
import { readCsv } from "../../../src/engine/data/readers/csv.ts";
import { FileSource } from "../../../src/engine/data/readers/fileSource.ts";
import { readJsonLines } from "../../../src/engine/data/readers/jsonLines.ts";
import { readJsonValues } from "../../../src/engine/data/readers/jsonValues.ts";
import { isProblemItem } from "../../../src/engine/data/readers/rows.ts";
import type { RowItem } from "../../../src/engine/data/readers/rows.ts";
import { isProblem } from "../../../src/engine/data/sources/source.ts";

/** The text as a stream of chunks of `size` bytes: every border is met somewhere. */
async function* chunks(content: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(content);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function all(items: AsyncIterable<RowItem>): Promise<{ rows: [string, unknown][]; problems: [string, string][] }> {
  const rows: [string, unknown][] = [];
  const problems: [string, string][] = [];
  for await (const item of items) {
    if (isProblemItem(item)) problems.push([item.at, item.sentence]);
    else rows.push([item.at, item.value]);
  }
  return { rows, problems };
}

describe("readers of data files", () => {
  let folder: string;
  before(() => void (folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-readers-"))));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const put = (name: string, content: string | Buffer): string => {
    const file = path.join(folder, name);
    writeFileSync(file, content);
    return file;
  };

  describe("JSON Lines", () => {
    it("gives the same rows wherever chunks are cut, with CR LF, blank lines and no last line break", async () => {
      const text = "{\"a\":\"ü€\"}\r\n\n{\"a\":2}\n{\"a\":3}";
      for (let size = 1; size < 12; size++) {
        const { rows, problems } = await all(readJsonLines(chunks(text, size), "f"));
        assert.deepEqual(rows, [["f:1", { a: "ü€" }], ["f:3", { a: 2 }], ["f:4", { a: 3 }]]);
        assert.deepEqual(problems, []);
      }
    });

    it("names the line of invalid JSON without quoting it, and goes on", async () => {
      const lines = Array.from({ length: 10_001 }, (_, i) => (i === 9_998 ? "{\"password\": hunter2}" : i === 9_999 ? "{\"password\": \"hunter2\" oops}" : `{"n":${i}}`));
      const { rows, problems } = await all(readJsonLines(chunks(lines.join("\n"), 65_536), "train.jsonl"));
      assert.equal(rows.length, 9_999);
      assert.deepEqual(problems.map(([at]) => at), ["train.jsonl:9999", "train.jsonl:10000"]);
      for (const [, sentence] of problems) {
        assert.match(sentence, /not valid JSON/);
        assert.doesNotMatch(sentence, /hunter2/);
      }
      assert.match(problems[1]?.[1] ?? "", /something unexpected stands at character 24/);
    });

    it("names the line of invalid UTF-8 and goes on", async () => {
      const bytes = Buffer.concat([Buffer.from("{\"a\":1}\n{\"a\":\""), Buffer.from([0xe9]), Buffer.from("\"}\n{\"a\":3}\n")]);
      const { rows, problems } = await all(readJsonLines(chunks(bytes, 5), "f"));
      assert.deepEqual(rows.map(([at]) => at), ["f:1", "f:3"]);
      assert.deepEqual(problems.map(([at]) => at), ["f:2"]);
      assert.match(problems[0]?.[1] ?? "", /UTF-8/);
    });

    it("refuses a line of 1 GB without holding it, and reads what follows", async () => {
      const block = Buffer.alloc(1 << 20, 0x61);
      async function* stream(): AsyncGenerator<Buffer> {
        yield Buffer.from("{\"a\":1}\n{\"a\":\"");
        for (let i = 0; i < 1_024; i++) yield block;
        yield Buffer.from("\"}\n{\"a\":3}\n");
      }
      const before = process.memoryUsage().rss;
      const { rows, problems } = await all(readJsonLines(stream(), "f"));
      assert.deepEqual(rows.map(([at]) => at), ["f:1", "f:3"]);
      assert.deepEqual(problems.map(([at]) => at), ["f:2"]);
      assert.match(problems[0]?.[1] ?? "", /longer than 16 MB/);
      assert.ok(process.memoryUsage().rss - before < 200 << 20, "the line was held");
    });
  });

  describe("JSON", () => {
    it("cuts an array into its elements wherever chunks are cut, with brackets and quotes inside texts", async () => {
      const elements = [{ a: "]}\"{[\\" }, { b: [1, { c: "," }] }, { d: "ü" }];
      const text = `\n ${JSON.stringify(elements, null, 2)}\n`;
      for (let size = 1; size < 30; size++) {
        const { rows, problems } = await all(readJsonValues(chunks(text, size), "f"));
        assert.deepEqual(rows.map(([, value]) => value), elements);
        assert.deepEqual(problems, []);
      }
      const { rows } = await all(readJsonValues(chunks(text, 7), "f"));
      assert.deepEqual(rows.map(([at]) => at), ["f:3", "f:6", "f:14"]);
    });

    it("reads values one after the other, and the list of a wrapping object", async () => {
      assert.deepEqual((await all(readJsonValues(chunks("{\"a\":1}\n{\"a\":2} 3", 3), "f"))).rows.map(([, value]) => value), [{ a: 1 }, { a: 2 }, 3]);
      assert.deepEqual((await all(readJsonValues(chunks("{\"version\":1,\"data\":[{\"a\":1},{\"a\":2}]}", 3), "f"))).rows, [["f:1 (data 1)", { a: 1 }], ["f:1 (data 2)", { a: 2 }]]);
    });

    it("names the line of a broken element and finds the next one", async () => {
      const text = "[\n  {\"a\": 1},\n  {\"a\": oops},\n  {\"a\": \"no end},\n  {\"a\": 4},\n  {\"a\": 5}\n]\n";
      for (let size = 1; size < 20; size++) {
        const { rows, problems } = await all(readJsonValues(chunks(text, size), "f"));
        assert.deepEqual(problems.map(([at]) => at), ["f:3", "f:4"]);
        assert.deepEqual(rows.map(([at]) => at), ["f:2", "f:5", "f:6"]);
      }
    });

    it("says where a file was cut off", async () => {
      const { rows, problems } = await all(readJsonValues(chunks("[{\"a\":1},\n{\"a\":", 4), "f"));
      assert.deepEqual(rows.length, 1);
      assert.match(problems[0]?.[1] ?? "", /ends inside the value/);
      assert.equal(problems[0]?.[0], "f:2");
      assert.match((await all(readJsonValues(chunks("[{\"a\":1}", 4), "f"))).problems[0]?.[1] ?? "", /before its array is closed/);
    });

    it("stops at an element that is too large without holding it", async () => {
      const { problems, rows } = await all(readJsonValues(chunks(`[{"a":1},{"b":"${"x".repeat(5_000)}"}]`, 100), "f", 1_000));
      assert.equal(rows.length, 1);
      assert.match(problems[0]?.[1] ?? "", /does not end within/);
    });
  });

  describe("CSV", () => {
    it("follows RFC 4180: quotes, doubled quotes, line breaks in fields, and lists as JSON", async () => {
      const text = "prompt,completion,note\r\n\"a, b\",\"say \"\"hi\"\"\nand go\",\r\nplain,text,\"[{\"\"x\"\":1}]\"\r\n";
      for (let size = 1; size < 20; size++) {
        const { rows, problems } = await all(readCsv(chunks(text, size), "f"));
        assert.deepEqual(problems, []);
        assert.deepEqual(rows, [
          ["f:2", { prompt: "a, b", completion: "say \"hi\"\nand go", note: "" }],
          ["f:4", { prompt: "plain", completion: "text", note: [{ x: 1 }] }],
        ]);
      }
    });

    it("takes semicolons and tabs, and names rows with a wrong number of fields or a stray quote", async () => {
      assert.deepEqual((await all(readCsv(chunks("a;b\n1,5;2\n", 3), "f"))).rows, [["f:2", { a: "1,5", b: "2" }]]);
      assert.deepEqual((await all(readCsv(chunks("a\tb\n1\t2\n", 3), "f"))).rows, [["f:2", { a: "1", b: "2" }]]);
      const { rows, problems } = await all(readCsv(chunks("a,b\n1\n\"x\"y,2\n3,4\n", 3), "f"));
      assert.deepEqual(problems.map(([at]) => at), ["f:2", "f:3"]);
      assert.match(problems[0]?.[1] ?? "", /1 fields, but the header names 2/);
      assert.deepEqual(rows, [["f:4", { a: "3", b: "4" }]]);
    });

    it("does not hold the rest of a file behind a quote that is never closed", async () => {
      const { problems } = await all(readCsv(chunks(`a,b\n"${"x\n".repeat(2_000)}`, 64), "f", 1_000));
      assert.match(problems[0]?.[1] ?? "", /closing quote may be missing/);
      assert.equal(problems[0]?.[0], "f:2");
    });
  });

  describe("encodings and packings", () => {
    const text = "{\"a\":\"ünïcode 𝄞 – 漢\"}\n{\"a\":2}\n";
    const utf16be = (): Buffer => Buffer.from(Buffer.from(`\uFEFF${text}`, "utf16le")).swap16();
    const cases: [string, Buffer, string][] = [
      ["utf-8", Buffer.from(text), "utf-8"],
      ["utf-8 with BOM", Buffer.from(`\uFEFF${text}`), "utf-8 with BOM"],
      ["utf-16le", Buffer.from(`\uFEFF${text}`, "utf16le"), "utf-16le"],
      ["utf-16le without BOM", Buffer.from(text, "utf16le"), "utf-16le"],
      ["utf-16be", utf16be(), "utf-16be"],
      ["gzip", zlib.gzipSync(text), "utf-8"],
      ["Zstandard", zlib.zstdCompressSync(Buffer.from(text)), "utf-8"],
    ];
    for (const [name, bytes, encoding] of cases) {
      it(`reads ${name}`, async () => {
        const file = put("encoded.jsonl", bytes);
        let facts: FileFacts | undefined;
        const { rows, problems } = await all(readJsonLines(readBytes(file, (found) => (facts = found)), "f"));
        assert.deepEqual(problems, []);
        assert.deepEqual(rows.map(([, value]) => value), [{ a: "ünïcode 𝄞 – 漢" }, { a: 2 }]);
        assert.equal(facts?.encoding, encoding);
        assert.equal(facts?.bytes, bytes.length);
      });
    }

    it("reports the line of a lone surrogate in UTF-16", async () => {
      const file = put("lone.jsonl", Buffer.from("\uFEFF{\"a\":1}\n{\"a\":\"\uD800\"}\n{\"a\":3}\n", "utf16le"));
      const { rows, problems } = await all(readJsonLines(readBytes(file, () => undefined), "f"));
      assert.deepEqual(problems.map(([at]) => at), ["f:2"]);
      assert.equal(rows.length, 2);
    });

    it("says that a packed file is damaged", async () => {
      const packed = zlib.gzipSync(text.repeat(1_000));
      const file = put("cut.jsonl.gz", packed.subarray(0, packed.length - 30));
      await assert.rejects(all(readJsonLines(readBytes(file, () => undefined), "f")), { reason: "dataInvalid", message: /packed and damaged/ });
    });
  });

  describe("files as a source", () => {
    const collect = async (file: string): Promise<{ texts: string[]; problems: string[]; source: FileSource }> => {
      const source = new FileSource(file);
      const texts: string[] = [];
      const problems: string[] = [];
      for await (const item of source.records()) {
        if (isProblem(item)) problems.push(`${item.at}: ${item.sentence}`);
        else texts.push(item.kind === "text" ? item.text : item.kind);
      }
      return { texts, problems, source };
    };

    it("reads every data file of a folder in the order of names and keeps their hashes", async () => {
      const inner = mkdtempSync(path.join(folder, "many-"));
      writeFileSync(path.join(inner, "b.csv"), "text\nfrom csv\n");
      writeFileSync(path.join(inner, "a.jsonl.gz"), zlib.gzipSync("{\"text\":\"from jsonl\"}\n"));
      writeFileSync(path.join(inner, "c.json"), "[{\"text\":\"from json\"}]");
      writeFileSync(path.join(inner, "notes.md"), "no data");
      mkdirSync(path.join(inner, ".kalactica", "data"), { recursive: true });
      writeFileSync(path.join(inner, ".kalactica", "data", "stored.jsonl"), "{\"text\":\"not from here\"}");
      const { texts, source } = await collect(inner);
      assert.deepEqual(texts, ["from jsonl", "from csv", "from json"]);
      assert.deepEqual(source.inputs.map((input) => input.path), ["a.jsonl.gz", "b.csv", "c.json"]);
      assert.match(source.inputs[0]?.sha256 ?? "", /^[0-9a-f]{64}$/);
    });

    it("tells formats by content where the name says nothing, and refuses others with a sentence", async () => {
      assert.deepEqual((await collect(put("data", "{\"text\":\"x\"}\n{\"text\":\"y\"}\n"))).texts, ["x", "y"]);
      await assert.rejects(collect(put("picture.png", "\u0089PNG")), { reason: "dataInvalid", message: /no known format/ });
      await assert.rejects(collect(path.join(folder, "gone.jsonl")), { reason: "notFound" });
      await assert.rejects(collect(mkdtempSync(path.join(folder, "empty-"))), { reason: "notFound", message: /holds no data file/ });
    });

    it("names rows whose format is wrong by line", async () => {
      const { texts, problems } = await collect(put("rows.jsonl", "{\"text\":\"x\"}\n{\"messages\":[{\"role\":\"robot\",\"content\":\"x\"}]}\n[1]\n"));
      assert.deepEqual(texts, ["x"]);
      assert.match(problems[0] ?? "", /^rows\.jsonl:2: .*"robot"/);
      assert.match(problems[1] ?? "", /^rows\.jsonl:3: Expected an object, but found a list/);
    });

    it("stops when it is cancelled", async () => {
      const abort = new AbortController();
      const source = new FileSource(put("long.jsonl", "{\"text\":\"x\"}\n".repeat(100_000)));
      await assert.rejects(async () => {
        for await (const item of source.records({ signal: abort.signal })) {
          assert.ok(item);
          abort.abort();
        }
      }, { name: "CancelledError" });
    });
  });

});
