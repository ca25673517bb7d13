// The platforms that packages are made for, and which binaries of the registry each of them needs. It looks at no file.
//
// node-llama-cpp takes its binaries from a package of exactly its own version and otherwise does without. For macOS and
// Windows the registry has 3.21.1 only, so those packages hold that version of the library too.

/** VS Code's names of platforms (`vsce --target`), as far as we make packages for them. */
export const TARGET_NAMES = ["linux-x64", "linux-arm64", "linux-armhf", "alpine-x64", "darwin-x64", "darwin-arm64", "win32-x64", "win32-arm64"] as const;
export type TargetName = (typeof TARGET_NAMES)[number];
export type Gpu = "vulkan" | "cuda";

export interface Target {
  readonly name: TargetName;
  /** `process.platform` and `process.arch` where it runs. */
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** The package with llama.cpp, below `@node-llama-cpp/`; null where there is none: no model, search by words and names. */
  readonly llama: string | null;
  /** Packages with GPU libraries, below `@node-llama-cpp/`. */
  readonly gpus: Readonly<Partial<Record<Gpu, readonly string[]>>>;
  /** The package of koffi's binary, below `@koromix/`, and the folder inside it. */
  readonly koffi: string;
  readonly koffiFolder: string;
  /** The version of node-llama-cpp and its binaries, where it is not the installed one. */
  readonly llamaVersion?: string;
}

export const TARGETS: readonly Target[] = [
  { name: "linux-x64", platform: "linux", arch: "x64", llama: "linux-x64", gpus: { vulkan: ["linux-x64-vulkan"], cuda: ["linux-x64-cuda"] }, koffi: "koffi-linux-x64", koffiFolder: "linux_x64" },
  { name: "linux-arm64", platform: "linux", arch: "arm64", llama: "linux-arm64", gpus: {}, koffi: "koffi-linux-arm64", koffiFolder: "linux_arm64" },
  { name: "linux-armhf", platform: "linux", arch: "arm", llama: "linux-armv7l", gpus: {}, koffi: "koffi-linux-arm", koffiFolder: "linux_armhf" },
  // llama.cpp's binaries want glibc.
  { name: "alpine-x64", platform: "linux", arch: "x64", llama: null, gpus: {}, koffi: "koffi-linux-x64", koffiFolder: "musl_x64" },
  { name: "darwin-x64", platform: "darwin", arch: "x64", llama: "mac-x64", gpus: {}, koffi: "koffi-darwin-x64", koffiFolder: "darwin_x64", llamaVersion: "3.21.1" },
  { name: "darwin-arm64", platform: "darwin", arch: "arm64", llama: "mac-arm64-metal", gpus: {}, koffi: "koffi-darwin-arm64", koffiFolder: "darwin_arm64", llamaVersion: "3.21.1" },
  { name: "win32-x64", platform: "win32", arch: "x64", llama: "win-x64", gpus: { vulkan: ["win-x64-vulkan"], cuda: ["win-x64-cuda"] }, koffi: "koffi-win32-x64", koffiFolder: "win32_x64", llamaVersion: "3.21.1" },
  { name: "win32-arm64", platform: "win32", arch: "arm64", llama: "win-arm64", gpus: {}, koffi: "koffi-win32-arm64", koffiFolder: "win32_arm64", llamaVersion: "3.21.1" },
];

/**
 * Hashes of the packages above that package-lock.json does not name, as the registry gave them on 2026-11-22 (sha512, base64).
 * A package that is not here and not in the lock file is refused.
 */
export const PINNED: Readonly<Record<string, string>> = {
  "node-llama-cpp@3.21.1": "sha512-E3N0Ev2Va0wzydvXYFwM9Hvyo07PoWjt8T/9GMc43Cvt8YkV/NU/tYUgEMC1grTPv2o9PRjQi0G3Wb5P/awiMg==",
};

export function targetOf(name: string): Target | undefined {
  return TARGETS.find((target) => target.name === name);
}

/** The target of the machine this runs on; undefined where there is none. musl is told by the system's loader. */
export function hostTarget(): Target | undefined {
  const musl = process.platform === "linux" && (process.report.getReport() as { header?: { glibcVersionRuntime?: string } }).header?.glibcVersionRuntime === undefined;
  return TARGETS.find(({ name, platform, arch }) => platform === process.platform && arch === process.arch && name.startsWith("alpine") === musl);
}
