import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import type { AddressInfo } from "node:net";
import { openConnection, proxyFor, setConnectionPolicy } from "../../../src/engine/base/connection.ts";
import { EngineError } from "../../../src/engine/base/errors.ts";
import { exchangeJson } from "../../../src/engine/endpoints/exchange.ts";
import { requestFile } from "../../../src/engine/model/httpFile.ts";
import { RayJobs } from "../../../src/engine/training/scaleOut/rayJobs.ts";
import { json, LoopbackServer } from "../../support/loopbackServer.ts";

const STANDARD = { offline: false, proxy: null, noProxy: [] };

describe("base/connection", () => {
  let server: LoopbackServer;
  let base = "";
  beforeEach(async () => {
    server = new LoopbackServer((response) => { json(response, { ok: true }); });
    base = await server.listen();
  });
  afterEach(async () => {
    setConnectionPolicy(STANDARD);
    await server.close();
  });

  const reasonOf = (work: Promise<unknown>): Promise<string> => work.then(() => "none", (error: unknown) => (error instanceof EngineError ? `${error.reason}: ${error.message}` : String(error)));
  const exchange = (address: string) => exchangeJson({ name: "lab", base: address, host: new URL(address).host, key: "", keyRemedy: "", times: { stallMs: 500, totalMs: 2_000 } }, "GET", "/v1/models");

  it("opens nothing while offline, for whomever it would be", async () => {
    setConnectionPolicy({ offline: true });
    for (const work of [exchange(base), requestFile(new URL(`${base}/m.gguf`), null, { stallMs: 500 }), new RayJobs({ url: base }).version()]) {
      assert.match(await reasonOf(work), /^offline: Nothing was sent to 127\.0\.0\.1:\d+: KaLactica is set to be offline\. Switch the setting "kalactica\.offline" off/);
    }
    assert.deepEqual(server.asked, []);
    setConnectionPolicy({ offline: false });
    assert.deepEqual(await exchange(base), { ok: true });
  });

  it("chooses the proxy as curl and VS Code do", () => {
    const environment = { HTTPS_PROXY: "http://secure:1", http_proxy: "plain:2", NO_PROXY: "corp.example,.internal, exact.host:8443" };
    const hostOf = (url: string): string | null => proxyFor(new URL(url), environment)?.host ?? null;
    assert.equal(hostOf("https://models.example/v1"), "secure:1");
    assert.equal(hostOf("http://models.example/v1"), "plain:2");
    assert.equal(hostOf("https://corp.example/"), null);
    assert.equal(hostOf("https://llm.corp.example/"), null);
    assert.equal(hostOf("https://notcorp.example/"), "secure:1");
    assert.equal(hostOf("http://a.internal/"), null);
    assert.equal(hostOf("https://exact.host:8443/"), null);
    assert.equal(hostOf("https://exact.host/"), "secure:1");
    assert.equal(hostOf("http://localhost:8080/"), null, "this machine is never asked by a proxy");
    assert.equal(proxyFor(new URL("https://models.example"), { ALL_PROXY: "http://all:3" })?.host, "all:3");
    setConnectionPolicy({ proxy: "http://editor:4", noProxy: ["*.lan"] });
    assert.equal(hostOf("https://models.example/"), "editor:4");
    assert.equal(hostOf("https://gpu.lan/"), null);
    setConnectionPolicy({ proxy: "" });
    assert.equal(hostOf("https://models.example/"), null);
    setConnectionPolicy({ proxy: "socks5://tunnel:1080" });
    assert.throws(() => hostOf("https://models.example/"), /The proxy tunnel:1080 cannot be used: "socks5:\/\/" is not spoken here\. Set one that begins with http:\/\//);
  });

  it("goes to http by the proxy with the whole address, and logs in there", async () => {
    setConnectionPolicy({ proxy: base.replace("//", "//anna:p%40ss@") });
    assert.deepEqual(await exchange("http://models.example:8080"), { ok: true });
    assert.equal(server.asked[0]?.path, "http://models.example:8080/v1/models");
    assert.equal(server.asked[0]?.headers.host, "models.example:8080");
    assert.equal(server.asked[0]?.headers["proxy-authorization"], `Basic ${Buffer.from("anna:p@ss").toString("base64")}`);
  });

  it("asks the proxy for a tunnel to https, and speaks TLS to the host in it", async () => {
    const asked: string[] = [];
    let first = -1;
    server.server.on("connect", (request, socket) => {
      asked.push(String(request.url));
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.once("data", (hello: Buffer) => {
        first = hello[0] ?? -1;
        socket.destroy();
      });
      socket.on("error", () => undefined);
    });
    setConnectionPolicy({ proxy: base });
    assert.match(await reasonOf(exchange("https://models.example")), /^endpointFailed: lab at models\.example .*(?:cut|failed)/);
    assert.deepEqual([...new Set(asked)], ["models.example:443"]);
    assert.equal(first, 22, "a TLS handshake (content type 22), and not the request in clear");
  });

  it("says of a proxy without network, one that refuses, and one that wants a login what it is", async () => {
    const gone = net.createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => gone.once("listening", resolve));
    const port = (gone.address() as AddressInfo).port;
    await new Promise((resolve) => gone.close(resolve));
    setConnectionPolicy({ proxy: `http://127.0.0.1:${port}` });
    for (const address of ["https://models.example", "http://models.example"]) {
      assert.equal(await reasonOf(exchange(address)), `endpointFailed: lab at models.example cannot be reached: the proxy 127.0.0.1:${port} cannot be reached (nothing listens at that address).`);
    }
    server.server.on("connect", (_, socket) => { socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"); });
    setConnectionPolicy({ proxy: base });
    assert.match(await reasonOf(exchange("https://models.example")), /cannot be reached: the proxy 127\.0\.0\.1:\d+ refuses to connect \(status 502\)/);
    server.answer = (response) => { response.writeHead(407).end(); };
    assert.match(await reasonOf(exchange("http://models.example")), /the proxy 127\.0\.0\.1:\d+ asks for a login/);
    // A host that no name server knows: the proxy says so; without one, the system does.
    server.answer = (response) => { response.writeHead(504).end("no network"); };
    assert.match(await reasonOf(exchange("http://models.example")), /models\.example failed \(status 504: "no network"\)/);
  });

  it("closes what a stopped request had opened", async () => {
    server.answer = () => undefined;
    const stop = new AbortController();
    const waiting = openConnection({ url: new URL(base), stallMs: 5_000, signal: stop.signal });
    setTimeout(() => { stop.abort(); }, 20);
    await assert.rejects(waiting, { name: "CancelledError" });
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(server.closedEarly, 1);
    assert.equal(http.globalAgent.freeSockets[new URL(base).host], undefined);
  });
});
