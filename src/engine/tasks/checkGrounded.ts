// What a workspace knows of packages and names, for checking that proposed code leans on what exists: manifests and lock files,
// imports of its own files, its index, and what is installed beside it. Reads files; judges nothing (safety/groundedCode.ts).
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { throwIfCancelled } from "../base/errors.ts";
import { pause } from "../base/pause.ts";
import type { GroundedLanguage } from "../safety/groundedBuiltins.ts";
import type { WorkspaceNames } from "../safety/groundedCode.ts";
import { importsOf, isRelative } from "../safety/groundedCode.ts";

export interface NamesSource {
  /** Absolute; null where there is none on disk. */
  readonly workspaceDir: string | null;
  /** Relative paths of all files, forward slashes. */
  readonly files: readonly string[];
  /** All files with their texts, read once. */
  texts(): Iterable<{ readonly path: string; readonly text: string }>;
  /** Text of a file as indexed, or undefined. */
  textOf(file: string): string | undefined;
  /** Whether a name is defined or used anywhere, spelt exactly so. */
  knows(name: string): boolean;
}

/** Import names that differ from the names of the packages that bring them (as published on the Python Package Index). */
const PYTHON_PACKAGES: Readonly<Record<string, string>> = {
  yaml: "pyyaml", PIL: "pillow", cv2: "opencv-python", sklearn: "scikit-learn", skimage: "scikit-image", bs4: "beautifulsoup4", dateutil: "python-dateutil", dotenv: "python-dotenv", attr: "attrs", jwt: "pyjwt",
  serial: "pyserial", usb: "pyusb", git: "gitpython", magic: "python-magic", docx: "python-docx", pptx: "python-pptx", OpenSSL: "pyopenssl", Crypto: "pycryptodome", google: "google-", MySQLdb: "mysqlclient", psycopg2: "psycopg2-binary",
  pkg_resources: "setuptools", zmq: "pyzmq", markdown: "markdown", jose: "python-jose", multipart: "python-multipart", socks: "pysocks", mpl_toolkits: "matplotlib", _pytest: "pytest",
};

const MANIFEST = /(?:^|\/)(?:package(?:-lock)?\.json|pnpm-lock\.yaml|yarn\.lock|pyproject\.toml|setup\.(?:py|cfg)|requirements[\w.-]*\.(?:txt|in)|requirements\/[\w.-]+\.txt|Pipfile(?:\.lock)?|poetry\.lock|uv\.lock|environment\.ya?ml|go\.(?:mod|sum)|tsconfig[\w.]*\.json|deno\.jsonc?)$/;
const MANIFESTS_READ = 60;
const SITE_PACKAGES = [".venv/lib", "venv/lib", "env/lib", ".venv/Lib/site-packages", "venv/Lib/site-packages"];

export class WorkspaceNameIndex implements WorkspaceNames {
  readonly #source: NamesSource;
  /** Words of manifests, lower case, "_" as "-". */
  readonly #declared = new Set<string>();
  /** First parts of what own files import. */
  readonly #imported = new Map<GroundedLanguage, Map<string, number>>([["python", new Map()], ["typescript", new Map()], ["go", new Map()]]);
  readonly #importsOfFile = new Map<string, { language: GroundedLanguage; roots: ReadonlySet<string> }>();
  readonly #modules = new Set<string>();
  readonly #goModules: string[] = [];
  /** Languages for which a manifest was read. */
  readonly #manifests = new Set<GroundedLanguage>();
  #without: string | null = null;

  private constructor(source: NamesSource) {
    this.#source = source;
    // Every folder and file may be a module under its own name.
    for (const file of source.files) for (const part of file.replace(/\.\w+$/, "").split("/")) this.#modules.add(part);
    // A project may import itself by the name of its folder.
    if (source.workspaceDir !== null) this.#modules.add(path.basename(source.workspaceDir));
  }

  /** Reads manifests and the imports of all files, giving the event loop back. Errors: `cancelled`. */
  static async read(source: NamesSource, signal?: AbortSignal): Promise<WorkspaceNameIndex> {
    const index = new WorkspaceNameIndex(source);
    const manifests = source.files.filter((name) => MANIFEST.test(name)).slice(0, MANIFESTS_READ);
    // Lock files and manifests may be left out of the index.
    const beside = ["package.json", "requirements.txt", "pyproject.toml", "setup.py", "setup.cfg", "go.mod", "Pipfile"].filter((name) => source.workspaceDir !== null && !source.files.includes(name));
    for (const file of [...manifests, ...beside]) index.#readManifest(file);
    let started = performance.now();
    for (const { path: file, text } of source.texts()) {
      index.#readImports(file, text);
      throwIfCancelled(signal);
      started = await pause(started);
    }
    return index;
  }

  /** Judges as if a file were not there; null: all are. */
  leaveOut(file: string | null): void {
    this.#without = file;
  }

  resolves(specifier: string, language: GroundedLanguage): boolean | null {
    if (isRelative(specifier)) return null;
    if (language === "go") return this.#goModules.some((module) => specifier === module || specifier.startsWith(`${module}/`)) || this.#isImported(specifier, language) ? true : this.#goModules.length === 0 ? null : false;
    const root = rootOf(specifier, language);
    if (this.#isImported(root, language) || this.#isDeclared(root) || (language === "python" && this.#isDeclared(PYTHON_PACKAGES[root] ?? root))) return true;
    // A module of the workspace under its own name (Python), an alias of a path (TypeScript's paths, bundlers' "@/").
    if (language === "python" ? this.#modules.has(root) : /^(?:[@~]\/|#|virtual:|~)/.test(specifier) || this.#modules.has(specifier.split("/")[0]!)) return true;
    if (this.#isInstalled(root, language)) return true;
    // Without a manifest there is nothing that says what is installed.
    return this.#manifests.has(language) ? false : null;
  }

  offers(specifier: string, name: string, language: GroundedLanguage): boolean | null {
    const texts = this.#moduleTexts(specifier, language);
    if (texts === null) return null;
    const word = new RegExp(`(?<![\\w$])${name.replace(/[$]/g, "\\$&")}(?![\\w$])`);
    if (texts.some((text) => word.test(text) || /^\s*from\s+\S+\s+import\s+\*|^\s*export\s+\*|__getattr__|^\s*module\.exports\s*=|globals\(\)/m.test(text))) return true;
    // `from package import module`.
    return this.#modules.has(name) ? true : false;
  }

  knows(name: string): boolean {
    return this.#source.knows(name);
  }

  /** Texts of the one module of the workspace that a specifier names; null where that is not certain. */
  #moduleTexts(specifier: string, language: GroundedLanguage): string[] | null {
    if (language === "go" || (language === "typescript" && !isRelative(specifier))) return null;
    // Where a draft will stand is not known: a relative import means the one module that ends so, if there is just one.
    const stem = language === "python" ? specifier.replace(/^\.+/, "").replace(/\./g, "/") : specifier.replace(/^(?:\.\.?\/)+/, "").replace(/\.[mc]?[jt]sx?$/, "");
    if (stem === "" || stem.startsWith(".") || (!isRelative(specifier) && !stem.includes("/"))) return null;
    const endings = language === "python" ? [`${stem}.py`, `${stem}/__init__.py`] : ["ts", "tsx", "mts", "js", "jsx", "mjs"].flatMap((ending) => [`${stem}.${ending}`, `${stem}/index.${ending}`]);
    const found = this.#source.files.filter((file) => file !== this.#without && endings.some((ending) => file === ending || file.endsWith(`/${ending}`)));
    const text = found.length === 1 ? this.#source.textOf(found[0]!) : undefined;
    return text === undefined ? null : [text];
  }

  #isDeclared(name: string): boolean {
    const wanted = name.toLowerCase().replace(/_/g, "-");
    return this.#declared.has(wanted) || (wanted.endsWith("-") && [...this.#declared].some((declared) => declared.startsWith(wanted)));
  }

  #isImported(root: string, language: GroundedLanguage): boolean {
    const times = this.#imported.get(language)?.get(root) ?? 0;
    const own = this.#without === null ? undefined : this.#importsOfFile.get(this.#without);
    return times > (own?.language === language && own.roots.has(root) ? 1 : 0);
  }

  #isInstalled(root: string, language: GroundedLanguage): boolean {
    const { workspaceDir } = this.#source;
    if (workspaceDir === null || !/^[@\w][\w@./-]*$/.test(root)) return false;
    if (language === "typescript") return existsSync(path.join(workspaceDir, "node_modules", root)) || existsSync(path.join(workspaceDir, "node_modules/@types", root.replace(/^@/, "").replace("/", "__")));
    return SITE_PACKAGES.some((folder) => existsSync(path.join(workspaceDir, folder, root)));
  }

  #readManifest(file: string): void {
    let text = this.#source.textOf(file);
    if (text === undefined && this.#source.workspaceDir !== null) {
      try {
        text = readFileSync(path.join(this.#source.workspaceDir, file), "utf8");
      } catch {
        return;
      }
    }
    if (text === undefined) return;
    this.#manifests.add(/package|yarn|pnpm|tsconfig|deno/.test(file) ? "typescript" : /go\.(?:mod|sum)$/.test(file) ? "go" : "python");
    for (const word of text.slice(0, 2_000_000).matchAll(/@?[A-Za-z0-9][\w.-]*(?:\/[\w.-]+)?/g)) this.#declared.add(word[0].toLowerCase().replace(/_/g, "-"));
    if (file.endsWith("go.mod")) for (const match of text.matchAll(/^\s*(?:module\s+|require\s+)?([\w.-]+\.[a-z]+\/[\w./-]+|[\w./-]+(?=\s*$))(?:\s+v|\s*$)/gm)) this.#goModules.push(match[1]!);
  }

  #readImports(file: string, text: string): void {
    const language = file.endsWith(".py") ? "python" : /\.[mc]?[jt]sx?$/.test(file) ? "typescript" : file.endsWith(".go") ? "go" : null;
    if (language === null) return;
    const roots = new Set(importsOf(text, language).filter(({ specifier }) => !isRelative(specifier)).map(({ specifier }) => language === "go" ? specifier : rootOf(specifier, language)));
    this.#importsOfFile.set(file, { language, roots });
    const counts = this.#imported.get(language)!;
    for (const root of roots) counts.set(root, (counts.get(root) ?? 0) + 1);
  }
}

/** The package that a specifier is of: `@a/b/c` → `@a/b`, `a.b` → `a`. */
function rootOf(specifier: string, language: GroundedLanguage): string {
  if (language === "python") return specifier.split(".")[0]!;
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0]!;
}
