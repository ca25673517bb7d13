// Reads a repository's history commit by commit, oldest first: message, time and the hunks of each text file, within bounds.
// A commit's diff streams by and only what is kept is held. What is learnt from it is gitHistory.ts's.
import { randomUUID } from "node:crypto";
import { gitOutput } from "./gitProcess.ts";

export interface Hunk {
  /** 1-based first line in the file before the commit. */
  readonly line: number;
  /** Lines with their mark: " ", "-" or "+". */
  readonly lines: readonly string[];
}

export interface FileDiff {
  /** Path after the commit (before it, where the file was deleted). */
  readonly path: string;
  /** Path before the commit where it was another one. */
  readonly from: string | null;
  readonly change: "added" | "deleted" | "changed";
  readonly hunks: readonly Hunk[];
}

export interface Commit {
  readonly hash: string;
  /** Commit time in ms since 1970. */
  readonly time: number;
  readonly author: string;
  readonly message: string;
  /** Text files only. */
  readonly files: readonly FileDiff[];
  /** True where the diff went beyond the bound and `files` holds only its beginning. */
  readonly cut: boolean;
}

export interface CommitOptions {
  /** Most recent commits that are read, merges not counted. */
  readonly mostCommits: number;
  /** Characters of one commit's diff beyond which the rest is not looked at. */
  readonly mostCharacters: number;
  /** Lines of context around a change. */
  readonly contextLines: number;
}

/** Commits without merges, oldest first by topology and time. Throws as {@link gitOutput}. */
export async function* readCommits(folder: string, options: CommitOptions, signal?: AbortSignal): AsyncGenerator<Commit> {
  // No text of a repository can hold what was drawn just now.
  const mark = `\x01${randomUUID()}\x01`;
  const args = [
    "log", "--reverse", "--topo-order", "--no-merges", "--relative", `--max-count=${options.mostCommits}`, "--patch", `--unified=${options.contextLines}`, "--find-renames", "--diff-algorithm=histogram",
    "--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all", `--format=${mark}%H%n%ct%n%an <%ae>%n%B${mark}`, "--", ".",
  ];
  let header: string | null = null;
  let diff = "";
  let cut = false;
  let pending = "";
  let inHeader = false;
  const finish = function* (): Generator<Commit> {
    if (header !== null) yield { ...parseHeader(header), files: parseDiff(diff, cut), cut };
  };
  for await (const piece of gitOutput(folder, args, signal)) {
    pending += piece;
    for (;;) {
      const at = pending.indexOf(mark);
      // The mark may be cut in two by the pieces.
      const complete = at < 0 ? Math.max(0, pending.length - mark.length) : at;
      if (!inHeader) {
        const room = options.mostCharacters - diff.length;
        if (complete > room) cut = true;
        diff += pending.slice(0, Math.min(complete, room));
        pending = pending.slice(complete);
      }
      if (at < 0) break;
      const begin = inHeader ? at : 0;
      if (inHeader) {
        header = pending.slice(0, at);
        diff = "";
        cut = false;
      } else yield* finish();
      if (!inHeader) header = null;
      inHeader = !inHeader;
      pending = pending.slice(begin + mark.length);
    }
  }
  if (!inHeader) {
    const room = options.mostCharacters - diff.length;
    if (pending.length > room) cut = true;
    diff += pending.slice(0, room);
  }
  yield* finish();
}

function parseHeader(header: string): Omit<Commit, "files" | "cut"> {
  const [hash = "", time = "0", author = "", ...message] = header.split("\n");
  return { hash, time: Number(time) * 1_000, author, message: message.join("\n").trim() };
}

/** The files of a unified diff as git writes it; of a diff that was cut, the last hunk is left out. */
export function parseDiff(diff: string, cut: boolean): FileDiff[] {
  const files: FileDiff[] = [];
  let file: { path: string; from: string | null; change: FileDiff["change"]; hunks: { line: number; lines: string[] }[] } | null = null;
  let hunk: { line: number; lines: string[] } | null = null;
  let oldLeft = 0;
  let newLeft = 0;
  const lines = diff.split("\n");
  for (const line of lines) {
    if (hunk && (oldLeft > 0 || newLeft > 0)) {
      const sign = line[0] ?? " ";
      if (sign === "\\") continue;
      hunk.lines.push(line === "" ? " " : line);
      if (sign !== "+") oldLeft--;
      if (sign !== "-") newLeft--;
      continue;
    }
    const at = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line);
    if (at && file) {
      hunk = { line: Number(at[1]), lines: [] };
      oldLeft = Number(at[2] ?? 1);
      newLeft = Number(at[3] ?? 1);
      file.hunks.push(hunk);
    } else if (line.startsWith("diff --git ")) {
      file = { path: "", from: null, change: "changed", hunks: [] };
      hunk = null;
      files.push(file);
    } else if (file) {
      if (line.startsWith("new file")) file.change = "added";
      else if (line.startsWith("deleted file")) file.change = "deleted";
      else if (line.startsWith("rename from ")) file.from = line.slice(12);
      else if (line.startsWith("--- a/") && file.path === "") file.path = pathOf(line);
      else if (line.startsWith("+++ b/")) file.path = pathOf(line);
    }
  }
  if (cut) (files.at(-1)?.hunks as Hunk[] | undefined)?.pop();
  return files.filter(({ path, hunks }) => path !== "" && hunks.length > 0);
}

/** Git ends a path with spaces in it with a tab. */
function pathOf(line: string): string {
  return line.slice(6).replace(/\t$/, "").replace(/^"(.*)"$/, "$1");
}
