// The engine's side of the wire: method → engine call, cancellation tokens → AbortSignals, errors → wire codes (once, here).
// It holds no state of its own beyond the engine that the handshake made.
import { ResponseError } from "vscode-jsonrpc/node";
import type { CancellationToken, MessageConnection } from "vscode-jsonrpc/node";
import { newerEngineHasIt } from "./base/database.ts";
import { EngineError, isCancelled } from "./base/errors.ts";
import type { Log } from "./base/log.ts";
import { socketCount } from "./base/socketCount.ts";
import type { Engine } from "./engine.ts";
import type { ClientNotifications, EngineNotifier, EngineRequests, HelloParams, WireErrorData } from "./protocol/messages.ts";
import { WIRE_ERROR_CANCELLED, WIRE_ERROR_FAILED } from "./protocol/messages.ts";
import { PROTOCOL_VERSION } from "./protocol/version.ts";
import { runTool } from "./tasks/runTool.ts";

/** The part of an engine's life that the server needs from its composition root. */
export interface EngineFactory {
  version: string;
  open(hello: HelloParams, notify: EngineNotifier): Promise<Engine>;
}

/** Serves one client on `connection` until it closes; `onClosed` runs after the engine has been closed. */
export function serve(connection: MessageConnection, factory: EngineFactory, log: Log, onClosed: () => void): void {
  let engine: Engine | null = null;
  let closing: Promise<void> | null = null;

  const notify: EngineNotifier = (method, params) => {
    connection.sendNotification(method, params).catch((error: unknown) => log.debug("A notification was not delivered", { method, error: String(error) }));
  };

  const opened = (): Engine => {
    if (!engine) throw new EngineError("badRequest", "The engine was asked before the handshake. Send \"engine/hello\" first.");
    return engine;
  };

  const close = (): Promise<void> => {
    closing ??= (async () => {
      try {
        await engine?.close();
      } catch (error) {
        log.error("Closing the engine failed", { error: String(error) });
      }
      onClosed();
    })();
    return closing;
  };

  function on<M extends keyof EngineRequests>(method: M, handle: (params: EngineRequests[M]["params"], signal: AbortSignal) => EngineRequests[M]["result"] | Promise<EngineRequests[M]["result"]>): void {
    connection.onRequest(method as string, async (params: EngineRequests[M]["params"], token: CancellationToken): Promise<unknown> => {
      const abort = new AbortController();
      const watching = token.onCancellationRequested(() => abort.abort());
      try {
        return await handle(params, abort.signal);
      } catch (error) {
        throw toWireError(method, error, log);
      } finally {
        watching.dispose();
      }
    });
  }

  function onNotice<M extends keyof ClientNotifications>(method: M, handle: (params: ClientNotifications[M]) => void | Promise<void>): void {
    connection.onNotification(method, (params: ClientNotifications[M]) => {
      Promise.resolve().then(() => handle(params)).catch((error: unknown) => {
        if (!isCancelled(error)) log.warn("A notification could not be handled", { method, error: String(error) });
      });
    });
  }

  on("engine/hello", async (params) => {
    if (params.protocolVersion !== PROTOCOL_VERSION) {
      throw new EngineError("protocolMismatch", `The extension speaks protocol version ${params.protocolVersion}, this engine ${PROTOCOL_VERSION}. Reload the window so that both come from the same installation.`);
    }
    if (engine) throw new EngineError("badRequest", "The handshake was already made.");
    engine = await factory.open(params, notify);
    return { protocolVersion: PROTOCOL_VERSION, engineVersion: factory.version, pid: process.pid };
  });
  on("engine/status", () => opened().status());
  on("engine/configure", ({ settings, trusted, proxy }) => opened().configure(settings, trusted, proxy));
  on("engine/doctor", (_, signal) => opened().doctor(signal));
  on("engine/shutdown", async () => {
    await close();
    return null;
  });
  on("model/list", () => opened().listModels());
  on("model/inspect", ({ file }) => opened().inspectModel(file));
  on("model/use", ({ id }) => opened().useModel(id));
  on("model/pull", ({ uri }, signal) => opened().pullModel(uri, { signal, onProgress: (progress) => notify("model/downloadProgress", progress) }));
  on("model/gallery", () => opened().gallery.show());
  on("model/measure", ({ id }, signal) => opened().gallery.measure(id, signal));
  on("model/remove", async ({ id }) => {
    await opened().gallery.remove(id);
    return null;
  });
  on("model/discard", async ({ uri }) => {
    await opened().gallery.discard(uri);
    return null;
  });
  on("engine/sockets", () => socketCount());
  on("engine/report", (params, signal) => opened().report(params, signal));
  on("endpoint/look", ({ url, key }, signal) => opened().endpoints.look(url, key, signal));
  on("endpoint/add", (params, signal) => opened().endpoints.add(params, signal));
  on("endpoint/list", () => opened().endpoints.list());
  on("endpoint/remove", async ({ name }) => {
    await opened().endpoints.remove(name);
    return null;
  });
  on("endpoint/consent", async ({ host, agreed }) => {
    await opened().endpoints.consent(host, agreed);
    return null;
  });
  on("endpoint/key", ({ origin, key }) => {
    opened().endpoints.setKey(origin, key);
    return null;
  });
  on("index/update", ({ full }, signal) => opened().updateIndex({ full, signal }));
  on("index/status", () => opened().status().index);
  on("retrieval/search", ({ query, k }, signal) => opened().search(query, k, signal));
  on("answer/ask", (params, signal) => opened().ask(params, { signal, onEvent: (event) => notify("answer/event", { askId: params.askId, event }) }));
  on("completion/complete", (params, signal) => opened().complete(params, signal));
  on("data/prepare", (params, signal) => opened().training.prepareData(params, { signal }));
  on("data/list", () => opened().training.listData());
  on("data/show", ({ dataset }) => opened().training.showData(dataset));
  on("data/review", ({ dataset, offset, limit }) => opened().training.reviewData(dataset, offset, limit));
  on("data/decide", ({ dataset, ids, included }) => opened().training.decideData(dataset, ids.map((id) => ({ id, included }))));
  on("train/estimate", (params) => opened().training.estimate(params));
  on("train/start", (params) => opened().training.start(params));
  on("train/pause", ({ id }) => opened().training.runs.pause(id));
  on("train/resume", ({ id }) => opened().training.resume(id));
  on("train/cancel", ({ id }) => opened().training.runs.cancel(id));
  on("train/remove", async ({ id }) => {
    await opened().training.runs.remove(id);
    return null;
  });
  on("train/list", () => opened().training.runs.list());
  on("train/figures", ({ id, fromStep }) => opened().training.figures(id, fromStep));
  on("train/samples", ({ id }) => opened().training.samples(id));
  on("adapters/list", () => opened().adapters.list());
  on("adapters/activate", ({ sha256 }) => opened().adapters.activate(sha256));
  on("adapters/deactivate", () => opened().adapters.deactivate());
  on("adapters/rollback", () => opened().adapters.rollback());
  on("adapters/remove", ({ sha256 }) => opened().adapters.remove(sha256));
  on("adapters/export", ({ sha256, format, to }, signal) => opened().adapters.export(sha256, format, to, { signal }));

  on("chat/generate", (params, signal) => opened().generate(params, { signal, onText: (text) => notify("chat/text", { id: params.id, text }) }));
  on("chat/describe", async () => ({ tools: await opened().callsTools() }));
  on("chat/countTokens", async ({ text }) => ({ tokens: await opened().countTokens(text) }));
  on("tool/run", async ({ name, input }, signal) => ({ text: await runTool(opened(), name, input, signal) }));
  on("offline/prove", async (_, signal) => {
    const { proofText, proveOffline } = await import("./tasks/proveOffline.ts");
    const proof = await proveOffline({ signal, onProgress: (title, done, total) => notify("offline/progress", { title, done, total }) });
    return { proof, text: proofText(proof) };
  });
  on("evaluate/suites", () => opened().evaluations.suites());
  on("evaluate/run", (params, signal) => opened().evaluations.run(params, signal));
  on("evaluate/runs", () => opened().evaluations.runs());
  on("evaluate/report", async (params) => ({ text: await opened().evaluations.report(params) }));
  on("evaluate/show", ({ id }) => opened().evaluations.show(id));
  on("evaluate/compare", (params) => opened().evaluations.compare(params));
  on("evaluate/items", (params) => opened().evaluations.items(params));
  on("evaluate/remove", async ({ id }) => {
    await opened().evaluations.remove(id);
    return null;
  });

  on("memory/recall", (params) => opened().memory.recall(params));
  on("memory/list", (params) => opened().memory.list(params));
  on("memory/show", ({ key }) => opened().memory.show(key));
  on("memory/remember", (params) => opened().memory.remember(params));
  on("memory/forget", ({ keys }) => opened().memory.forget(keys));
  on("memory/dismiss", ({ key }) => opened().memory.dismiss(key));
  on("memory/pin", ({ key, pinned }) => opened().memory.pin(key, pinned));

  on("metrics/report", ({ days }) => opened().metrics.report(days));
  on("metrics/export", ({ days, format }) => ({ text: opened().metrics.export(days, format) }));
  on("metrics/erase", () => opened().metrics.erase());

  on("safety/judge", (params) => opened().safety.judge(params));
  on("safety/allow", (params) => opened().safety.allow(params));
  on("safety/overrides", () => opened().safety.overrides());
  on("safety/withdraw", ({ keys }) => opened().safety.withdraw(keys));

  on("notebook/state", (params) => opened().notebooks.state(params));
  on("notebook/rerun", (params) => opened().notebooks.rerun(params));
  on("notebook/explain", (params) => opened().notebooks.explain(params));

  onNotice("index/filesChanged", ({ paths }) => opened().filesChanged(paths));
  onNotice("session/documentTouched", (document) => opened().documentTouched(document));
  onNotice("session/documentClosed", ({ path }) => opened().documentClosed(path));
  onNotice("answer/feedback", ({ askId, rating }) => opened().rateAnswer(askId, rating));
  onNotice("answer/followed", ({ askId }) => opened().metrics.followed(askId));
  onNotice("answer/applied", (applied) => opened().recordApplied(applied));
  onNotice("memory/notebookExecuted", (run) => opened().recordNotebookRun(run));
  onNotice("memory/terminalExecuted", (run) => opened().recordTerminalRun(run));
  onNotice("completion/outcome", (outcome) => opened().recordOutcome(outcome));

  connection.onClose(() => void close());
  connection.listen();
}

function toWireError(method: string, error: unknown, log: Log): ResponseError<WireErrorData | undefined> {
  if (isCancelled(error)) return new ResponseError(WIRE_ERROR_CANCELLED, "cancelled");
  const failure = error instanceof EngineError ? error : newerEngineHasIt(error);
  if (failure !== null) {
    log.warn("A request failed", { method, reason: failure.reason });
    return new ResponseError<WireErrorData>(WIRE_ERROR_FAILED, failure.message, { reason: failure.reason, details: { ...failure.details } });
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log.error("A request failed unexpectedly", { method, error: text });
  return new ResponseError<WireErrorData>(WIRE_ERROR_FAILED, `Something went wrong inside the engine (${error instanceof Error ? error.message : String(error)}). The KaLactica output has the details.`, { reason: "internal", details: {} });
}
