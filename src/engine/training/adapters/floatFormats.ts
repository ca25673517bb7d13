// Half-precision numbers of adapter files (F16, BF16) to F32 and back, without the native library.
// It knows no file format; quantised formats are ggml/dequantise.ts.

/** IEEE half precision to F32, exactly. `bytes` are little-endian, two per number. */
export function floatsOfHalf(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(bytes.byteLength >> 1);
  for (let i = 0; i < values.length; i++) values[i] = view.getFloat16(2 * i, true);
  return values;
}

/** The upper half of an F32, as Google's brain float: exact. */
export function floatsOfBrain(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Uint32Array(bytes.byteLength >> 1);
  for (let i = 0; i < words.length; i++) words[i] = view.getUint16(2 * i, true) << 16;
  return new Float32Array(words.buffer);
}

/** F32 as little-endian bytes in memory of its own, whatever the alignment of `bytes`. */
export function floatsOfBytes(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return new Float32Array(copy.buffer);
}

/** The bytes of `values`, not copied. Every platform this runs on is little-endian. */
export function bytesOfFloats(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
