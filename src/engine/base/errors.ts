// The one failure type of the engine. It carries a machine-readable reason and a sentence for people;
// it does not decide how a failure is shown (src/extension/messages.ts) nor how it travels (server.ts).

/** Every reason an engine operation can fail for. Clients branch on these, never on message text. */
export type ErrorReason =
  | "badRequest" // parameters of the wrong type or range
  | "unknownSetting"
  | "noWorkspace"
  | "noModel"
  | "modelNotFound"
  | "modelTruncated"
  | "modelForeign" // not a GGUF file
  | "modelTooNew" // a GGUF version or architecture this engine does not know
  | "modelTooLarge" // does not fit the memory of this machine
  | "modelLoadFailed"
  | "modelIncapable" // the loaded model cannot do what was asked (for example infill)
  | "contextOverflow"
  | "downloadFailed"
  | "checksumMismatch"
  | "rangeRefused"
  | "diskFull"
  | "unreadable" // a file or folder that cannot be read
  | "notFound"
  | "indexCorrupt"
  | "indexTooNew"
  | "busyElsewhere" // another process holds the workspace
  | "nativeMissing" // a prebuilt library is absent or does not fit the machine
  | "trainingFailed"
  | "dataInvalid"
  | "protocolMismatch"
  | "timeout"
  | "internal";

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
