import assert from "node:assert/strict";
import { SILENT_LOG } from "../../../src/engine/base/log.ts";
import { examineModel } from "../../../src/engine/endpoints/examine.ts";
import type { InfillRoute } from "../../../src/engine/endpoints/modelServer.ts";
import { RemoteModel } from "../../../src/engine/endpoints/remoteModel.ts";
import { events, json, LoopbackServer, politeServer } from "../../support/loopbackServer.ts";
import type { Answer } from "../../support/loopbackServer.ts";

const lease = { yield: () => Promise.resolve() };

describe("endpoints: the middle between two texts", () => {
  let server: LoopbackServer;
  let base = "";
  beforeEach(async () => {
    server = new LoopbackServer(politeServer());
    base = await server.listen();
  });
  afterEach(() => server.close());

  const exchange = () => ({ name: "lab", base, host: "h", key: "", keyRemedy: "", times: { stallMs: 1_000, totalMs: 5_000 } });
  const model = (infill: InfillRoute): RemoteModel => new RemoteModel({
    endpoint: { name: "lab", base, model: "tiny", contextSize: 4096, contextFrom: "server", infill, addedAt: "" }, host: "h", leavesMachine: false, log: SILENT_LOG,
    redact: (text) => text.replaceAll("hunter2", "<redacted>"), mostContext: () => 8192, onChange: () => undefined, onContextSize: () => undefined, exchange: () => Promise.resolve(exchange()),
  });
  const request = { prefix: "password = 'hunter2'\nx = ", suffix: "\ny = 2\n", path: "a.py", context: [{ path: "b.py", text: "def b(): pass\n" }], maxTokens: 8, lease, keepGoing: () => true };
  const piece = (content: string, logprob?: number) => ({ content, stop: false, ...logprob === undefined ? {} : { completion_probabilities: [{ id: 1, token: content, logprob }] } });
  const last = { content: "", stop: true, stop_type: "eos", tokens_evaluated: 30, tokens_predicted: 2 };
  const llamaCpp = (...pieces: object[]): Answer => (response, asked, http) => {
    if (asked.path === "/props") {
      json(response, { default_generation_settings: { n_ctx: 2048 } });
      return;
    }
    if (asked.path !== "/infill") return politeServer({ contextSize: 2048, says: 32768 })(response, asked, http);
    events(response, ...pieces);
    response.end();
  };
  const completions = (honours: boolean, tells: boolean): Answer => (response, asked, http) => {
    if (asked.path !== "/v1/completions") return politeServer()(response, asked, http);
    const { prompt, suffix } = JSON.parse(asked.body) as { prompt: string; suffix: string };
    json(response, { choices: [{ text: "a + b", finish_reason: "length", ...tells ? { logprobs: { token_logprobs: [-0.1, -0.2] } } : {} }], usage: { prompt_tokens: `${prompt}${honours ? suffix : ""}`.split(/\s+/).length } });
  };

  it("is used only where the server writes it and says how sure it is", async () => {
    const found = async (answer: Answer): Promise<unknown> => {
      server.answer = answer;
      const { infill, contextSize } = await examineModel(exchange(), { id: "tiny", contextSize: 32768 });
      return [infill, contextSize];
    };
    assert.deepEqual(await found(llamaCpp(piece("a", -0.1), last)), ["llamaCpp", 2048], "its own word on the context, not what the model was trained with");
    assert.deepEqual(await found(llamaCpp(piece("a"), last)), [null, 2048]);
    assert.deepEqual(await found(llamaCpp({ error: { code: 501, message: "This model does not support infill" } })), [null, 2048]);
    assert.equal(((await found(completions(true, true))) as unknown[])[0], "completions");
    assert.equal(((await found(completions(false, true))) as unknown[])[0], null, "a suffix that is taken and ignored");
    assert.equal(((await found(completions(true, false))) as unknown[])[0], null);
  });

  it("comes with its probabilities, from what is before and after without secrets", async () => {
    server.answer = llamaCpp(piece("1", -0.25), piece(" + 2", -0.5), last);
    const { text, tokenLogProbs, ended, tokens } = await model("llamaCpp").infill(request);
    assert.deepEqual({ text, tokenLogProbs, ended, tokens }, { text: "1 + 2", tokenLogProbs: [-0.25, -0.5], ended: "endOfMiddle", tokens: { prompt: 30, reused: 0, generated: 2 } });
    const [sent] = server.bodies("/infill");
    assert.deepEqual([sent?.["input_prefix"], sent?.["input_suffix"], sent?.["input_extra"]], ["password = '<redacted>'\nx = ", "\ny = 2\n", [{ filename: "b.py", text: "def b(): pass\n" }]]);
    server.answer = llamaCpp(piece("1", -0.25), piece(" + 2"), last);
    assert.deepEqual((await model("llamaCpp").infill(request)).tokenLogProbs, [], "half of the probabilities say nothing");
    server.answer = (response) => { events(response, { choices: [{ text: "1", logprobs: { token_logprobs: [-0.1, -0.2] }, finish_reason: "stop" }] }, "[DONE]"); response.end(); };
    assert.ok(Math.abs((await model("completions").infill(request)).tokenLogProbs[0]! + 0.3) < 1e-9, "tokens that come together count as one");
  });

  it("ends at the deadline, when enough is there, and when it is cancelled; the server learns of each", async () => {
    server.answer = (response) => { events(response, piece("1", -0.1), piece("\n", -0.1)); };
    const begun = performance.now();
    assert.equal((await model("llamaCpp").infill({ ...request, deadlineMs: 60 })).ended, "deadline");
    assert.ok(performance.now() - begun < 900);
    assert.equal((await model("llamaCpp").infill({ ...request, keepGoing: (text) => !text.includes("\n") })).ended, "stopped");
    const stop = new AbortController();
    setTimeout(() => { stop.abort(); }, 30);
    assert.equal((await model("llamaCpp").infill({ ...request, signal: stop.signal })).ended, "cancelled");
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.equal(server.closedEarly, 3);
  });
});
