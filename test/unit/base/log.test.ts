// The log: who asked is on every line, levels hold, and what leaves in a report names nothing of the user's.
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { correlated, lineOf, Log, LogTail, recentLog, redactedLine, redacting, relayChild, relayTo } from "../../../src/engine/base/log.ts";
import type { LogEntry } from "../../../src/engine/base/log.ts";

describe("the log", () => {
  it("carries the id of what was asked through rooms and waits, and mixes none up", async () => {
    const entries: LogEntry[] = [];
    const log = new Log("engine", (entry) => entries.push(entry), "debug");
    const ask = (id: string, ms: number): Promise<void> => correlated(id, async () => {
      log.info("begins");
      await new Promise((done) => setTimeout(done, ms));
      log.for("model").warn("ends", { ms });
    });
    await Promise.all([ask("r1", 8), ask("r2", 2)]);
    log.info("for nobody");
    assert.deepEqual(entries.map(({ room, message, id }) => `${room} ${message} ${id ?? "-"}`), ["engine begins r1", "engine begins r2", "model ends r2", "model ends r1", "engine for nobody -"]);
    assert.equal(lineOf(entries[2]!), '[model] r2 ends {"ms":2}');
  });

  it("keeps the last entries only, from the level on", () => {
    const tail = new LogTail(2);
    const log = new Log("engine", (entry) => tail.push(entry), "warn");
    log.info("too little");
    for (const message of ["one", "two", "three"]) log.warn(message);
    assert.deepEqual(tail.lines((text) => text).map((line) => line.replace(/^\S+ /, "")), ["warn [engine] two", "warn [engine] three"]);
  });
});

describe("the log of a child process", () => {
  it("comes to its parent's sink and report, with the child's own id, and nothing else does", () => {
    const child = new EventEmitter();
    const entries: LogEntry[] = [];
    relayTo((entry) => entries.push(entry));
    relayChild(child);
    child.emit("message", { notice: "something else" });
    child.emit("message", { entry: { at: "T", level: "warn", room: "trainer", message: "slow", fields: {}, id: "2026-run" } });
    assert.deepEqual(entries.map(lineOf), ["[trainer] 2026-run slow"]);
    assert.equal(recentLog((text) => text).at(-1), "T warn [trainer] 2026-run slow");
  });
});

describe("redaction of what leaves", () => {
  const redact = redacting({ workspaceDir: "/home/ada/work/secret-plan", homeDir: "/home/ada" });

  it("shows that a file lay in the workspace, not which", () => {
    assert.equal(redact("cannot read /home/ada/work/secret-plan/src/merger/offer.ts:12"), "cannot read <workspace>/…:12");
    assert.equal(redact('{"file":"/home/ada/work/secret-plan/a merger.ts","ms":3}'), '{"file":"<workspace>/…","ms":3}');
    assert.equal(redact("left out src/merger/offer.ts and docs\\plan.md"), "left out <file> and <file>");
    assert.equal(redact("~/.kalactica/models/x.gguf at node:internal/x.js"), "~/.kalactica/models/x.gguf at node:internal/x.js");
    assert.equal(redact("opened /home/ada/work/secret-plan"), "opened <workspace>");
  });

  it("hides home folders, keeping what lies below them outside the workspace", () => {
    assert.equal(redact("/home/ada/.kalactica/models/x.gguf"), "~/.kalactica/models/x.gguf");
    assert.equal(redact("/Users/grace/x and C:\\Users\\grace\\y"), "~/x and ~\\y");
  });

  it("knows Windows paths in both ways of writing", () => {
    const windows = redacting({ workspaceDir: "C:\\code\\plan", homeDir: null });
    for (const path of ["C:\\code\\plan\\src\\a.ts", "C:\\\\code\\\\plan\\\\src\\\\a.ts", "C:/code/plan/src/a.ts"]) assert.equal(windows(path), "<workspace>/…", path);
  });

  it("takes out keys, credentials and mail addresses", () => {
    for (const secret of ["Bearer abcdefghijkl", "api_key=1234567", '"password": "hunter2"', "https://ada:pw@host/x", "hf_abcdefghijklmnopqr", "ghp_abcdefghijklmnopqrstu", "sk-abcdefghijklmnopqrst", "ada@example.org"]) {
      const clean = redact(`before ${secret} after`);
      assert.ok(!/abcdefghijkl|1234567|hunter2|ada:pw|ada@/.test(clean), clean);
      assert.match(clean, /^before .* after$/);
    }
  });

  it("empties fields with what the user wrote", () => {
    assert.equal(redactedLine({ at: "T", level: "info", room: "answering", message: "asked", fields: { question: "Where is the merger?", ms: 4 } }, redact), 'T info [answering] asked {"question":"<removed>","ms":4}');
  });

  it("changes nothing else, and nothing twice", () => {
    const plain = "2026-01-02 warn [model] r3 Model loaded {\"ms\":12,\"tokens\":400}";
    assert.equal(redact(plain), plain);
    const once = redact("/home/ada/work/secret-plan/x token=abcdef");
    assert.equal(redact(once), once);
  });
});
