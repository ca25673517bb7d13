// What the proof of being offline found, as it travels from the engine to who shows it. Types only.
import type { SocketKind } from "./socketCount.ts";

/** One attempt of a process of ours to reach another machine, or to be reached by one. */
export interface OfflineAttempt {
  /** Name of the feature that was being exercised. */
  feature: string;
  /** "command line", "engine", "trainer", or the beginning of a command line for a process that does not count itself. */
  process: string;
  kind: SocketKind;
  host: string;
  port: number;
  /** Bytes sent; null where only the system's tables saw the socket, which do not tell. */
  bytes: number | null;
  /** By the process itself, or by the system's tables of sockets. */
  seen: "inside" | "outside";
}

export interface OfflineFeature {
  name: string;
  /** What was done, in a few words. */
  title: string;
  /** "failed": it ended in an error, so nothing is proven of it; `sentence` says why. */
  state: "ran" | "failed";
  sentence: string | null;
  /** Processes that counted their own sockets. */
  processes: number;
  seconds: number;
  attempts: OfflineAttempt[];
}

export interface OfflineProof {
  /** Every feature ran, and none tried to open a socket. */
  proven: boolean;
  features: OfflineFeature[];
  attempts: OfflineAttempt[];
  bytesOut: number;
  /** Whether the system's tables of sockets were read as well. */
  outside: boolean;
  version: string;
  platform: string;
  /** ISO 8601. */
  at: string;
  seconds: number;
}
