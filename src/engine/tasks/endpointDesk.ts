// Registers model servers and says how, and whether, one may be spoken to: consent, trust, the setting "offline" and keys are asked for here and
// nowhere else. Joins the endpoints' room with the redaction of secrets. What is asked of a model is up to answering and completion.
import path from "node:path";
import { isOffline, setConnectionPolicy } from "../base/connection.ts";
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { parseEndpointAddress } from "../endpoints/address.ts";
import type { EndpointAddress } from "../endpoints/address.ts";
import type { EndpointStore } from "../endpoints/endpointStore.ts";
import type { Endpoint } from "../endpoints/endpointStore.ts";
import { examineModel, findModel, listedModels } from "../endpoints/examine.ts";
import type { Exchange } from "../endpoints/exchange.ts";
import { RemoteModel } from "../endpoints/remoteModel.ts";
import type { AddEndpointParams, EndpointInfo, EndpointOffer } from "../protocol/endpoints.ts";
import type { EngineNotifier, ProxyChoice } from "../protocol/messages.ts";
import type { DoctorItem, ModelInfo } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";
import { redactRemembering } from "./leakage.ts";

export interface EndpointDeskOptions {
  store: EndpointStore;
  settings: () => Settings;
  trusted: () => boolean;
  /** Asks the client for keys and consents; absent on the command line. */
  notify?: EngineNotifier | undefined;
  /** Keys where there is no client to ask: the environment of the command line. */
  keyFor?: ((name: string) => string | undefined) | undefined;
  onChange: () => void;
  log: Log;
}

/** An id of a model that is an endpoint: "endpoint:NAME". */
export const ENDPOINT_PREFIX = "endpoint:";
/** A client that keeps no key says so at once; one that is gone says nothing. */
const KEY_PATIENCE_MS = 5_000;
/** A whole answer takes no longer than this many times the time without a byte. */
const TOTAL_OF_STALL = 10;
const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,63}$/u;
/** As the setting of the local model says: 0 stands for this. */
const DEFAULT_CONTEXT = 8192;

/** What the settings say of every connection of this process; `proxy` is the editor's, or absent for that of the environment. */
export function applyConnectionSettings(settings: Settings, proxy: ProxyChoice | null | undefined): void {
  setConnectionPolicy({ offline: settings.offline, proxy: proxy?.url ?? null, noProxy: proxy?.noProxy ?? [] });
}

/** Where the list of endpoints lies, beside the models. */
export function endpointFile(modelsDir: string): string {
  return path.join(path.dirname(modelsDir), "endpoints.json");
}

/** The variable in which the command line finds the key of an endpoint: "My server" → KALACTICA_KEY_MY_SERVER. */
export function keyVariable(name: string): string {
  return `KALACTICA_KEY_${name.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}`;
}

export class EndpointDesk {
  readonly #options: EndpointDeskOptions;
  readonly #store: EndpointStore;
  /** By origin, in memory only; "" where the client has none. */
  readonly #keys = new Map<string, string>();
  readonly #wanted = new Map<string, { promise: Promise<void>; resolve: () => void }>();
  readonly #askedConsents = new Set<string>();
  readonly #models = new Map<string, { endpoint: Endpoint; model: RemoteModel }>();

  constructor(options: EndpointDeskOptions) {
    this.#options = options;
    this.#store = options.store;
  }

  list(): EndpointInfo[] {
    return this.#store.list().map((endpoint) => {
      const { origin, host, leavesMachine } = parseEndpointAddress(endpoint.base);
      const { name, base, model, contextSize, contextFrom, infill } = endpoint;
      return { name, url: base, origin, host, model, leavesMachine, consented: this.#mayTalkTo({ host, leavesMachine }), active: this.#store.active === name, contextSize, contextFrom, completions: infill !== null };
    });
  }

  /** Takes in what another window registered or removed. */
  refresh(): Promise<void> {
    return this.#store.reload();
  }

  /** The endpoints as models of the list. */
  models(): ModelInfo[] {
    return this.#store.list().map((endpoint) => modelInfo(endpoint, this.#store.active === endpoint.name));
  }

  /** The endpoint that writes: the one that the setting names, else the chosen one; null where the local model does. */
  inUse(): RemoteModel | null {
    if (!this.#options.trusted()) return null;
    const setting = this.#options.settings()["model.file"];
    const name = setting.startsWith(ENDPOINT_PREFIX) ? setting.slice(ENDPOINT_PREFIX.length) : setting === "" ? this.#store.active : null;
    const endpoint = name === null ? undefined : this.#store.find(name);
    return endpoint === undefined ? null : this.#modelOf(endpoint);
  }

  /** Why the endpoint that was chosen is not used; null where none was, or it is. */
  passedOver(): string | null {
    const setting = this.#options.settings()["model.file"];
    if (setting.startsWith(ENDPOINT_PREFIX) && this.#store.find(setting.slice(ENDPOINT_PREFIX.length)) === undefined) {
      return `There is no endpoint "${setting.slice(ENDPOINT_PREFIX.length)}", which the setting "kalactica.model.file" names; the local model is used. Add it with "KaLactica: Add Endpoint…" or \`kalactica models add-endpoint\`.`;
    }
    if (!this.#options.trusted() && this.#store.active !== null) return `The endpoint ${this.#store.active} is not used while this workspace is not trusted; nothing is sent.`;
    return null;
  }

  /** What is at `url`. Errors: `badRequest`, those of asking it. */
  async look(url: string, key: string | undefined, signal?: AbortSignal): Promise<EndpointOffer> {
    this.#requireTrust();
    const address = parseEndpointAddress(url);
    if (key !== undefined) this.#keys.set(address.origin, key);
    const { origin, host, leavesMachine, inClear } = address;
    const consented = this.#mayTalkTo(address);
    const models = consented ? await listedModels(await this.#exchange(host, address), signal) : [];
    return { origin, host, leavesMachine, inClear, consented, models };
  }

  /** Registers a model after trying it, and uses it. Errors: `badRequest`, `consentNeeded`, those of trying it. */
  async add({ url, name: given, model: wanted, completions }: AddEndpointParams, signal?: AbortSignal): Promise<ModelInfo> {
    this.#requireTrust();
    const address = parseEndpointAddress(url);
    const name = given ?? address.host.replace(/[^\p{L}\p{N} ._-]+/gu, "-");
    if (!NAME.test(name)) throw new EngineError("badRequest", `"${name.slice(0, 80)}" cannot be the name of an endpoint. Expected are up to 64 letters, digits, spaces, dots, dashes and underscores, beginning with a letter or a digit.`);
    const exchange = await this.#exchange(name, address);
    const model = await findModel(exchange, wanted, signal);
    const { contextSize, contextFrom, infill } = await examineModel(exchange, model, signal);
    const endpoint: Endpoint = { name, base: address.base, model: model.id, contextSize, contextFrom, infill: completions ? infill : null, addedAt: new Date().toISOString() };
    await this.#store.put(endpoint);
    this.#options.log.info("An endpoint was added", { name, host: address.host, contextSize, contextFrom, infill });
    return this.use(name);
  }

  /** Errors: `notFound`. */
  async remove(name: string): Promise<void> {
    const endpoint = this.#found(name);
    await this.#store.remove(name);
    this.#models.delete(name);
    const { origin, host } = parseEndpointAddress(endpoint.base);
    if (!this.#store.list().some(({ base }) => parseEndpointAddress(base).host === host)) {
      // Who registers it again is asked again.
      this.#keys.delete(origin);
      await this.#store.withdraw(host);
    }
    this.#options.onChange();
  }

  /** Lets an endpoint write from now on; null: the local model. Errors: `notFound`, `consentNeeded`. */
  async use(name: string): Promise<ModelInfo>;
  async use(name: null): Promise<null>;
  async use(name: string | null): Promise<ModelInfo | null> {
    if (name === null) {
      if (this.#store.active === null) return null;
      await this.#store.activate(null);
      this.#options.onChange();
      return null;
    }
    const endpoint = this.#found(name);
    this.#requireConsent(parseEndpointAddress(endpoint.base), "questions with the passages found for them");
    await this.#store.activate(name);
    this.#options.onChange();
    return modelInfo(endpoint, true);
  }

  async consent(host: string, agreed: boolean): Promise<void> {
    await (agreed ? this.#store.agree(host) : this.#store.withdraw(host));
    this.#options.onChange();
  }

  /** The client's answer to `endpoint/keyWanted`, or a new key. */
  setKey(origin: string, key: string | null): void {
    this.#keys.set(origin, key ?? "");
    this.#wanted.get(origin)?.resolve();
    this.#wanted.delete(origin);
  }

  /**
   * How to speak to a shared index at `address`. `what` says what is sent, for the question of consent.
   * Errors: `offline`, `consentNeeded`, `badRequest` in a workspace that is not trusted.
   */
  async exchangeWith(name: string, address: EndpointAddress, what: string, stallMs?: number): Promise<Exchange> {
    // What was agreed to may have been taken back in another window.
    await this.#store.reload();
    this.#requireConsent(address, what);
    return this.#exchange(name, address, stallMs);
  }

  /** What leaves this machine, for the doctor. */
  doctor(): DoctorItem[] {
    if (isOffline()) return [{ name: "Connections", state: "ok", found: "Every connection is refused (\"kalactica.offline\").", remedy: null }];
    const outside = this.list().filter(({ leavesMachine }) => leavesMachine);
    return [{
      name: "Endpoints", state: "ok", remedy: null,
      found: this.list().length === 0 ? "None: answers and completions are made on this machine." : this.list().map((endpoint) => `${endpoint.name} at ${endpoint.host}${endpoint.active ? ", in use" : ""}${endpoint.leavesMachine ? ", LEAVES THIS MACHINE" : ", on this machine"}`).join("; ") + (outside.length === 0 ? "; nothing leaves this machine." : "."),
    }];
  }

  #modelOf(endpoint: Endpoint): RemoteModel {
    const known = this.#models.get(endpoint.name);
    if (known !== undefined && known.endpoint.base === endpoint.base && known.endpoint.addedAt === endpoint.addedAt) return known.model;
    const address = parseEndpointAddress(endpoint.base);
    const { settings, log, onChange } = this.#options;
    const model = new RemoteModel({
      endpoint, host: address.host, leavesMachine: address.leavesMachine, log, onChange,
      exchange: () => this.exchangeWith(endpoint.name, address, "questions with the passages found for them"),
      redact: redactRemembering,
      mostContext: () => settings()["model.contextSize"] || DEFAULT_CONTEXT,
      onContextSize: (contextSize) => {
        this.#store.put({ ...endpoint, contextSize, contextFrom: "refusal" }).catch((error: unknown) => log.warn("The context of an endpoint could not be noted", { error: String(error) }));
      },
    });
    this.#models.set(endpoint.name, { endpoint, model });
    return model;
  }

  #found(name: string): Endpoint {
    const endpoint = this.#store.find(name);
    if (endpoint !== undefined) return endpoint;
    const names = this.#store.list().map((known) => known.name);
    throw new EngineError("notFound", `There is no endpoint "${name}". ${names.length === 0 ? "There are none; add one with \"KaLactica: Add Endpoint…\" or `kalactica models add-endpoint URL`." : `There are: ${names.join(", ")}.`}`, { name });
  }

  async #exchange(name: string, address: EndpointAddress, stallMs = this.#options.settings()["endpoint.timeoutSeconds"] * 1000): Promise<Exchange> {
    this.#requireTrust();
    if (isOffline()) throw new EngineError("offline", `Nothing was sent to ${address.host}: KaLactica is set to be offline. Switch the setting "kalactica.offline" off to allow connections.`, { host: address.host });
    this.#requireConsent(address, "questions with the passages found for them");
    const key = await this.#keyOf(name, address);
    return {
      name, base: address.base, host: address.host, key, times: { stallMs, totalMs: stallMs * TOTAL_OF_STALL },
      keyRemedy: this.#options.notify ? "Give its key with \"KaLactica: Add Endpoint…\"." : `Give its key in the environment variable ${keyVariable(name)}.`,
    };
  }

  async #keyOf(name: string, { origin }: EndpointAddress): Promise<string> {
    const known = this.#keys.get(origin);
    if (known !== undefined) return known;
    const { notify, keyFor } = this.#options;
    if (keyFor) return keyFor(name) ?? "";
    if (!notify) return "";
    let wanted = this.#wanted.get(origin);
    if (wanted === undefined) {
      let resolve = (): void => undefined;
      const promise = new Promise<void>((done) => { resolve = done; });
      wanted = { promise, resolve };
      this.#wanted.set(origin, wanted);
      notify("endpoint/keyWanted", { origin });
    }
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([wanted.promise, new Promise<void>((resolve) => { timer = setTimeout(resolve, KEY_PATIENCE_MS); })]);
    clearTimeout(timer);
    this.#wanted.delete(origin);
    return this.#keys.get(origin) ?? "";
  }

  #mayTalkTo({ host, leavesMachine }: Pick<EndpointAddress, "host" | "leavesMachine">): boolean {
    return !leavesMachine || this.#store.hasConsent(host);
  }

  #requireConsent(address: EndpointAddress, what: string): void {
    if (this.#mayTalkTo(address)) return;
    const { host } = address;
    if (!this.#askedConsents.has(host)) {
      this.#askedConsents.add(host);
      this.#options.notify?.("endpoint/consentWanted", { host, what });
    }
    throw new EngineError("consentNeeded", `Nothing was sent to ${host}: you have not agreed to that yet. What would be sent: ${what}. Agree with "KaLactica: Add Endpoint…", or on the command line with --consent.`, { host });
  }

  #requireTrust(): void {
    if (!this.#options.trusted()) throw new EngineError("badRequest", "Nothing is sent to endpoints or shared indexes while this workspace is not trusted. Trust it first.");
  }
}

function modelInfo(endpoint: Endpoint, active: boolean): ModelInfo {
  const { host, leavesMachine } = parseEndpointAddress(endpoint.base);
  const { name, base, model, contextSize, infill } = endpoint;
  return {
    id: `${ENDPOINT_PREFIX}${name}`, name: `${name} (${model})`, file: null, uri: base, sha256: null, sizeBytes: 0, licence: "unknown", architecture: "", parameters: 0, quantisation: "",
    contextSize, fimTokens: infill !== null, chatTemplate: true, capabilities: { infill: infill !== null, answer: true, embed: false }, fit: null, installed: true, active, remote: { host, leavesMachine },
  };
}
