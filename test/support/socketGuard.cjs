// Preloaded (NODE_OPTIONS=--require=…) into every Node process of the test run: records each attempt to open a
// socket that is not loopback, before the attempt is made. It changes nothing else; the run fails afterwards
// (test/run.ts). Native code is not seen here: systemSockets.ts looks at the system's tables for that.
// CommonJS without imports of ours, because it must load first, in any Node.
const fs = require("node:fs");
const net = require("node:net");
const dgram = require("node:dgram");
const dns = require("node:dns");

const log = process.env.KALACTICA_SOCKET_LOG;
if (log) install(log);

/** @param {string} file JSON lines: kind, target, pid, process, stack */
function install(file) {
  // VS Code takes NODE_OPTIONS away from its extension host and starts it with --require instead; what the host
  // starts (our engine) gets it back here.
  const flag = `--require=${__filename}`;
  const options = process.env.NODE_OPTIONS ?? "";
  if (!options.includes(flag)) process.env.NODE_OPTIONS = `${options} ${flag}`.trim();

  const record = (kind, target) => {
    const stack = String(new Error().stack).split("\n").slice(3, 8).map((line) => line.trim());
    const name = process.argv.slice(0, 3).join(" ").slice(0, 200);
    fs.appendFileSync(file, `${JSON.stringify({ kind, target, pid: process.pid, process: name, stack })}\n`);
  };

  const connect = net.Socket.prototype.connect;
  net.Socket.prototype.connect = function (...args) {
    // Node passes its own normalised form (an array with the options first); users pass options, port and host, or a path.
    const first = Array.isArray(args[0]) ? args[0][0] : args[0];
    const options = typeof first === "object" && first !== null ? first : typeof first === "string" && !/^\d+$/.test(first) ? { path: first } : { port: first, host: typeof args[1] === "string" ? args[1] : undefined };
    if (!options.path && !isLoopback(options.host)) record("tcp connect", `${options.host}:${options.port}`);
    return connect.apply(this, args);
  };

  const listen = net.Server.prototype.listen;
  net.Server.prototype.listen = function (...args) {
    const first = Array.isArray(args[0]) ? args[0][0] : args[0];
    const options = typeof first === "object" && first !== null ? first : typeof first === "string" && !/^\d+$/.test(first) ? { path: first } : { port: first, host: typeof args[1] === "string" ? args[1] : undefined };
    // No host means every interface; a handle or file descriptor is another process's socket, recorded there.
    const own = options.port !== undefined && options.fd === undefined && options._handle === undefined;
    if (own && !options.path && (options.host === undefined || !isLoopback(options.host))) record("tcp listen", `${options.host ?? "*"}:${options.port}`);
    return listen.apply(this, args);
  };

  const udpConnect = dgram.Socket.prototype.connect;
  dgram.Socket.prototype.connect = function (port, address, ...rest) {
    if (typeof address === "string" && !isLoopback(address)) record("udp connect", `${address}:${port}`);
    return udpConnect.call(this, port, address, ...rest);
  };
  const udpSend = dgram.Socket.prototype.send;
  dgram.Socket.prototype.send = function (...args) {
    const address = args.slice(1).find((value) => typeof value === "string");
    if (address !== undefined && !isLoopback(address)) record("udp send", address);
    return udpSend.apply(this, args);
  };

  for (const target of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
    for (const name of Object.getOwnPropertyNames(target)) {
      if (!/^(lookup|resolve|reverse)/.test(name) || typeof target[name] !== "function") continue;
      const original = target[name];
      target[name] = function (host, ...rest) {
        if (typeof host === "string" && !isLoopback(host) && net.isIP(host) === 0) record(`dns ${name}`, host);
        return original.call(this, host, ...rest);
      };
    }
  }
}

/** Whether a host is this machine for certain. No host is Node's default, localhost. */
function isLoopback(host) {
  if (host === undefined || host === null || host === "") return true;
  const name = String(host).toLowerCase().replace(/^\[|\]$/g, "");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^127\.\d+\.\d+\.\d+$/.test(name) || /^::ffff:127\./.test(name);
}
