// Checkpoints of a tuning run: adapter, optimizer state and position in one GGUF file, written atomically, so that a run killed
// at any moment goes on from the last one bit for bit. Order and random draws follow from the seed and the position alone,
// so the position is all there is to save of them. Adapter files for use are written by adapterFile.ts.
import { existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { EngineError } from "../../base/errors.ts";
import { GgmlType } from "../../base/ggmlTypes.ts";
import { readGguf } from "../../base/gguf.ts";
import { writeGguf } from "../../base/ggufWriter.ts";
import type { NamedTensor } from "../adaptedModel.ts";

const architecture = "kalactica-tuning-checkpoint";

/** Where a run stands. */
export interface RunPosition {
  /** Optimizer steps done. */
  readonly step: number;
  /** Units read so far, over all epochs. */
  readonly unitsRead: number;
  readonly tokensSeen: number;
  /** Seconds of training so far, over all resumptions. */
  readonly seconds: number;
  readonly peakRssMb: number;
  /** The best validation so far: its step and its score (less is better); null before the first. */
  readonly best: { readonly step: number; readonly score: number } | null;
  /** Validations since the best one. */
  readonly withoutImprovement: number;
  /** Step of the last validation. */
  readonly validatedAt: number;
}

/** What a checkpoint belongs to. */
export interface CheckpointIdentity {
  readonly fingerprint: string;
  readonly modelSha256: string;
}

/** Writes a checkpoint; the previous one stays until the new one is whole. Errors: `diskFull`, `unreadable`. */
export async function writeCheckpoint(file: string, state: readonly NamedTensor[], position: RunPosition, identity: CheckpointIdentity): Promise<void> {
  await writeGguf(file, {
    metadata: new Map([
      ["general.architecture", { type: "string", value: architecture }],
      ["checkpoint.position", { type: "string", value: JSON.stringify(position) }],
      ["checkpoint.identity", { type: "string", value: JSON.stringify(identity) }],
    ]),
    tensors: state.map(({ name, shape, values }) => ({ name, type: GgmlType.F32, shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) })),
  });
}

/**
 * Reads the checkpoint at `file`; null where there is none.
 * Errors: `badRequest` where it belongs to another base model, data set or configuration; those of reading GGUF.
 */
export async function readCheckpoint(file: string, identity: CheckpointIdentity): Promise<{ state: NamedTensor[]; position: RunPosition } | null> {
  if (!existsSync(file)) return null;
  const gguf = await readGguf(file);
  const [positionText, identityText] = [gguf.metadata.get("checkpoint.position"), gguf.metadata.get("checkpoint.identity")];
  if (gguf.metadata.get("general.architecture") !== architecture || typeof positionText !== "string" || typeof identityText !== "string") {
    throw new EngineError("badRequest", `${file} is not a checkpoint of a tuning run. Name the folder of a run.`, { file });
  }
  const found = JSON.parse(identityText) as CheckpointIdentity;
  if (found.modelSha256 !== identity.modelSha256) {
    throw new EngineError("badRequest", `The base model has been replaced since this run began: its hash was ${found.modelSha256.slice(0, 12)}…, now it is ${identity.modelSha256.slice(0, 12)}…. An adapter fits only the model that it was trained on: put the old file back, or start a new run.`, { file, was: found.modelSha256, is: identity.modelSha256 });
  }
  if (found.fingerprint !== identity.fingerprint) {
    throw new EngineError("badRequest", "The data set or the settings differ from those that this run began with, so its checkpoint does not fit. Resume it as it was started, or start a new run.", { file });
  }
  const handle = await open(file, "r");
  try {
    const state: NamedTensor[] = [];
    for (const tensor of gguf.tensors) {
      const values = new Float32Array(tensor.sizeBytes / 4);
      const { bytesRead } = await handle.read(new Uint8Array(values.buffer), 0, tensor.sizeBytes, gguf.dataOffset + tensor.offset);
      if (tensor.type !== GgmlType.F32 || bytesRead !== tensor.sizeBytes) throw new EngineError("dataInvalid", `The checkpoint ${file} is damaged at ${tensor.name}. Start the run again.`, { file, tensor: tensor.name });
      state.push({ name: tensor.name, shape: tensor.shape, values });
    }
    return { state, position: JSON.parse(positionText) as RunPosition };
  } finally {
    await handle.close();
  }
}
