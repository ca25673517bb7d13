// The task: cache before look-up before model, one gate, the cap holds, cancellation is quiet, the screen has the last word.
import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { CancelledError } from "../../../src/engine/base/errors.ts";
import { Scheduler } from "../../../src/engine/base/scheduler.ts";
import type { CompletionModel, InfillRequest } from "../../../src/engine/completion/completionModel.ts";
import { CompletionSession } from "../../../src/engine/completion/session.ts";
import type { CompleteParams } from "../../../src/engine/protocol/types.ts";
import { DEFAULT_SETTINGS } from "../../../src/engine/settings.ts";
import { completeCode, type CompleteDependencies } from "../../../src/engine/tasks/completeCode.ts";

const corpus = [1, 2, 3, 4, 5, 6].map((n) => `export function f${n}(input: Input): void {\n  const checked = validateInput(input, currentOptions);\n  store.save(checked);\n}\n`).join("\n");
const sessions: CompletionSession[] = [];

async function sessionWith(texts: Record<string, string> = { "src/a.ts": corpus }): Promise<CompletionSession> {
  const session = new CompletionSession({ capacity: 100_000 });
  sessions.push(session);
  await session.load(Object.entries(texts).map(([path, text]) => ({ path, language: "typescript", text })));
  return session;
}

const at = (prefix: string, suffix = "\n}\n", extra: Partial<CompleteParams> = {}): CompleteParams => ({
  path: "src/b.ts", language: "typescript", prefix, suffix, line: 1, column: 0, trigger: "automatic", ...extra,
});
const sure = "export function g(input: Input): void {\n  const checked = validateInput(";
const unknown = "quux frobnicate zyzzy ";

async function dependencies(extra: Partial<CompleteDependencies> = {}): Promise<CompleteDependencies> {
  return {
    session: extra.session ?? (await sessionWith()), settings: DEFAULT_SETTINGS, scheduler: new Scheduler(), model: null,
    screenCompletion: () => ({ action: "allow", checks: [], ms: 0 }), prepareNext: false, ...extra,
  };
}

/** Waits for what happens in the background; the test's own time limit tells where it does not. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function replaying(text: string, logProb: number, watch: { asked: number } = { asked: 0 }): CompletionModel {
  return {
    infill: (request: InfillRequest) => {
      watch.asked++;
      let sofar = "";
      for (const piece of text.match(/\s*\S+|\s+$/g) ?? []) {
        sofar += piece;
        if (!request.keepGoing(sofar)) break;
      }
      return Promise.resolve({ text: sofar, tokenLogProbs: sofar.split(" ").map(() => logProb), tokens: { prompt: 9, reused: 8, generated: 3 }, firstTokenMs: 1, endLogProb: logProb, ended: "endOfMiddle" as const });
    },
    scoreContinuation: () => Promise.resolve({ tokenLogProbs: [-4, -4, -4], tokens: { prompt: 9, reused: 9, generated: 0 } }),
  };
}

describe("completeCode", () => {
  afterEach(() => {
    for (const session of sessions.splice(0)) session.dispose();
  });

  it("shows what the workspace continues with, by look-up alone", async () => {
    const result = await completeCode(at(sure), await dependencies());
    assert.equal(result.text, "input, currentOptions);");
    assert.equal(result.source, "lookup");
    assert.ok(result.confidence > 0.4 && result.confidence <= 1);
  });

  it("fills an open block that the workspace always fills alike, within the line limit", async () => {
    const guards = ["a", "b", "c", "d", "e"].map((name) => `function ${name}(event) {\n  if (!event) {\n    return null;\n  }\n  dispatch(event);\n}\n`).join("\n");
    const deps = await dependencies({ session: await sessionWith({ "src/a.ts": guards }) });
    const place = at(`${guards}\nfunction omega(event) {\n  if (`, "\n}\n");
    assert.equal((await completeCode(place, deps)).text, "!event) {\n    return null;\n  }");
    deps.session.cache.clear();
    assert.equal((await completeCode(place, { ...deps, settings: { ...DEFAULT_SETTINGS, "completion.maximumLines": 1 } })).text, "!event) {");
  });

  it("is silent where it does not know", async () => {
    const result = await completeCode(at(unknown), await dependencies());
    assert.equal(result.text, null);
    assert.ok(result.reason === "belowGate" || result.reason === "noCandidate");
  });

  it("is silent inside a word, before other text, in disabled languages and when switched off", async () => {
    const deps = await dependencies();
    assert.equal((await completeCode(at("con", "st x\n"), deps)).reason, "insideWord");
    assert.equal((await completeCode(at(sure, " other(text)\n"), deps)).reason, "noCandidate");
    assert.equal((await completeCode(at(sure, "\n", { language: "markdown" }), deps)).reason, "disabledLanguage");
    assert.equal((await completeCode(at(sure), { ...deps, settings: { ...DEFAULT_SETTINGS, "completion.enabled": false } })).reason, "disabledLanguage");
    assert.notEqual((await completeCode(at(sure, "\n", { language: "markdown", trigger: "manual" }), deps)).reason, "disabledLanguage");
  });

  it("answers typing along from the cache, without asking the model", async () => {
    const watch = { asked: 0 };
    const deps = await dependencies({ model: replaying("input, currentOptions);\n", -0.01, watch) });
    const first = await completeCode(at(sure), deps);
    const asked = watch.asked;
    const second = await completeCode(at(`${sure}input, `), deps);
    assert.equal(second.source, "cache");
    assert.equal(second.text, first.text?.slice("input, ".length));
    assert.equal(second.completionId, first.completionId);
    assert.equal(watch.asked, asked);
  });

  it("takes the model's text where the look-up has nothing", async () => {
    const deps = await dependencies({ model: replaying("blorb.snark();\nmore", -0.001), settings: { ...DEFAULT_SETTINGS, "completion.gate": 0 } });
    const result = await completeCode(at(unknown, "\n"), deps);
    assert.equal(result.text, "blorb.snark();");
    assert.equal(result.source, "model");
    assert.deepEqual(result.tokens, { prompt: 9, reused: 8, generated: 3 });
  });

  it("falls back to the look-up when the model is late, within the cap", async () => {
    const model: CompletionModel = {
        infill: ({ signal }) => new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new CancelledError()), { once: true })),
      scoreContinuation: () => Promise.reject(new CancelledError()),
    };
    const deps = await dependencies({ model, settings: { ...DEFAULT_SETTINGS, "completion.timeoutMs": 80, "completion.gate": 0.01 } });
    const started = performance.now();
    const result = await completeCode(at("export function g(input: Input): void {\n  const checked = ", "\n}\n"), deps);
    assert.ok(performance.now() - started < 3_000);
    assert.equal(result.source, "lookup");
    const none = await completeCode(at(unknown, "\n"), { ...deps, settings: { ...DEFAULT_SETTINGS, "completion.timeoutMs": 80, "completion.gate": 1 } });
    assert.equal(none.reason, "timeout");
  });

  it("survives a failing model", async () => {
    const model: CompletionModel = { infill: () => Promise.reject(new Error("native failure")), scoreContinuation: () => Promise.reject(new CancelledError()) };
    const result = await completeCode(at("export function g(input: Input): void {\n  const checked = "), await dependencies({ model, settings: { ...DEFAULT_SETTINGS, "completion.gate": 0.01 } }));
    assert.equal(result.source, "lookup");
  });

  it("throws CancelledError when the request is cancelled, also while the model computes", async () => {
    const controller = new AbortController();
    const model: CompletionModel = {
        infill: ({ signal }) => new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new CancelledError()), { once: true })),
      scoreContinuation: () => Promise.reject(new CancelledError()),
    };
    const running = completeCode(at(unknown, "\n"), await dependencies({ model, signal: controller.signal }));
    setTimeout(() => controller.abort(), 10);
    await assert.rejects(running, CancelledError);
  });

  it("shows nothing that the screen blocks", async () => {
    const result = await completeCode(at(sure), await dependencies({ screenCompletion: () => ({ action: "block", checks: [], ms: 1 }) }));
    assert.equal(result.text, null);
    assert.equal(result.reason, "filtered");
    assert.equal(result.verdict.action, "block");
  });

  it("lowers the gate for a manual request", async () => {
    const deps = await dependencies();
    const place = at("export function g(input: Input): void {\n  const checked = validateInput(");
    const { confidence } = await completeCode(place, deps);
    const settings = { ...DEFAULT_SETTINGS, "completion.gate": Math.min(1, confidence + 0.02) };
    const fresh = await dependencies({ settings });
    assert.equal((await completeCode(place, fresh)).reason, "belowGate");
    assert.notEqual((await completeCode({ ...place, trigger: "manual" }, fresh)).text, null);
  });

  it("prepares the next line, so that accepting and Enter are answered from the cache", async () => {
    const deps = await dependencies({ prepareNext: true, session: await sessionWith({ "src/a.ts": corpus }) });
    const first = await completeCode(at(sure), deps);
    assert.equal(first.text, "input, currentOptions);");
    const place = at(`${sure}${first.text}\n  `);
    await until(() => deps.session.cache.find(place) !== null);
    const next = await completeCode(place, deps);
    assert.equal(next.source, "cache");
    assert.equal(next.text, "store.save(checked);");
  });

  it("drops what it prepares when something else is asked", async () => {
    let asked = 0;
    const aborted: boolean[] = [];
    const model: CompletionModel = {
      infill: ({ signal }) => {
        asked++;
        return new Promise((_, reject) => signal?.addEventListener("abort", () => {
          aborted.push(true);
          reject(new CancelledError());
        }, { once: true }));
      },
      scoreContinuation: () => Promise.reject(new CancelledError()),
    };
    const deps = await dependencies({ prepareNext: true, model, settings: { ...DEFAULT_SETTINGS, "completion.gate": 0.01, "completion.timeoutMs": 1_000 } });
    await completeCode(at("export function g(input: Input): void {\n  const checked = "), deps);
    const before = asked;
    await until(() => asked > before);
    await completeCode(at(unknown, "\n"), { ...deps, model: null });
    await until(() => aborted.length >= 2);
  });
});
