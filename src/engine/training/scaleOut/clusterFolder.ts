// A folder with everything that a run needs elsewhere: data, configuration, script, and a page that says what to do. The same
// folder goes to a Ray cluster as a package (ray.ts) or to any other by whatever means the user has.
import { open, rm, stat, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import { makeFolder, writeFailure } from "../../base/files.ts";
import type { TrainingRecord } from "../../base/trainingRecord.ts";
import type { RunConfig } from "../tune/runConfig.ts";
import { axolotlRow, axolotlYaml } from "./axolotlConfig.ts";
import type { AxolotlForm } from "./axolotlConfig.ts";
import { trlConfig } from "./trlConfig.ts";
import type { ClusterBase } from "./trlConfig.ts";
import { trlRow } from "./trlRows.ts";
import type { ClusterMethod, InfillText } from "./trlRows.ts";

export type ClusterFormat = "trl" | "axolotl";

export interface ClusterRun {
  readonly method: ClusterMethod;
  readonly config: RunConfig;
  readonly base: ClusterBase;
  readonly train: AsyncIterable<TrainingRecord>;
  readonly validation: AsyncIterable<TrainingRecord>;
  /** Markers of the local model; null where it has none. */
  readonly infill: InfillText | null;
  /** What ends a text in the base model's vocabulary; Axolotl adds nothing by itself. */
  readonly endOfText: string;
  /** The TRL script (media/training/train_trl.py). */
  readonly script: string;
}

export interface ClusterFolder {
  readonly files: readonly string[];
  readonly rows: { readonly train: number; readonly validation: number };
  /** Records of kinds that the method does not learn from. */
  readonly unused: number;
}

/**
 * Writes `folder`, which must not exist yet. A failure or cancelling leaves nothing behind.
 * Errors: `badRequest`, `dataInvalid` (nothing to learn from), `modelIncapable`, `diskFull`, CancelledError.
 */
export async function writeClusterFolder(folder: string, format: ClusterFormat, run: ClusterRun, signal?: AbortSignal): Promise<ClusterFolder> {
  if (await stat(folder).then(() => true, () => false)) throw new EngineError("badRequest", `${folder} exists already. Choose another folder, or delete it first.`, { folder });
  // Checked before gigabytes are written.
  const configuration = format === "trl" ? JSON.stringify(trlConfig(run.method, run.config, run.base), null, 2) : axolotlYaml(run.method, run.config, run.base.base, { train: ["plain"], validation: [] });
  try {
    await makeFolder(folder);
    const rows = await writeRows(folder, format, run, signal);
    if (rows.train === 0) throw new EngineError("dataInvalid", `None of the data set's records is of a kind that ${run.method} learns from. Choose another method, or prepare other data.`, { method: run.method });
    const files: [string, string][] = format === "trl"
      ? [["config.json", `${configuration}\n`], ["train_trl.py", run.script], ["requirements.txt", "torch\ntransformers\npeft\ntrl>=0.24\ndatasets\n"], ["README.md", readme("python train_trl.py", run)]]
      : [["axolotl.yaml", axolotlYaml(run.method, run.config, run.base.base, rows.forms)], ["README.md", readme("axolotl train axolotl.yaml", run)]];
    for (const [name, content] of files) await writeFile(path.join(folder, name), content);
    return { files: [...rows.files, ...files.map(([name]) => path.join(folder, name))], rows: { train: rows.train, validation: rows.validation }, unused: rows.unused };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw writeFailure(folder, error);
  }
}

async function writeRows(folder: string, format: ClusterFormat, run: ClusterRun, signal: AbortSignal | undefined): Promise<{ files: string[]; train: number; validation: number; unused: number; forms: Record<"train" | "validation", AxolotlForm[]> }> {
  const out = new Map<string, FileHandle>();
  const counts = { train: 0, validation: 0, unused: 0 };
  const forms = { train: new Set<AxolotlForm>(), validation: new Set<AxolotlForm>() };
  const write = async (name: string, row: unknown): Promise<void> => {
    let handle = out.get(name);
    if (handle === undefined) {
      handle = await open(path.join(folder, name), "wx");
      out.set(name, handle);
    }
    await handle.writeFile(`${JSON.stringify(row)}\n`);
  };
  try {
    for (const split of ["train", "validation"] as const) {
      for await (const record of run[split]) {
        throwIfCancelled(signal);
        const row = trlRow(record, run.method, run.infill);
        if (row === null) {
          counts.unused++;
          continue;
        }
        counts[split]++;
        if (format === "trl") {
          await write(`${split}.jsonl`, row);
          continue;
        }
        const converted = axolotlRow(row, run.endOfText);
        forms[split].add(converted.form);
        await write(`${split === "train" ? "" : "validation-"}${converted.form}.jsonl`, converted.row);
      }
    }
  } finally {
    for (const handle of out.values()) await handle.close();
  }
  return { files: [...out.keys()].map((name) => path.join(folder, name)), ...counts, forms: { train: [...forms.train], validation: [...forms.validation] } };
}

function readme(command: string, run: ClusterRun): string {
  return `# A training run of KaLactica, for another machine

Method: ${run.method}. Base model: ${run.base.base}.

1. Copy this folder to the cluster. It holds your data: treat it accordingly.
2. Install ${command.startsWith("axolotl") ? "Axolotl" : "what requirements.txt names (on a GPU machine, torch for its CUDA version)"}.
3. Run: ${command}
4. Bring the folder "adapter" back and take it in: kalactica adapters import adapter --model <the GGUF of the same base model>

The adapter fits a GGUF file that was made from exactly this base model, in any quantisation.
`;
}
