// What must hold before a release is made: version, change log, a clean tree, no tag of that name. Each check gives a sentence
// or nothing; none of them changes anything.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

export interface ReleaseFacts {
  readonly root: string;
  /** X.Y.Z. */
  readonly version: string;
}

/** Sentences about what stands in the way of a release; empty where nothing does. */
export function releaseProblems({ root, version }: ReleaseFacts): string[] {
  return [versionProblem(root, version), changelogProblem(root, version), treeProblem(root), tagProblem(root, version)].filter((problem) => problem !== null);
}

/** The section of CHANGELOG.md that belongs to `version`: its own, or what is unreleased. Null where there is none. */
export function changelogSection(text: string, version: string): string | null {
  const sections = text.split(/^## /m).slice(1);
  const own = sections.find((section) => section.split(/[\s(]/)[0] === version) ?? sections.find((section) => /^Unreleased\b/.test(section));
  const body = own?.slice(own.indexOf("\n") + 1).trim() ?? "";
  return body === "" ? null : body;
}

/** Compares two versions X.Y.Z; negative where `a` is the older. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < 3; i++) if (left![i] !== right![i]) return left![i]! - right![i]!;
  return 0;
}

function versionProblem(root: string, version: string): string | null {
  if (!/^\d+\.\d+\.\d+$/.test(version)) return `"${version}" is no version. Give one like 0.2.0: VS Code's gallery takes nothing after the third number.`;
  const { version: current } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { version: string };
  return compareVersions(version, current) < 0 ? `package.json is at ${current}, which is newer than ${version}. Choose a later version.` : null;
}

function changelogProblem(root: string, version: string): string | null {
  return changelogSection(readFileSync(path.join(root, "CHANGELOG.md"), "utf8"), version) === null ? `CHANGELOG.md has no section "## ${version}" or "## Unreleased" with something in it. Say what changed.` : null;
}

function treeProblem(root: string): string | null {
  const changed = git(root, "status", "--porcelain").split("\n").filter((line) => line !== "");
  return changed.length === 0 ? null : `${changed.length} files differ from the last commit (${changed.slice(0, 3).map((line) => line.slice(3)).join(", ")}${changed.length > 3 ? ", …" : ""}). Commit them or put them aside.`;
}

function tagProblem(root: string, version: string): string | null {
  return git(root, "tag", "--list", `v${version}`).trim() === "" ? null : `The tag v${version} is there already. Choose a later version.`;
}

export function git(root: string, ...args: string[]): string {
  return execFileSync("git", args, { cwd: root, encoding: "utf8" });
}
