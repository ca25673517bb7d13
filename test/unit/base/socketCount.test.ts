// What counts as sent out: sockets to other machines, by their encrypted bytes; and what does not: this machine.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { SocketCount } from "../../../src/engine/base/socketCount.ts";
import { countChild, isLoopback, joinCounts, sendingAttempts, socketCount } from "../../../src/engine/base/socketCount.ts";

const module = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../../src/engine/base/socketCount.ts");
/** These processes try what the guard of the test run (support/socketGuard.cjs) is there to report. */
const UNGUARDED = { ...process.env, NODE_OPTIONS: "", KALACTICA_SOCKET_LOG: "" };
/** No name is really asked for: the question itself would leave this machine. */
const NO_NAMES = `const ask = dns.lookup; dns.lookup = (name, ...rest) => net.isIP(name) || name === "localhost" ? ask(name, ...rest) : process.nextTick(rest.at(-1), Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));`;

/**
 * Counting changes Node's own modules, so every case has its process. `body` must resolve. `away`: this machine counts as
 * another one, so that bytes can be counted that leave nothing.
 */
async function countOf(body: string, options = {}, away = false): Promise<SocketCount> {
  const code = `
    import net from "node:net"; import dgram from "node:dgram"; import http from "node:http"; import dns from "node:dns";
    import { startCounting, socketCount } from ${JSON.stringify(module)};
    ${NO_NAMES}
    const host = "127.0.0.1";
    startCounting({ ...${JSON.stringify(options)}, ${away ? "staysHere: () => false" : ""} });
    await (async () => { ${body} })();
    console.log(JSON.stringify(socketCount()));
    process.exit();`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", code], { timeout: 10_000, env: UNGUARDED });
  return JSON.parse(stdout) as SocketCount;
}

const SERVED = (at: string, use: string): string => `
  const server = net.createServer((socket) => socket.resume());
  await new Promise((done) => server.listen({ port: 0, host: ${at} }, done));
  const { port } = server.address();
  ${use}`;

describe("the count of what was sent out", () => {
  it("counts every byte of a connection to another address, closed or open", async () => {
    const count = await countOf(SERVED("host", `
      const closed = net.connect(port, host); closed.end("x".repeat(70000));
      await new Promise((done) => closed.on("close", done));
      const open = net.connect({ port, host });
      await new Promise((done) => open.write("y".repeat(30), done));`), { by: "trainer" }, true);
    assert.equal(count.bytesOut, 70_030);
    assert.deepEqual(count.attempts.filter(({ kind }) => kind === "tcp").map(({ host, bytes, by }) => ({ host, bytes, by })), [{ host: "127.0.0.1", bytes: 70_000, by: "trainer" }, { host: "127.0.0.1", bytes: 30, by: "trainer" }]);
  });

  it("sees fetch and HTTP as well", async () => {
    const count = await countOf(`
      const server = http.createServer((request, response) => { request.resume(); response.end("ok"); });
      await new Promise((done) => server.listen(0, host, done));
      await (await fetch("http://" + host + ":" + server.address().port, { method: "POST", body: "z".repeat(5000) })).text();`, {}, true);
    assert.ok(count.bytesOut > 5000, String(count.bytesOut));
  });

  it("leaves this machine out, and pipes", async () => {
    const count = await countOf(SERVED('"127.0.0.1"', `
      const socket = net.connect(port, "localhost"); socket.end("hello");
      await new Promise((done) => socket.on("close", done));`));
    assert.deepEqual(count, { attempts: [], bytesOut: 0 });
  });

  it("notes an attempt that fails, without bytes", async () => {
    const count = await countOf(`
      const socket = net.connect({ host: "name.invalid", port: 443 }); socket.write("never leaves");
      await new Promise((done) => socket.on("error", done));`);
    assert.equal(count.bytesOut, 0);
    assert.deepEqual(sendingAttempts(count).map(({ kind, host, port }) => `${kind} ${host}:${port}`).sort(), ["dns name.invalid:53", "tcp name.invalid:443"]);
  });

  it("counts datagrams and notes open ports", async () => {
    const count = await countOf(`
      const socket = dgram.createSocket("udp4");
      await new Promise((done) => socket.send(Buffer.alloc(12), 9, host, done));
      await new Promise((done) => socket.send("abcdef", 1, 3, 9, host, done));
      await new Promise((done) => net.createServer().listen(0, host, done));`, {}, true);
    assert.equal(count.bytesOut, 15);
    assert.deepEqual(count.attempts.map(({ kind }) => kind), ["udp", "udp", "listen"]);
    assert.equal(sendingAttempts(count).length, 2);
  });

  it("does not count what others do in a shared process", async () => {
    const count = await countOf(`
      const ours = new Function("net", "port", "done", "net.connect({ host: 'name.invalid', port }).on('error', done); //# sourceURL=/kalactica/dist/extension.cjs");
      await new Promise((done) => net.connect({ host: "name.invalid", port: 1 }).on("error", done));
      await new Promise((done) => ours(net, 2, done));`, { onlyFrom: "/kalactica/dist/" });
    assert.deepEqual(count.attempts.filter(({ kind }) => kind === "tcp").map(({ port }) => port), [2]);
  });

  it("takes in what a child process says of itself, until its end", async () => {
    const code = `
      import net from "node:net"; import dns from "node:dns";
      import { startCounting, tellParent } from ${JSON.stringify(module)};
      ${NO_NAMES}
      startCounting({ by: "trainer" }); tellParent();
      net.connect({ host: "name.invalid", port: 7 }).on("error", () => process.exit());`;
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", code], { stdio: ["ignore", "ignore", "inherit", "ipc"], env: UNGUARDED });
    countChild(child);
    await new Promise((done) => child.on("close", done));
    assert.deepEqual(socketCount().attempts.filter(({ kind }) => kind === "tcp").map(({ by, host, port, bytes }) => ({ by, host, port, bytes })), [{ by: "trainer", host: "name.invalid", port: 7, bytes: 0 }]);
  });

  it("joins processes in the order of time", () => {
    const attempt = { kind: "tcp", host: "a", port: 1, bytes: 2 } as const;
    const joined = joinCounts([{ attempts: [{ ...attempt, at: "2", by: "engine" }], bytesOut: 2 }, { attempts: [{ ...attempt, at: "1", by: "trainer" }], bytesOut: 5 }]);
    assert.deepEqual(joined.attempts.map(({ by }) => by), ["trainer", "engine"]);
    assert.equal(joined.bytesOut, 7);
  });

  it("knows this machine by its names only", () => {
    for (const here of ["127.0.0.1", "::1", "[::1]", "::ffff:127.0.0.1", "localhost", "LOCALHOST", "a.localhost"]) assert.ok(isLoopback(here), here);
    for (const elsewhere of ["10.0.0.1", "127.0.0.1.example.com", "localhost.example.com", "0.0.0.0", undefined]) assert.ok(!isLoopback(elsewhere), elsewhere);
  });
});
