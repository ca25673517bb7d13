// Masked line endings as an editor would pose them: the line is cut, prefix and suffix are clipped as the client clips,
// and the cut text stands nowhere in what the look-up may see. It completes nothing itself.
import { maskedLineEndings, readSourceFiles, type SourceFile } from "../../tools/base-model/masks.ts";

export const CLIP_PREFIX = 32_768;
export const CLIP_SUFFIX = 8_192;

export interface CompletionCase {
  path: string;
  language: string;
  line: number;
  column: number;
  prefix: string;
  suffix: string;
  expected: string;
}

const languages: Record<string, string> = {
  ts: "typescript", mts: "typescript", cts: "typescript", tsx: "typescriptreact", js: "javascript", mjs: "javascript", cjs: "javascript", jsx: "javascriptreact", py: "python",
};

export function languageIdOf(path: string): string {
  return languages[path.slice(path.lastIndexOf(".") + 1)] ?? "plaintext";
}

/** The sources of `folder` and `n` seeded cases cut from them. */
export function completionCases(folder: string, n: number, seed: number): { files: SourceFile[]; cases: CompletionCase[] } {
  const files = readSourceFiles(folder);
  const byPath = new Map(files.map((file) => [file.path, file.text]));
  const cases = maskedLineEndings(files, { n, seed }).map(({ path, line, column, expected }) => {
    const text = byPath.get(path) as string;
    let start = 0;
    for (let i = 1; i < line; i++) start = text.indexOf("\n", start) + 1;
    const cut = start + column;
    if (text.slice(cut, cut + expected.length) !== expected) throw new Error(`The mask of ${path}:${line} does not fit its file.`);
    return {
      path, line, column, expected, language: languageIdOf(path),
      prefix: text.slice(Math.max(0, cut - CLIP_PREFIX), cut),
      suffix: text.slice(cut + expected.length, cut + expected.length + CLIP_SUFFIX),
    };
  });
  return { files, cases };
}
