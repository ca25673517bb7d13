// Finds the interpreters that run generated code, and what of the file system each needs. Starts them once to know;
// runs no generated code.
import { execFile } from "node:child_process";
import { realpath } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { SandboxLanguage } from "./limits.ts";

const run = promisify(execFile);
const PROBE_TIMEOUT_MS = 10_000;
/** Type stripping without a flag, and `module.stripTypeScriptTypes` (Node's changelog). */
const FIRST_NODE_WITH_TYPES = [22, 18] as const;

export interface Interpreter {
  readonly language: SandboxLanguage;
  readonly program: string;
  readonly version: string;
  /** Folders and files outside the system's own that it reads, absolute. */
  readonly needs: readonly string[];
  /** Environment that it needs, beside what every run gets. */
  readonly environment: Readonly<Record<string, string>>;
  /** Arguments before the file, for a limit of memory in bytes. */
  arguments(memoryBytes: number): string[];
  /** Private memory that it takes before any code runs, in bytes, as RLIMIT_DATA counts it. */
  readonly ownDataBytes: number;
  /** Resident memory that it takes before any code runs, in bytes. */
  readonly ownResidentBytes: number;
}

/** An interpreter, or the sentence that says why there is none. */
export type Found = Interpreter | { readonly language: SandboxLanguage; readonly missing: string };

export interface InterpreterPrograms {
  /** Python to use instead of the first of python3 and python on the PATH. */
  readonly python?: string;
  /** Node to use instead of the one that runs this process. */
  readonly node?: string;
}

export async function findInterpreters(programs: InterpreterPrograms = {}): Promise<Record<SandboxLanguage, Found>> {
  const [python, [javascript, typescript]] = await Promise.all([findPython(programs.python), findNode(programs.node ?? process.execPath)]);
  return { python, javascript, typescript };
}

async function findPython(wanted: string | undefined): Promise<Found> {
  // -I: neither the user's packages nor the environment; the base interpreter behind a virtual environment or a shim.
  const question = "import sys, json; print(json.dumps([getattr(sys, '_base_executable', sys.executable), sys.base_prefix, sys.base_exec_prefix, sys.version.split()[0]]))";
  const tried = wanted === undefined ? ["python3", "python"] : [wanted];
  for (const name of tried) {
    try {
      const { stdout } = await run(name, ["-I", "-c", question], { timeout: PROBE_TIMEOUT_MS });
      const [executable, prefix, execPrefix, version] = JSON.parse(stdout) as [string, string, string, string];
      const program = await realpath(executable);
      return {
        language: "python", program, version,
        needs: outsideSystem([program, prefix, execPrefix]),
        environment: { PYTHONHASHSEED: "0", PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1", PYTHONNOUSERSITE: "1" },
        arguments: () => ["-s", "-B"],
        ownDataBytes: 32e6,
        ownResidentBytes: 16e6,
      };
    } catch {
      // Not there, or not a Python 3: the next name.
    }
  }
  return { language: "python", missing: `Python 3 was not found (tried ${tried.join(", ")}). Install it to run Python code here.` };
}

async function findNode(wanted: string): Promise<[Found, Found]> {
  // Electron runs as Node when told to; ELECTRON_RUN_AS_NODE does nothing to Node itself.
  const environment = { ELECTRON_RUN_AS_NODE: "1" };
  try {
    const { stdout } = await run(wanted, ["-p", "JSON.stringify([process.execPath, process.versions.node, process.versions.electron ?? ''])"], { timeout: PROBE_TIMEOUT_MS, env: environment });
    const [executable, version, electron] = JSON.parse(stdout) as [string, string, string];
    const program = await realpath(executable);
    const javascript: Interpreter = {
      language: "javascript", program, version,
      // Electron reads resources beside itself; Node is one file.
      needs: outsideSystem([electron === "" ? program : path.dirname(program)]),
      environment: { ...(electron === "" ? {} : environment), NODE_DISABLE_COLORS: "1" },
      arguments: (memoryBytes) => [`--max-old-space-size=${Math.max(16, Math.floor(memoryBytes / 1024 / 1024))}`, "--no-warnings"],
      // V8 maps 512 MiB for machine code at once (measured: Node 24 starts with 640 MiB of RLIMIT_DATA, not with 512).
      ownDataBytes: 700e6,
      ownResidentBytes: 64e6,
    };
    const [major = 0, minor = 0] = version.split(".").map(Number);
    const typed = major > FIRST_NODE_WITH_TYPES[0] || (major === FIRST_NODE_WITH_TYPES[0] && minor >= FIRST_NODE_WITH_TYPES[1]);
    const typescript: Found = typed
      ? { ...javascript, language: "typescript" }
      : { language: "typescript", missing: `TypeScript needs Node ${FIRST_NODE_WITH_TYPES.join(".")} or newer, which removes types by itself; ${program} is ${version}.` };
    return [javascript, typescript];
  } catch {
    const missing = `Node was not found at ${wanted}. Install Node to run JavaScript and TypeScript code here.`;
    return [{ language: "javascript", missing }, { language: "typescript", missing }];
  }
}

/** Those of `places` that the system's folders do not hold, without those inside others, sorted. */
function outsideSystem(places: readonly string[]): string[] {
  const outside = [...new Set(places)].filter((place) => !SYSTEM_FOLDERS.some((folder) => inside(place, folder))).sort();
  return outside.filter((place) => !outside.some((other) => other !== place && inside(place, other)));
}

/** Folders with programs and libraries of the system, shown read-only in every box. */
export const SYSTEM_FOLDERS: readonly string[] = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store"];

function inside(place: string, folder: string): boolean {
  return place === folder || place.startsWith(`${folder}/`);
}
