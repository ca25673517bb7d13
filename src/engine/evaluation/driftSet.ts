// Reads the data of `evaluate drift`: a folder with two folders of files, `own` and `other`. Judges nothing.
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../base/errors.ts";

export interface DriftFile {
  /** Relative to its folder. */
  readonly path: string;
  readonly text: string;
}

export interface DriftSet {
  readonly own: readonly DriftFile[];
  readonly other: readonly DriftFile[];
}

/** Larger files are data. */
const LARGEST_BYTES = 300_000;
/** Folders that hold others' or generated files. */
const LEFT_OUT = new Set(["node_modules", ".git", "dist", "build", "vendor", "__pycache__", ".venv", "site-packages"]);

/** Errors: `notFound` without one of the folders, `dataInvalid` where one holds no text file. */
export async function readDriftSet(folder: string): Promise<DriftSet> {
  const read = async (side: string): Promise<DriftFile[]> => {
    const root = path.join(folder, side);
    try {
      if (!(await stat(root)).isDirectory()) throw new Error("not a folder");
    } catch (error) {
      throw new EngineError("notFound", `${folder} has no folder "${side}". The data of this suite are two folders of source files, "own" and "other"; name the folder that holds both with --data.`, { folder, side }, error);
    }
    const files: DriftFile[] = [];
    await walk(root, "", files);
    if (files.length === 0) throw new EngineError("dataInvalid", `${root} holds no text files. Put source files into it.`, { folder: root });
    return files.sort((a, b) => a.path < b.path ? -1 : 1);
  };
  return { own: await read("own"), other: await read("other") };
}

async function walk(root: string, below: string, files: DriftFile[]): Promise<void> {
  for (const entry of await readdir(path.join(root, below), { withFileTypes: true })) {
    const relative = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) {
      if (!LEFT_OUT.has(entry.name)) await walk(root, relative, files);
      continue;
    }
    if (!entry.isFile() || (await stat(path.join(root, relative))).size > LARGEST_BYTES) continue;
    const text = await readFile(path.join(root, relative), "utf8");
    if (!text.includes("\0")) files.push({ path: relative, text });
  }
}
