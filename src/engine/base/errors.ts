// The one failure type of the engine. It carries a machine-readable reason and a sentence for people;
// it does not decide how a failure is shown (src/extension/messages.ts) nor how it travels (server.ts).
import type { ErrorReason } from "../protocol/errors.ts";

export type { ErrorReason };

/** A failure with a reason, a sentence (found, expected, what to do) and details for the log. */
export class EngineError extends Error {
  readonly reason: ErrorReason;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(reason: ErrorReason, sentence: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(sentence, cause === undefined ? undefined : { cause });
    this.name = "EngineError";
    this.reason = reason;
    this.details = details;
  }
}

/** Thrown where work stops because its signal was aborted. Quiet by convention: it is never shown. */
export class CancelledError extends Error {
  constructor() {
    super("The request was cancelled.");
    this.name = "CancelledError";
  }
}

/** Throws {@link CancelledError} when `signal` is aborted; the cheap check between two units of work. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CancelledError();
}

/** Whether `error` means "was cancelled", in any of the forms that libraries give it. */
export function isCancelled(error: unknown): boolean {
  return error instanceof CancelledError || (error instanceof Error && error.name === "AbortError");
}

/** The errno code of a Node system error ("ENOENT", "ENOSPC", …), or undefined. */
export function errnoCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
