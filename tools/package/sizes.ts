// Adds up what is in a package: by part as packed, and the bundles by whose code they hold. It prints nothing.
import type { Metafile } from "esbuild";
import type { PackageFile, Part } from "./contents.ts";
import type { PackedEntry } from "./zip.ts";

export interface PartSize {
  readonly part: Part;
  readonly files: number;
  readonly bytes: number;
  readonly packedBytes: number;
}

/** Sizes by part, the largest first. */
export function sizesByPart(files: readonly PackageFile[], packed: readonly PackedEntry[]): PartSize[] {
  const sizes = new Map(packed.map((entry) => [entry.name, entry]));
  const parts = new Map<Part, { files: number; bytes: number; packedBytes: number }>();
  for (const { name, part } of files) {
    const sum = parts.get(part) ?? { files: 0, bytes: 0, packedBytes: 0 };
    const size = sizes.get(name);
    parts.set(part, { files: sum.files + 1, bytes: sum.bytes + (size?.bytes ?? 0), packedBytes: sum.packedBytes + (size?.packedBytes ?? 0) });
  }
  return [...parts].map(([part, sum]) => ({ part, ...sum })).sort((a, b) => b.packedBytes - a.packedBytes);
}

export interface ScriptSize {
  /** The bundle, relative to dist/. */
  readonly entry: string;
  /** Bytes of JavaScript loaded when the entry starts: itself and what it imports statically. */
  readonly startOurs: number;
  readonly startOthers: number;
  /** Bytes that only some paths load, through `import()`. */
  readonly laterOurs: number;
  readonly laterOthers: number;
}

/** JavaScript by entry point, ours (src/) and dependencies' apart, in bytes after minification. */
export function scriptSizes(metafiles: readonly Metafile[]): ScriptSize[] {
  return metafiles.flatMap(({ outputs }) => {
    const own = (name: string): { ours: number; others: number } => {
      let ours = 0;
      let others = 0;
      for (const [input, { bytesInOutput }] of Object.entries(outputs[name]?.inputs ?? {})) {
        if (/(?:^|\/)src\//.test(input) && !input.includes("node_modules/")) ours += bytesInOutput;
        else others += bytesInOutput;
      }
      return { ours, others };
    };
    const reach = (from: string, kinds: readonly string[], seen = new Set<string>()): Set<string> => {
      if (seen.has(from) || outputs[from] === undefined) return seen;
      seen.add(from);
      for (const { path, kind } of outputs[from].imports) if (kinds.includes(kind)) reach(path, kinds, seen);
      return seen;
    };
    const sum = (names: Iterable<string>): { ours: number; others: number } =>
      [...names].map(own).reduce((a, b) => ({ ours: a.ours + b.ours, others: a.others + b.others }), { ours: 0, others: 0 });
    return Object.entries(outputs).filter(([name, { entryPoint }]) => entryPoint?.includes("src/") === true && /\.[cm]?js$/.test(name) && !name.includes("/chunks/")).map(([name]) => {
      const start = reach(name, ["import-statement", "require-call"]);
      const all = reach(name, ["import-statement", "require-call", "dynamic-import"]);
      const atStart = sum(start);
      const later = sum([...all].filter((output) => !start.has(output)));
      return { entry: /(?:webview\/)?[^/]+$/.exec(name)![0], startOurs: atStart.ours, startOthers: atStart.others, laterOurs: later.ours, laterOthers: later.others };
    });
  });
}

/** All of our JavaScript in all bundles together, every piece counted once, and that of dependencies; bytes after minification. */
export function allScripts(metafiles: readonly Metafile[]): { ours: number; others: number } {
  let ours = 0;
  let others = 0;
  for (const { outputs } of metafiles) {
    for (const [name, { inputs }] of Object.entries(outputs)) {
      if (!/\.[cm]?js$/.test(name)) continue;
      for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
        if (/(?:^|\/)src\//.test(input) && !input.includes("node_modules/")) ours += bytesInOutput;
        else others += bytesInOutput;
      }
    }
  }
  return { ours, others };
}
