// Opens HTTP connections, and is with the counter of sockets (socketCount.ts) the only file that knows Node's network modules: what holds
// for every connection stands here once, that none is opened offline and which go by a proxy. It reads no answers, follows no redirects,
// tries nothing twice and keeps no connection for the next request.
import http from "node:http";
import type { IncomingMessage, RequestOptions } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import tls from "node:tls";
import { CancelledError, EngineError, errnoCode } from "./errors.ts";
import { isLoopback } from "./socketCount.ts";

/** What holds for every connection of this process. */
export interface ConnectionPolicy {
  /** Refuses all, those to this machine too: what listens there may pass things on. */
  offline: boolean;
  /** "http://user:password@host:port"; "" for none; null to go by the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY). */
  proxy: string | null;
  /** Hosts reached without the proxy, as in NO_PROXY; used where `proxy` is given. */
  noProxy: readonly string[];
}

export interface ConnectionRequest {
  url: URL;
  method?: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | Uint8Array;
  signal?: AbortSignal | undefined;
  /** Milliseconds without any byte in either direction after which the connection is given up. */
  stallMs: number;
  /** Told of every connection made. */
  onSocket?: ((socket: Socket) => void) | undefined;
}

let policy: ConnectionPolicy = { offline: false, proxy: null, noProxy: [] };

/** Sets what holds from now on; what is open stays open. */
export function setConnectionPolicy(next: Partial<ConnectionPolicy>): void {
  policy = { ...policy, ...next };
}

/** Whether no connection may be opened. */
export function isOffline(): boolean {
  return policy.offline;
}

/** The proxy that a connection to `url` goes by; null where it goes straight. Errors: `badRequest` for a proxy of a kind that is not spoken. */
export function proxyFor(url: URL, environment: Readonly<Record<string, string | undefined>> = process.env): URL | null {
  if (isLoopback(url.hostname)) return null;
  const of = (name: string): string => environment[name] ?? environment[name.toLowerCase()] ?? "";
  const address = policy.proxy ?? ((url.protocol === "https:" ? of("HTTPS_PROXY") : of("HTTP_PROXY")) || of("ALL_PROXY"));
  if (address === "") return null;
  const exceptions = policy.proxy === null ? of("NO_PROXY").split(",") : policy.noProxy;
  if (exceptions.some((exception) => isExcepted(url, exception.trim()))) return null;
  const proxy = URL.parse(address.includes("://") ? address : `http://${address}`);
  if (proxy !== null && (proxy.protocol === "http:" || proxy.protocol === "https:")) return proxy;
  throw new EngineError("badRequest", `The proxy ${proxy?.host ?? "that is set"} cannot be used: ${proxy === null ? "its address cannot be read" : `"${proxy.protocol}//" is not spoken here`}. Set one that begins with http:// or https:// ("http.proxy", or HTTPS_PROXY in the environment).`);
}

/** "example.org" and ".example.org" stand for the host and all below it, "host:port" for one port, "*" for everything. */
function isExcepted(url: URL, exception: string): boolean {
  if (exception === "") return false;
  if (exception === "*") return true;
  const [, name = "", port] = /^(.*?)(?::(\d+))?$/.exec(exception.toLowerCase()) ?? [];
  if (port !== undefined && port !== portOf(url)) return false;
  const bare = name.replace(/^\*?\./, "");
  return url.hostname === bare || url.hostname.endsWith(`.${bare}`);
}

function portOf(url: URL): string {
  return url.port || (url.protocol === "https:" ? "443" : "80");
}

/**
 * Sends a request and resolves with the answer's head; its body is the caller's to read, and aborting `signal` closes the connection at any time.
 * Errors: `offline`; `badRequest` (a proxy that cannot be used); `networkFailed` with `details.code`, a sentence in `details.finding` and, where a proxy is
 * at fault, `details.proxy`; CancelledError.
 */
export async function openConnection(request: ConnectionRequest): Promise<IncomingMessage> {
  const { url, signal } = request;
  if (policy.offline) throw new EngineError("offline", `Nothing was sent to ${url.host}: KaLactica is set to be offline. Switch the setting "kalactica.offline" off to allow connections.`, { host: url.host });
  if (signal?.aborted === true) throw new CancelledError();
  const proxy = proxyFor(url);
  if (proxy === null) return send(url, request, { host: bareHost(url), port: portOf(url), path: `${url.pathname}${url.search}` }, null);
  const login: Record<string, string> = proxy.username === "" ? {} : { "proxy-authorization": `Basic ${Buffer.from(`${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`).toString("base64")}` };
  if (url.protocol === "http:") {
    return checkedProxyAnswer(await send(proxy, { ...request, headers: { host: url.host, ...request.headers, ...login } }, { host: bareHost(proxy), port: portOf(proxy), path: url.href }, proxy), proxy);
  }
  const tunnel = await openTunnel(url, proxy, login, request);
  const secure = tls.connect({ socket: tunnel, servername: bareHost(url), ALPNProtocols: ["http/1.1"] });
  return send(url, request, { host: bareHost(url), port: portOf(url), path: `${url.pathname}${url.search}`, createConnection: () => secure }, null);
}

function send(to: URL, request: ConnectionRequest, target: RequestOptions, proxy: URL | null): Promise<IncomingMessage> {
  const { method = "GET", headers = {}, body, signal, stallMs, onSocket } = request;
  return new Promise((resolve, reject) => {
    const library = to.protocol === "https:" ? https : http;
    const length: Record<string, string> = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    // One connection a request: what was cancelled or cut leaves nothing behind for the next. Node takes a given connection only without an agent.
    let answer: IncomingMessage | undefined;
    const outgoing = library.request({ ...target, method, headers: { "user-agent": "KaLactica", ...headers, ...length }, ...target.createConnection === undefined ? { agent: false } : {}, ...signal === undefined ? {} : { signal } }, (response) => {
      answer = response;
      resolve(response);
    });
    if (onSocket !== undefined) outgoing.on("socket", onSocket);
    outgoing.on("error", (error) => { reject(signal?.aborted === true ? new CancelledError() : networkFailure(request.url, error, proxy)); });
    // Once there is an answer, who reads it is to learn why it ended.
    outgoing.setTimeout(stallMs, () => { (answer ?? outgoing).destroy(Object.assign(new Error(`nothing came for ${duration(stallMs)}`), { code: "STALLED" })); });
    outgoing.end(body);
  });
}

/** The connection through `proxy` to the host of `url`, over which TLS then goes. */
function openTunnel(url: URL, proxy: URL, login: Record<string, string>, { signal, stallMs, onSocket }: ConnectionRequest): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const library = proxy.protocol === "https:" ? https : http;
    const authority = `${url.hostname}:${portOf(url)}`;
    const outgoing = library.request({ host: bareHost(proxy), port: portOf(proxy), method: "CONNECT", path: authority, headers: { host: authority, ...login }, agent: false, ...signal === undefined ? {} : { signal } });
    if (onSocket !== undefined) outgoing.on("socket", onSocket);
    outgoing.on("error", (error) => { reject(signal?.aborted === true ? new CancelledError() : networkFailure(url, error, proxy)); });
    outgoing.setTimeout(stallMs, () => { outgoing.destroy(Object.assign(new Error(`nothing came for ${duration(stallMs)}`), { code: "STALLED" })); });
    outgoing.on("connect", (response, socket) => {
      if (response.statusCode === 200) {
        // From here on the request that goes through it watches the time.
        socket.setTimeout(0);
        resolve(socket);
        return;
      }
      socket.destroy();
      reject(proxyRefusal(proxy, response.statusCode ?? 0));
    });
    // A proxy that answers CONNECT like any other request is none.
    outgoing.on("response", (response) => {
      response.destroy();
      reject(proxyRefusal(proxy, response.statusCode ?? 0));
    });
    outgoing.end();
  });
}

function checkedProxyAnswer(response: IncomingMessage, proxy: URL): IncomingMessage {
  if (response.statusCode !== 407) return response;
  response.destroy();
  throw proxyRefusal(proxy, 407);
}

function proxyRefusal(proxy: URL, status: number): EngineError {
  const finding = status === 407 ? "asks for a login: put the user and the password into its address (\"http://user:password@host:port\")" : `refuses to connect (status ${status})`;
  return new EngineError("networkFailed", `The proxy ${proxy.host} ${finding}. It is set as "http.proxy", or as HTTPS_PROXY in the environment.`, { code: `PROXY_${status}`, finding: `the proxy ${proxy.host} ${finding}`, proxy: proxy.host });
}

/** A failed connection, or one that broke later, in words. */
export function networkFailure(url: URL, error: unknown, proxy: URL | null = null): EngineError {
  if (error instanceof EngineError) return error;
  const code = errnoCode(error) ?? "";
  const found = findingOf(code, error);
  if (proxy !== null) {
    return new EngineError("networkFailed", `${url.host} cannot be reached, because the proxy ${proxy.host} cannot: ${found}. The proxy is set as "http.proxy", or as HTTPS_PROXY in the environment.`, { code, finding: `the proxy ${proxy.host} cannot be reached (${found})`, proxy: proxy.host }, error);
  }
  return new EngineError("networkFailed", `${url.host} cannot be reached: ${found}.`, { code, finding: found }, error);
}

function findingOf(code: string, error: unknown): string {
  switch (code) {
    case "ECONNREFUSED": return "nothing listens at that address";
    case "ENOTFOUND":
    case "EAI_AGAIN": return "its name is not known here (no network, or a mistyped name)";
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET": return "the connection was cut";
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH": return "there is no way to it (no network, or a firewall)";
    case "STALLED": return error instanceof Error ? error.message : "nothing came";
    case "HPE_INVALID_CONSTANT":
    case "HPE_INVALID_HEADER_TOKEN":
    case "HPE_HEADER_OVERFLOW":
    case "HPE_INVALID_CHUNK_SIZE": return "what answers there does not speak HTTP";
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY": return "its certificate is signed by nobody who is known here (name the authority's file in NODE_EXTRA_CA_CERTS)";
    case "CERT_HAS_EXPIRED": return "its certificate has expired";
    case "ERR_TLS_CERT_ALTNAME_INVALID": return "its certificate is for another host";
    case "EPROTO": return "it does not speak TLS there (http:// rather than https://?)";
    default: return code !== "" ? `the connection failed (${code})` : error instanceof Error && error.message !== "" ? error.message : "it does not answer";
  }
}

/** A host without the brackets of an IPv6 address. */
function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function duration(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.round(ms / 1000)} seconds`;
}
