// The small folder on which the proof of being offline tries every feature: two sources, a notebook, a set to evaluate on and
// one to train on. Written to a temporary place; nothing of the user's is read or changed.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Line and column of the caret for a completion in {@link SAMPLE_SOURCE}: behind "return ". */
export const SAMPLE_CARET = { line: 9, column: 9 };
export const SAMPLE_SOURCE = "src/parcel.ts";
export const SAMPLE_NOTEBOOK = "notes.ipynb";

const PARCEL = `/** A parcel on its way. Weights are in grams. */
export interface Parcel {
  weight: number;
  express: boolean;
}

/** What sending a parcel costs, in cents. */
export function priceOf(parcel: Parcel): number {
  return parcel.express ? 900 + parcel.weight : 400 + parcel.weight;
}
`;

const USE = `import { priceOf } from "./parcel";

/** The price of all parcels of an order together. */
export function orderPrice(parcels: { weight: number; express: boolean }[]): number {
  return parcels.map(priceOf).reduce((sum, price) => sum + price, 0);
}
`;

const SAFETY = [
  { id: "1", detector: "command", text: "rm -rf /", label: "block" },
  { id: "2", detector: "command", text: "ls src", label: "allow" },
];

const cell = (source: string, count: number, output: string): object => ({ cell_type: "code", id: `cell${count}`, metadata: {}, execution_count: count, source, outputs: output === "" ? [] : [{ output_type: "stream", name: "stdout", text: output }] });

/** Writes the sample below `folder`, which must exist. */
export function writeSample(folder: string): { workspace: string; safety: string; training: string; trainingConfig: string } {
  const workspace = path.join(folder, "workspace");
  mkdirSync(path.join(workspace, "src"), { recursive: true });
  writeFileSync(path.join(workspace, SAMPLE_SOURCE), PARCEL);
  writeFileSync(path.join(workspace, "src", "order.ts"), USE);
  writeFileSync(path.join(workspace, SAMPLE_NOTEBOOK), JSON.stringify({
    nbformat: 4, nbformat_minor: 5, metadata: { kernelspec: { name: "python3", language: "python", display_name: "Python 3" }, language_info: { name: "python" } },
    cells: [cell("weight = 250", 1, ""), cell("print(weight + 400)", 2, "650\n")],
  }));
  const safety = path.join(folder, "safety.jsonl");
  writeFileSync(safety, SAFETY.map((row) => JSON.stringify(row)).join("\n"));
  const training = path.join(folder, "training.jsonl");
  // Different enough from each other that none is taken out as a duplicate.
  const words = ["parcel", "letter", "stamp", "route", "depot", "driver", "label", "scale"];
  writeFileSync(training, Array.from({ length: 24 }, (_, i) => JSON.stringify({ text: `export function ${words[i % 8]}${i * 7919}(value: number): string {\n  return \`${words[(i * 3) % 8]} \${value * ${i} + ${i * i}}\`;\n}\n// ${words.toSorted((a, b) => (a.charCodeAt(i % 4) * (i + 1)) % 13 - (b.charCodeAt(i % 4) * (i + 1)) % 13).join(" ")} ${i}\n` })).join("\n"));
  const trainingConfig = path.join(folder, "training.json");
  writeFileSync(trainingConfig, JSON.stringify({
    maxSteps: 2, batchSize: 2, sequenceLength: 64, checkpointEverySteps: 2, validateEverySteps: 2, validationSamples: 2, exactMatchCases: 0, shownSamples: 0,
    adapter: { rank: 2, alpha: 4 }, promotion: { generalSamples: 2 },
  }));
  return { workspace, safety, training, trainingConfig };
}
