// "Your repository is the benchmark": cases for `evaluate localise` from a folder's own Git history. The message of a commit
// is the query, the files it changed are what must be found, and the tree is that of its parent, so that nothing of the
// change itself can be seen. Git is run by whoever hands it in; nothing is written.
import { EngineError, throwIfCancelled } from "../base/errors.ts";
import type { LocaliseCase } from "./localise.ts";

export interface HistoryOptions {
  /** What `git ARGS` prints in the folder. */
  readonly git: (args: readonly string[], signal?: AbortSignal) => Promise<string>;
  /** Name of the repository in the report. */
  readonly repo: string;
  /** Most cases, the most recent commits first. */
  readonly mostCases: number;
  readonly signal?: AbortSignal;
}

/** As in the public set: what changes more files is a sweep that no description names. */
const MOST_GOLD = 3;
const MOST_COMMITS = 5_000;

const SOURCE = /\.(?:[cm]?[jt]sx?|pyi?|go|rs|java|kt|kts|scala|rb|php|cs|fs|cpp|cc|cxx|c|h|hpp|hh|m|mm|swift|vue|svelte|lua|dart|ex|exs|jl|r|pl|pm|sh|ps1|sql|zig)$/i;
const NOT_SOURCE = /(?:^|\/)(?:node_modules|vendor|vendored|third_party|dist|build|out|testdata|fixtures?|__snapshots__|\.[^/]+)\/|\.min\.|\.d\.ts$|_pb2?\.|\.pb\.go$|generated/i;
const TEST = /(?:^|\/)(?:tests?|__tests__|spec|specs|testing|e2e|examples?|docs?|benchmarks?)\/|(?:^|\/)(?:test_[^/]*|[^/]*[._-](?:test|spec)s?)\.\w+$|(?:^|\/)conftest\.py$/i;

/** Whether a path is code that is written by hand and ships: no tests, no documents, nothing vendored or generated. */
export function isSourceFile(path: string): boolean {
  return SOURCE.test(path) && !NOT_SOURCE.test(path) && !TEST.test(path);
}

/** Errors: `dataInvalid` where no commit makes a case; those of `git`. */
export async function historyCases({ git, repo, mostCases, signal }: HistoryOptions): Promise<LocaliseCase[]> {
  const log = await git(["log", "--no-merges", "--no-renames", "--name-status", "--relative", `--max-count=${MOST_COMMITS}`, "--format=%x01%H%x00%P%x00%B%x00"], signal);
  const commits = log.split("\x01").slice(1).flatMap((entry) => {
    const [id = "", parent = "", message = "", files = ""] = entry.split("\0");
    const changes = files.split("\n").flatMap((line) => {
      const [status, path] = line.split("\t");
      return status !== undefined && path !== undefined ? [{ status, path }] : [];
    });
    return parent === "" ? [] : [{ id, parent: parent.split(" ")[0] as string, message: message.trim(), changes }];
  });
  const cases: LocaliseCase[] = [];
  for (const { id, parent, message, changes } of commits) {
    throwIfCancelled(signal);
    if (cases.length >= mostCases) break;
    const source = changes.filter(({ path }) => isSourceFile(path));
    const gold = source.filter(({ status }) => status === "M").map(({ path }) => path);
    if (gold.length === 0 || gold.length > MOST_GOLD || source.length > 2 * MOST_GOLD || message === "") continue;
    const tree = await git(["ls-tree", "-r", "-z", parent, "--", "."], signal);
    const files = Object.fromEntries(tree.split("\0").flatMap((line): [string, string][] => {
      const match = /^100\d{3} blob ([0-9a-f]+)\t(.+)$/s.exec(line);
      return match && isSourceFile(match[2] as string) ? [[match[2] as string, match[1] as string]] : [];
    }));
    if (!gold.every((path) => path in files)) continue;
    cases.push({ id, repo, query: message, gold, files });
  }
  if (cases.length === 0) throw new EngineError("dataInvalid", `No commit of ${repo} makes a case: a case needs a message and changes one to ${MOST_GOLD} source files that its parent has. Name a folder with more history.`, { commits: commits.length });
  return cases;
}
