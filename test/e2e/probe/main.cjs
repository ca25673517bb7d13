// Test-only extension: answers, on loopback and to whoever holds the token of this run, by evaluating a
// function in the extension host. It exists so that a browser test can ask what only the host knows.
// CommonJS, because it must load in any VS Code without a build.
const vscode = require("vscode");
const http = require("node:http");
const fs = require("node:fs");
const { timingSafeEqual } = require("node:crypto");

exports.activate = (context) => {
  const announce = process.env.KALACTICA_PROBE_FILE;
  const token = process.env.KALACTICA_PROBE_TOKEN;
  if (!announce || !token) return undefined;
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", async () => {
      if (!sameToken(request.headers["x-probe-token"], token)) {
        response.statusCode = 403;
        response.end();
        return;
      }
      let answer;
      try {
        const { source, args } = JSON.parse(Buffer.concat(chunks).toString("utf8"));
        // (0, eval) so that the function sees no variable of this file, only what it is given.
        const value = await (0, eval)(`(${source})`)(vscode, ...args);
        answer = JSON.stringify({ ok: true, value: value === undefined ? null : value });
      } catch (error) {
        answer = JSON.stringify({ ok: false, error: String((error && error.stack) || error) });
      }
      response.setHeader("connection", "close");
      response.end(answer);
    });
  });
  context.subscriptions.push({ dispose: () => server.close() });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const temporary = `${announce}.${process.pid}.tmp`;
      fs.writeFileSync(temporary, JSON.stringify({ port: server.address().port, pid: process.pid }));
      fs.renameSync(temporary, announce);
      resolve();
    });
  });
};

function sameToken(given, expected) {
  const a = Buffer.from(String(given));
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
