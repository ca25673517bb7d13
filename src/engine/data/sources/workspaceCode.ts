// The code of a folder as training data: fill-in-the-middle examples cut where completions are asked for, and windows of
// text. Walking and judging files are handed in (the retrieval room's); deduplication, splits and redaction are the pipeline's.
import { createHash } from "node:crypto";
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import { SeededRandom } from "../../base/random.ts";
import type { RecordOrigin, TrainingRecord } from "../../base/trainingRecord.ts";
import type { DatasetProblem } from "../../protocol/training.ts";
import { isCodeLanguage } from "./codeLines.ts";
import { lastCommits } from "./gitFileTimes.ts";
import { fileLines, infillCuts } from "./infillCuts.ts";
import { LicenceFinder } from "./licence.ts";
import type { RecordSource, SourceHooks } from "./source.ts";
import { afterLicenceHeader, textWindows } from "./textWindows.ts";

/** The files of a folder, as the walk of the index sees them. Paths are relative with forward slashes. */
export interface CodeFiles {
  /** Absolute path of the folder. */
  readonly folder: string;
  /** Every file not ignored by rule, in a fixed order; `reason` says why one is not to be read. */
  walk(signal?: AbortSignal): AsyncIterable<{ path: string; reason: string | null }>;
  /** The text of a file, or why it is not to be learnt from (binary, minified, generated, holds a secret, gone). */
  read(path: string): Promise<{ text: string } | { reason: string }>;
  /** VS Code language id. */
  languageOf(path: string): string;
}

export interface WorkspaceCodeOptions {
  readonly files: CodeFiles;
  readonly seed: number;
  /** Most lines of a middle; default 6, as the setting kalactica.completion.maximumLines. */
  readonly maximumLines?: number;
  /** Times that fill-in-the-middle examples are cut from the whole of each file, at other places each time; default 3. */
  readonly infillPasses?: number;
  /** Characters of a window of text; default 1,500, which is near 450 tokens of code. 0 for no windows. */
  readonly windowCharacters?: number;
  /** Most characters of context of an infill example; defaults 1,800 before and 600 after the caret. */
  readonly prefixCharacters?: number;
  readonly suffixCharacters?: number;
}

/** Files that others wrote and this workspace only carries. */
const VENDORED = /(^|\/)(_?vendor|vendored|third[_-]?party|node_modules|bower_components|site-packages|\.yarn)\//i;
/** Reasons that are not worth a line each in a report; they are counted. */
const UNSURPRISING = /^(?:binary file|symbolic link)/;

export function workspaceCode(options: WorkspaceCodeOptions): RecordSource {
  return { source: "workspace", records: (hooks = {}) => records(options, hooks) };
}

async function* records(options: WorkspaceCodeOptions, { signal, onProgress }: SourceHooks): AsyncGenerator<TrainingRecord | DatasetProblem> {
  const { files } = options;
  const code: string[] = [];
  const leftOut = new Map<string, number>();
  for await (const { path, reason } of files.walk(signal)) {
    const language = files.languageOf(path);
    if (reason !== null && !UNSURPRISING.test(reason)) yield skipped(path, reason);
    else if (reason !== null) count(leftOut, reason);
    else if (!isCodeLanguage(language)) count(leftOut, language === "jupyter" ? "notebook (source \"notebooks\" reads those)" : `no code (${language})`);
    else if (VENDORED.test(path)) count(leftOut, "code of others (vendored)");
    else code.push(path);
  }
  const commits = await lastCommits(files.folder, code, signal);
  if (commits === null) yield { severity: "warning", at: ".", sentence: "The folder has no Git history, so that its files have no times and cannot be split by time." };
  const licences = new LicenceFinder(files.folder);
  for (const [done, path] of code.entries()) {
    throwIfCancelled(signal);
    onProgress?.({ done, total: code.length, unit: "files" });
    const contents = await files.read(path);
    if ("reason" in contents) {
      yield skipped(path, contents.reason);
      continue;
    }
    const text = contents.text.replaceAll(/\r\n?/g, "\n");
    const commit = commits?.get(path);
    const licence = await licences.of(path, text);
    const origin: RecordOrigin = { at: path, language: files.languageOf(path), ...(commit ?? {}), ...(licence === undefined ? {} : { licence }) };
    yield* recordsOfFile(text, origin, options);
  }
  onProgress?.({ done: code.length, total: code.length, unit: "files" });
  if (leftOut.size > 0) yield { severity: "warning", at: ".", sentence: `Other files were left out: ${[...leftOut].sort((a, b) => b[1] - a[1]).map(([reason, n]) => `${n} × ${reason}`).join(", ")}.` };
  if (code.length === 0) throw new EngineError("dataInvalid", `${files.folder} holds no code to learn from. Open a folder with source files, or look into .gitignore and .kalacticaignore for what leaves them out.`, { folder: files.folder });
}

/** The records of one file; `origin.at` is its path and is given a line. The same text, path and seed give the same records. */
export function* recordsOfFile(text: string, origin: RecordOrigin, options: Omit<WorkspaceCodeOptions, "files">): Generator<TrainingRecord> {
  const path = origin.at;
  const file = fileLines(text, origin.language ?? "plaintext");
  const first = afterLicenceHeader(file.lines, file.isCode);
  const windowCharacters = options.windowCharacters ?? 1_500;
  if (windowCharacters > 0) {
    for (const window of textWindows(file.lines, first, windowCharacters)) yield { kind: "text", text: window.text, origin: { ...origin, at: `${path}:${window.startLine}` } };
  }
  const cutting = { maximumLines: options.maximumLines ?? 6, prefixCharacters: options.prefixCharacters ?? 1_800, suffixCharacters: options.suffixCharacters ?? 600 };
  for (let pass = 0; pass < (options.infillPasses ?? 3); pass++) {
    // Each file draws for itself, so that one more file changes nothing in the others.
    const random = new SeededRandom(createHash("sha256").update(`${options.seed}\0${pass}\0${path}`).digest().readInt32LE(0));
    const begin = pass === 0 ? first : first + random.integer(Math.max(1, Math.min(40, file.lines.length - first)));
    for (const { prefix, middle, suffix, line } of infillCuts(file, begin, random, cutting)) {
      yield { kind: "example", prompt: { form: "infill", prefix, suffix, path }, completion: middle, origin: { ...origin, at: `${path}:${line}` } };
    }
  }
}

function skipped(path: string, reason: string): DatasetProblem {
  return { severity: "warning", at: path, sentence: `The file was left out: ${reason}.` };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
