// Downloads from a server on this machine that behaves as badly as real ones do.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { access, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import http from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { CancelledError, EngineError } from "../../../src/engine/base/errors.ts";
import type { ErrorReason } from "../../../src/engine/base/errors.ts";
import { SeededRandom } from "../../../src/engine/base/random.ts";
import { download } from "../../../src/engine/model/download.ts";
import type { DownloadRequest } from "../../../src/engine/model/download.ts";
import type { DownloadProgress } from "../../../src/engine/protocol/types.ts";

const CONTENT = Buffer.from(Array.from({ length: 300_000 }, ((random) => () => random.integer(256))(new SeededRandom(7))));
const SHA256 = createHash("sha256").update(CONTENT).digest("hex");
const TIMING = { attempts: 3, backOffMs: 1, stallMs: 1500 };

describe("model/download", () => {
  let folder: string;
  let file: string;
  let server: http.Server;
  let base: string;
  let requests: IncomingMessage[];
  let answer: (request: IncomingMessage, response: ServerResponse, nth: number) => void;

  before(async () => {
    server = http.createServer((request, response) => {
      requests.push(request);
      answer(request, response, requests.length);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => { server.close(); });
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-download-"));
    file = path.join(folder, "model.gguf");
    requests = [];
    answer = wellBehaved();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Resolves when the client has written so many bytes: what it has not read when a connection is cut is lost with it. */
  async function written(nBytes: number): Promise<void> {
    for (let i = 0; i < 500; i++) {
      const { size } = await stat(`${file}.part`).catch(() => ({ size: 0 }));
      if (size >= nBytes) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** A server that knows ranges and If-Range; `cutAfter` bytes it cuts the connection, as often as `times`. */
  interface Behaviour { content?: Buffer; etag?: string | null; cutAfter?: number; times?: number; ranges?: boolean }

  function wellBehaved({ content = CONTENT, etag = '"v1"', cutAfter = Infinity, times = Infinity, ranges = true }: Behaviour = {}): typeof answer {
    let cuts = 0;
    return (request, response) => {
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? "");
      const valid = ranges && range !== null && (request.headers["if-range"] === undefined || request.headers["if-range"] === etag);
      const start = valid ? Number(range[1]) : 0;
      if (start > 0 && start >= content.length) { response.writeHead(416).end(); return; }
      const body = content.subarray(start);
      response.writeHead(start > 0 ? 206 : 200, {
        "content-length": body.length, ...etag === null ? {} : { etag },
        ...start > 0 ? { "content-range": `bytes ${start}-${content.length - 1}/${content.length}` } : {},
      });
      if (body.length > cutAfter && cuts < times) {
        cuts++;
        response.write(body.subarray(0, cutAfter));
        void written(start + cutAfter).then(() => response.destroy());
      } else {
        response.end(body);
      }
    };
  }

  function fetchIt(more: Partial<DownloadRequest> = {}): ReturnType<typeof download> {
    return download({ url: new URL(`${base}/model.gguf`), uri: "test", file, sha256: SHA256, timing: TIMING, ...more });
  }

  async function failure(more: Partial<DownloadRequest> = {}): Promise<EngineError> {
    return fetchIt(more).then(() => assert.fail("succeeded"), (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      assert.match(error.message, /\.$/);
      return error;
    });
  }

  const exists = (name: string): Promise<boolean> => access(name).then(() => true, () => false);

  it("fetches, verifies, names, and leaves nothing else behind", async () => {
    const seen: DownloadProgress[] = [];
    const result = await fetchIt({ onProgress: (progress) => seen.push(progress) });
    assert.deepEqual([result.sha256, result.sizeBytes, result.verifiedAgainst], [SHA256, CONTENT.length, "request"]);
    assert.ok((await readFile(file)).equals(CONTENT));
    assert.deepEqual(await readdir(folder), ["model.gguf"]);
    assert.equal(seen[0]?.receivedBytes, 0);
    assert.deepEqual([seen.at(-1)?.receivedBytes, seen.at(-1)?.totalBytes, seen.at(-1)?.uri], [CONTENT.length, CONTENT.length, "test"]);
  });

  it("goes on after each cut connection, asking only for the rest", async () => {
    answer = wellBehaved({ cutAfter: 70_000 });
    await fetchIt();
    assert.ok((await readFile(file)).equals(CONTENT));
    assert.ok(requests.length >= 5, `${requests.length} requests`);
    for (const request of requests.slice(1)) {
      assert.match(request.headers.range ?? "", /^bytes=[1-9]\d*-$/);
      assert.equal(request.headers["if-range"], '"v1"');
    }
  });

  it("goes on with what an earlier run left, even one that was killed", async () => {
    answer = wellBehaved({ cutAfter: 100_000, times: 1 });
    const controller = new AbortController();
    const begun = fetchIt({ signal: controller.signal, timing: { ...TIMING, backOffMs: 10_000 } });
    void written(100_000).then(() => { controller.abort(); });
    await assert.rejects(begun, CancelledError);
    // As a killed process would, this leaves its lock behind.
    await writeFile(`${file}.lock`, "999999999");
    const had = (await readFile(`${file}.part`)).length;
    requests = [];
    await fetchIt();
    assert.ok((await readFile(file)).equals(CONTENT));
    assert.ok(had > 0);
    assert.equal(requests[0]?.headers.range, `bytes=${had}-`);
  });

  it("starts over where the server refuses ranges", async () => {
    answer = wellBehaved({ ranges: false, cutAfter: 100_000, times: 1 });
    await fetchIt();
    assert.equal(requests.length, 2);
    assert.ok((await readFile(file)).equals(CONTENT));
  });

  it("starts over where the file changed meanwhile", async () => {
    const old = Buffer.alloc(250_000, 1);
    const [first, second] = [wellBehaved({ content: old, etag: '"v0"', cutAfter: 100_000 }), wellBehaved()];
    answer = (request, response, nth) => { (nth === 1 ? first : second)(request, response, nth); };
    await fetchIt();
    assert.equal(requests[1]?.headers["if-range"], '"v0"');
    assert.ok((await readFile(file)).equals(CONTENT));
  });

  it("starts over where the server cannot tell versions apart, or answers nonsense to a range", async () => {
    answer = wellBehaved({ etag: null, cutAfter: 100_000, times: 1 });
    await fetchIt();
    assert.equal(requests[1]?.headers.range, undefined);
    await rm(file);
    requests = [];
    const good = wellBehaved({ cutAfter: 100_000, times: 1 });
    answer = (request, response, nth) => {
      if (nth === 2) response.writeHead(206, { "content-range": `bytes 5-9/${CONTENT.length}`, "content-length": 5 }).end("wrong");
      else if (nth === 3 && request.headers.range !== undefined) response.writeHead(416).end();
      else good(request, response, nth);
    };
    await fetchIt();
    assert.ok((await readFile(file)).equals(CONTENT));
  });

  it("keeps a file with the wrong checksum out, and does not continue it later", async () => {
    const error = await failure({ sha256: "0".repeat(64) });
    assert.equal(error.reason, "checksumMismatch");
    assert.ok(error.message.includes(SHA256));
    assert.deepEqual(await readdir(folder), []);
    await fetchIt();
    assert.equal(requests.at(-1)?.headers.range, undefined);
  });

  it("verifies the whole file after a resume, not only what came last", async () => {
    answer = wellBehaved({ cutAfter: 100_000, times: 1 });
    await fetchIt({ timing: { ...TIMING, attempts: 1 } }).catch(() => undefined);
    const part = await readFile(`${file}.part`);
    part[10] = (part[10] ?? 0) ^ 1;
    await writeFile(`${file}.part`, part);
    assert.equal((await failure()).reason, "checksumMismatch");
    assert.equal(await exists(file), false);
  });

  it("takes the checksum that the server states where none is asked for", async () => {
    answer = (request, response, nth) => {
      if (request.url === "/model.gguf") response.writeHead(302, { location: "/stored/abc", "x-linked-etag": `"${SHA256}"`, "x-linked-size": String(CONTENT.length) }).end();
      else wellBehaved()(request, response, nth);
    };
    assert.equal((await fetchIt({ sha256: null })).verifiedAgainst, "server");
    await rm(file);
    answer = (request, response, nth) => {
      if (request.url === "/model.gguf") response.writeHead(302, { location: "/stored/abc", "x-linked-etag": `"${"1".repeat(64)}"` }).end();
      else wellBehaved()(request, response, nth);
    };
    assert.equal((await failure({ sha256: null })).reason, "checksumMismatch");
    answer = wellBehaved();
    assert.equal((await fetchIt({ sha256: null })).verifiedAgainst, null);
  });

  it("gives up after repeated failures in a row, and keeps what came", async () => {
    answer = (request, response, nth) => { if (nth === 1) wellBehaved({ cutAfter: 100_000 })(request, response, nth); else response.writeHead(503).end(); };
    const error = await failure();
    assert.equal(error.reason, "downloadFailed");
    assert.match(error.message, /503.*kept and continued/);
    assert.ok((await readFile(`${file}.part`)).length > 0);
    assert.equal(await exists(file), false);
  });

  it("treats silence as a cut", async () => {
    answer = (request, response, nth) => {
      if (nth === 1) response.writeHead(200, { "content-length": CONTENT.length, etag: '"v1"' }).write(CONTENT.subarray(0, 1000));
      else wellBehaved()(request, response, nth);
    };
    await fetchIt();
    assert.ok((await readFile(file)).equals(CONTENT));
  });

  it("waits as long as an overloaded server asks", async () => {
    answer = (request, response, nth) => { if (nth === 1) response.writeHead(429, { "retry-after": "1" }).end(); else wellBehaved()(request, response, nth); };
    const begun = performance.now();
    await fetchIt();
    assert.ok(performance.now() - begun >= 990);
  });

  const refusals: [status: number, said: RegExp][] = [[401, /login/], [403, /licence to be accepted/], [404, /no such file/], [410, /renamed/], [400, /400/]];
  for (const [status, said] of refusals) {
    it(`explains ${status} at once, without retrying`, async () => {
      answer = (_, response) => { response.writeHead(status).end(); };
      const error = await failure();
      assert.equal(error.reason, "downloadFailed");
      assert.match(error.message, said);
      assert.equal(requests.length, 1);
      assert.deepEqual(await readdir(folder), []);
    });
  }

  it("explains an unreachable server", async () => {
    const error = await failure({ url: new URL("http://127.0.0.1:9/model.gguf") });
    assert.equal(error.reason, "downloadFailed");
    assert.match(error.message, /nothing listens at that address/);
  });

  it("refuses endless redirects and ways out of the web", async () => {
    answer = (_, response) => { response.writeHead(302, { location: "/again" }).end(); };
    assert.match((await failure()).message, /without end/);
    answer = (_, response) => { response.writeHead(302, { location: "file:///etc/passwd" }).end(); };
    assert.match((await failure()).message, /no web address/);
  });

  it("says that the disk is full, before or while writing", async function () {
    answer = (_, response) => { response.writeHead(200, { "content-length": 2 ** 60, etag: '"v1"' }).write("x"); };
    assert.equal((await failure()).reason satisfies ErrorReason, "diskFull");
    if (process.platform !== "linux") return;
    answer = wellBehaved();
    await symlink("/dev/full", `${file}.part`);
    const error = await failure();
    assert.equal(error.reason, "diskFull");
    assert.match(error.message, /Free some disk space/);
    assert.equal(await exists(file), false);
  });

  it("keeps out a file that is not what it should be", async () => {
    const complaint = new EngineError("modelForeign", "Not a model.");
    await assert.rejects(fetchIt({ inspect: () => Promise.reject(complaint) }), complaint);
    assert.deepEqual(await readdir(folder), []);
  });

  it("does not let two downloads write to one file", async () => {
    answer = (request, response, nth) => { setTimeout(() => { wellBehaved()(request, response, nth); }, 50); };
    const [first, second] = await Promise.allSettled([fetchIt(), fetchIt()]);
    const outcomes = [first, second].map((r) => (r.status === "fulfilled" ? "done" : (r.reason as EngineError).reason)).sort();
    assert.deepEqual(outcomes, ["busyElsewhere", "done"]);
    assert.deepEqual(await readdir(folder), ["model.gguf"]);
  });
});
