// Measures how quickly a model reads and writes on this machine, and keeps the figures by the model's hash and the machine. Anything
// more urgent goes first, and what it takes is in the figures: they say what is to be expected beside everything else that runs.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { EngineError, isCancelled, throwIfCancelled } from "../base/errors.ts";
import { sha256, sha256File, writeFileAtomic } from "../base/files.ts";
import type { Log } from "../base/log.ts";
import { PRIORITY } from "../base/scheduler.ts";
import type { Lease, Scheduler } from "../base/scheduler.ts";
import type { Hardware } from "../model/hardware.ts";
import { ModelRuntime } from "../model/runtime.ts";
import type { ModelSpeed } from "../protocol/machine.ts";
import type { ModelInfo, TokenCounts } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";

/** Enough for a mean that another round does not change by more than a few percent; our choice. */
const ENOUGH_GENERATED = 96;
const MOST_ROUNDS = 6;
const GENERATED_A_ROUND = 48;
const MOST_MS = 30_000;
/** What fewer tokens take is mostly something else. */
const LEAST_PROMPT = 32;
const LEAST_GENERATED = 8;

/** Texts to read: each round another one, so that nothing computed for one serves the next. */
function sampleCode(round: number): string {
  const names = ["orders", "sessions", "readings", "invoices", "packets", "frames"];
  const name = names[round % names.length]!;
  const lines = Array.from({ length: 24 }, (_, i) => `  const ${name}${i} = select(${name}, (each) => each.weight > ${i * 3 + round} && each.label !== "part ${i}");`);
  return `// Groups ${name} by weight.\nexport function group${round}(${name}) {\n${lines.join("\n")}\n  return `;
}

/** One reading and writing, as the figures are made of. */
interface Round { tokens: TokenCounts; firstTokenMs: number; totalMs: number }

/** What measuring needs of a loaded model. */
export type MeasuredModel = Pick<ModelRuntime, "infill" | "generate" | "embed" | "countTokens" | "status">;

/**
 * Measures a loaded model. `hasMarkers` and `hasTemplate` say how it can be made to write.
 * Errors: those of the model; CancelledError.
 */
export async function measureSpeed(model: MeasuredModel, abilities: { infill: boolean; chat: boolean; embed: boolean }, lease: Lease, signal?: AbortSignal): Promise<ModelSpeed> {
  const begun = performance.now();
  const aborting = signal ? { signal } : {};
  let [prompt, promptMs, generated, generatedMs, rounds] = [0, 0, 0, 0, 0];
  while (rounds < MOST_ROUNDS && generated < ENOUGH_GENERATED && performance.now() - begun < MOST_MS) {
    throwIfCancelled(signal);
    const round = abilities.embed ? await readOnly(model, rounds, lease, aborting) : await readAndWrite(model, abilities, rounds, lease, aborting);
    throwIfCancelled(signal);
    // The first round also makes the context and wakes the threads.
    if (rounds > 0 || !abilities.embed) {
      prompt += round.tokens.prompt - round.tokens.reused;
      promptMs += round.firstTokenMs;
    }
    if (round.tokens.generated > 1) {
      generated += round.tokens.generated - 1;
      generatedMs += round.totalMs - round.firstTokenMs;
    }
    rounds++;
  }
  const perSecond = (n: number, ms: number, least: number): number | null => (n >= least && ms > 0 ? Math.round((10_000 * n) / ms) / 10 : null);
  return {
    promptPerSecond: perSecond(prompt, promptMs, LEAST_PROMPT), generatedPerSecond: perSecond(generated, generatedMs, LEAST_GENERATED),
    nPrompt: prompt, nGenerated: generated, device: model.status().device ?? "cpu", at: new Date().toISOString(),
  };
}

async function readAndWrite(model: MeasuredModel, abilities: { infill: boolean; chat: boolean }, round: number, lease: Lease, aborting: { signal?: AbortSignal }): Promise<Round> {
  const begun = performance.now();
  // A model with a template but without markers writes as it does in chat; every other goes on with a file.
  if (abilities.chat && !abilities.infill) {
    const { tokens, firstTokenMs } = await model.generate({ messages: [{ role: "user", text: `Explain, line by line, what this code does:\n\n${sampleCode(round)}` }], maxTokens: GENERATED_A_ROUND, temperature: 0, lease, onText: () => undefined, ...aborting });
    return { tokens, firstTokenMs, totalMs: performance.now() - begun };
  }
  const { tokens, firstTokenMs } = await model.infill({ path: `group${round}.ts`, prefix: sampleCode(round), suffix: "", continues: true, context: [], maxTokens: GENERATED_A_ROUND, lease, keepGoing: () => true, ...aborting });
  return { tokens, firstTokenMs, totalMs: performance.now() - begun };
}

async function readOnly(model: MeasuredModel, round: number, lease: Lease, aborting: { signal?: AbortSignal }): Promise<Round> {
  const text = sampleCode(round);
  const prompt = await model.countTokens(text);
  const begun = performance.now();
  await model.embed([text], { lease, ...aborting });
  const ms = performance.now() - begun;
  return { tokens: { prompt, reused: 0, generated: 0 }, firstTokenMs: ms, totalMs: ms };
}

type Kept = Record<string, Record<string, ModelSpeed>>;

/** The figures measured so far, in one file beside the models; by machine too, because home folders travel. */
export class ModelSpeeds {
  readonly #file: string;

  constructor(modelsDir: string) {
    this.#file = path.join(modelsDir, "speeds.json");
  }

  /** By the models' SHA-256. Damaged files count as empty: the figures can be had again. */
  async on(hardware: Hardware): Promise<ReadonlyMap<string, ModelSpeed>> {
    const machine = machineKey(hardware);
    return new Map(Object.entries(await this.#read()).flatMap(([hash, byMachine]) => (byMachine[machine] ? [[hash, byMachine[machine]] as const] : [])));
  }

  /** Errors: `diskFull`, `unreadable`. */
  async keep(hash: string, hardware: Hardware, speed: ModelSpeed): Promise<void> {
    const all = await this.#read();
    await writeFileAtomic(this.#file, JSON.stringify({ ...all, [hash]: { ...all[hash], [machineKey(hardware)]: speed } }, null, 2));
  }

  async #read(): Promise<Kept> {
    try {
      const value: unknown = JSON.parse(await readFile(this.#file, "utf8"));
      return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Kept) : {};
    } catch {
      return {};
    }
  }
}

function machineKey({ cpu, cores, gpu, device }: Hardware): string {
  return sha256(`${cpu}\n${cores}\n${gpu?.name ?? ""}\n${device}`).slice(0, 16);
}

/** The hash by which a model's figures are kept: what is noted of it, else that of its file. Errors: `noModel`, those of reading; CancelledError. */
export async function hashOf(model: ModelInfo, signal?: AbortSignal): Promise<string> {
  if (model.sha256 !== null) return model.sha256;
  if (model.file === null) throw new EngineError("noModel", `The model ${model.name} is not on this machine. Download it first.`, { id: model.id });
  return sha256File(model.file, signal);
}

/**
 * Loads `model` by itself, measures it, frees it. Errors: those of loading and of the model; CancelledError.
 */
export async function measureApart(model: ModelInfo, settings: Settings, scheduler: Scheduler, log: Log, signal?: AbortSignal): Promise<ModelSpeed> {
  return scheduler.run(PRIORITY.background, signal, async (lease) => {
    const runtime = new ModelRuntime(log);
    try {
      await runtime.load(model, settings);
      throwIfCancelled(signal);
      return await measureSpeed(runtime, { infill: model.fimTokens, chat: model.chatTemplate, embed: model.capabilities.embed }, lease, signal);
    } catch (error) {
      if (!isCancelled(error)) log.warn("A model could not be measured", { error: String(error) });
      throw error;
    } finally {
      await runtime.dispose();
    }
  });
}
