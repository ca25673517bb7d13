// `evaluate safety`: how often each detector finds what it should and how often it cries wolf, at its frozen threshold.
// Data: *.jsonl[.gz] {id, detector, text, label, language?, family?, place?}, one file or a folder of them. What was not checked
// counts as wrong whatever the label. Judging is handed in.
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import { mean, meanInterval, percentile } from "./intervals.ts";
import { hasFields, readRows } from "./readSet.ts";
import { rounded } from "./suite.ts";
import type { EvaluationHooks, EvaluationResult, Metrics } from "./suite.ts";

export const DETECTOR_ROWS = ["command", "request", "injection", "insecureCode", "secret"] as const;
export type DetectorRow = (typeof DETECTOR_ROWS)[number];

export interface SafetyRow {
  id: string;
  detector: DetectorRow;
  text: string;
  label: string;
  language?: string;
  family?: string;
  place?: string;
}

/** What a detector said: `checked` is false where it could not judge. */
export interface SafetyJudgement {
  readonly action: string;
  readonly score: number;
  readonly checked: boolean;
  readonly ms: number;
}

export interface SafetyJudge {
  judge(row: SafetyRow, signal?: AbortSignal): Promise<SafetyJudgement>;
  /** Detectors there are; rows of others are an error rather than passed over. */
  readonly detectors: readonly DetectorRow[];
  readonly settings: Readonly<Record<string, unknown>>;
}

interface Judged extends SafetyJudgement {
  readonly row: SafetyRow;
  /** Whether the label asks for the detector to speak, and whether it did. */
  readonly wanted: boolean;
  readonly flagged: boolean;
  readonly right: boolean;
}

/** Of a case, for the reader of an item. */
const SHOWN_CHARACTERS = 600;
const HARMLESS = new Set(["benign", "allow", "secure", "safe", "clean", "none", "public", "harmless", "not-secret", "negative"]);
const isRow = (value: unknown): value is SafetyRow => hasFields(value, { id: "string", detector: "string", text: "string", label: "string" });

export async function evaluateSafety(data: string, judge: SafetyJudge, hooks: EvaluationHooks = {}): Promise<EvaluationResult> {
  const began = performance.now();
  const rows: SafetyRow[] = [];
  for (const file of filesOf(data)) rows.push(...await readRows(file, isRow, "{id, detector, text, label}"));
  const unknown = rows.find((row) => !judge.detectors.includes(row.detector));
  if (unknown) throw new EngineError("dataInvalid", `Row ${unknown.id} is for the detector "${unknown.detector}", which there is not. There are: ${judge.detectors.join(", ")}.`, { id: unknown.id });
  const judged: Judged[] = [];
  for (const row of rows) {
    throwIfCancelled(hooks.signal);
    judged.push(judgedRow(row, await judge.judge(row, hooks.signal)));
    if (judged.length % 20 === 0 || judged.length === rows.length) hooks.onProgress?.(judged.length, rows.length);
  }
  const named = DETECTOR_ROWS.filter((name) => rows.some((row) => row.detector === name));
  const detectors = Object.fromEntries(named.map((name) => [name, figuresOf(judged.filter(({ row }) => row.detector === name))]));
  const headlines = Object.fromEntries(named.map((name) => [name, headlineOf(judged.filter(({ row }) => row.detector === name))]));
  const worst = named.reduce((a, b) => (mean(headlines[b] ?? []) < mean(headlines[a] ?? []) ? b : a));
  return {
    suite: "safety", n: rows.length, seconds: (performance.now() - began) / 1000,
    settings: { ...judge.settings, worst: "the lowest of the detectors' headlines: three-way accuracy for commands, the mean of recall and of 1 − false-positive rate for the others" },
    items: judged.map(({ row, action, score, checked, right, ms }) => ({ id: row.id, text: row.text.slice(0, SHOWN_CHARACTERS), detector: row.detector, label: row.label, family: row.family ?? null, place: row.place ?? null, action, score: rounded(score), checked, right, ms: rounded(ms) })),
    metrics: {
      worst: rounded(mean(headlines[worst] ?? [])), worstDetector: worst,
      interval: { worst: meanInterval(headlines[worst] ?? []).map(rounded) },
      detectors,
      families: Object.fromEntries(named.flatMap((name) => familiesOf(name, judged.filter(({ row }) => row.detector === name)))),
    },
  };
}

function filesOf(data: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(data).isDirectory();
  } catch (error) {
    throw new EngineError("notFound", `There is no ${data}. Name the file or folder of the set with --data.`, { data }, error);
  }
  if (!isFolder) return [data];
  const files = readdirSync(data).filter((name) => /\.jsonl(?:\.gz)?$/.test(name)).sort().map((name) => path.join(data, name));
  if (files.length === 0) throw new EngineError("notFound", `${data} has no *.jsonl or *.jsonl.gz. Name the folder of the set with --data.`, { data });
  return files;
}

function judgedRow(row: SafetyRow, judgement: SafetyJudgement): Judged {
  const wanted = !HARMLESS.has(row.label.toLowerCase());
  const flagged = judgement.action !== "allow";
  const exact = row.detector === "command" ? (judgement.action === "warn" ? "ask" : judgement.action) === row.label : flagged === wanted;
  return { ...judgement, row, wanted, flagged: judgement.checked ? flagged : !wanted, right: judgement.checked && exact };
}

function figuresOf(judged: readonly Judged[]): Metrics {
  const wanted = judged.filter((one) => one.wanted);
  const harmless = judged.filter((one) => !one.wanted);
  const flagged = judged.filter((one) => one.flagged);
  const found = wanted.map((one) => Number(one.flagged));
  const alarms = harmless.map((one) => Number(one.flagged));
  const isCommand = judged[0]?.row.detector === "command";
  return {
    n: judged.length, positives: wanted.length,
    recall: orNull(mean(found)), falsePositiveRate: orNull(mean(alarms)),
    precision: orNull(mean(flagged.map((one) => Number(one.wanted)))),
    accuracy: orNull(mean(judged.map((one) => Number(one.right)))),
    ...overDefence(judged),
    ...(isCommand ? { missedBlocks: judged.filter((one) => one.row.label === "block" && (one.action !== "block" || !one.checked)).length } : {}),
    notChecked: judged.filter((one) => !one.checked).length,
    p95Ms: rounded(percentile(judged.map((one) => one.ms), 0.95)),
    interval: { recall: intervalOf(found), falsePositiveRate: intervalOf(alarms), accuracy: intervalOf(judged.map((one) => Number(one.right))) },
  };
}

/** Where harmless rows are set apart because they hold the words of attacks: their accuracy, and the mean of the three accuracies (Li & Liu 2024, NotInject). */
function overDefence(judged: readonly Judged[]): Metrics {
  const accuracy = (of: (one: Judged) => boolean): number => mean(judged.filter(of).map((one) => Number(one.right)));
  const isTrigger = ({ row, wanted }: Judged): boolean => !wanted && row.family === "trigger-words";
  if (!judged.some(isTrigger)) return {};
  const three = [accuracy(isTrigger), accuracy((one) => !one.wanted && !isTrigger(one)), accuracy((one) => one.wanted)];
  const [overDefenceAccuracy = NaN, benignAccuracy = NaN, maliciousAccuracy = NaN] = three;
  return { overDefenceAccuracy: rounded(overDefenceAccuracy), benignAccuracy: rounded(benignAccuracy), maliciousAccuracy: rounded(maliciousAccuracy), meanOfThree: orNull(mean(three)) };
}

/** Values whose mean is the detector's headline: each case weighs so that both classes count the same. */
function headlineOf(judged: readonly Judged[]): number[] {
  if (judged[0]?.row.detector === "command") return judged.map((one) => Number(one.right));
  const nWanted = judged.filter((one) => one.wanted).length;
  const nHarmless = judged.length - nWanted;
  if (nWanted === 0 || nHarmless === 0) return judged.map((one) => Number(one.right));
  return judged.map((one) => Number(one.flagged === one.wanted) * judged.length / (2 * (one.wanted ? nWanted : nHarmless)));
}

/** The share that was judged right, by family: where a mean hides that a kind of attack passes. */
function familiesOf(detector: string, judged: readonly Judged[]): [string, Metrics][] {
  const families = new Map<string, Judged[]>();
  for (const one of judged) if (one.row.family !== undefined) families.set(one.row.family, [...families.get(one.row.family) ?? [], one]);
  return [...families].sort(([a], [b]) => (a < b ? -1 : 1)).map(([family, members]) => [`${detector}/${family}`, { n: members.length, right: rounded(mean(members.map((one) => Number(one.right)))) }]);
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : rounded(value);
}

function intervalOf(values: readonly number[]): number[] | null {
  return values.length === 0 ? null : meanInterval(values).map(rounded);
}
