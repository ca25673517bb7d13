// Checkpoints of a run: weights, optimizer state and position in one GGUF file, written atomically, so that a run killed at
// any moment goes on from the last one bit by bit. Models for use are written by exportGguf.ts.
import { GgmlType } from "../../base/ggmlTypes.ts";
import { EngineError } from "../../base/errors.ts";
import { open } from "node:fs/promises";
import { readGguf } from "../../base/gguf.ts";
import type { GgufTensorInfo } from "../../base/gguf.ts";
import { writeGguf } from "../../base/ggufWriter.ts";
import { readFloats, writeTensor } from "../../ggml/backend.ts";
import type { Backend } from "../../ggml/backend.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import type { ParameterSet } from "../network/parameters.ts";
import type { StreamPosition } from "./tokenStream.ts";

const architecture = "kalactica-checkpoint";

/** What a run must know to go on, beside its tensors. */
export interface RunState {
  /** Optimizer steps done. */
  readonly step: number;
  readonly tokensSeen: number;
  readonly position: StreamPosition;
  /** Identifies what the weights belong to: shape, data and seed. A run with another one must not go on from here. */
  readonly fingerprint: string;
  /** Seconds of training so far, over all resumptions. */
  readonly trainedSeconds: number;
}

interface StateTensor {
  readonly name: string;
  readonly tensor: Tensor;
}

function stateTensors(parameters: ParameterSet): StateTensor[] {
  return [...parameters].flatMap(({ spec, weight, mean, variance }) => [
    { name: spec.name, tensor: weight },
    { name: `${spec.name}.mean`, tensor: mean },
    ...(variance === undefined ? [] : [{ name: `${spec.name}.variance`, tensor: variance }]),
  ]);
}

/** Writes the checkpoint; the previous one at `file` stays until the new one is whole. Errors: `diskFull`, `unreadable`. */
export async function writeCheckpoint(file: string, backend: Backend, parameters: ParameterSet, state: RunState): Promise<void> {
  await writeGguf(file, {
    metadata: new Map([
      ["general.architecture", { type: "string", value: architecture }],
      ["checkpoint.state", { type: "string", value: JSON.stringify(state) }],
    ]),
    tensors: stateTensors(parameters).map(({ name, tensor }) => ({
      name,
      type: GgmlType.F32,
      shape: tensor.shape,
      data: () => bytesOf(readFloats(backend, tensor)),
    })),
  });
}

/**
 * Restores weights and optimizer state, and gives the rest of the state. `fingerprint` is what this run expects.
 * Errors: `badRequest` where the checkpoint is of another run; those of reading GGUF.
 */
export async function readCheckpoint(file: string, backend: Backend, parameters: ParameterSet, fingerprint: string): Promise<RunState> {
  const gguf = await readGguf(file);
  const text = gguf.metadata.get("checkpoint.state");
  if (gguf.metadata.get("general.architecture") !== architecture || typeof text !== "string") {
    throw new EngineError("badRequest", `${file} is not a checkpoint of a training run. Name the folder of a run that was started by "train pretrain".`, { file });
  }
  const state = JSON.parse(text) as RunState;
  if (state.fingerprint !== fingerprint) {
    throw new EngineError("badRequest", `The checkpoint ${file} belongs to a run with another model shape, data or seed. Resume it with the configuration and data it was started with, or start a new run in another folder.`, { file });
  }
  const infos = new Map(gguf.tensors.map((info) => [info.name, info]));
  const handle = await open(file, "r");
  try {
    for (const { name, tensor } of stateTensors(parameters)) {
      const info: GgufTensorInfo | undefined = infos.get(name);
      if (info?.type !== GgmlType.F32 || info.sizeBytes !== tensor.nBytes) throw new EngineError("badRequest", `The checkpoint ${file} has no fitting tensor ${name}. Start a new run in another folder.`, { file, name });
      const values = new Float32Array(tensor.nElements);
      await handle.read(bytesOf(values), 0, info.sizeBytes, gguf.dataOffset + info.offset);
      writeTensor(backend, tensor, values);
    }
  } finally {
    await handle.close();
  }
  return state;
}

function bytesOf(values: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
