import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { leavesMachine, parseSocketTable, socketsOfTree } from "../../../src/engine/base/systemSockets.ts";
import { isChromiumProbe } from "../../support/chromiumProbe.ts";

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const row = (local: string, remote: string, state: string, inode: string): string => `   0: ${local} ${remote} ${state} 00000000:00000000 00:00000000 00000000  0        0 ${inode} 1 0000000000000000 100 0 0 10 0`;

describe("the table of open sockets", () => {
  it("reads IPv4 addresses in the machine's byte order", () => {
    assert.deepEqual(parseSocketTable("tcp", `${HEADER}\n${row("0100007F:1F90", "0A0200C0:01BB", "01", "42")}\n`), [
      { protocol: "tcp", local: "127.0.0.1:8080", remote: "192.0.2.10:443", listening: false, inode: "42" },
    ]);
  });

  it("reads IPv6 addresses, and IPv4 ones written as IPv6", () => {
    const table = [HEADER, row("00000000000000000000000001000000:0050", "00000000000000000000000000000000:0000", "0A", "7"), row("0000000000000000FFFF00000100007F:0050", "0000000000000000FFFF00000A0200C0:01BB", "01", "8")].join("\n");
    const [listening, mapped] = parseSocketTable("tcp6", table);
    assert.deepEqual([listening?.local, listening?.listening], ["[0:0:0:0:0:0:0:1]:80", true]);
    assert.deepEqual([mapped?.local, mapped?.remote], ["127.0.0.1:80", "192.0.2.10:443"]);
  });

  it("tells what leaves the machine", () => {
    const socket = (local: string, remote: string, listening = false) => leavesMachine({ local, remote, listening });
    assert.equal(socket("127.0.0.1:5000", "127.0.0.1:80"), false);
    assert.equal(socket("10.0.0.5:5000", "192.0.2.10:443"), true);
    assert.equal(socket("127.0.0.1:80", "0.0.0.0:0", true), false);
    assert.equal(socket("0.0.0.0:80", "0.0.0.0:0", true), true);
    assert.equal(socket("[0:0:0:0:0:0:0:0]:80", "[0:0:0:0:0:0:0:0]:0", true), true);
    assert.equal(socket("0.0.0.0:5353", "0.0.0.0:0"), false);
    assert.equal(socket("10.0.0.5:5000", "10.0.0.5:443"), false, "to an address of its own");
  });

  it("knows a browser's question whether there is IPv6 from a socket that sends", () => {
    const socket = { protocol: "udp6", remote: "[2001:4860:4860:0:0:0:0:8888]:443" } as const;
    const browser = "/usr/lib/chromium/chromium --type=utility --utility-sub-type=network.mojom.NetworkService --lang=en-US";
    assert.equal(isChromiumProbe({ ...socket, process: browser }), true);
    assert.equal(isChromiumProbe({ ...socket, process: "node engine.js" }), false);
    assert.equal(isChromiumProbe({ ...socket, process: browser, protocol: "tcp6" }), false);
    assert.equal(isChromiumProbe({ ...socket, process: browser, remote: "[2001:4860:4860:0:0:0:0:8844]:443" }), false);
  });

  it("sees the sockets of a child process", async function () {
    if (process.platform !== "linux") this.skip();
    const child = spawn(process.execPath, ["-e", "require('net').createServer().listen(0, '127.0.0.1', function () { console.log(this.address().port) })"], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const found = socketsOfTree(process.pid).find((socket) => socket.pid === child.pid);
      assert.equal(found?.local, `127.0.0.1:${line.toString().trim()}`);
      assert.equal(found?.listening, true);
    } finally {
      child.kill();
    }
  });
});
