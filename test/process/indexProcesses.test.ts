// The index under real processes: one killed while it writes, two on one workspace, one that may not read everything.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

interface Message {
  opened?: boolean;
  writable?: boolean;
  progress?: number;
  state?: string;
  read?: number;
  failed?: string;
  sentence?: string;
  report?: { files: number; chunks: number; skipped: { path: string; reason: string }[] };
}

const worker = path.join(import.meta.dirname, "indexWorkers", "indexer.ts");
const children: ChildProcess[] = [];
const folders: string[] = [];

function start(workspaceDir: string, storageDir: string, mode: "once" | "hold", uid?: number): { child: ChildProcess; until: (found: (message: Message) => boolean) => Promise<Message> } {
  const child = spawn(process.execPath, [worker, workspaceDir, storageDir, mode], { stdio: ["ignore", "pipe", "inherit"], ...(uid === undefined ? {} : { uid, gid: uid }) });
  children.push(child);
  const messages: Message[] = [];
  const waiting: { found: (message: Message) => boolean; resolve: (message: Message) => void; reject: (error: Error) => void }[] = [];
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    const message = JSON.parse(line) as Message;
    messages.push(message);
    for (const entry of waiting.filter(({ found }) => found(message))) entry.resolve(message);
  });
  child.on("close", () => waiting.forEach(({ reject }) => reject(new Error(`The process ended without the awaited message; it said ${JSON.stringify(messages)}`))));
  return {
    child,
    until: (found) => new Promise((resolve, reject) => {
      const known = messages.find(found);
      if (known) resolve(known);
      else waiting.push({ found, resolve, reject });
    }),
  };
}

const ended = (child: ChildProcess) => new Promise<void>((resolve) => (child.exitCode !== null || child.signalCode !== null ? resolve() : child.once("exit", () => resolve())));
const temporary = () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "kalactica-index-"));
  folders.push(folder);
  return folder;
};

function workspaceOf(nFiles: number): string {
  const folder = temporary();
  for (let i = 0; i < nFiles; i++) writeFileSync(path.join(folder, `f${String(i).padStart(4, "0")}.ts`), `/** Number ${i}. */\nexport function unit${i}(): number {\n  return ${i};\n}\n\nexport class Box${i} {\n  value = ${i};\n}\n`);
  return folder;
}

describe("the index under processes", function () {
  this.timeout(60_000);
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill("SIGKILL");
      await ended(child);
    }
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  it("goes on after kill -9 where it was, and loses nothing", async () => {
    const workspace = workspaceOf(300);
    const storage = temporary();
    const first = start(workspace, storage, "once");
    const seen = await first.until((message) => (message.progress ?? 0) >= 32);
    first.child.kill("SIGKILL");
    await ended(first.child);
    const second = start(workspace, storage, "once");
    const { report, read } = await second.until((message) => message.report !== undefined);
    assert.equal(report?.files, 300);
    assert.ok((read as number) <= 300 - (seen.progress as number), `read ${read} files anew although ${seen.progress} were written`);
    assert.equal((await second.until((message) => message.opened === true)).writable, true);
    await ended(second.child);
  });

  it("lets two windows share a workspace: one writes, the other takes over when it is killed", async () => {
    const workspace = workspaceOf(40);
    const storage = temporary();
    const writer = start(workspace, storage, "hold");
    await writer.until((message) => message.report !== undefined);
    const reader = start(workspace, storage, "once");
    assert.equal((await reader.until((message) => message.opened === true)).writable, false);
    const shared = await reader.until((message) => message.report !== undefined);
    assert.deepEqual([shared.report?.files, shared.read], [40, 0]);
    await ended(reader.child);
    writer.child.kill("SIGKILL");
    await ended(writer.child);
    writeFileSync(path.join(workspace, "new.ts"), "export const fresh = 1;\n");
    const heir = start(workspace, storage, "once");
    assert.equal((await heir.until((message) => message.opened === true)).writable, true);
    assert.equal((await heir.until((message) => message.report !== undefined)).report?.files, 41);
    await ended(heir.child);
  });

  it("opens twice at the same moment without harm", async () => {
    const workspace = workspaceOf(60);
    const storage = temporary();
    const both = [start(workspace, storage, "hold"), start(workspace, storage, "hold")];
    const opened = await Promise.all(both.map((entry) => entry.until((message) => message.opened === true || message.failed !== undefined)));
    assert.deepEqual(opened.map((message) => message.failed), [undefined, undefined]);
    assert.equal(opened.filter((message) => message.writable).length, 1);
    await Promise.all(both.map((entry) => entry.until((message) => message.report !== undefined)));
  });

  it("skips folders and files that it may not read, and says so", async function () {
    if (process.platform === "win32") this.skip();
    const workspace = workspaceOf(3);
    const storage = temporary();
    mkdirSync(path.join(workspace, "locked"));
    writeFileSync(path.join(workspace, "locked", "a.ts"), "export const hidden = 1;\n");
    writeFileSync(path.join(workspace, "closed.ts"), "export const closed = 1;\n");
    chmodSync(path.join(workspace, "locked"), 0);
    chmodSync(path.join(workspace, "closed.ts"), 0);
    // Root reads everything, so that the process runs as another user then.
    const root = process.getuid?.() === 0;
    if (root) for (const folder of [workspace, storage]) {
      chmodSync(folder, 0o755);
      chownSync(folder, 65_534, 65_534);
    }
    const { until, child } = start(workspace, storage, "once", root ? 65_534 : undefined);
    const message = await until((message) => message.report !== undefined || message.failed !== undefined);
    chmodSync(path.join(workspace, "locked"), 0o755);
    assert.equal(message.report?.files, 3);
    assert.deepEqual(message.report.skipped, [
      { path: "closed.ts", reason: "cannot be read (permission denied)" },
      { path: "locked", reason: "folder cannot be read (EACCES)" },
    ]);
    await ended(child);
  });

  it("says that the storage folder cannot be written", async function () {
    if (process.platform === "win32") this.skip();
    const workspace = workspaceOf(1);
    const storage = temporary();
    const root = process.getuid?.() === 0;
    chmodSync(workspace, 0o755);
    chmodSync(storage, 0o555);
    const { until } = start(workspace, storage, "once", root ? 65_534 : undefined);
    const message = await until((message) => message.report !== undefined || message.failed !== undefined);
    assert.equal(message.failed, "unreadable");
    assert.match(message.sentence ?? "", /cannot be written/);
  });
});
