import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { setConnectionPolicy } from "../../../src/engine/base/connection.ts";
import { Log, SILENT_LOG } from "../../../src/engine/base/log.ts";
import { EndpointStore } from "../../../src/engine/endpoints/endpointStore.ts";
import { Engine } from "../../../src/engine/engine.ts";
import type { EndpointNotifications } from "../../../src/engine/protocol/endpoints.ts";
import type { AskResult } from "../../../src/engine/protocol/types.ts";
import { keyVariable } from "../../../src/engine/tasks/endpointDesk.ts";
import { delta, events, json, LoopbackServer, politeServer } from "../../support/loopbackServer.ts";

const KEY = "sk-lab-5f2c9d77a1";
/** Drawn for this test; opens nothing. */
const SECRET = "ghp_Zq8vT3kP0mWx7RbYc2LdNf5HgJ1sKa9UeQoV";

describe("answers by an endpoint", () => {
  let folder = "";
  let server: LoopbackServer;
  let engine: Engine;
  let base = "";
  const notified: [string, unknown][] = [];
  const logged: string[] = [];
  const polite = politeServer({ text: "It is billed in invoice_total [1]." });
  /** Lets in only who has the key. */
  const guarded = (answer: typeof polite): typeof polite => (response, asked, request) => (asked.headers.authorization === `Bearer ${KEY}` ? answer(response, asked, request) : json(response, { error: { message: "no key" } }, 401));

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), "kalactica-endpoint-"));
    const workspaceDir = path.join(folder, "ws");
    await mkdir(workspaceDir);
    await writeFile(path.join(workspaceDir, "billing.py"), "def invoice_total(lines):\n    \"\"\"Sum the lines of an invoice with tax.\"\"\"\n    return sum(lines)\n");
    server = new LoopbackServer(guarded(polite));
    base = await server.listen();
    engine = await Engine.open({
      client: "test", workspaceDir, storageDir: path.join(folder, "storage"), modelsDir: path.join(folder, "home", "models"), settings: {}, trusted: true, background: false,
      log: new Log("engine", (entry) => logged.push(JSON.stringify(entry)), "debug"),
      notify: (method, params) => {
        if (!method.startsWith("endpoint/")) return;
        notified.push([method, params]);
        // The client looks into its secret storage.
        if (method === "endpoint/keyWanted") queueMicrotask(() => {
          const { origin } = params as EndpointNotifications["endpoint/keyWanted"];
          engine.endpoints.setKey(origin, origin === base ? stored : null);
        });
      },
    });
    await engine.updateIndex({});
  });
  let stored: string | null = null;
  beforeEach(async () => {
    await engine.configure({}, true);
    server.answer = guarded(polite);
    server.asked.length = 0;
  });
  after(async () => {
    await engine.close();
    await server.close();
    setConnectionPolicy({ offline: false });
    await rm(folder, { recursive: true, force: true });
  });

  const ask = (question = "where is the invoice total computed?", extra: Partial<Parameters<Engine["ask"]>[0]> = {}): Promise<AskResult> => engine.ask({ askId: "1", question, history: [], attachments: [], ...extra }, {});

  it("is added only with its key, which is asked for when it is needed and written nowhere", async () => {
    await assert.rejects(engine.endpoints.add({ url: base, name: "Lab", completions: true }), /Lab at 127\.0\.0\.1:\d+ wants a key \(status 401: "no key"\)\. Give its key with "KaLactica: Add Endpoint…"\./);
    assert.deepEqual(notified, [["endpoint/keyWanted", { origin: base }]]);
    stored = KEY;
    engine.endpoints.setKey(base, KEY);
    const model = await engine.endpoints.add({ url: `${base}/v1/`, name: "Lab", completions: true });
    assert.deepEqual([model.id, model.active, model.remote?.leavesMachine, model.capabilities.infill], ["endpoint:Lab", true, false, false]);
    const file = await readFile(path.join(folder, "home", "endpoints.json"), "utf8");
    assert.ok(!file.includes(KEY) && !logged.join("\n").includes(KEY));
    assert.equal(keyVariable("My lab-1"), "KALACTICA_KEY_MY_LAB_1");
    assert.deepEqual(engine.endpoints.list().map(({ name, active, consented }) => [name, active, consented]), [["Lab", true, true]]);
  });

  it("says who wrote it, where, and how many passages were sent", async () => {
    const result = await ask();
    assert.equal(result.prose, "It is billed in invoice_total [1].");
    assert.deepEqual(result.sentTo, { name: "Lab", host: new URL(base).host, leavesMachine: false, passages: 1 });
    assert.deepEqual(result.citations.map(({ path: file, verified }) => [file, verified]), [["billing.py", true]]);
    assert.match(engine.status().model.explanation, /Lab \(tiny\) at 127\.0\.0\.1:\d+ writes\. It is a server on this machine\./);
  });

  it("sends no secret of a file, a selection, a question or an earlier turn", async () => {
    const selection = { kind: "selection" as const, path: "billing.py", startLine: 1, endLine: 2, text: `TOKEN = "${SECRET}"\npassword = "hV7#kq92LmPz!x"\n` };
    const { sentTo } = await ask(`why is ${SECRET} refused?`, { attachments: [selection], history: [{ role: "user", text: `my key is ${SECRET}` }, { role: "assistant", text: "Understood." }] });
    assert.ok((sentTo?.passages ?? 0) >= 1);
    const bodies = server.asked.map(({ body }) => body).join("\n");
    assert.ok(bodies.includes("TOKEN = ") && bodies.includes("<redacted:"), "the selection was sent");
    assert.ok(!bodies.includes(SECRET) && !bodies.includes("hV7#kq92LmPz!x"));
  });

  it("lays the prompt out anew where the server takes less than it said", async () => {
    let limit = 0;
    const small = politeServer({ text: "It is billed in invoice_total [1].", contextSize: 900 });
    server.answer = guarded((response, asked, request) => {
      limit++;
      return small(response, asked, request);
    });
    const long = Array.from({ length: 400 }, (_, i) => `line ${i} of what the user attached`).join("\n");
    const result = await ask("what does this do?", { attachments: [{ kind: "selection", path: "billing.py", startLine: 1, endLine: 3, text: long }] });
    assert.equal(result.prose, "It is billed in invoice_total [1].");
    assert.ok(limit >= 2 && limit <= 4, `${limit} requests`);
    assert.equal(result.budget?.contextSize, 900);
    // It is written down beside the answer, which does not wait for it.
    for (let i = 0; i < 100 && engine.endpoints.list()[0]!.contextFrom !== "refusal"; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    const { contextSize, contextFrom } = engine.endpoints.list()[0]!;
    assert.deepEqual([contextSize, contextFrom], [900, "refusal"]);
  });

  it("leaves the card standing where the endpoint fails, and says whether anything was sent", async () => {
    server.answer = guarded((response) => { events(response, delta("It ")); setTimeout(() => response.destroy(), 5); });
    const cut = await ask();
    assert.match(cut.proseOmitted ?? "", /^No prose: Lab at 127\.0\.0\.1:\d+ was cut off while it answered/);
    assert.deepEqual([cut.prose, cut.card?.supported, cut.sentTo?.passages], ["", true, 1]);
    await engine.configure({ offline: true }, true);
    const offline = await ask();
    assert.match(offline.proseOmitted ?? "", /set to be offline/);
    assert.equal(offline.sentTo, undefined);
  });

  it("sends nothing from a folder that is not trusted", async () => {
    await engine.configure({}, false);
    const result = await ask();
    assert.equal(result.sentTo, undefined);
    assert.deepEqual(server.asked, []);
    assert.match(engine.status().model.explanation, /The endpoint Lab is not used while this workspace is not trusted; nothing is sent\./);
    await assert.rejects(engine.endpoints.look(base, undefined), /not trusted/);
  });

  it("asks once for each other host, and sends nothing before", async () => {
    notified.length = 0;
    const offer = await engine.endpoints.look("http://models.example:8080/v1", undefined);
    assert.deepEqual(offer, { origin: "http://models.example:8080", host: "models.example:8080", leavesMachine: true, inClear: true, consented: false, models: [] });
    for (let i = 0; i < 2; i++) await assert.rejects(engine.endpoints.add({ url: "http://models.example:8080", completions: false }), /Nothing was sent to models\.example:8080: you have not agreed to that yet/);
    assert.deepEqual(notified.map(([method]) => method), ["endpoint/consentWanted"]);
    await engine.endpoints.consent("models.example:8080", true);
    // Now it is asked, by way of a proxy that notes it.
    setConnectionPolicy({ proxy: base });
    server.answer = (response) => { json(response, { data: [] }); };
    await assert.rejects(engine.endpoints.add({ url: "http://models.example:8080", completions: false }), /lists no model\. Load one there first/);
    assert.equal(server.asked.at(-1)?.path, "http://models.example:8080/v1/models");
    assert.equal(server.asked.at(-1)?.headers.authorization, undefined, "another origin gets no key");
    setConnectionPolicy({ proxy: null });
    // Another window takes the agreement back: it is one file.
    const other = await EndpointStore.open(path.join(folder, "home", "endpoints.json"), SILENT_LOG);
    await other.withdraw("models.example:8080");
    await assert.rejects(engine.shareIndex("http://models.example:8080#team"), /you have not agreed to that yet/);
    assert.equal((await engine.endpoints.look("http://models.example:8080", undefined)).consented, false);
  });

  it("is gone when it is removed, with its key", async () => {
    await engine.endpoints.remove("Lab");
    assert.equal(engine.status().model.remote, undefined);
    const { prose, sentTo } = await ask();
    assert.deepEqual([prose, sentTo], ["", undefined]);
    assert.deepEqual(server.asked, []);
    await assert.rejects(engine.useModel("endpoint:Lab"), /There is no endpoint "Lab"\. There are none; add one/);
  });
});
