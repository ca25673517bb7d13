import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const guard = path.resolve(import.meta.dirname, "../../support/socketGuard.cjs");

/** Loaded before the guard: nothing is really opened, so the run that counts sockets stays at none. */
const INERT = `
require("net").Socket.prototype.connect = function () { return this };
require("net").Server.prototype.listen = function () { return this };
require("dgram").Socket.prototype.send = function () {};
const dns = require("dns");
dns.lookup = (host, options, done) => (done ?? options)(null, "127.0.0.1", 4);
dns.promises.resolve4 = async () => [];
`;

describe("the socket guard", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-guard-"));
    writeFileSync(path.join(folder, "inert.cjs"), INERT);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs `code` under the guard and returns `kind target` of what it recorded. */
  function recorded(code: string): string[] {
    const log = path.join(folder, "log.jsonl");
    rmSync(log, { force: true });
    const run = spawnSync(process.execPath, ["--require", path.join(folder, "inert.cjs"), "--require", guard, "-e", code], {
      env: { ...process.env, NODE_OPTIONS: "", KALACTICA_SOCKET_LOG: log },
      encoding: "utf8",
    });
    assert.equal(run.status, 0, run.stderr);
    if (!existsSync(log)) return [];
    return readFileSync(log, "utf8").trim().split("\n").map((line) => {
      const { kind, target } = JSON.parse(line) as { kind: string; target: string };
      return `${kind} ${target}`;
    });
  }

  it("records TCP connections to other machines, however they are asked for", () => {
    assert.deepEqual(recorded(`const net = require("net"); net.connect(443, "192.0.2.1"); net.connect({ port: 80, host: "example.invalid" }); new net.Socket().connect("8080", "192.0.2.2")`), [
      "tcp connect 192.0.2.1:443",
      "tcp connect example.invalid:80",
      "tcp connect 192.0.2.2:8080",
    ]);
  });

  it("records what https and fetch do", () => {
    const seen = recorded(`require("https").get("https://192.0.2.1/").on("error", () => {}); fetch("http://192.0.2.3/").catch(() => {}); setTimeout(() => process.exit(0), 500)`);
    assert.ok(seen.includes("tcp connect 192.0.2.1:443"), seen.join());
    assert.ok(seen.includes("tcp connect 192.0.2.3:80"), seen.join());
  });

  it("records name look-ups, datagrams and listening on every interface", () => {
    assert.deepEqual(recorded(`
      require("dns").lookup("example.invalid", () => {});
      require("dns").promises.resolve4("example.invalid");
      require("dgram").createSocket("udp4").send("x", 53, "192.0.2.1");
      require("net").createServer().listen(8080);
    `), ["dns lookup example.invalid", "dns resolve4 example.invalid", "udp send 192.0.2.1", "tcp listen *:8080"]);
  });

  it("leaves loopback and pipes alone", () => {
    assert.deepEqual(recorded(`
      const net = require("net");
      net.connect(80, "127.0.0.1"); net.connect(80, "localhost"); net.connect({ port: 80, host: "::1" }); net.connect("/tmp/x.sock"); net.connect(80);
      net.createServer().listen(0, "127.0.0.1"); net.createServer().listen("/tmp/y.sock"); net.createServer().listen({ port: 0, host: "localhost" });
      require("dns").lookup("localhost", () => {});
    `), []);
  });

  it("reaches the processes that a guarded process starts", () => {
    const seen = recorded(`
      require("child_process").execFileSync(process.execPath, ["-e", 'require("net").Server.prototype; require("net").connect(443, "192.0.2.9").on("error", () => {}).destroy()'], { env: { ...process.env, NODE_OPTIONS: "--require ${path.join(folder, "inert.cjs")} " + process.env.NODE_OPTIONS } });
    `);
    assert.deepEqual(seen, ["tcp connect 192.0.2.9:443"]);
  });
});
