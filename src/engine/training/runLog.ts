// The log of a run as JSON Lines: one object per line, appended, so that it survives a kill and any tool can follow it.
import { mkdir, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { writeFailure } from "../base/files.ts";

/** One line. `kind` says which further fields there are. */
export type RunEvent =
  | { readonly kind: "start"; readonly step: number; readonly nParameters: number; readonly tokensPerStep: number; readonly matrixProducts: string; readonly nThreads: number; readonly config: unknown }
  | { readonly kind: "step"; readonly step: number; readonly tokensSeen: number; readonly loss: number; readonly rate: number; readonly gradientNorm: number; readonly tokensPerSecond: number; readonly residentMegabytes: number }
  | { readonly kind: "heldOut"; readonly step: number; readonly tokensSeen: number; readonly bitsPerByte: number; readonly byLanguage: Readonly<Record<string, number>> }
  | { readonly kind: "checkpoint"; readonly step: number; readonly tokensSeen: number; readonly trainedSeconds: number }
  | { readonly kind: "end"; readonly step: number; readonly reason: "finished" | "paused" };

export class RunLog {
  readonly #handle: FileHandle;
  readonly #file: string;

  private constructor(handle: FileHandle, file: string) {
    this.#handle = handle;
    this.#file = file;
  }

  static async open(file: string): Promise<RunLog> {
    await mkdir(path.dirname(file), { recursive: true });
    return new RunLog(await open(file, "a"), file);
  }

  /** Errors: `diskFull`, `unreadable`. */
  async write(event: RunEvent): Promise<void> {
    try {
      await this.#handle.appendFile(`${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`);
    } catch (error) {
      throw writeFailure(this.#file, error);
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
