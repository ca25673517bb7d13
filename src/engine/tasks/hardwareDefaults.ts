// Says what the table of hardware defaults (model/hardwareDefaults.ts) comes to on this machine under the user's settings, for doctor
// and gallery, and fills in what settings leave open. It decides nothing of its own.
import type { Hardware } from "../model/hardware.ts";
import { completionCapMs, defaultsFor, LEAST_PROSE_TOKENS_PER_SECOND } from "../model/hardwareDefaults.ts";
import type { MachineDefault, MachineInfo } from "../protocol/machine.ts";
import type { ModelStatus } from "../protocol/types.ts";
import type { Settings } from "../settings.ts";

export function machineOf({ cpu, cores, totalRamBytes, availableRamBytes, gpu, device, explanation }: Hardware): MachineInfo {
  return {
    cpu, cores, totalRamBytes, availableRamBytes, device, explanation,
    gpu: gpu === null ? null : { name: gpu.name, kind: gpu.kind, totalVramBytes: gpu.totalVramBytes, freeVramBytes: gpu.freeVramBytes },
  };
}

/** One line for each decision; what a setting overrules says so. */
export function explainDefaults(hardware: Hardware, settings: Settings): MachineDefault[] {
  const { kind, contextTokens, largeModelThreads, smallModelThreads, trainingThreads, largeModelCompletionMs, smallModelCompletionMs } = defaultsFor(hardware);
  const cores = `${hardware.cores} ${hardware.cores === 1 ? "core" : "cores"}`;
  const bySetting = (key: keyof Settings, unit: string): Pick<MachineDefault, "value" | "why" | "setting"> | null => {
    const value = settings[key];
    return typeof value === "number" && value > 0 ? { value: `${value} ${unit}`, why: "Set by you.", setting: key } : null;
  };
  const threads = smallModelThreads === largeModelThreads ? `${largeModelThreads}` : `${largeModelThreads}, small models ${smallModelThreads}`;
  const completion = smallModelCompletionMs === largeModelCompletionMs ? `${largeModelCompletionMs} ms` : `${largeModelCompletionMs} ms, small models ${smallModelCompletionMs} ms`;
  return [
    { name: "Threads", ...(bySetting("model.threads", "threads") ?? { value: threads, why: `Of ${cores}; threads wait for each other, so ${hardware.cores >= 4 ? "one core is left to everything else" : "a small model is quicker on few"}.`, setting: "model.threads" }) },
    { name: "Training threads", ...(bySetting("training.threads", "threads") ?? bySetting("model.threads", "threads") ?? { value: `${trainingThreads}`, why: `Of ${cores}, at low priority.`, setting: "training.threads" }) },
    { name: "Context", ...(bySetting("model.contextSize", "tokens") ?? { value: `up to ${contextTokens} tokens`, why: `What a ${kind} holds beside the model; less where the model has less or memory is short.`, setting: "model.contextSize" }) },
    { name: "Completion time", ...(bySetting("completion.timeoutMs", "ms") ?? { value: completion, why: "After that you would be typing again; a large model on a CPU is given longer, because it has nothing to show before.", setting: "completion.timeoutMs" }) },
    {
      name: "Prose", setting: "answer.prose",
      ...settings["answer.prose"] === "always" ? { value: "always", why: "Set by you." } : settings["answer.prose"] === "never" ? { value: "never", why: "Set by you." }
        : { value: `from ${LEAST_PROSE_TOKENS_PER_SECOND} tokens a second`, why: "Where the model follows instructions, unless it was measured to be slower here; the card with its sources comes in any case." },
    },
  ];
}

/** The settings with what they leave to the machine filled in. Without hardware (not looked at yet) they stay as they are. */
export function withDefaults(settings: Settings, hardware: Hardware | null, parameters: number): Settings {
  if (settings["completion.timeoutMs"] > 0 || hardware === null) return settings;
  return { ...settings, "completion.timeoutMs": completionCapMs(parameters, hardware) };
}

/** Prose only where the user wants it, or where it is quick enough to be waited for; `noProse` says why not. `writesPerSecond`: tokens, as measured here, or null. */
export function withoutProse(status: ModelStatus, settings: Settings, writesPerSecond: number | null): ModelStatus {
  if (!status.capabilities.answer) return status;
  const wanted = settings["answer.prose"];
  const tooSlow = wanted === "auto" && writesPerSecond !== null && writesPerSecond < LEAST_PROSE_TOKENS_PER_SECOND;
  if (wanted !== "never" && !tooSlow) return status;
  const noProse = tooSlow ? `${status.name ?? "The model"} was measured to write ${writesPerSecond} tokens a second here, too slow to be waited for; choose a smaller model, or set kalactica.answer.prose to "always".`
    : "No prose is written (setting kalactica.answer.prose).";
  return { ...status, capabilities: { ...status.capabilities, answer: false }, noProse };
}
