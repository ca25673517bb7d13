import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { ChatFiles } from "../../../src/extension/chatStore.ts";
import type { Conversation } from "../../../src/webview/protocol.ts";
import { turn } from "../../webview/scenarios.ts";

const conversation = (id: string, question = "q"): Conversation => ({ id, title: question, updatedAt: 1, turns: [turn({ question })] });

describe("chat files", () => {
  let dir: string;
  let log: string[];
  beforeEach(() => {
    dir = mkdtempSync(path.join(os.tmpdir(), "kalactica-chat-"));
    log = [];
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const store = (folder = dir): ChatFiles => new ChatFiles(folder, (message) => log.push(message));

  it("gives back what was saved, latest first written or not, and leaves no temporary files", async () => {
    const files = store(path.join(dir, "new", "chat"));
    files.load();
    files.save(conversation("a", "one"));
    files.save(conversation("a", "two"));
    files.save(conversation("b"));
    files.setCurrent("a");
    files.remove("b");
    await files.flush();
    const { currentId, conversations } = store(path.join(dir, "new", "chat")).load();
    assert.equal(currentId, "a");
    assert.deepEqual(conversations, [conversation("a", "two")]);
    assert.deepEqual(readdirSync(path.join(dir, "new", "chat")).sort(), ["a.json", "current.json"]);
  });

  it("leaves broken and foreign files alone and reads the rest", async () => {
    const files = store();
    files.save(conversation("a"));
    await files.flush();
    writeFileSync(path.join(dir, "broken.json"), "{\"format\":1,");
    writeFileSync(path.join(dir, "future.json"), "{\"format\":99}");
    assert.equal(store().load().conversations.length, 1);
    assert.equal(log.length, 1);
    assert.ok(readdirSync(dir).includes("broken.json"));
  });

  it("logs a folder that cannot be written, and does not throw", async () => {
    writeFileSync(path.join(dir, "file"), "");
    const files = store(path.join(dir, "file"));
    assert.deepEqual(files.load().conversations, []);
    files.save(conversation("a"));
    await files.flush();
    assert.equal(log.length, 2);
  });

  it("keeps an id from naming a file elsewhere", async () => {
    const files = store(path.join(dir, "inner"));
    files.load();
    files.save(conversation("../../evil"));
    await files.flush();
    assert.deepEqual(readdirSync(dir), ["inner"]);
  });
});
