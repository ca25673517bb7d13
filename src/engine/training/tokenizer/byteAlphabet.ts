// GPT-2's byte alphabet: each byte has one printable character, so that tokens can be written as text in
// tokenizer files and GGUF. Does not tokenise.
// Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", encoder.py.

/** Character that stands for each byte (index 0–255). */
export const byteToCharacter: readonly string[] = (() => {
  const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
})();

const characterToByte = new Map(byteToCharacter.map((character, byte) => [character, byte]));

/** Writes bytes in the alphabet: one character a byte. */
export function bytesToAlphabet(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byteToCharacter[byte] as string;
  return text;
}

/** Reads what {@link bytesToAlphabet} wrote. Throws RangeError on a character outside the alphabet. */
export function alphabetToBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const byte = characterToByte.get(text.charAt(i));
    if (byte === undefined) throw new RangeError(`Character ${JSON.stringify(text.charAt(i))} is not in GPT-2's byte alphabet.`);
    bytes[i] = byte;
  }
  return bytes;
}
