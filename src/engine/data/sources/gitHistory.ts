// A repository's history as training data: what a diff does, in the words of its commit; how code is changed when asked in
// those words; and what was written at a place, as fill-in-the-middle. Everything carries its commit's time, so that a split
// by time never learns from the future.
import { EngineError, throwIfCancelled } from "../../base/errors.ts";
import type { RecordOrigin, TrainingRecord } from "../../base/trainingRecord.ts";
import type { DatasetProblem } from "../../protocol/training.ts";
import { isCodeLanguage } from "./codeLines.ts";
import { isBot, learnableMessage } from "./commitMessage.ts";
import { readCommits } from "./commits.ts";
import type { Commit, FileDiff, Hunk } from "./commits.ts";
import { gitText, headCommit } from "./gitProcess.ts";
import { insertedCode } from "./insertedCode.ts";
import { LicenceFinder } from "./licence.ts";
import type { RecordSource, SourceHooks } from "./source.ts";

export interface GitHistoryOptions {
  /** Absolute path of the repository, or of a folder in it, whose part of the history is read. */
  readonly folder: string;
  /** VS Code language id of a path. */
  readonly languageOf: (path: string) => string;
  /** Why a file is not to be learnt from, by its name (generated, minified, may hold secrets), or null. */
  readonly leaveOut: (path: string) => string | null;
  /** Most recent commits that are read; default 5,000. */
  readonly mostCommits?: number;
  /** Most characters of a diff that is learnt from as a whole; default 4,000, near 1,300 tokens. */
  readonly diffCharacters?: number;
  /** Most characters of the code before an edit, its surroundings included; default 2,400. */
  readonly editCharacters?: number;
  /** Most lines of what was written at a place; default 6, as the setting kalactica.completion.maximumLines. */
  readonly maximumLines?: number;
}

/** A commit's diff is read up to this; what goes beyond is a move, a merge by hand or an import. */
const READ_CHARACTERS = 200_000;
/** Context that is read, for what was written; less of it goes with an edit, and with a diff what `git diff` shows. */
const CONTEXT_LINES = 40;
const EDIT_CONTEXT_LINES = 8;
const DIFF_CONTEXT_LINES = 3;
/** More places in one commit are a pattern applied everywhere. */
const MOST_INSERTIONS = 8;
/** A message speaks of the whole commit: beyond so many places it does not say what one of them is for. Our choice. */
const MOST_HUNKS = 6;

export function gitHistory(options: GitHistoryOptions): RecordSource {
  return { source: "git", records: (hooks = {}) => records(options, hooks) };
}

async function* records(options: GitHistoryOptions, { signal, onProgress }: SourceHooks): AsyncGenerator<TrainingRecord | DatasetProblem> {
  const mostCommits = options.mostCommits ?? 5_000;
  await headCommit(options.folder, signal);
  if ((await gitText(options.folder, ["rev-parse", "--is-shallow-repository"], signal)).trim() === "true") {
    yield { severity: "warning", at: ".git", sentence: "The clone is shallow: only the part of the history that is on this machine is learnt from. Run \"git fetch --unshallow\" for all of it." };
  }
  const total = Math.min(mostCommits, Number((await gitText(options.folder, ["rev-list", "--count", "--no-merges", "HEAD", "--", "."], signal)).trim()));
  const licence = await new LicenceFinder(options.folder).of("x", "");
  const notes = { commits: 0, bots: 0, silent: 0, large: 0, withoutCode: 0 };
  let n = 0;
  for await (const commit of readCommits(options.folder, { mostCommits, mostCharacters: READ_CHARACTERS, contextLines: CONTEXT_LINES }, signal)) {
    throwIfCancelled(signal);
    notes.commits++;
    onProgress?.({ done: notes.commits, total, unit: "commits" });
    if (isBot(commit.author)) notes.bots++;
    else if (commit.cut) notes.large++;
    else {
      const message = learnableMessage(commit.message, commit.author);
      if (message === null) notes.silent++;
      const before = n;
      for (const record of recordsOfCommit(commit, message, licence, options)) {
        n++;
        yield record;
      }
      if (n === before) notes.withoutCode++;
    }
  }
  if (n === 0) {
    throw new EngineError("dataInvalid", `The history of ${options.folder} holds nothing to learn from: of ${notes.commits} commits, ${notes.bots} were made by programs, ${notes.large} are too large, and ${notes.withoutCode} change no code in a few places.`, { ...notes });
  }
  if (notes.bots + notes.silent + notes.large + notes.withoutCode > 0) {
    yield { severity: "warning", at: ".git", sentence: `Of ${notes.commits} commits, ${notes.bots} were left out as programs made them, ${notes.large} as their diffs are too large, ${notes.withoutCode} as they change no code in a few places; ${notes.silent} messages say nothing and are not learnt.` };
  }
}

/** The records of one commit: what was written where; and, where its message says something, the message for its diff and its few edits for the message. */
export function* recordsOfCommit(commit: Commit, message: string | null, licence: string | undefined, options: GitHistoryOptions): Generator<TrainingRecord> {
  const files = commit.files.filter(({ path }) => options.leaveOut(path) === null);
  const origin = (path: string, line?: number): RecordOrigin => ({
    at: line === undefined ? path : `${path}:${line}`, commit: commit.hash, time: commit.time, ...(licence === undefined ? {} : { licence }), ...(isCodeLanguage(options.languageOf(path)) ? { language: options.languageOf(path) } : {}),
  });
  yield* insertions(files, origin, options);
  if (message === null) return;
  const diff = files.map(writtenDiff).join("\n");
  const first = files[0];
  if (first && files.length === commit.files.length && diff.length <= (options.diffCharacters ?? 4_000) && files.some(({ path }) => isCodeLanguage(options.languageOf(path)))) {
    yield {
      kind: "example", origin: { ...origin(first.path), at: `commit ${commit.hash.slice(0, 12)}` }, completion: message,
      prompt: { form: "chat", messages: [{ role: "user", content: `Write the commit message for this change.\n\n\`\`\`diff\n${diff}\n\`\`\`` }] },
    };
  }
  const code = files.filter(({ path, change }) => change === "changed" && isCodeLanguage(options.languageOf(path))).map(({ path, hunks }) => ({ path, hunks: hunks.flatMap((hunk) => narrowed(hunk, EDIT_CONTEXT_LINES)) }));
  if (code.reduce((sum, { hunks }) => sum + hunks.length, 0) > MOST_HUNKS || commit.files.length > MOST_HUNKS) return;
  for (const { path, hunks } of code) {
    for (const hunk of hunks) {
      const edit = editOf(hunk);
      if (!edit || edit.before.length > (options.editCharacters ?? 2_400) || edit.after.length > (options.editCharacters ?? 2_400)) continue;
      const language = options.languageOf(path);
      yield {
        kind: "example", origin: origin(path, hunk.line), completion: `\`\`\`${language}\n${edit.after}\n\`\`\``,
        prompt: { form: "chat", messages: [{ role: "user", content: `Change this part of ${path}, from line ${hunk.line} on: ${message}\n\n\`\`\`${language}\n${edit.before}\n\`\`\`` }] },
      };
    }
  }
}

function* insertions(files: readonly FileDiff[], origin: (path: string, line: number) => RecordOrigin, options: GitHistoryOptions): Generator<TrainingRecord> {
  const bounds = { maximumLines: options.maximumLines ?? 6, prefixCharacters: 1_800, suffixCharacters: 600 };
  let n = 0;
  for (const { path, hunks, change } of files) {
    const language = options.languageOf(path);
    if (change !== "changed" || !isCodeLanguage(language)) continue;
    for (const hunk of hunks) {
      for (const { prefix, middle, suffix, line } of insertedCode(hunk, language, bounds)) {
        if (++n > MOST_INSERTIONS) return;
        yield { kind: "example", prompt: { form: "infill", prefix, suffix, path }, completion: middle, origin: origin(path, line) };
      }
    }
  }
}

/** The code before and after a hunk; null where the change is none to learn: white space, comments alone, imports alone, or nothing before it. */
function editOf({ lines }: Hunk): { before: string; after: string } | null {
  const of = (sign: string): string[] => lines.filter((line) => line[0] !== sign).map((line) => line.slice(1));
  const before = of("+");
  const after = of("-");
  const removed = lines.filter((line) => line[0] === "-").map((line) => line.slice(1));
  const added = lines.filter((line) => line[0] === "+").map((line) => line.slice(1));
  if (before.every((line) => line.trim() === "")) return null;
  const trivial = (line: string): boolean => /^\s*(?:$|\/\/|#|\*|\/\*|import\b|from\s+\S+\s+import\b|use\s|#include\b|export \* from|version\s*=)/.test(line);
  if ([...removed, ...added].every(trivial)) return null;
  if (removed.join("").replaceAll(/\s/g, "") === added.join("").replaceAll(/\s/g, "")) return null;
  // A hunk that only deletes asks for nothing but to leave out.
  if (added.every((line) => line.trim() === "") && removed.length > 12) return null;
  return { before: before.join("\n"), after: after.join("\n") };
}

/** A file's diff as `git diff` shows it, without hashes. */
function writtenDiff({ path, from, change, hunks }: FileDiff): string {
  const head = [`--- ${change === "added" ? "/dev/null" : `a/${from ?? path}`}`, `+++ ${change === "deleted" ? "/dev/null" : `b/${path}`}`];
  return [...head, ...hunks.flatMap((hunk) => narrowed(hunk, DIFF_CONTEXT_LINES)).flatMap(({ line, lines }) => [`@@ line ${line} @@`, ...lines])].join("\n");
}

/** The hunk cut into the parts that stand apart with less context. */
function narrowed({ line, lines }: Hunk, nContext: number): Hunk[] {
  const near = lines.map((_, i) => lines.slice(Math.max(0, i - nContext), i + nContext + 1).some((other) => other[0] !== " "));
  const parts: { line: number; lines: string[] }[] = [];
  let at = line;
  lines.forEach((text, i) => {
    if (near[i] === true) {
      if (near[i - 1] !== true) parts.push({ line: at, lines: [] });
      parts.at(-1)?.lines.push(text);
    }
    if (text[0] !== "+") at++;
  });
  return parts;
}
