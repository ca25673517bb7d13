// After an answer, lets a model that is able read the conversation once more and add to its state what the rules did not see. Never
// before the answer and never in its way: at the lowest priority, given up as soon as something new is asked.
import { isCancelled } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Lease } from "../base/scheduler.ts";
import { DIALOGUE_FORM, DIALOGUE_INSTRUCTION, dialogueTranscript, withModelReading } from "../dialogue/modelReading.ts";
import type { DialogueState } from "../protocol/dialogue.ts";
import type { AskParams, AskResult, ModelStatus } from "../protocol/types.ts";
import { redactSecrets } from "../safety/secrets.ts";
import { exchangesOf, MAXIMUM_TURNS } from "./trackDialogue.ts";

const MAXIMUM_TOKENS = 320;

export interface DialogueReaderOptions {
  status(): Pick<ModelStatus, "state" | "capabilities">;
  generate(request: { messages: { role: "system" | "user"; text: string }[]; maxTokens: number; schema: typeof DIALOGUE_FORM; signal: AbortSignal; lease: Lease; onText: (text: string) => void }): Promise<{ text: string; stopReason: string }>;
  /** Runs `work` when nothing else wants the machine. */
  whenIdle<T>(signal: AbortSignal, work: (lease: Lease) => Promise<T>): Promise<T>;
  tell(askId: string, state: DialogueState): void;
  log: Log;
}

export class DialogueReader {
  readonly #options: DialogueReaderOptions;
  #running: AbortController | null = null;

  constructor(options: DialogueReaderOptions) {
    this.#options = options;
  }

  /** Something is asked: what still reads gives way. */
  stop(): void {
    this.#running?.abort();
    this.#running = null;
  }

  /** Reads the conversation that ended with `result`; tells a state that has more in it, nothing otherwise. Resolves when done or given up. */
  async after(params: AskParams, result: AskResult): Promise<void> {
    this.stop();
    const options = this.#options;
    const { state, capabilities } = options.status();
    if (!result.dialogue || result.stopped || !capabilities.answer || state !== "ready") return;
    const turns = [...exchangesOf([...params.earlier ?? [], ...params.history]), { question: params.question, answer: [result.card?.summary ?? "", result.prose].join("\n") }].slice(-MAXIMUM_TURNS);
    const clean = turns.map(({ question, answer }) => ({ question: redactSecrets(question).text, answer: redactSecrets(answer).text }));
    const running = new AbortController();
    this.#running = running;
    try {
      const { text, stopReason } = await options.whenIdle(running.signal, (lease) => options.generate({
        messages: [{ role: "system", text: DIALOGUE_INSTRUCTION }, { role: "user", text: dialogueTranscript(clean) }],
        maxTokens: MAXIMUM_TOKENS, schema: DIALOGUE_FORM, signal: running.signal, lease, onText: () => undefined,
      }));
      if (running.signal.aborted || stopReason === "cancelled") return;
      const read = withModelReading(result.dialogue, text, clean);
      if (JSON.stringify(read) !== JSON.stringify(result.dialogue)) options.tell(params.askId, read);
    } catch (error) {
      if (!isCancelled(error)) options.log.warn("The model could not read the conversation", { error: String(error) });
    } finally {
      if (this.#running === running) this.#running = null;
    }
  }
}
