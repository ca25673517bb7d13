// What is counted of a process's traffic with other machines, as it travels between trainer, engine and extension. Types, and one set.

/** "listen": a port opened to other machines; "dns": a name was asked for, whose bytes the system sends and nobody counts. */
export type SocketKind = "tcp" | "udp" | "dns" | "listen";

export interface SocketAttempt {
  kind: SocketKind;
  host: string;
  port: number;
  /** Bytes that were sent; of a TLS connection the encrypted ones. */
  bytes: number;
  /** ISO 8601. */
  at: string;
  /** The process: "engine", "trainer", "extension host", "command line". */
  by: string;
}

export interface SocketCount {
  /** Oldest first; at most a thousand are kept. */
  attempts: SocketAttempt[];
  /** Of all attempts, kept or not. */
  bytesOut: number;
}

/** The kinds by which bytes can leave. */
export const SENT_KINDS: ReadonlySet<SocketKind> = new Set(["tcp", "udp", "dns"]);
