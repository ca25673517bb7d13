// An engine that misbehaves as FAULT says: for tests of the client. Speaks the real protocol where it speaks at all.
import { createRequire } from "node:module";
import { appendFileSync } from "node:fs";
const require = createRequire(import.meta.url);
const { createMessageConnection, IPCMessageReader, IPCMessageWriter } = require("vscode-jsonrpc/node");

const fault = process.env.FAULT;
if (process.env.STARTS) appendFileSync(process.env.STARTS, `${process.pid}\n`);
if (fault === "dies at once") process.exit(3);
if (fault === "never answers") setInterval(() => undefined, 1000);
else {
  const connection = createMessageConnection(new IPCMessageReader(process), new IPCMessageWriter(process));
  connection.onRequest("engine/hello", ({ protocolVersion }) => ({ protocolVersion: fault === "other version" ? 999 : protocolVersion, engineVersion: "0.0.0", pid: process.pid }));
  connection.onRequest("engine/status", () => ({}));
  connection.onRequest("index/status", () => ({ state: "ready" }));
  connection.onRequest("retrieval/search", () => {
    if (fault === "dies while answering") process.exit(9);
    if (fault === "hangs while answering") for (;;) { /* the event loop is dead */ }
    return { results: [], ms: 1 };
  });
  connection.onRequest("answer/ask", (_, token) => new Promise((resolve, reject) => {
    token.onCancellationRequested(() => reject(Object.assign(new Error("cancelled"), { code: -32800 })));
  }));
  connection.listen();
  process.on("disconnect", () => process.exit(0));
  console.log("chatter on stdout that is not a message");
}
