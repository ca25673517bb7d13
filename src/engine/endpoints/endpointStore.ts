// Which endpoints the user has registered, which one writes, and to which hosts sending was agreed: one small file beside the models. Keys are
// never in it. It opens no connection.
import { readFile } from "node:fs/promises";
import { errnoCode } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import type { Log } from "../base/log.ts";
import type { InfillRoute } from "./modelServer.ts";

/** A model on a server, as it was found when it was added. */
export interface Endpoint {
  name: string;
  /** Without "/v1". */
  base: string;
  /** The model's id on the server. */
  model: string;
  /** Tokens of a conversation; lowered when the server turns out to take less. */
  contextSize: number;
  /** Who says so. */
  contextFrom: "server" | "probe" | "refusal" | "assumed";
  /** Null: completion stays with the local model. */
  infill: InfillRoute | null;
  addedAt: string;
}

interface Stored {
  endpoints: Endpoint[];
  /** Name of the one in use; null: the local model writes. */
  active: string | null;
  /** Hosts (with port) to which sending was agreed, with the time. */
  consents: Record<string, string>;
}

const EMPTY: Stored = { endpoints: [], active: null, consents: {} };

export class EndpointStore {
  readonly #file: string;
  readonly #log: Log;
  #stored: Stored = EMPTY;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(file: string, log: Log) {
    this.#file = file;
    this.#log = log;
  }

  /** Opens the file, or an empty store where there is none or it cannot be read: nothing is sent anywhere then. */
  static async open(file: string, log: Log): Promise<EndpointStore> {
    const store = new EndpointStore(file, log);
    await store.#read();
    return store;
  }

  /** Reads what another window may have changed. */
  reload(): Promise<void> {
    const done = this.#writing.catch(() => undefined).then(() => this.#read());
    this.#writing = done;
    return done;
  }

  async #read(): Promise<void> {
    try {
      this.#stored = checked(JSON.parse(await readFile(this.#file, "utf8")));
    } catch (error) {
      if (errnoCode(error) !== "ENOENT") this.#log.warn("The list of endpoints cannot be read; there are none", { file: this.#file, error: String(error) });
      this.#stored = EMPTY;
    }
  }

  list(): readonly Endpoint[] {
    return this.#stored.endpoints;
  }

  find(name: string): Endpoint | undefined {
    return this.#stored.endpoints.find((endpoint) => endpoint.name === name);
  }

  get active(): string | null {
    return this.#stored.active;
  }

  hasConsent(host: string): boolean {
    return Object.hasOwn(this.#stored.consents, host);
  }

  /** Adds `endpoint`, or replaces the one of its name. Errors: `diskFull`, `unreadable`. */
  put(endpoint: Endpoint): Promise<void> {
    return this.#change((stored) => ({ ...stored, endpoints: [...stored.endpoints.filter(({ name }) => name !== endpoint.name), endpoint] }));
  }

  remove(name: string): Promise<void> {
    return this.#change((stored) => ({ ...stored, endpoints: stored.endpoints.filter((endpoint) => endpoint.name !== name), active: stored.active === name ? null : stored.active }));
  }

  activate(name: string | null): Promise<void> {
    return this.#change((stored) => ({ ...stored, active: name }));
  }

  agree(host: string): Promise<void> {
    return this.#change((stored) => ({ ...stored, consents: { ...stored.consents, [host]: new Date().toISOString() } }));
  }

  /** Takes an agreement back: nothing more is sent there. */
  withdraw(host: string): Promise<void> {
    return this.#change((stored) => ({ ...stored, consents: Object.fromEntries(Object.entries(stored.consents).filter(([agreed]) => agreed !== host)) }));
  }

  async #change(change: (stored: Stored) => Stored): Promise<void> {
    const done = this.#writing.catch(() => undefined).then(async () => {
      // Another window may have written meanwhile.
      await this.#read();
      const next = change(this.#stored);
      await writeFileAtomic(this.#file, `${JSON.stringify(next, null, 2)}\n`);
      this.#stored = next;
    });
    this.#writing = done;
    return done;
  }
}

/** What is usable of a file that people may have edited. */
function checked(value: unknown): Stored {
  const { endpoints, active, consents } = value as Partial<Record<keyof Stored, unknown>>;
  const usable = (Array.isArray(endpoints) ? endpoints : []).filter((entry): entry is Endpoint => {
    const { name, base, model, contextSize } = entry as Partial<Endpoint>;
    return typeof name === "string" && typeof base === "string" && URL.canParse(base) && typeof model === "string" && Number.isSafeInteger(contextSize);
  });
  return {
    endpoints: usable.map((endpoint) => ({ ...endpoint, infill: endpoint.infill === "llamaCpp" || endpoint.infill === "completions" ? endpoint.infill : null })),
    active: typeof active === "string" && usable.some(({ name }) => name === active) ? active : null,
    consents: typeof consents === "object" && consents !== null ? Object.fromEntries(Object.entries(consents).filter((entry): entry is [string, string] => typeof entry[1] === "string")) : {},
  };
}
