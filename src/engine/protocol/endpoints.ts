// Model servers and shared indexes as they are managed over the wire. Types only.
import type { ModelInfo } from "./types.ts";

export interface EndpointModel {
  id: string;
  contextSize: number | null;
}

/** What is at an address, before it is registered. */
export interface EndpointOffer {
  /** Scheme, host and port: what a key is bound to. */
  origin: string;
  host: string;
  leavesMachine: boolean;
  /** Others on the way can read what is sent. */
  inClear: boolean;
  consented: boolean;
  /** Empty where the host was not asked for want of consent, or lists none. */
  models: EndpointModel[];
}

export interface AddEndpointParams {
  url: string;
  /** Default: the host. */
  name?: string;
  /** Default: the server's only one. */
  model?: string;
  /** Whether inline completion may use it too, where it can. */
  completions: boolean;
}

export interface EndpointInfo {
  name: string;
  url: string;
  origin: string;
  host: string;
  model: string;
  leavesMachine: boolean;
  consented: boolean;
  active: boolean;
  contextSize: number;
  /** Who says so. */
  contextFrom: "server" | "probe" | "refusal" | "assumed";
  completions: boolean;
}

export interface EndpointRequests {
  /** What is at an address. A host that was not agreed to is not asked. `key` is used for this and kept in memory only. */
  "endpoint/look": { params: { url: string; key?: string }; result: EndpointOffer };
  /** Registers a model after trying it; it is used from now on. */
  "endpoint/add": { params: AddEndpointParams; result: ModelInfo };
  /** Forgets an endpoint; the local model writes again where it was the one. Errors: `notFound`. */
  "endpoint/remove": { params: { name: string }; result: null };
  /** The endpoints that were registered, without their keys. */
  "endpoint/list": { params: null; result: EndpointInfo[] };
  /** The user agrees that something is sent to a host, or takes that back. */
  "endpoint/consent": { params: { host: string; agreed: boolean }; result: null };
  /** The key for an origin, or null where there is none: the answer to `endpoint/keyWanted`, or a new one. */
  "endpoint/key": { params: { origin: string; key: string | null }; result: null };
}

export interface EndpointNotifications {
  /** A request needs the key for this origin; `endpoint/key` gives it. */
  "endpoint/keyWanted": { origin: string };
  /** Something would be sent to a host that was not agreed to. */
  "endpoint/consentWanted": { host: string; what: string };
}
