// Reads the files of public evaluation sets: JSON Lines, plain or gzipped, and tables. Validates nothing but that they are there
// and are what their names say; what a row must hold is each suite's business.
import { createReadStream, existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";
import { EngineError } from "../base/errors.ts";

/** The file `name` of `folder`, or its gzipped form. Errors: `notFound`. */
export function fileOf(folder: string, ...names: string[]): string {
  for (const name of names) for (const candidate of [name, `${name}.gz`]) if (existsSync(path.join(folder, candidate))) return path.join(folder, candidate);
  throw new EngineError("notFound", `${folder} has no ${names.join(" or ")} (nor that with .gz). Name the folder of the set with --data.`, { folder });
}

/** The rows of a JSON Lines file. Errors: `dataInvalid` with the line; `unreadable`. */
export async function readRows<T>(file: string, isRow: (value: unknown) => value is T, expected: string): Promise<T[]> {
  const rows: T[] = [];
  let line = 0;
  const fail = (found: string): EngineError => new EngineError("dataInvalid", `${path.basename(file)}:${line}: ${found}; expected ${expected}.`, { file, line });
  try {
    const bytes = createReadStream(file);
    const text = file.endsWith(".gz") ? bytes.pipe(createGunzip()) : bytes;
    bytes.on("error", (error) => text.destroy(error));
    for await (const row of createInterface({ input: text, crlfDelay: Infinity })) {
      line++;
      if (row.trim() === "") continue;
      let value: unknown;
      try {
        value = JSON.parse(row);
      } catch {
        throw fail("this is not JSON");
      }
      if (!isRow(value)) throw fail("this row lacks something");
      rows.push(value);
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError("unreadable", `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}.`, { file }, error);
  }
  if (rows.length === 0) throw new EngineError("dataInvalid", `${file} has no rows.`, { file });
  return rows;
}

/** The rows of a tab-separated file, its first line left out where it is a heading. */
export async function readTable(file: string, isHeading: (cells: readonly string[]) => boolean): Promise<string[][]> {
  const rows = (await readFile(file, "utf8")).split(/\r?\n/).filter((line) => line !== "").map((line) => line.split("\t"));
  return rows[0] && isHeading(rows[0]) ? rows.slice(1) : rows;
}

/** Whether `value` is an object whose `fields` are of the given types. */
export function hasFields(value: unknown, fields: Readonly<Record<string, "string" | "number" | "object" | "array" | "boolean">>): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(fields).every(([name, type]) => {
    const field = (value as Record<string, unknown>)[name];
    return type === "array" ? Array.isArray(field) : type === "object" ? typeof field === "object" && field !== null && !Array.isArray(field) : typeof field === type;
  });
}
