// Keeps one engine process alive and speaks to it: start, handshake, requests with cancellation, restart with back-off.
// It knows neither VS Code (tests run it bare) nor what the messages mean.
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createMessageConnection, ErrorCodes, IPCMessageReader, IPCMessageWriter, Message, ResponseError } from "vscode-jsonrpc/node";
import type { CancellationToken, Disposable, MessageConnection } from "vscode-jsonrpc/node";
import type { ClientNotifications, EngineNotifications, EngineRequests, HelloParams, HelloResult, WireErrorData } from "../engine/protocol/messages.ts";
import { WIRE_ERROR_CANCELLED, WIRE_ERROR_FAILED } from "../engine/protocol/messages.ts";
import type { ErrorReason } from "../engine/protocol/errors.ts";
import { PROTOCOL_VERSION } from "../engine/protocol/version.ts";
import { t } from "../webview/shared/l10n.ts";

/** What the client does about an engine that does not answer. Times in milliseconds. */
export interface EngineClientTimings {
  helloTimeoutMs: number;
  /** While requests are open, an engine silent for this long is asked for a sign of life. */
  pingAfterMs: number;
  /** An engine that gives no sign for this long is ended and started anew. */
  pingTimeoutMs: number;
  /** Waits before the first, second, … restart; the last one repeats. */
  backOffMs: readonly number[];
  /** An engine that lived this long was healthy: the back-off starts again. */
  healthyAfterMs: number;
}

export const DEFAULT_TIMINGS: EngineClientTimings = {
  helloTimeoutMs: 15_000,
  pingAfterMs: 10_000,
  pingTimeoutMs: 20_000,
  backOffMs: [250, 1_000, 4_000, 15_000, 60_000],
  healthyAfterMs: 60_000,
};

export interface EngineClientOptions {
  /** The engine's bundle. */
  modulePath: string;
  /** The Node to run it; in VS Code, that of the extension host. */
  execPath: string;
  execArgv?: readonly string[];
  env?: Readonly<Record<string, string | undefined>>;
  hello: () => Omit<HelloParams, "protocolVersion">;
  onLog: (level: "debug" | "info" | "warn" | "error", message: string) => void;
  timings?: Partial<EngineClientTimings>;
}

export type EngineClientState =
  | { name: "stopped" }
  | { name: "starting"; attempt: number }
  | { name: "ready"; pid: number; engineVersion: string }
  | { name: "waiting"; attempt: number; retryInMs: number; why: string }
  | { name: "failed"; why: string };

/** A request that failed in the engine, or could not reach it ("engineGone"). */
export class EngineRequestError extends Error {
  readonly reason: ErrorReason | "engineGone";
  readonly details: Readonly<Record<string, unknown>>;

  constructor(reason: ErrorReason | "engineGone", message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = "EngineRequestError";
    this.reason = reason;
    this.details = details;
  }
}

/** Thrown by a request whose token was cancelled. Never shown. */
export class RequestCancelled extends Error {
  constructor() {
    super("cancelled");
    this.name = "RequestCancelled";
  }
}

/**
 * glibc gives threads arenas of their own and, after a large block was freed, puts the next large ones into them: what is free there
 * stays with the process. Over a day of 2,000 actions the engine grew by 13 % to 600 MB; with two arenas and a fixed threshold for
 * blocks that go back to the system by 6 % to 451 MB (test/bench/dayOfUse.ts). Other systems do not read these.
 */
const STEADY_MEMORY = { MALLOC_ARENA_MAX: "2", MALLOC_MMAP_THRESHOLD_: "1048576" };

const stoppedWhileAnswering = (): string => t("The engine stopped while it was answering. It is being restarted; try again.");

type Listener<T> = (value: T) => void;

/** Something that went through: a request that was answered, or a notification that was sent. */
export type EngineTraffic =
  | { [M in keyof EngineRequests]: { kind: "answered"; method: M; params: EngineRequests[M]["params"]; result: EngineRequests[M]["result"] } }[keyof EngineRequests]
  | { [M in keyof ClientNotifications]: { kind: "sent"; method: M; params: ClientNotifications[M] } }[keyof ClientNotifications];

export class EngineClient {
  readonly #options: EngineClientOptions;
  readonly #timings: EngineClientTimings;
  #child: ChildProcess | null = null;
  #connection: MessageConnection | null = null;
  #state: EngineClientState = { name: "stopped" };
  #attempt = 0;
  #startedAt = 0;
  #retry: NodeJS.Timeout | null = null;
  #watchdog: NodeJS.Timeout | null = null;
  #openRequests = 0;
  #lastSign = 0;
  readonly #stateListeners = new Set<Listener<EngineClientState>>();
  readonly #notificationListeners = new Map<string, Set<Listener<unknown>>>();
  readonly #trafficListeners = new Set<Listener<EngineTraffic>>();
  /** The number that the connection gave the last request: its lines in the engine's log carry it. */
  #lastRequest: number | string | null = null;
  readonly #readyWaiters = new Set<{ resolve: () => void; reject: (error: Error) => void }>();

  constructor(options: EngineClientOptions) {
    this.#options = options;
    this.#timings = { ...DEFAULT_TIMINGS, ...options.timings };
  }

  get state(): EngineClientState {
    return this.#state;
  }

  /** The engine's process id while it is ready, otherwise null. */
  get pid(): number | null {
    return this.#state.name === "ready" ? this.#state.pid : null;
  }

  onState(listener: Listener<EngineClientState>): Disposable {
    this.#stateListeners.add(listener);
    return { dispose: () => this.#stateListeners.delete(listener) };
  }

  onNotification<M extends keyof EngineNotifications>(method: M, listener: Listener<EngineNotifications[M]>): Disposable {
    const listeners = this.#notificationListeners.get(method) ?? new Set();
    this.#notificationListeners.set(method, listeners);
    listeners.add(listener as Listener<unknown>);
    return { dispose: () => listeners.delete(listener as Listener<unknown>) };
  }

  /** Tells of everything that went through, for what follows the user's steps without taking part in them. */
  onTraffic(listener: Listener<EngineTraffic>): Disposable {
    this.#trafficListeners.add(listener);
    return { dispose: () => this.#trafficListeners.delete(listener) };
  }

  /** Starts the engine. Does nothing when it runs or is being started. */
  start(): void {
    if (this.#child || this.#retry) return;
    this.#attempt = 0;
    this.#launch();
  }

  /** Ends the engine and starts a fresh one at once. */
  restart(): void {
    this.stop();
    this.start();
  }

  /** Ends the engine for good: asks it first, then insists. */
  stop(): void {
    if (this.#retry) clearTimeout(this.#retry);
    this.#retry = null;
    const child = this.#child;
    const connection = this.#connection;
    connection?.sendRequest("engine/shutdown", null).catch(() => undefined);
    this.#forgetProcess();
    this.#setState({ name: "stopped" });
    if (!child) return;
    const insist = setTimeout(() => child.kill("SIGKILL"), 3_000);
    insist.unref();
    child.once("exit", () => clearTimeout(insist));
    setTimeout(() => { if (child.connected) child.disconnect(); }, 500).unref();
  }

  /** Resolves when the engine is ready; rejects with `engineGone` when it is stopped or beyond repair. */
  async whenReady(): Promise<void> {
    if (this.#state.name === "ready") return;
    if (this.#state.name === "failed") throw new EngineRequestError("engineGone", this.#state.why);
    if (this.#state.name === "stopped") throw new EngineRequestError("engineGone", t("The engine is not running. Run \"KaLactica: Restart Engine\"."));
    await new Promise<void>((resolve, reject) => this.#readyWaiters.add({ resolve, reject }));
  }

  /**
   * Sends a request and resolves with its result. Throws RequestCancelled when `token` is cancelled,
   * EngineRequestError otherwise; an engine that dies meanwhile gives reason "engineGone".
   */
  async request<M extends keyof EngineRequests>(method: M, params: EngineRequests[M]["params"], token?: CancellationToken): Promise<EngineRequests[M]["result"]> {
    await this.whenReady();
    const connection = this.#connection;
    if (!connection) throw new EngineRequestError("engineGone", t("The engine stopped before it could answer. It is being restarted; try again."));
    this.#openRequests++;
    this.#lastSign = Date.now();
    this.#watch();
    const begun = performance.now();
    const sent = token ? connection.sendRequest(method, params, token) : connection.sendRequest(method, params);
    const number = this.#lastRequest;
    const note = (level: "debug" | "warn", how: string): void => {
      if (method !== "completion/complete") this.#options.onLog(level, `[host] r${number ?? "?"} ${method} ${how} ${Math.round(performance.now() - begun)} ms`);
    };
    try {
      const result = await (sent as Promise<EngineRequests[M]["result"]>);
      note("debug", "answered in");
      for (const listener of this.#trafficListeners) listener({ kind: "answered", method, params, result } as EngineTraffic);
      return result;
    } catch (error) {
      const failure = this.#asRequestError(error, token);
      note(failure instanceof EngineRequestError ? "warn" : "debug", failure instanceof EngineRequestError ? `failed (${failure.reason}) after` : "cancelled after");
      throw failure;
    } finally {
      this.#openRequests--;
      this.#lastSign = Date.now();
    }
  }

  /** Tells the engine something. Dropped silently when it is not ready: whatever matters is sent again at the handshake. */
  notify<M extends keyof ClientNotifications>(method: M, params: ClientNotifications[M]): void {
    if (this.#state.name !== "ready") return;
    this.#connection?.sendNotification(method, params).catch(() => undefined);
    for (const listener of this.#trafficListeners) listener({ kind: "sent", method, params } as EngineTraffic);
  }

  #asRequestError(error: unknown, token: CancellationToken | undefined): Error {
    if (token?.isCancellationRequested) return new RequestCancelled();
    if (error instanceof ResponseError) {
      if (error.code === WIRE_ERROR_CANCELLED) return new RequestCancelled();
      if (error.code === ErrorCodes.PendingResponseRejected) return new EngineRequestError("engineGone", stoppedWhileAnswering());
      const data = error.data as WireErrorData | undefined;
      if (error.code === WIRE_ERROR_FAILED && data) return new EngineRequestError(data.reason, error.message, data.details);
    }
    if (!this.#connection) return new EngineRequestError("engineGone", stoppedWhileAnswering());
    return new EngineRequestError("internal", error instanceof Error ? error.message : String(error));
  }

  #launch(): void {
    this.#attempt++;
    this.#setState({ name: "starting", attempt: this.#attempt });
    this.#startedAt = Date.now();
    const { modulePath, execPath, execArgv, env, onLog } = this.#options;
    const child = fork(modulePath, [], {
      execPath,
      execArgv: [...(execArgv ?? [])],
      env: { ...STEADY_MEMORY, ...process.env, ...env, ELECTRON_RUN_AS_NODE: "1" },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    // Native libraries write to both streams; they are log lines, never messages.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        for (const line of text.split("\n")) if (line.trim() !== "") onLog("debug", `[engine process] ${line}`);
      });
    }
    child.once("error", (error) => this.#lost(child, `it could not be started: ${error.message}`));
    child.once("exit", (code, signal) => this.#lost(child, signal ? `it was ended by ${signal}` : `it exited with code ${code ?? "unknown"}`));

    const writer = new IPCMessageWriter(child);
    const write = writer.write.bind(writer);
    writer.write = (message) => {
      if (Message.isRequest(message)) this.#lastRequest = message.id;
      return write(message);
    };
    const connection = createMessageConnection(new IPCMessageReader(child), writer);
    this.#connection = connection;
    connection.onError(() => undefined);
    connection.onNotification((method: string, params: unknown) => {
      this.#lastSign = Date.now();
      for (const listener of this.#notificationListeners.get(method) ?? []) listener(params);
    });
    connection.listen();
    void this.#shakeHands(child, connection);
  }

  async #shakeHands(child: ChildProcess, connection: MessageConnection): Promise<void> {
    const timeout = setTimeout(() => {
      this.#options.onLog("warn", `The engine did not answer the handshake within ${this.#timings.helloTimeoutMs} ms.`);
      child.kill("SIGKILL");
    }, this.#timings.helloTimeoutMs);
    try {
      const params: HelloParams = { ...this.#options.hello(), protocolVersion: PROTOCOL_VERSION };
      const hello = await connection.sendRequest<HelloResult>("engine/hello", params);
      if (this.#child !== child) return;
      if (hello.protocolVersion !== PROTOCOL_VERSION) {
        this.#fail(child, t("The engine speaks protocol version {0}, this extension {1}. Reload the window so that both come from the same installation.", hello.protocolVersion, PROTOCOL_VERSION));
        return;
      }
      this.#setState({ name: "ready", pid: hello.pid, engineVersion: hello.engineVersion });
      for (const waiter of this.#readyWaiters) waiter.resolve();
      this.#readyWaiters.clear();
    } catch (error) {
      if (this.#child !== child) return;
      const data = error instanceof ResponseError ? (error.data as WireErrorData | undefined) : undefined;
      // A refusal that another start would meet again is final; anything else looks like a sick process.
      if (data && data.reason !== "internal") this.#fail(child, (error as Error).message);
      else child.kill("SIGKILL");
    } finally {
      clearTimeout(timeout);
    }
  }

  /** Gives up on this engine with a sentence: a restart would not help. */
  #fail(child: ChildProcess, why: string): void {
    this.#forgetProcess();
    child.kill("SIGKILL");
    this.#options.onLog("error", why);
    this.#setState({ name: "failed", why });
    for (const waiter of this.#readyWaiters) waiter.reject(new EngineRequestError("engineGone", why));
    this.#readyWaiters.clear();
  }

  #lost(child: ChildProcess, why: string): void {
    if (this.#child !== child) return;
    this.#forgetProcess();
    if (Date.now() - this.#startedAt > this.#timings.healthyAfterMs) this.#attempt = 0;
    const waits = this.#timings.backOffMs;
    const retryInMs = waits[Math.min(this.#attempt, waits.length - 1)] ?? 60_000;
    this.#options.onLog("warn", `The engine stopped: ${why}. It is started again in ${retryInMs} ms (attempt ${this.#attempt + 1}).`);
    this.#setState({ name: "waiting", attempt: this.#attempt, retryInMs, why });
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.#launch();
    }, retryInMs);
  }

  #forgetProcess(): void {
    const connection = this.#connection;
    this.#child = null;
    this.#connection = null;
    if (this.#watchdog) clearInterval(this.#watchdog);
    this.#watchdog = null;
    // Disposing rejects the open requests, which then see that the connection is gone.
    connection?.dispose();
  }

  /** While requests are open, asks a silent engine for a sign of life, and ends one that gives none. */
  #watch(): void {
    if (this.#watchdog) return;
    const child = this.#child;
    const connection = this.#connection;
    if (!child || !connection) return;
    const { pingAfterMs, pingTimeoutMs } = this.#timings;
    this.#watchdog = setInterval(() => {
      if (this.#openRequests === 0) {
        if (this.#watchdog) clearInterval(this.#watchdog);
        this.#watchdog = null;
        return;
      }
      const silentMs = Date.now() - this.#lastSign;
      if (silentMs > pingTimeoutMs) {
        this.#options.onLog("warn", `The engine gave no sign of life for ${silentMs} ms.`);
        child.kill("SIGKILL");
      } else if (silentMs > pingAfterMs) {
        connection.sendRequest("engine/status", null).then(() => { this.#lastSign = Date.now(); }, () => undefined);
      }
    }, Math.max(50, Math.min(pingAfterMs, pingTimeoutMs) / 2));
    this.#watchdog.unref();
  }

  #setState(state: EngineClientState): void {
    this.#state = state;
    for (const listener of this.#stateListeners) listener(state);
  }
}
