// Which paths of the workspace are left out by rules that people wrote: .gitignore (nested, and those of the repository
// above the workspace), .kalacticaignore, and the setting index.exclude. What a file contains is judged in contents.ts.
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import ignore from "ignore";
import type { Ignore } from "ignore";
import type { Settings } from "../../settings.ts";

/** Folders that no one wants searched; a `!pattern` in .kalacticaignore brings one back. */
const ALWAYS_IGNORED = [
  ".git", ".hg", ".svn", ".kalactica", "node_modules", "bower_components", "__pycache__", ".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache",
  ".ruff_cache", ".gradle", ".terraform", ".next", ".nuxt", ".svelte-kit", ".parcel-cache", ".turbo", ".yarn/cache", ".idea", ".vs", ".DS_Store",
];

interface RuleSet {
  /** Folder that the patterns are relative to, as a prefix of workspace paths ("" or "a/b/"). */
  prefix: string;
  /** For rules from above the workspace: the workspace's place below them, ending in a slash. */
  above: string;
  rules: Ignore;
}

/** The rules in force at one folder; {@link IgnoreRules.enter} makes those of a folder below. */
export class IgnoreRules {
  readonly #sets: readonly RuleSet[];
  readonly #last: readonly RuleSet[];
  readonly #settings: Settings;

  private constructor(sets: readonly RuleSet[], last: readonly RuleSet[], settings: Settings) {
    this.#sets = sets;
    this.#last = last;
    this.#settings = settings;
  }

  static async forWorkspace(workspaceDir: string, settings: Settings): Promise<IgnoreRules> {
    const sets: RuleSet[] = [{ prefix: "", above: "", rules: ignore().add(ALWAYS_IGNORED) }];
    if (!settings["index.includeIgnored"]) sets.push(...await rulesAbove(workspaceDir));
    const last: RuleSet[] = settings["index.exclude"].length > 0 ? [{ prefix: "", above: "", rules: ignore().add([...settings["index.exclude"]]) }] : [];
    return new IgnoreRules(sets, last, settings);
  }

  /** The rules below `folder` (relative, "" for the workspace itself), whose rule files are read now. */
  async enter(workspaceDir: string, folder: string): Promise<IgnoreRules> {
    const names = this.#settings["index.includeIgnored"] ? [".kalacticaignore"] : [".gitignore", ".kalacticaignore"];
    const prefix = folder === "" ? "" : `${folder}/`;
    const added: RuleSet[] = [];
    for (const name of names) {
      const text = await readRules(path.join(workspaceDir, folder, name));
      if (text !== null) added.push({ prefix, above: "", rules: ignore().add(text) });
    }
    if (added.length === 0) return this;
    return new IgnoreRules([...this.#sets, ...added], this.#last, this.#settings);
  }

  /** Whether `relative` is left out. Its parent folders must have been found not ignored before. */
  ignores(relative: string, isFolder: boolean): boolean {
    let ignored = false;
    for (const { prefix, above, rules } of [...this.#sets, ...this.#last]) {
      const local = above + relative.slice(prefix.length);
      const result = rules.test(isFolder ? `${local}/` : local);
      const slash = local.lastIndexOf("/");
      // A parent that these rules ignore was brought back by later ones, or we would not be inside it.
      if (result.ignored && !(slash > 0 && rules.test(local.slice(0, slash + 1)).ignored)) ignored = true;
      else if (result.unignored) ignored = false;
    }
    return ignored;
  }
}

async function readRules(file: string): Promise<string | null> {
  try {
    return await readFile(file, "utf8");
  } catch {
    return null; // absent, a folder of that name, or unreadable: no rules
  }
}

/** The .gitignore files between the repository's root and the workspace, outermost first, and the repository's own exclude file. */
async function rulesAbove(workspaceDir: string): Promise<RuleSet[]> {
  const found: RuleSet[] = [];
  for (let folder = path.resolve(workspaceDir); ; folder = path.dirname(folder)) {
    const relative = path.relative(folder, path.resolve(workspaceDir)).split(path.sep).join("/");
    const above = relative === "" ? "" : `${relative}/`;
    if (relative !== "") {
      const text = await readRules(path.join(folder, ".gitignore"));
      if (text !== null) found.unshift({ prefix: "", above, rules: ignore().add(text) });
    }
    if (await exists(path.join(folder, ".git"))) {
      const text = await readRules(path.join(folder, ".git", "info", "exclude"));
      if (text !== null) found.unshift({ prefix: "", above, rules: ignore().add(text) });
      return found;
    }
    if (path.dirname(folder) === folder) return []; // not in a repository: rules further up are not ours
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(() => true, () => false);
}
