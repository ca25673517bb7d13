// Reads a repository's last commits for `evaluate completion`, and completes as the editor would: look-up and model behind the gate.
import { EngineError } from "../base/errors.ts";
import type { Scheduler } from "../base/scheduler.ts";
import { CompletionSession } from "../completion/session.ts";
import type { CompletionModel } from "../completion/completionModel.ts";
import { gitText } from "../data/sources/gitProcess.ts";
import { parseDiff } from "../data/sources/commits.ts";
import { evaluateCompletion, lineEndings } from "../evaluation/completion.ts";
import type { Completer, HistoryText, LineEnding } from "../evaluation/completion.ts";
import type { EvaluationHooks, EvaluationResult } from "../evaluation/suite.ts";
import { screenCompletion } from "../safety/completionScreen.ts";
import type { Settings } from "../settings.ts";
import { completeCode } from "./completeCode.ts";

/** Git's name of the tree with nothing in it: a diff against it prints every file whole. */
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const LANGUAGES: Readonly<Record<string, string>> = {
  ts: "typescript", mts: "typescript", cts: "typescript", tsx: "typescriptreact", js: "javascript", mjs: "javascript", cjs: "javascript", jsx: "javascriptreact", py: "python", go: "go", java: "java", rs: "rust", c: "c", h: "c", cpp: "cpp", cs: "csharp", rb: "ruby", php: "php",
};
const PATTERNS = Object.keys(LANGUAGES).map((ending) => `*.${ending}`);
const DIFF = ["diff", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", "--relative"] as const;

export interface CompletionRun {
  readonly workspaceDir: string;
  readonly commits: number;
  readonly n: number;
  readonly seed: number;
  /** Null: the look-up alone. */
  readonly model: { readonly name: string; readonly completes: CompletionModel } | null;
  readonly settings: Settings;
  readonly scheduler: Scheduler;
}

/** A repository as it stood before its last commits, to be completed towards what they added. */
export interface CompletionHistory {
  readonly endings: LineEnding[];
  readonly about: Readonly<Record<string, unknown>>;
  /** As the editor completes, with the look-up of before; `completes` null: the look-up alone. */
  completerOf(name: string, completes: CompletionModel | null): Completer;
  close(): void;
}

/** Errors: `notFound` without a Git history, `dataInvalid` where it is too short. */
export async function openHistory({ workspaceDir, commits, n, seed, settings, scheduler }: Omit<CompletionRun, "model">, signal?: AbortSignal): Promise<CompletionHistory> {
  const hashes = (await gitText(workspaceDir, ["rev-list", "--first-parent", `--max-count=${commits + 1}`, "HEAD"], signal)).trim().split("\n");
  const base = hashes.at(-1);
  if (base === undefined || hashes.length < 2) throw new EngineError("dataInvalid", `${workspaceDir} has ${hashes.length} commit in its history; at least two are needed, since the last are what is to be completed.`, { workspaceDir });
  const before = await treeTexts(workspaceDir, base, signal);
  const after = await treeTexts(workspaceDir, "HEAD", signal);
  const added = await addedLines(workspaceDir, base, signal);
  const texts = [...added].flatMap(([path, lines]): HistoryText[] => {
    const text = after.get(path);
    return text === undefined ? [] : [{ path, text, added: lines }];
  });
  const session = new CompletionSession();
  try {
    await session.load([...before].map(([path, text]) => ({ path, language: languageOf(path), text })), signal);
  } catch (error) {
    session.dispose();
    throw error;
  }
  const endings = lineEndings(texts, { n, seed });
  return {
    endings,
    about: { workspace: workspaceDir, base, commits: hashes.length - 1, files: new Set(endings.map(({ path }) => path)).size, seed, gate: settings["completion.gate"] },
    completerOf: (name, completes) => ({
      name,
      async complete({ path, line, column, prefix, suffix }, cancelled) {
        session.cache.clear();
        const begun = performance.now();
        const { text } = await completeCode({ path, language: languageOf(path), prefix, suffix, line, column, trigger: "automatic" }, { session, settings, scheduler, model: completes, screenCompletion, prepareNext: false, ...(cancelled ? { signal: cancelled } : {}) });
        return { text, ms: performance.now() - begun };
      },
    }),
    close: () => session.dispose(),
  };
}

/** Errors: `notFound` without a Git history, `dataInvalid` where the last commits added no code. */
export async function runCompletion({ model, ...run }: CompletionRun, hooks: EvaluationHooks): Promise<EvaluationResult> {
  const { signal } = hooks;
  const history = await openHistory(run, signal);
  const { endings, about } = history;
  try {
    const alone = history.completerOf("look-up alone", null);
    // The first request of a model pays for its context, once.
    if (model !== null && endings[0] !== undefined) await history.completerOf(model.name, model.completes).complete(endings[0], signal);
    return await evaluateCompletion(endings, model === null ? [alone] : [history.completerOf(model.name, model.completes), alone], about, hooks);
  } finally {
    history.close();
  }
}

function languageOf(path: string): string {
  return LANGUAGES[path.slice(path.lastIndexOf(".") + 1)] ?? "plaintext";
}

/** Path → text of the sources of a commit. */
async function treeTexts(folder: string, commit: string, signal?: AbortSignal): Promise<Map<string, string>> {
  const diff = await gitText(folder, [...DIFF, "--unified=0", EMPTY_TREE, commit, "--", ...PATTERNS], signal);
  return new Map(parseDiff(diff, false).map(({ path, hunks }) => [path, `${hunks.flatMap(({ lines }) => lines.map((line) => line.slice(1))).join("\n")}\n`]));
}

/** Path → numbers of the lines that were added or changed since `base`. */
async function addedLines(folder: string, base: string, signal?: AbortSignal): Promise<Map<string, number[]>> {
  const diff = await gitText(folder, [...DIFF, "--unified=0", base, "HEAD", "--", ...PATTERNS], signal);
  const added = new Map<string, number[]>();
  let lines: number[] = [];
  let left = 0;
  for (const line of diff.split("\n")) {
    if (left > 0) {
      if (line[0] === "+" || line[0] === "-") left--;
      continue;
    }
    if (line.startsWith("+++ b/")) added.set(line.slice(6).replace(/\t$/, ""), lines = []);
    const hunk = /^@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
    if (!hunk) continue;
    const [removed, start, count] = [Number(hunk[1] ?? 1), Number(hunk[2]), Number(hunk[3] ?? 1)];
    for (let i = 0; i < count; i++) lines.push(start + i);
    left = removed + count;
  }
  return added;
}
