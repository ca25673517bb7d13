import { UnknownKindError } from "./errors.ts";
import type { Job } from "./queue.ts";
import type { Handler } from "./worker.ts";

export class PatientWorker {
  readonly #handlers: Readonly<Record<string, Handler>>;

  async #retryJob(job: Job): Promise<boolean> {
    const handler = this.#handlers[job.kind];
    try {
      if (handler === undefined) 
    } catch {
      return false;
    }
  }
}
