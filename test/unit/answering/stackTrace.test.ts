import assert from "node:assert/strict";
import { findError } from "../../../src/engine/answering/stackTrace.ts";

const PLACES: [name: string, text: string, type: string, message: string, frames: string[]][] = [
  ["Python", 'Traceback (most recent call last):\n  File "/app/main.py", line 3, in <module>\n    run()\n  File "/app/lib/job.py", line 17, in run\n    raise ValueError("bad")\nValueError: bad', "ValueError", "bad", ["/app/lib/job.py:17", "/app/main.py:3"]],
  ["Node", "TypeError: Cannot read properties of undefined (reading 'x')\n    at Foo.bar (/home/u/src/foo.ts:10:5)\n    at async file:///home/u/src/main.ts:3:1\n    at node:internal/main:1:2", "TypeError", "Cannot read properties of undefined (reading 'x')", ["/home/u/src/foo.ts:10", "/home/u/src/main.ts:3", "node:internal/main:1"]],
  ["Firefox", "Uncaught Error: boom\nbar@http://localhost:3000/src/bar.js:7:3", "Error", "boom", ["src/bar.js:7"]],
  ["Go", "panic: runtime error: index out of range [3]\n\ngoroutine 1 [running]:\nmain.work(0x1)\n\t/go/src/app/work.go:21 +0x1d\nmain.main()\n\t/go/src/app/main.go:9 +0x25", "panic", "runtime error: index out of range [3]", ["/go/src/app/work.go:21", "/go/src/app/main.go:9"]],
  ["Rust", "thread 'main' panicked at src/main.rs:10:5:\ncalled `Option::unwrap()` on a `None` value", "panic", "called `Option::unwrap()` on a `None` value", ["src/main.rs:10"]],
  ["Java", 'Exception in thread "main" java.lang.IllegalStateException: no config\n\tat com.acme.Boot.load(Boot.java:44)\n\tat com.acme.Main.main(Main.java:5)', "IllegalStateException", "no config", ["Boot.java:44", "Main.java:5"]],
  ["C#", "System.NullReferenceException: Object reference not set\n   at Acme.Foo.Bar(Int32 x) in C:\\src\\Foo.cs:line 12", "NullReferenceException", "Object reference not set", ["C:/src/Foo.cs:12"]],
  ["Ruby", "app/models/user.rb:12:in `save': undefined (NoMethodError)\n\tfrom app/main.rb:3:in `run'", "", "", ["app/models/user.rb:12", "app/main.rb:3"]],
  ["PHP", "PHP Fatal error:  Uncaught thing in /var/www/a.php on line 12", "Fatal error", "Uncaught thing", ["/var/www/a.php:12"]],
  ["tsc", "src/x.ts(12,5): error TS2345: Argument of type 'A'", "TS2345", "Argument of type 'A'", ["src/x.ts:12"]],
  ["gcc", "src/x.c:12:5: error: expected ';'", "error", "expected ';'", ["src/x.c:12"]],
];

describe("findError", () => {
  for (const [name, text, type, message, frames] of PLACES) {
    it(`reads a trace of ${name}, innermost first`, () => {
      const error = findError(text);
      assert.ok(error);
      assert.deepEqual(error.frames.map((frame) => `${frame.path}:${frame.line}`), frames);
      if (name !== "gcc") assert.deepEqual([error.type, error.message], [type, message]);
    });
  }

  it("names the functions of frames", () => {
    assert.deepEqual(findError("Error: x\n    at async Foo.bar [as baz] (/a/b.ts:1:2)")?.frames[0]?.name, "Foo.bar");
    assert.equal(findError('  File "a.py", line 3, in load\nKeyError: 1')?.frames[0]?.name, "load");
  });

  it("finds an error named in a sentence", () => {
    assert.deepEqual(findError('why do I get "TypeError: x is not a function"?'), { type: "TypeError", message: "x is not a function", frames: [] });
  });

  it("finds none in an ordinary question", () => {
    for (const text of ["where is the error handling?", "what does parse do at 3:15", "Error handling overview please"]) assert.equal(findError(text), null, text);
  });

  it("keeps at most 32 frames of a deep recursion, each place once", () => {
    const trace = `RangeError: Maximum call stack\n${Array.from({ length: 200 }, (_, i) => `    at f (/a/b.ts:${i + 1}:1)`).join("\n")}\n${"    at f (/a/b.ts:1:1)\n".repeat(50)}`;
    assert.equal(findError(trace)?.frames.length, 32);
  });
});
