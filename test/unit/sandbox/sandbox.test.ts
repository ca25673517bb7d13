// Opening the sandbox, what it refuses, and what it gives back; the escapes are in escapes.test.ts.
import assert from "node:assert/strict";
import { access, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { Sandbox } from "../../../src/engine/sandbox/sandbox.ts";
import { checkedFileName, shellWord } from "../../../src/engine/sandbox/isolation/isolation.ts";
import { seatbeltProfile } from "../../../src/engine/sandbox/isolation/seatbelt.ts";
import { withDefaults } from "../../../src/engine/sandbox/limits.ts";
import { seccompFilter } from "../../../src/engine/sandbox/seccompFilter.ts";
import { openSandbox } from "./openSandbox.ts";

describe("the sandbox", function () {
  this.timeout(30_000);

  it("refuses to run code without isolation unless its caller insists, and then says so", async () => {
    await assert.rejects(Sandbox.open({ ways: ["none"] }), (error: Error & { reason?: string }) => {
      assert.equal(error.reason, "nativeMissing");
      assert.match(error.message, /cannot be isolated.*not run/);
      return true;
    });
    const box = await Sandbox.open({ ways: ["none"], allowWithoutNetworkIsolation: true });
    try {
      assert.deepEqual([box.describe().isolation, box.describe().withoutNetwork], ["none", false]);
      assert.match(box.describe().sentence, /Nothing isolates generated code/);
      // Even so: a folder of its own that goes, a clean environment, limits, and nothing left behind.
      process.env.KALACTICA_TEST_TOKEN = "secret";
      const result = await box.run({ language: "python", code: "import os, sys\nopen('x', 'w').write('y')\nos.symlink('/etc', 'link')\nprint(os.getcwd(), sorted(os.environ), sys.stdin.read())\nif os.fork() == 0:\n    os.setsid()\n    import time; time.sleep(60)\n", stdin: "in" });
      assert.equal(result.outcome, "passed", result.stderr);
      assert.doesNotMatch(result.stdout, /KALACTICA_TEST_TOKEN/);
      assert.match(result.stdout, /'TZ'.* in\n$/);
      await assert.rejects(access(result.stdout.split(" ")[0] ?? ""));
      const loop = await box.run({ language: "python", code: "while True: pass", limits: { wallMs: 400 } });
      assert.equal(loop.outcome, "timeout");
      await access("/etc");
    } finally {
      delete process.env.KALACTICA_TEST_TOKEN;
      await box.close();
    }
  });

  describe("where code can be isolated", () => {
    let box: Sandbox;
    before(async function () {
      box = await openSandbox(this, { parallel: 2 });
    });
    after(() => box?.close());

    it("runs Python, JavaScript and TypeScript with input and files, and gives back what they say", async () => {
      const [python, javascript, typescript] = await Promise.all([
        box.run({ language: "python", code: "import sys\nfrom pack.one import x\nprint(x + sys.stdin.read())\nsys.stderr.write('err')\nsys.exit(3)", stdin: "in", files: { "pack/one.py": "x = 'ä\\'$(id)'" } }),
        box.run({ language: "javascript", code: "import { readFileSync } from 'node:fs'; console.log(readFileSync('a b.bin').toString('hex'))", files: { "a b.bin": Uint8Array.of(0, 255, 10) } }),
        box.run({ language: "typescript", code: "interface A { x: number }\nconst a: A = { x: 2 };\nconsole.log(a.x satisfies number)" }),
      ]);
      assert.deepEqual([python.outcome, python.exitCode, python.stdout, python.stderr], ["failed", 3, "ä'$(id)in\n", "err"]);
      assert.deepEqual([javascript.outcome, javascript.stdout], ["passed", "00ff0a\n"], javascript.stderr);
      assert.deepEqual([typescript.outcome, typescript.stdout], ["passed", "2\n"], typescript.stderr);
    });

    it("tells a crash from a failure", async () => {
      const crash = await box.run({ language: "python", code: "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)" });
      assert.deepEqual([crash.outcome, crash.exitCode, crash.signal], ["killed", null, 11]);
    });

    it("bounds how many run at once, and takes cancelled ones out of the queue", async () => {
      const started = performance.now();
      const controller = new AbortController();
      const sleeps = Array.from({ length: 4 }, () => box.run({ language: "python", code: "import time; time.sleep(0.5)" }));
      const waiting = box.run({ language: "python", code: "", signal: controller.signal });
      const refused = assert.rejects(waiting, { name: "CancelledError" });
      controller.abort();
      await refused;
      assert.ok(performance.now() - started < 500, "left the queue at once");
      await Promise.all(sleeps);
      assert.ok(performance.now() - started >= 1000, "two at a time");
    });

    it("ends a running program when it is cancelled", async () => {
      const controller = new AbortController();
      const running = box.run({ language: "javascript", code: "setInterval(() => {}, 1000)", signal: controller.signal });
      setTimeout(() => { controller.abort(); }, 400);
      await assert.rejects(running, { name: "CancelledError" });
    });

    it("refuses files that lead out of its folder and limits that are none", async () => {
      await assert.rejects(box.run({ language: "python", code: "", files: { "../x": "" } }), { reason: "badRequest" });
      await assert.rejects(box.run({ language: "python", code: "", limits: { wallMs: 0 } }), RangeError);
    });
  });

  it("names interpreters that are missing", async function () {
    const box = await openSandbox(this, { programs: { python: "/nowhere/python3", node: "/nowhere/node" } });
    try {
      await assert.rejects(box.run({ language: "python", code: "" }), /Python 3 was not found \(tried \/nowhere\/python3\)/);
      await assert.rejects(box.run({ language: "typescript", code: "" }), /Node was not found at \/nowhere\/node/);
    } finally {
      await box.close();
    }
  });

  it("leaves nothing in the temporary folder once closed", async () => {
    const ours = async (): Promise<string[]> => (await readdir(tmpdir())).filter((name) => /^kalactica-(box|seccomp)-/.test(name));
    const before = new Set(await ours());
    await assert.rejects(Sandbox.open({ ways: ["none"] }));
    const box = await Sandbox.open({ ways: ["none"], allowWithoutNetworkIsolation: true });
    await box.run({ language: "python", code: "print(1)" });
    await box.close();
    // Other tests may run beside this one: only what lasts counts.
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok((await ours()).filter((name) => !before.has(name)).length <= 1);
  });
});

describe("the parts of the sandbox", () => {
  it("quote words of the shell and check file names", () => {
    assert.equal(shellWord("it's $(x)"), "'it'\\''s $(x)'");
    assert.equal(checkedFileName("a/./b"), "a/b");
    for (const name of ["", ".", "..", "../x", "a/../../x", "/x", "a\nb", "a\\b", "a\0"]) assert.throws(() => checkedFileName(name), { reason: "badRequest" }, JSON.stringify(name));
  });

  it("refuse limits that are no positive numbers", () => {
    assert.throws(() => withDefaults({ memoryBytes: NaN }), RangeError);
    assert.equal(withDefaults({ wallMs: 5 }).wallMs, 5);
  });

  it("make a seccomp filter whose jumps stay inside it", () => {
    for (const architecture of ["x64", "arm64"] as const) {
      const filter = seccompFilter(architecture);
      assert.ok(filter);
      const count = filter.length / 8;
      const read = (at: number): { code: number; yes: number; no: number; value: number } => ({ code: filter.readUInt16LE(at * 8), yes: filter.readUInt8(at * 8 + 2), no: filter.readUInt8(at * 8 + 3), value: filter.readUInt32LE(at * 8 + 4) });
      /** What the filter answers to a call. */
      const answer = (audit: number, number: number, argument = 0): number => {
        let accumulator = 0;
        for (let at = 0; at < count;) {
          const { code, yes, no, value } = read(at++);
          if (code === 0x06) return value;
          if (code === 0x20) accumulator = value === 0 ? number : value === 4 ? audit : argument;
          else at += (code === 0x15 ? accumulator === value : code === 0x35 ? accumulator >= value : (accumulator & value) !== 0) ? yes : no;
        }
        throw new Error("ran off the end");
      };
      const [audit, ptrace, clone, write] = architecture === "x64" ? [0xc000003e, 101, 56, 1] : [0xc00000b7, 117, 220, 64];
      assert.equal(answer(audit, write), 0x7fff0000);
      assert.equal(answer(audit, ptrace), 0x00050001);
      assert.equal(answer(audit, clone, 0x11), 0x7fff0000);
      assert.equal(answer(audit, clone, 0x10000011), 0x00050001);
      assert.equal(answer(audit, 435), 0x00050026);
      assert.equal(answer(0x40000003, write), 0x80000000);
    }
    assert.equal(seccompFilter("mips"), undefined);
  });

  it("make a profile for macOS that denies by default and names its folder", () => {
    const profile = seatbeltProfile("/private/tmp/box", ["/opt/python"], "/Users/someone");
    assert.match(profile, /^\(version 1\)\n\(deny default\)/);
    assert.match(profile, /deny file-read\* \(subpath "\/Users\/someone"\)/);
    assert.match(profile, /file-write\* \(subpath "\/private\/tmp\/box"\)/);
    assert.ok(profile.indexOf("deny network*") > profile.lastIndexOf("allow network"));
  });
});
