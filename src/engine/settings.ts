// The one table of settings. package.json's configuration section is generated from it (tools/manifest.ts),
// the engine reads its values through `readSettings`, and an unknown or ill-typed value is refused by name.

interface SettingBase {
  description: string;
  /** Whether an untrusted workspace may not set it. */
  restricted?: boolean;
}
interface BooleanSetting extends SettingBase { type: "boolean"; default: boolean }
interface NumberSetting extends SettingBase { type: "number"; default: number; minimum: number; maximum: number; unit: string }
interface StringSetting extends SettingBase { type: "string"; default: string; values?: readonly string[]; valueDescriptions?: readonly string[] }
interface ListSetting extends SettingBase { type: "list"; default: readonly string[] }
export type Setting = BooleanSetting | NumberSetting | StringSetting | ListSetting;

export const SETTINGS = {
  "model.file": {
    type: "string", default: "", restricted: true,
    description: "The language model of this workspace: the absolute path of a GGUF file, or the id of a model in the gallery (\"KaLactica: Show Models\"). Empty: the one that was chosen last for all workspaces, at first the one that comes with KaLactica.",
  },
  "model.device": {
    type: "string", default: "auto", values: ["auto", "cpu", "gpu"], restricted: true,
    valueDescriptions: ["Use the GPU where there is one, otherwise the CPU.", "Never use the GPU.", "Use the GPU and say so when there is none."],
    description: "Where the model computes and where adapters are trained. Small models compute on the CPU in any case unless this is \"gpu\": there they are quick enough, and the GPU's memory stays free.",
  },
  "model.contextSize": {
    type: "number", default: 0, minimum: 0, maximum: 131072, unit: "tokens",
    description: "How much a model reads at once in chat, in tokens (about four characters each). More holds more sources and needs more memory. 0: decided by the model and the memory of this machine; \"KaLactica: Check This Machine\" says how much.",
  },
  "model.unloadAfterMinutes": {
    type: "number", default: 15, minimum: 0, maximum: 1440, unit: "minutes",
    description: "Minutes without a request after which the model leaves memory. The next request loads it again, which takes seconds. 0: it stays.",
  },
  "model.threads": {
    type: "number", default: 0, minimum: 0, maximum: 256, unit: "threads", restricted: true,
    description: "Threads that a model computes with. 0: decided by the cores of this machine and the size of the model; \"KaLactica: Check This Machine\" says how many.",
  },
  "completion.enabled": { type: "boolean", default: true, description: "Show inline completions." },
  "completion.disabledLanguages": {
    type: "list", default: ["plaintext", "markdown", "scminput", "log"],
    description: "Language ids in which no automatic inline completion is shown.",
  },
  "completion.gate": {
    type: "number", default: 0.3, minimum: 0, maximum: 1, unit: "probability",
    description: "How sure KaLactica must be before it shows a completion: the estimated probability, from 0 to 1, that it is exactly what you would write. Lower shows more completions and more wrong ones, higher fewer.",
  },
  "completion.timeoutMs": {
    type: "number", default: 0, minimum: 0, maximum: 10000, unit: "ms",
    description: "Milliseconds after which a completion that is not ready is given up. 0: decided by this machine and the size of the model; \"KaLactica: Check This Machine\" says how many.",
  },
  "completion.maximumLines": {
    type: "number", default: 6, minimum: 1, maximum: 64, unit: "lines",
    description: "How many lines one completion may have.",
  },
  "codeActions.enabled": { type: "boolean", default: true, description: "Offer to explain, test, document and fix code among the code actions (the light bulb and its menu)." },
  "notebook.actions": { type: "boolean", default: true, description: "Show Explain Output, Fix Error and What Is Stale? in the toolbars of notebooks and their cells." },
  "index.enabled": { type: "boolean", default: true, description: "Keep an index of the workspace for search, answers and completions." },
  "index.exclude": {
    type: "list", default: [],
    description: "Glob patterns (as in .gitignore) of files to leave out of the index, beside .gitignore and .kalacticaignore.",
  },
  "index.maximumFileKilobytes": {
    type: "number", default: 1024, minimum: 1, maximum: 102400, unit: "kilobytes",
    description: "Files larger than this are left out of the index.",
  },
  "index.includeIgnored": { type: "boolean", default: false, description: "Also index files that .gitignore names." },
  "answer.maximumTokens": {
    type: "number", default: 512, minimum: 16, maximum: 8192, unit: "tokens",
    description: "How long a written answer may become, in tokens (about four characters each).",
  },
  "answer.prose": {
    type: "string", default: "auto", values: ["auto", "always", "never"],
    valueDescriptions: ["Where the model follows instructions, unless it was measured to be too slow on this machine.", "Wherever the model follows instructions, however long it takes.", "Never: answers are the card with its sources alone."],
    description: "Whether the model writes prose below an answer's card.",
  },
  "answer.sources": {
    type: "number", default: 8, minimum: 1, maximum: 32, unit: "passages",
    description: "How many passages of the workspace an answer may draw on. More find more and take longer to read.",
  },
  "memory.enabled": {
    type: "boolean", default: true,
    description: "Remember questions, answers, decisions and what notebooks ran in this workspace, on this machine and without secrets and personal data, and draw on it in answers.",
  },
  "memory.recordTerminal": {
    type: "boolean", default: false,
    description: "Also remember which commands ran in the terminal, how they ended and the end of what they printed. It needs VS Code's shell integration.",
  },
  "training.record": {
    type: "boolean", default: true,
    description: "Write down, on this machine and without secrets and personal data, what became of completions, applied answers and notebook cells, so that it can become training data. Thumbs are always kept: giving one says so.",
  },
  "training.threads": {
    type: "number", default: 0, minimum: 0, maximum: 256, unit: "threads", restricted: true,
    description: "Threads that training computes with. 0: all cores but one, where there are four or more. What you do at the same time goes first.",
  },
  "training.pauseOnBattery": {
    type: "boolean", default: true, restricted: true,
    description: "Pause training while this machine runs on battery, and go on with mains power.",
  },
  "training.resumeByItself": {
    type: "boolean", default: true, restricted: true,
    description: "Go on by itself with a training run that was stopped by closing the window, a crash or a restart.",
  },
  "offline": {
    type: "boolean", default: false, restricted: true,
    description: "Refuse every connection: downloads, endpoints, shared indexes and clusters, those on this machine too.",
  },
  "endpoint.timeoutSeconds": {
    type: "number", default: 60, minimum: 1, maximum: 3600, unit: "seconds", restricted: true,
    description: "Seconds without anything coming from an endpoint after which a request to it is given up. A server that reads a long prompt on a CPU may take a minute before its first word.",
  },
  "retrieval.sharedIndexes": {
    type: "list", default: [], restricted: true,
    description: "Shared indexes (Chroma) that searches look into as well, each as http://host:port#collection. The vector of the query is sent there, not its words.",
  },
  "log.level": {
    type: "string", default: "info", values: ["debug", "info", "warn", "error"],
    valueDescriptions: ["Everything, for finding out what goes wrong.", "What happened.", "What went wrong and was mended.", "Only failures."],
    description: "How much KaLactica writes into its log (\"KaLactica: Show Log\"). Source code, prompts and secrets never get into it.",
  },
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof SETTINGS;
type ValueOf<S extends Setting> = S extends BooleanSetting ? boolean : S extends NumberSetting ? number : S extends StringSetting ? string : readonly string[];

/** All settings with their values, keyed as in the table. */
export type Settings = { readonly [K in SettingKey]: ValueOf<(typeof SETTINGS)[K]> };

/** The defaults of the table. */
export const DEFAULT_SETTINGS: Settings = Object.fromEntries(Object.entries(SETTINGS).map(([key, setting]) => [key, setting.default])) as unknown as Settings;

/**
 * Reads raw values over the defaults. A value of the wrong type or out of range keeps its default, and an unknown key is
 * left out; `refused` has a sentence for each.
 */
export function readSettings(raw: Readonly<Record<string, unknown>>): { settings: Settings; refused: string[] } {
  const values: Record<string, unknown> = { ...DEFAULT_SETTINGS };
  const refused: string[] = [];
  for (const [key, value] of Object.entries(raw)) {
    if (!Object.hasOwn(SETTINGS, key)) {
      refused.push(`There is no setting "kalactica.${key}". Remove it, or check its spelling.`);
      continue;
    }
    const setting: Setting = SETTINGS[key as SettingKey];
    const problem = problemWith(setting, value);
    if (problem) refused.push(`Setting "kalactica.${key}" is ${show(value)}, but must be ${problem}. Its default, ${show(setting.default)}, is used.`);
    else values[key] = value;
  }
  return { settings: values as unknown as Settings, refused };
}

/** What `value` would have to be, or null when it is fine. */
function problemWith(setting: Setting, value: unknown): string | null {
  switch (setting.type) {
    case "boolean":
      return typeof value === "boolean" ? null : "true or false";
    case "number":
      return typeof value === "number" && value >= setting.minimum && value <= setting.maximum
        ? null : `a number from ${setting.minimum} to ${setting.maximum} (${setting.unit})`;
    case "string":
      if (typeof value !== "string") return "a string";
      return setting.values && !setting.values.includes(value) ? `one of ${setting.values.map((v) => `"${v}"`).join(", ")}` : null;
    case "list":
      return Array.isArray(value) && value.every((entry) => typeof entry === "string") ? null : "a list of strings";
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
