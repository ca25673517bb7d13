// What travels about the checks of suggestions: concerns about blocks of code, and what the user has allowed all the same.
import type { BlockConcern, Verdict, VerdictAction } from "./types.ts";

/** A finding that the user has allowed for one text, on this machine and in this workspace. */
export interface SafetyOverride {
  key: string;
  check: string;
  rule: string;
  reason: string;
  /** The beginning of the text, without secrets. */
  excerpt: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** A block that is about to be inserted or run. */
export interface JudgedBlock {
  verdict: Verdict;
  concerns: BlockConcern[];
  /** The strictest action of concerns that are not allowed. */
  action: VerdictAction;
  /** Of the gravest concern that is not allowed; "" where there is none. */
  consequence: string;
}

/** Requests from client to engine. */
export interface SafetyRequests {
  /** The checks of a block of code or commands, right before it is inserted or run. */
  "safety/judge": { params: { code: string; language: string }; result: JudgedBlock };
  /** Allows a finding from now on; the floor (secrets) cannot be allowed. */
  "safety/allow": { params: Omit<SafetyOverride, "at">; result: null };
  /** Newest first. */
  "safety/overrides": { params: null; result: SafetyOverride[] };
  /** Takes permissions back, by the keys of `safety/overrides`. */
  "safety/withdraw": { params: { keys: string[] }; result: null };
}

/** Names a block by its text without white space (FNV-1a, 32 bits, twice): the same where the engine reads it and where it is shown. */
export function blockKey(code: string): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let i = 0; i < code.length; i++) {
    const unit = code.charCodeAt(i);
    if (unit <= 32) continue;
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ (unit + 0x9e37), 0x01000193);
  }
  return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0");
}
