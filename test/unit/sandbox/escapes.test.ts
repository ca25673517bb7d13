// Escapes from the sandbox, each tried for real. Where the machine can isolate nothing these are skipped with their
// reason, never passed.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import type { Sandbox, SandboxResult } from "../../../src/engine/sandbox/sandbox.ts";
import type { SandboxLimits } from "../../../src/engine/sandbox/limits.ts";
import { openSandbox } from "./openSandbox.ts";

describe("the sandbox keeps in", function () {
  this.timeout(30_000);
  let box: Sandbox;
  let outside: string;

  before(async function () {
    // KALACTICA_BWRAP: the same escapes against bubblewrap where it is not on the PATH.
    const bubblewrapProgram = process.env.KALACTICA_BWRAP;
    box = await openSandbox(this, bubblewrapProgram === undefined ? {} : { bubblewrapProgram, ways: ["bubblewrap"] });
    outside = await mkdtemp(path.join(tmpdir(), "kalactica-outside-"));
    await writeFile(path.join(outside, "secret.txt"), "the secret");
  });

  after(async () => {
    await box?.close();
    if (outside) await rm(outside, { recursive: true, force: true });
  });

  const python = (code: string, limits?: Partial<SandboxLimits>): Promise<SandboxResult> => box.run({ language: "python", code, ...(limits ? { limits } : {}) });
  const javascript = (code: string, limits?: Partial<SandboxLimits>): Promise<SandboxResult> => box.run({ language: "javascript", code, ...(limits ? { limits } : {}) });

  it("a socket to this machine and out of it", async () => {
    const server = createServer((socket) => socket.end("reached")).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const result = await python(`
import socket
for place in [("127.0.0.1", ${port}), ("1.1.1.1", 53), ("::1", ${port})]:
    try:
        socket.create_connection(place, timeout=2); print("reached", place)
    except OSError as error:
        print("no", error.errno)
`);
      assert.equal(result.outcome, "passed", result.stderr);
      assert.doesNotMatch(result.stdout, /reached/);
      assert.equal(result.stdout.match(/^no/gm)?.length, 3);
    } finally {
      server.close();
    }
  });

  it("writing outside its folder", async () => {
    const result = await python(`
import os
for place in [${JSON.stringify(outside)} + "/made", "/usr/made", "/made", "/etc/made", "/dev/made", ${JSON.stringify(homedir())} + "/made", "/proc/sys/kernel/hostname"]:
    try:
        open(place, "w").write("x"); print("wrote", place)
    except OSError as error:
        print("no", error.errno)
open("own.txt", "w").write("x"); open("/tmp/own.txt", "w").write("x"); print("own folder")
`);
    assert.equal(result.outcome, "passed", result.stderr);
    assert.doesNotMatch(result.stdout, /wrote/);
    assert.match(result.stdout, /own folder/);
    assert.deepEqual(await readdir(outside), ["secret.txt"]);
  });

  it("reading the home folder, secrets and this repository", async () => {
    const places = [path.join(outside, "secret.txt"), homedir(), path.join(homedir(), ".ssh"), "/etc/shadow", "/root", "/home", "/var", "/work", "/sys", "/proc/1/root/etc/shadow", "/proc/1/root/home", "/proc/self/root/../etc/shadow", path.resolve("package.json")];
    const result = await python(`
import os
for place in ${JSON.stringify(places)}:
    try:
        found = os.listdir(place) if os.path.isdir(place) else open(place).read()
        # The interpreter's own folder may lie in the home folder and is shown: its parents hold nothing else.
        if found and not all(name in ${JSON.stringify(homedir())} + " .pyenv main node_modules" for name in (found if isinstance(found, list) else [found])): print("READ", place, found)
    except OSError:
        pass
print("done")
`);
    assert.equal(result.outcome, "passed", result.stderr);
    assert.doesNotMatch(result.stdout, /READ/);
  });

  it("remounting, new namespaces and becoming root", async () => {
    const result = await python(`
import ctypes, os, subprocess
libc = ctypes.CDLL(None, use_errno=True)
print("remount", libc.mount(b"none", b"/", None, 32 | 4096, None))
print("umount", libc.umount2(b"/box", 2))
for flag in (0x10000000, 0x40000000, 0x00020000): print("unshare", libc.unshare(flag))
print("chroot", libc.chroot(b"/box"))
print("setuid", libc.setuid(0))
print("sudo", subprocess.run(["/bin/sh", "-c", "su root -c id; sudo id; mount -o remount,rw /"], capture_output=True, stdin=subprocess.DEVNULL).stdout)
`);
    assert.equal(result.outcome, "passed", result.stderr);
    assert.equal(result.stdout.match(/^(remount|umount|unshare|chroot|setuid) -1$/gm)?.length, 7, result.stdout);
    assert.match(result.stdout, /sudo b''/);
  });

  it("more processes than it may have", async () => {
    const result = await python("import os, time\ncount = 0\ntry:\n    while count < 200:\n        if os.fork() == 0: time.sleep(20)\n        count += 1\nexcept OSError as error: print(count, error.errno, flush=True)\nos._exit(0)", { processes: 20, wallMs: 5000 });
    // EAGAIN, and some of the twenty are the sandbox's own.
    assert.match(result.stdout, /^1?\d 11$/m, `${result.outcome} ${result.stdout} ${result.stderr}`);
  });

  it("a fork bomb", async () => {
    const started = performance.now();
    const result = await python("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n", { wallMs: 1500, processes: 20 });
    assert.equal(result.outcome, "timeout");
    assert.ok(performance.now() - started < 8000);
    await noneLeft("fork bomb");
  });

  it("memory bombs in one process, in many, and in shared memory", async () => {
    const limits = { memoryBytes: 96e6, wallMs: 8000 };
    const [one, many, shared, heap] = await Promise.all([
      python("x = []\nwhile True: x.append(bytearray(10_000_000))", limits),
      python("import os, time\nfor _ in range(6):\n    if os.fork() == 0: break\nx = bytearray(60_000_000)\nx[::4096] = b'1' * len(x[::4096])\ntime.sleep(6)", limits),
      python("import mmap, time\nm = mmap.mmap(-1, 2_000_000_000)\nfor i in range(0, 2_000_000_000, 4096): m[i] = 1\ntime.sleep(6)", limits),
      javascript("const x = []; for (;;) x.push(new Array(100000).fill(Math.random()));", limits),
    ]);
    assert.deepEqual([one.outcome, many.outcome, shared.outcome, heap.outcome], ["memory", "memory", "memory", "memory"]);
  });

  it("endless output", async () => {
    const result = await python("while True: print('x' * 1000)", { outputBytes: 50_000 });
    assert.equal(result.outcome, "output");
    assert.equal(result.stdout.length, 50_000);
    const quiet = await javascript("for (;;) process.stderr.write('y'.repeat(1000))", { outputBytes: 50_000 });
    assert.equal(quiet.outcome, "output");
  });

  it("an endless loop, and sleeping for ever", async () => {
    const [loop, sleep, cpu] = await Promise.all([
      javascript("for (;;);", { wallMs: 700 }),
      python("import time; time.sleep(1000)", { wallMs: 700 }),
      python("while True: pass", { wallMs: 20_000, cpuSeconds: 1 }),
    ]);
    assert.deepEqual([loop.outcome, sleep.outcome, cpu.outcome], ["timeout", "timeout", "timeout"]);
    assert.ok(cpu.ms < 10_000);
  });

  it("a daemon that outlives its parent", async () => {
    const result = await python(`
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in (0, 1, 2): os.close(fd)
        time.sleep(300)
    os._exit(0)
print("left")
`);
    assert.equal(result.outcome, "passed", result.stderr);
    await noneLeft("daemon");
  });

  it("signals to its parents and to everybody", async () => {
    const result = await python(`
import os, signal
for pid in (${process.pid}, ${process.ppid}, 1, os.getppid()):
    for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP):
        try: os.kill(pid, sig)
        except OSError: pass
print("still here", flush=True)
os.kill(-1, signal.SIGTERM)
`);
    assert.match(result.stdout, /still here/);
  });

  it("a huge file, many files and a full folder", async () => {
    const result = await python(`
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def attempt(what, work):
    try: work(); print("DID", what)
    except OSError as error: print("no", what, error.errno)
def huge():
    with open("huge", "wb") as f:
        for _ in range(100): f.write(bytes(1_000_000))
def sparse():
    with open("sparse", "wb") as f: f.truncate(10**12)
def many():
    for i in range(100_000): open(f"f{i}", "w").close()
def full():
    for i in range(100):
        with open(f"big{i}", "wb") as f: f.write(bytes(3_000_000))
attempt("huge", huge); attempt("sparse", sparse); attempt("full", full); 
if ${box.isolation.name === "namespaces" ? "True" : "False"}: attempt("many", many)  # bubblewrap cannot limit the number of files
`, { fileBytes: 4e6, folderBytes: 16e6 });
    assert.equal(result.outcome, "passed", result.stderr);
    assert.doesNotMatch(result.stdout, /DID/);
  });

  it("links out of its folder", async () => {
    const victim = path.join(outside, "secret.txt");
    const result = await python(`
import os
os.symlink(${JSON.stringify(outside)}, "link"); os.symlink("/", "root")
for place in ("link/secret.txt", "root/etc/shadow"):
    try: print("READ", open(place).read())
    except OSError: print("no")
for place in ("link/made", "root/made"):
    try: open(place, "w"); print("WROTE")
    except OSError: print("no")
`);
    assert.equal(result.stdout, "no\nno\nno\nno\n", result.stderr);
    assert.equal(await readFile(victim, "utf8"), "the secret");
  });

  it("the environment and the standard input of this process", async () => {
    process.env.KALACTICA_TEST_TOKEN = "a-token-nobody-may-see";
    try {
      const result = await box.run({ language: "javascript", code: "import fs from 'node:fs'; console.log(JSON.stringify(process.env), JSON.stringify(fs.readFileSync(0, 'utf8')), process.argv.length)" });
      assert.doesNotMatch(result.stdout, /a-token/);
      assert.match(result.stdout, /"" 2/);
      assert.match(result.stdout, /"TZ":"UTC"/);
    } finally {
      delete process.env.KALACTICA_TEST_TOKEN;
    }
  });

  it("looking at other processes", async () => {
    const result = await python(`
import os
pids = [p for p in os.listdir("/proc") if p.isdigit()] if os.path.isdir("/proc") else []
print(len(pids))
for p in pids + ["${process.pid}"]:
    # bubblewrap's own first processes are the program's equals; they hold nothing of the user's.
    if int(p) == os.getpid() or (${box.isolation.name === "bubblewrap" ? "True" : "False"} and int(p) < os.getpid()): continue
    for name in ("environ", "mem", "cwd", "root", "maps"):
        try:
            with open(f"/proc/{p}/{name}", "rb") as f: f.read(1); print("READ", p, name)
        except OSError: pass
`);
    assert.equal(result.outcome, "passed", result.stderr);
    assert.ok(Number(result.stdout.split("\n")[0]) <= 4, result.stdout);
    assert.doesNotMatch(result.stdout, /READ/);
  });

  it("gives the same environment each time", async () => {
    const code = "import time; print(hash('a'), time.tzname, sorted(set('kalactica')), list(set('kalactica')))";
    const [first, second] = await Promise.all([python(code), python(code)]);
    assert.equal(first.outcome, "passed", first.stderr);
    assert.equal(first.stdout, second.stdout);
    assert.match(first.stdout, /UTC/);
  });
});

/** Fails when a process of a box is still there shortly after its end. */
async function noneLeft(attack: string): Promise<void> {
  if (!existsSync("/proc/self/cmdline")) return;
  const own = await readlink("/proc/self/ns/pid");
  for (let attempt = 0; ; attempt++) {
    let found = "";
    for (const pid of await readdir("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      // What runs in a box has process numbers of its own.
      const [space, command] = await Promise.all([readlink(`/proc/${pid}/ns/pid`), readFile(`/proc/${pid}/cmdline`, "latin1")]).catch(() => ["", ""]);
      if (space !== "" && space !== own && command?.includes("main.py")) found = `${pid} ${command}`;
    }
    if (found === "") return;
    if (attempt === 20) assert.fail(`Left after ${attack}: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
