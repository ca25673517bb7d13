// What an endpoint's address means: where its API begins, which host it is, and whether that is this machine. Opens nothing.
import { EngineError } from "../base/errors.ts";
import { isLoopback } from "../base/socketCount.ts";

export interface EndpointAddress {
  /** Where the API begins, without "/v1" and without a slash at its end: "http://localhost:8080", "https://host/team/llm". */
  base: string;
  /** What a key is bound to: scheme, host and port. */
  origin: string;
  /** Host and port as people read it; a consent is given to it. */
  host: string;
  /** What is sent leaves this machine. */
  leavesMachine: boolean;
  /** Others on the way can read what is sent. */
  inClear: boolean;
}

/** Errors: `badRequest` for what is no address of a server, or one that carries a password. */
export function parseEndpointAddress(text: string): EndpointAddress {
  const trimmed = text.trim();
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    throw new EngineError("badRequest", `"${clip(trimmed)}" is no address of a model server. Expected is one like http://localhost:8080 or https://host/v1.`);
  }
  if (url.username !== "" || url.password !== "") {
    throw new EngineError("badRequest", `The address of ${url.host} carries a user or a password. Leave them out of it, and give the key when you are asked for one: it is kept apart.`);
  }
  if (url.search !== "" || url.hash !== "") throw new EngineError("badRequest", `The address "${clip(`${url.origin}${url.pathname}`)}" was given with more behind it ("?" or "#"). Expected is where the API begins, like ${url.origin}/v1.`);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/(?:v1(?:\/(?:chat\/completions|completions|models))?)$/, "");
  const leavesMachine = !isLoopback(url.hostname);
  return { base: `${url.origin}${path}`, origin: url.origin, host: url.host, leavesMachine, inClear: leavesMachine && url.protocol === "http:" };
}

function clip(text: string): string {
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}
