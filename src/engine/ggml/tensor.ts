// A tensor as TypeScript sees it: a pointer with the type, shape and strides that ggml gave it, kept here because no field
// of the C structure is ever read. It does no arithmetic (graph.ts) and owns no memory (backend.ts).
import { EngineError } from "../base/errors.ts";
import { ggmlTypeInfo, tensorBytes } from "../base/ggmlTypes.ts";
import type { TensorPointer } from "./library.ts";

/** One to four dimensions, innermost (contiguous) first, as in ggml. A matrix of `rows × columns` is `[columns, rows]`. */
export type Shape = readonly number[];
export type FullShape = readonly [number, number, number, number];

/** `shape` with its missing outer dimensions as 1. */
export function shapeOf(shape: Shape): FullShape {
  const [n0 = 1, n1 = 1, n2 = 1, n3 = 1] = shape;
  if (shape.length > 4 || ![n0, n1, n2, n3].every((n) => Number.isInteger(n) && n > 0)) throw new EngineError("internal", `A tensor cannot have the shape ${shape.join(" × ")}.`);
  return [n0, n1, n2, n3];
}

export class Tensor {
  readonly pointer: TensorPointer;
  readonly type: number;
  readonly shape: FullShape;
  /** Bytes from one element to the next along each dimension. */
  readonly strides: FullShape;
  /** The tensor whose memory it stands in: itself, unless it is a view or an operation in place. */
  readonly owner: Tensor;

  private constructor(pointer: TensorPointer, type: number, shape: FullShape, strides: FullShape, owner: Tensor | undefined) {
    this.pointer = pointer;
    this.type = type;
    this.shape = shape;
    this.strides = strides;
    this.owner = owner ?? this;
  }

  /** Wraps what the C function `operation` returned; NULL is an error here, not a crash later. */
  static of(pointer: TensorPointer | null, type: number, shape: FullShape, operation: string, strides: FullShape = contiguousStrides(type, shape), owner?: Tensor): Tensor {
    if (pointer === null) throw new EngineError("internal", `${operation} gave no tensor of shape ${shape.join(" × ")}.`);
    return new Tensor(pointer, type, shape, strides, owner);
  }

  get nElements(): number {
    return this.shape[0] * this.shape[1] * this.shape[2] * this.shape[3];
  }

  /** Bytes of the elements, without gaps between rows of a view. */
  get nBytes(): number {
    const info = ggmlTypeInfo(this.type);
    return (info && tensorBytes(info, this.shape)) ?? 0;
  }

  get isContiguous(): boolean {
    const wanted = contiguousStrides(this.type, this.shape);
    return this.strides.every((stride, axis) => stride === wanted[axis] || this.shape[axis] === 1);
  }
}

export function contiguousStrides(type: number, shape: FullShape): FullShape {
  const info = ggmlTypeInfo(type);
  if (info === undefined) throw new EngineError("internal", `Number format ${type} is unknown.`);
  const row = (shape[0] / info.blockElements) * info.blockBytes;
  return [info.blockBytes, row, row * shape[1], row * shape[1] * shape[2]];
}
