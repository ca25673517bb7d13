// Conversion of F32 rows to the number formats of GGUF files, by ggml's own routines.
import { EngineError } from "../base/errors.ts";
import { GgmlType, ggmlTypeInfo, tensorBytes } from "../base/ggmlTypes.ts";
import type { GgmlLibrary } from "./library.ts";

/** `values` as rows of `rowLength` elements in format `type`. Errors: `badRequest` where rows are not whole blocks. */
export function quantise(library: GgmlLibrary, values: Float32Array<ArrayBuffer>, type: GgmlType, rowLength: number): Uint8Array {
  const info = ggmlTypeInfo(type);
  const nRows = values.length / rowLength;
  const nBytes = info && Number.isInteger(nRows) ? tensorBytes(info, [rowLength, nRows]) : undefined;
  if (nBytes === undefined) throw new EngineError("badRequest", `${values.length} values in rows of ${rowLength} cannot be stored in format ${info?.name ?? type}.`);
  if (type === GgmlType.F32) return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const bytes = new Uint8Array(nBytes);
  const written = library.functions.ggml_quantize_chunk(type, values, bytes, 0, nRows, rowLength, null);
  if (written !== nBytes) throw new EngineError("internal", `ggml wrote ${written} bytes instead of ${nBytes} when converting to ${info?.name ?? type}.`);
  return bytes;
}
