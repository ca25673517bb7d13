import assert from "node:assert/strict";
import { CancelledError } from "../../../src/engine/base/errors.ts";
import { PRIORITY, Scheduler } from "../../../src/engine/base/scheduler.ts";

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("Scheduler", () => {
  it("serves a keystroke before a chat that asked earlier", async () => {
    const scheduler = new Scheduler();
    const order: string[] = [];
    let release = () => {};
    const holder = scheduler.run(PRIORITY.background, undefined, () => new Promise<void>((resolve) => { release = resolve; }));
    await tick();
    const chat = scheduler.run(PRIORITY.chat, undefined, async () => void order.push("chat"));
    const key = scheduler.run(PRIORITY.keystroke, undefined, async () => void order.push("keystroke"));
    release();
    await Promise.all([holder, chat, key]);
    assert.deepEqual(order, ["keystroke", "chat"]);
  });

  it("lets a keystroke in between two tokens of a chat, and only there", async () => {
    const scheduler = new Scheduler();
    const order: string[] = [];
    let key: Promise<void> | undefined;
    await scheduler.run(PRIORITY.chat, undefined, async (lease) => {
      order.push("token 1");
      key = scheduler.run(PRIORITY.keystroke, undefined, async () => void order.push("keystroke"));
      await tick();
      order.push("token 2");
      await lease.yield();
      order.push("token 3");
    });
    await key;
    assert.deepEqual(order, ["token 1", "token 2", "keystroke", "token 3"]);
  });

  it("resumes interrupted work before its equals that waited", async () => {
    const scheduler = new Scheduler();
    const order: string[] = [];
    const pending: Promise<void>[] = [];
    await scheduler.run(PRIORITY.background, undefined, async (lease) => {
      pending.push(scheduler.run(PRIORITY.background, undefined, async () => void order.push("other")));
      pending.push(scheduler.run(PRIORITY.chat, undefined, async () => void order.push("chat")));
      await lease.yield();
      order.push("first");
    });
    await Promise.all(pending);
    assert.deepEqual(order, ["chat", "first", "other"]);
  });

  it("takes cancelled work out of the queue and goes on", async () => {
    const scheduler = new Scheduler();
    let release = () => {};
    const holder = scheduler.run(PRIORITY.background, undefined, () => new Promise<void>((resolve) => { release = resolve; }));
    const abort = new AbortController();
    const cancelled = scheduler.run(PRIORITY.chat, abort.signal, async () => assert.fail("ran though cancelled"));
    abort.abort();
    await assert.rejects(cancelled, CancelledError);
    release();
    await holder;
    assert.equal(await scheduler.run(PRIORITY.background, undefined, async () => "free"), "free");
  });

  it("frees the slot when work throws, and when work is cancelled while it waits to resume", async () => {
    const scheduler = new Scheduler();
    await assert.rejects(scheduler.run(PRIORITY.chat, undefined, async () => { throw new Error("no"); }), /no/);
    const abort = new AbortController();
    let releaseKey = () => {};
    let key: Promise<void> | undefined;
    const chat = scheduler.run(PRIORITY.chat, abort.signal, async (lease) => {
      key = scheduler.run(PRIORITY.keystroke, undefined, () => new Promise<void>((resolve) => { releaseKey = resolve; }));
      await lease.yield();
    });
    await tick();
    abort.abort();
    await assert.rejects(chat, CancelledError);
    releaseKey();
    await key;
    assert.equal(await scheduler.run(PRIORITY.background, undefined, async () => 1), 1);
  });
});
