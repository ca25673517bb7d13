// `evaluate dialogue`: dialogue state tracking on Schema-Guided Dialogue (Rastogi et al. 2020): a folder with schema.json and
// dialogues_*.json, plain or gzipped. It reads and judges; the tracker is handed in.
// Joint goal accuracy: share of user frames whose slot values are all right and none too many (mean over frames). Slot accuracy:
// of the slots that are filled in gold or prediction, the share that is right. A value is right where it is one of gold's, ignoring
// case, punctuation and articles; no part marks for near misses.
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { mean, meanInterval, pairedMetrics } from "./intervals.ts";
import { hasFields } from "./readSet.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

/** What an evaluation needs of a tracker. Turns come in order; services are those whose frames the turn has, as the task gives them. */
export interface DialogueTracker {
  systemTurn(text: string, services: readonly string[], acts?: Readonly<Record<string, DialogueSystemActs>>): void;
  userTurn(text: string, services: readonly string[]): void;
  state(service: string): ReadonlyMap<string, { value: string }>;
}

export interface DialogueSystemActs {
  requests: readonly string[];
  proposals: readonly { slot: string; value: string; isOffer: boolean }[];
}

export interface DialogueService {
  name: string;
  description: string;
  slots: { name: string; description: string; isCategorical: boolean; possibleValues: string[] }[];
  intents: { name: string; description: string; requiredSlots: string[]; optionalSlots: Record<string, string> }[];
}

interface Frame {
  service: string;
  actions?: { act: string; slot: string; values: string[] }[];
  state?: { active_intent: string; slot_values: Record<string, string[]> };
}

interface Dialogue {
  dialogue_id: string;
  services: string[];
  turns: { speaker: "USER" | "SYSTEM"; utterance: string; frames: Frame[] }[];
}

/** Judged frames of one way of tracking, in the order of the set. */
interface Judged {
  id: string;
  service: string;
  several: boolean;
  joint: number;
  slotsRight: number;
  slots: number;
  wrong: Record<string, { gold: string[]; predicted: string | null }>;
}

export async function evaluateDialogue(folder: string, tracker: (services: readonly DialogueService[]) => DialogueTracker, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const files = dialogueFiles(folder);
  const services = (await readJson(folder, "schema.json")).flatMap(toService);
  const dialogues: Dialogue[] = [];
  for (const file of files) dialogues.push(...(await readJson(folder, file)).filter(isDialogue));
  if (dialogues.length === 0) throw new EngineError("dataInvalid", `${folder} has no dialogues. Expected dialogues_*.json in the form of Schema-Guided Dialogue.`, { folder });
  const fromWords: Judged[] = [];
  const withActs: Judged[] = [];
  const nothing: number[] = [];
  let turns = 0;
  let microseconds = 0;
  for (const [at, dialogue] of dialogues.entries()) {
    throwIfCancelled(hooks.signal);
    const schemas = services.filter(({ name }) => dialogue.services.includes(name));
    // Of the processor, not of the clock: other programs run beside.
    const started = process.cpuUsage();
    fromWords.push(...judge(dialogue, tracker(schemas), false));
    const { user, system } = process.cpuUsage(started);
    microseconds += user + system;
    withActs.push(...judge(dialogue, tracker(schemas), true));
    turns += dialogue.turns.length;
    for (const turn of dialogue.turns) if (turn.speaker === "USER") for (const frame of turn.frames) if (frame.state) nothing.push(Number(Object.keys(frame.state.slot_values).length === 0));
    hooks.onProgress?.(at + 1, dialogues.length);
  }
  const byService = Object.fromEntries([...new Set(fromWords.map(({ service }) => service))].sort().map((service) => [service, figures(fromWords.filter((frame) => frame.service === service))]));
  const joint = fromWords.map((frame) => frame.joint);
  return {
    suite: "dialogue", n: fromWords.length, seconds: (performance.now() - began) / 1000,
    items: fromWords.map(({ id, service, joint: right, wrong }) => ({ id, service, jointGoalAccuracy: right, wrong })),
    settings: { input: "utterances, service schemas and the services of each frame; no acts, no model", dialogues: dialogues.length, services: Object.keys(byService).length },
    metrics: {
      ...figures(fromWords),
      interval: { jointGoalAccuracy: byDialogue(fromWords, (frame) => frame.joint, () => 1), slotAccuracy: byDialogue(fromWords, (frame) => frame.slotsRight, (frame) => frame.slots) },
      microsecondsPerTurn: rounded(microseconds / turns),
      parts: {
        oneService: figures(fromWords.filter(({ several }) => !several)),
        severalServices: figures(fromWords.filter(({ several }) => several)),
        // Beside, for comparison: a system that tells its own acts, and a tracker that says nothing.
        systemActsGiven: { ...figures(withActs), betterBy: pairedMetrics("jointGoalAccuracy", withActs.map((frame) => frame.joint), joint) },
        predictingNothing: { n: nothing.length, jointGoalAccuracy: rounded(mean(nothing)) },
      },
      byService,
    },
  };
}

function judge(dialogue: Dialogue, tracker: DialogueTracker, giveActs: boolean): Judged[] {
  const judged: Judged[] = [];
  for (const [at, turn] of dialogue.turns.entries()) {
    const services = turn.frames.map(({ service }) => service);
    if (turn.speaker === "SYSTEM") {
      tracker.systemTurn(turn.utterance, services, giveActs ? Object.fromEntries(turn.frames.map((frame) => [frame.service, actsOf(frame)])) : undefined);
      continue;
    }
    tracker.userTurn(turn.utterance, services);
    for (const { service, state } of turn.frames) {
      if (!state) continue;
      const predicted = tracker.state(service);
      const wrong: Judged["wrong"] = {};
      const slots = new Set([...Object.keys(state.slot_values), ...predicted.keys()]);
      for (const slot of slots) {
        const gold = state.slot_values[slot] ?? [];
        const value = predicted.get(slot)?.value ?? null;
        if (value === null || !gold.some((one) => comparable(one) === comparable(value))) wrong[slot] = { gold, predicted: value };
      }
      const nWrong = Object.keys(wrong).length;
      judged.push({ id: `${dialogue.dialogue_id}:${at}`, service, several: dialogue.services.length > 1, joint: Number(nWrong === 0), slots: slots.size, slotsRight: slots.size - nWrong, wrong });
    }
  }
  return judged;
}

function actsOf(frame: Frame): DialogueSystemActs {
  const actions = frame.actions ?? [];
  return {
    requests: actions.filter(({ act }) => act === "REQUEST").map(({ slot }) => slot),
    proposals: actions.flatMap(({ act, slot, values }) => (["OFFER", "CONFIRM"].includes(act) && values[0] !== undefined ? [{ slot, value: values[0], isOffer: act === "OFFER" }] : [])),
  };
}

function comparable(value: string): string {
  return value.toLowerCase().replaceAll("’", "'").replace(/\b(?:the|a|an)\b/g, " ").replace(/[^\p{L}\p{N}$']+/gu, " ").trim();
}

function slotAccuracy(frames: readonly Judged[]): number {
  const slots = frames.reduce((sum, frame) => sum + frame.slots, 0);
  return slots === 0 ? NaN : frames.reduce((sum, frame) => sum + frame.slotsRight, 0) / slots;
}

function figures(frames: readonly Judged[]): Metrics {
  return frames.length === 0 ? { n: 0 } : { n: frames.length, jointGoalAccuracy: rounded(mean(frames.map(({ joint }) => joint))), slotAccuracy: rounded(slotAccuracy(frames)) };
}

/** 95 % interval of a share by the bootstrap over dialogues, for the frames of one dialogue stand and fall together. */
function byDialogue(frames: readonly Judged[], right: (frame: Judged) => number, of: (frame: Judged) => number): number[] {
  const groups = new Map<string, { right: number; of: number }>();
  for (const frame of frames) {
    const id = frame.id.slice(0, frame.id.lastIndexOf(":"));
    const group = groups.get(id) ?? { right: 0, of: 0 };
    groups.set(id, { right: group.right + right(frame), of: group.of + of(frame) });
  }
  // Each dialogue's part of the share, so that their mean is the share.
  const all = [...groups.values()];
  const each = all.reduce((sum, group) => sum + group.of, 0) / Math.max(1, all.length);
  return meanInterval(all.map((group) => (each === 0 ? 0 : group.right / each))).map(rounded);
}

function dialogueFiles(folder: string): string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new EngineError("notFound", `${folder} cannot be read. Name a folder of Schema-Guided Dialogue with --data.`, { folder }, error);
  }
  const files = names.filter((name) => /^dialogues.*\.json(?:\.gz)?$/.test(name)).sort();
  if (files.length === 0 || !names.some((name) => /^schema\.json(?:\.gz)?$/.test(name))) throw new EngineError("notFound", `${folder} lacks schema.json or dialogues_*.json (plain or .gz). Name a folder of Schema-Guided Dialogue with --data.`, { folder });
  return files;
}

async function readJson(folder: string, name: string): Promise<unknown[]> {
  const file = name.endsWith(".json") && !readdirSync(folder).includes(name) ? path.join(folder, `${name}.gz`) : path.join(folder, name);
  let value: unknown;
  try {
    const bytes = await readFile(file);
    value = JSON.parse((file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8"));
  } catch (error) {
    throw new EngineError("dataInvalid", `${file} is not readable JSON (${error instanceof Error ? error.message : String(error)}). Expected an array in the form of Schema-Guided Dialogue.`, { file }, error);
  }
  if (!Array.isArray(value)) throw new EngineError("dataInvalid", `${file} holds no array. Expected the form of Schema-Guided Dialogue.`, { file });
  return value as unknown[];
}

function isDialogue(value: unknown): value is Dialogue {
  if (!hasFields(value, { dialogue_id: "string", services: "array", turns: "array" })) return false;
  return (value as Dialogue).turns.every((turn) => hasFields(turn, { speaker: "string", utterance: "string", frames: "array" }) && turn.frames.every((frame) => hasFields(frame, { service: "string" }) && (frame.state === undefined || hasFields(frame.state, { slot_values: "object" }))));
}

function toService(value: unknown): DialogueService[] {
  if (!hasFields(value, { service_name: "string", slots: "array", intents: "array" })) return [];
  const row = value as { service_name: string; description?: string; slots: { name: string; description?: string; is_categorical?: boolean; possible_values?: string[] }[]; intents: { name: string; description?: string; required_slots?: string[]; optional_slots?: Record<string, string> }[] };
  return [{
    name: row.service_name, description: row.description ?? "",
    slots: row.slots.map((slot) => ({ name: slot.name, description: slot.description ?? "", isCategorical: slot.is_categorical ?? false, possibleValues: slot.possible_values ?? [] })),
    intents: row.intents.map((intent) => ({ name: intent.name, description: intent.description ?? "", requiredSlots: intent.required_slots ?? [], optionalSlots: intent.optional_slots ?? {} })),
  }];
}
