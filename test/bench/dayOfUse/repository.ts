// A copy of a repository to spend a day in: git history of two branches that differ in files, and the notebooks and
// sources that the day edits. Knows nothing of the engine.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const SOURCE = /\.(?:ts|js|py|go|rs|java)$/;
/** Larger files are not edited; they stay in the workspace. */
const MOST_CHARACTERS = 60_000;

export class Repository {
  readonly folder: string;
  #branch = "main";

  /** Copies `from` (without its .git) to `folder` and makes the branches "main" and "feature". */
  constructor(from: string, folder: string) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    cpSync(from, folder, { recursive: true, filter: (file) => !/(?:^|[\\/])(?:\.git|node_modules|\.kalactica)$/.test(path.relative(from, file)) });
    writeFileSync(path.join(folder, ".gitignore"), ".kalactica/\n");
    this.#git("init", "-q", "-b", "main");
    this.#git("add", "-A");
    this.#git("commit", "-q", "-m", "Begin");
    this.#git("checkout", "-q", "-b", "feature");
    const sources = this.sources();
    for (const [i, file] of sources.filter((_, i) => i % 7 === 0).entries()) {
      if (i % 3 === 0) rmSync(path.join(folder, file));
      else writeFileSync(path.join(folder, file), `${this.read(file)}\n${commentOf(file)} Changed on the branch feature.\n`);
    }
    writeFileSync(path.join(folder, "featureOnly.ts"), "/** Only on the branch. */\nexport function onlyOnFeature(): string {\n  return \"feature\";\n}\n");
    this.#git("add", "-A");
    this.#git("commit", "-q", "-m", "Work on a feature");
    this.#git("checkout", "-q", "main");
  }

  get branch(): string {
    return this.#branch;
  }

  /** Source files of the branch that is checked out, relative, sorted. */
  sources(): string[] {
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && SOURCE.test(entry.name))
      .map((entry) => path.relative(this.folder, path.join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
      .filter((file) => !file.startsWith(".") && this.read(file).length < MOST_CHARACTERS)
      .sort();
  }

  read(file: string): string {
    return readFileSync(path.join(this.folder, file), "utf8");
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.folder, file), text);
  }

  /** Commits what stands there and goes to the other branch; the files that this changed on disk, as a watcher would tell. */
  switchBranch(): string[] {
    this.#git("add", "-A");
    this.#git("commit", "-q", "--allow-empty", "-m", "Work");
    const other = this.#branch === "main" ? "feature" : "main";
    const changed = this.#git("diff", "--name-only", this.#branch, other).split("\n").filter((line) => line !== "");
    this.#git("checkout", "-q", other);
    this.#branch = other;
    return changed;
  }

  #git(...args: string[]): string {
    return execFileSync("git", ["-c", "user.name=Day", "-c", "user.email=day@example.invalid", "-c", "commit.gpgsign=false", "-c", "gc.auto=0", ...args], { cwd: this.folder, encoding: "utf8", env: { ...process.env, GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" } });
  }
}

function commentOf(file: string): string {
  return file.endsWith(".py") ? "#" : "//";
}
