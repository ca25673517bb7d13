// Unit vectors as int8 with one scale: 260 bytes for 256 dimensions instead of 1,024.
// Our choice; the inner product of two random unit vectors moves by less than 0.003 (test/unit/retrieval/vectorCodec.test.ts).

/** Layout: float32 scale (little-endian), then one int8 per component. */
export function encodeVector(vector: Float32Array): Uint8Array {
  let largest = 0;
  for (const x of vector) largest = Math.max(largest, Math.abs(x));
  const bytes = new Uint8Array(4 + vector.length);
  const scale = largest / 127;
  new DataView(bytes.buffer).setFloat32(0, scale, true);
  if (scale === 0) return bytes;
  const components = new Int8Array(bytes.buffer, 4);
  for (let i = 0; i < vector.length; i++) components[i] = Math.round((vector[i] as number) / scale);
  return bytes;
}

export function decodeVector(bytes: Uint8Array): Float32Array {
  const scale = new DataView(bytes.buffer, bytes.byteOffset).getFloat32(0, true);
  const components = new Int8Array(bytes.buffer, bytes.byteOffset + 4, bytes.byteLength - 4);
  const vector = new Float32Array(components.length);
  for (let i = 0; i < vector.length; i++) vector[i] = (components[i] as number) * scale;
  return vector;
}

export function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
