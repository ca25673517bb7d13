import assert from "node:assert/strict";
import { TEXT_DETECTORS } from "../../../src/engine/safety/detectors.ts";
import { makeFinding } from "../../../src/engine/safety/detector.ts";
import type { Detector } from "../../../src/engine/safety/detector.ts";
import { Policy } from "../../../src/engine/safety/policy.ts";
import { screened, screenText } from "../../../src/engine/safety/screen.ts";
import { THRESHOLDS } from "../../../src/engine/safety/thresholds.ts";
import { CHECK_NAMES } from "../../../src/engine/safety/verdict.ts";

const detector = (detect: Detector["detect"], more: Partial<Detector> = {}): Detector => ({ name: "drift", kinds: ["output"], deadlineMs: 20, unchecked: "ask", detect, ...more });
const fine = (action: "allow" | "warn") => makeFinding("drift", { score: 0, threshold: 1, action, reason: "." });

describe("screenText", () => {
  it("runs what judges the kind of text and combines the verdict", async () => {
    const verdict = await screenText(screened("x", "output"), [detector(() => fine("allow")), detector(() => fine("warn")), detector(() => fine("warn"), { kinds: ["code"] })]);
    assert.deepEqual([verdict.action, verdict.checks.length], ["warn", 2]);
  });

  it("counts a late check as not checked, never as passed", async () => {
    const never = await screenText(screened("x", "output"), [detector(() => new Promise<never>(() => undefined))]);
    assert.deepEqual([never.action, never.checks[0]?.notChecked, never.checks[0]?.reason], ["ask", true, "Not checked: not done within 20 ms."]);
    const looping = await screenText(screened("x", "output"), [detector((_, { deadline }) => {
      for (;;) deadline.check();
    })]);
    assert.deepEqual([looping.action, looping.checks[0]?.notChecked], ["ask", true]);
  });

  it("counts a failed check as not checked, and is cancelled quietly", async () => {
    const failed = await screenText(screened("x", "output"), [detector(() => { throw new TypeError("no grammar"); })]);
    assert.deepEqual([failed.action, failed.checks[0]?.reason], ["ask", "Not checked: no grammar."]);
    const abort = new AbortController();
    abort.abort();
    await assert.rejects(screenText(screened("x", "output"), [detector(() => fine("allow"))], { signal: abort.signal }), { name: "CancelledError" });
  });

  it("follows the policy", async () => {
    const verdict = await screenText(screened("x", "output"), [detector(() => fine("warn"))], { policy: new Policy({ drift: { enabled: false } }, true) });
    assert.deepEqual([verdict.action, verdict.checks], ["allow", []]);
  });

  it("has a threshold with its measurement for every check", () => {
    assert.deepEqual(Object.keys(THRESHOLDS).sort(), [...CHECK_NAMES].sort());
    for (const { value, measured } of Object.values(THRESHOLDS)) assert.ok(value > 0 && value <= 1 && measured.length > 10);
  });
});

describe("the detectors together", () => {
  const check = async (text: string, kind: "input" | "context" | "output") => screenText(screened(text, kind), TEXT_DETECTORS);

  for (const [name, text] of [
    ["10 MB of words", "lorem ipsum dolor sit amet ".repeat(400_000)], ["base64 of everything", Buffer.from("all work and no play ".repeat(40_000)).toString("base64")], ["deep nesting", "(".repeat(200_000) + ")".repeat(200_000)],
    ["one long line of assignments", "key=".repeat(100_000)], ["quotes", "\"'`".repeat(100_000)], ["a row of a's", `${"a".repeat(300_000)}!`], ["zero-width characters", "a\u200b".repeat(200_000)], ["lone surrogates", "\ud800\udc00\ud800".repeat(20_000)], ["tags", "<".repeat(200_000)],
  ] as const) {
    it(`take bounded time for ${name}`, async () => {
      for (const kind of ["input", "context"] as const) {
        const begun = performance.now();
        const verdict = await check(text, kind);
        assert.ok(performance.now() - begun < 6_000, `${performance.now() - begun} ms`);
        if (text.length > 1_000_000) assert.notEqual(verdict.action, "allow");
      }
    }).timeout(20_000);
  }
});
