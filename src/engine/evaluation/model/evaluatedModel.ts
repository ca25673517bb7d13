// The model under evaluation, as the suites that make it write see it. Types only; tasks hand in the real one.

export interface ModelSample {
  readonly text: string;
  /** From the request to the end of the text, in ms. */
  readonly ms: number;
  readonly tokens: number;
}

export interface SampleOptions {
  readonly maxTokens: number;
  /** 0 takes the likeliest token throughout. */
  readonly temperature: number;
  /** Repeats a draw with a temperature. */
  readonly seed: number;
  /** Called with the text so far; false ends it. */
  readonly keepGoing?: (textSoFar: string) => boolean;
  readonly signal?: AbortSignal;
}

export interface EvaluatedModel {
  readonly name: string;
  /** Names weights and adapter by content: results of one never stand for another. */
  readonly key: string;
  readonly abilities: { readonly infill: boolean; readonly answer: boolean };
  /** What belongs between prefix and suffix, or how the file goes on where `continues`; `context` holds excerpts of other files, most useful last. */
  infill(parts: { readonly path: string; readonly prefix: string; readonly suffix: string; readonly context: readonly { path: string; text: string }[]; readonly continues?: boolean }, options: SampleOptions): Promise<ModelSample>;
  /** The reply to one instruction. Only where `abilities.answer`. */
  answer(instruction: string, options: SampleOptions): Promise<ModelSample>;
}

/** Runs one program to its end, isolated; how is the sandbox room's business. */
export type RunProgram = (program: { language: "python" | "javascript" | "typescript"; code: string; files?: Readonly<Record<string, string>>; signal?: AbortSignal }) => Promise<ProgramEnd>;

export interface ProgramEnd {
  readonly outcome: "passed" | "failed" | "timeout" | "memory" | "output" | "killed";
  readonly stdout: string;
  readonly stderr: string;
}
