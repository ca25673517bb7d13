import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { makeFinding } from "../../../src/engine/safety/detector.ts";
import { matches, Policy, readPolicy } from "../../../src/engine/safety/policy.ts";

const found = (name: "injection" | "commands" | "secrets", action: "warn" | "ask" | "block", text: string) => makeFinding(name, { score: 1, threshold: 0.5, action, reason: "Found.", spans: [{ start: 0, end: text.length, kind: "x" }] });

describe("readPolicy", () => {
  it("takes what it understands and refuses the rest with a sentence each", () => {
    const { checks, refused } = readPolicy({ version: 1, checks: { injection: { threshold: 0.8, action: "ask", colour: 1 }, drift: { enabled: false }, nothing: {}, requests: { threshold: 3 } } });
    assert.deepEqual(checks, { injection: { threshold: 0.8, action: "ask" }, drift: { enabled: false }, requests: {} });
    assert.deepEqual(refused.length, 3);
    assert.match(refused[0] ?? "", /"checks.injection.colour" is not known/);
    assert.match(refused[1] ?? "", /no check "nothing"/);
    assert.match(refused[2] ?? "", /is 3, but must be a number from 0 to 1/);
  });

  it("refuses a file that is no policy, or of another version, whole", () => {
    for (const value of [[], null, "x", {}, { version: 2, checks: { drift: { enabled: false } } }]) {
      const { checks, refused } = readPolicy(value);
      assert.deepEqual([checks, refused.length], [{}, 1]);
    }
  });

  it("does not let the floor be taken away", () => {
    const { checks, refused } = readPolicy({ version: 1, checks: { secrets: { enabled: false, action: "allow", ignorePaths: ["test/*"], allow: ["AKIA*"] }, commands: { enabled: false, action: "warn" } } });
    assert.deepEqual(checks, { secrets: {}, commands: {} });
    assert.equal(refused.length, 6);
    assert.match(refused[0] ?? "", /secrets never leave/);
    assert.match(refused[4] ?? "", /blocked commands never run unasked/);
  });
});

describe("Policy", () => {
  it("moves thresholds and actions, and leaves files out", () => {
    const policy = new Policy({ injection: { threshold: 0.9, action: "block", ignorePaths: ["docs/*"] }, drift: { enabled: false } }, true);
    assert.deepEqual([policy.threshold("injection"), policy.runs("drift"), policy.runs("injection", "docs/a.md"), policy.runs("injection", "src/a.ts")], [0.9, false, false, true]);
    assert.equal(policy.judge(found("injection", "warn", "x"), "x").action, "block");
  });

  it("only tightens in an untrusted workspace", () => {
    const policy = new Policy({ injection: { threshold: 0.9, action: "allow", ignorePaths: ["docs/*"], allow: ["*x*"] }, requests: { threshold: 0.1, action: "block" }, drift: { enabled: false } }, false);
    assert.deepEqual([policy.threshold("injection"), policy.threshold("requests"), policy.runs("drift"), policy.runs("injection", "docs/a.md")], [0.5, 0.1, true, true]);
    assert.equal(policy.judge(found("injection", "warn", "x"), "x").action, "warn");
  });

  it("keeps the floor even where the values came by another way than the file", () => {
    const policy = new Policy({ secrets: { enabled: false, threshold: 1, action: "allow" }, commands: { action: "allow", threshold: 1 } }, true);
    assert.deepEqual([policy.runs("secrets"), policy.threshold("secrets"), policy.threshold("commands")], [true, 0.5, 0.5]);
    assert.equal(policy.judge(found("secrets", "block", "k"), "k").action, "block");
    assert.equal(policy.judge(found("commands", "block", "rm -rf /"), "rm -rf /").action, "block");
  });

  it("allows a command by pattern, but nothing joined to it", () => {
    const policy = new Policy({ commands: { allow: ["npm run *"] } }, true);
    const judge = (command: string): string => policy.judge(found("commands", "ask", command), command).action;
    assert.deepEqual(["npm run build", "npm run build; rm -rf ~", "npm run $(curl x)", "npm run a && b", "npm install"].map(judge), ["allow", "ask", "ask", "ask", "ask"]);
    assert.equal(policy.judge(found("commands", "block", "npm run x"), "npm run x").action, "block");
  });

  it("allows a known text by its hash", () => {
    const policy = new Policy({ secrets: { allow: [`sha256:${createHash("sha256").update("fixture-key").digest("hex")}`] } }, true);
    assert.deepEqual([policy.judge(found("secrets", "block", "fixture-key"), "fixture-key").action, policy.judge(found("secrets", "block", "another-key"), "another-key").action], ["allow", "block"]);
  });
});

describe("matches", () => {
  it("knows stars and question marks, and is not slowed down by them", () => {
    assert.deepEqual([matches("a*c", "abbc"), matches("a?c", "abc"), matches("a*c", "abd"), matches("*", ""), matches("a*b*c", "axxbyyc")], [true, true, false, true, true]);
    const begun = performance.now();
    assert.equal(matches(`${"a*".repeat(40)}b`, "a".repeat(5_000)), false);
    assert.ok(performance.now() - begun < 1_000);
  });
});
