// Keeps what single items of an evaluation came to, by the hash of all they depend on, so that a killed evaluation goes on where it
// was and the same item is never computed twice. One line an item, appended at once and flushed once a second; a torn last line is passed over.
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { sha256 } from "../../base/files.ts";

export type ItemResult = Readonly<Record<string, unknown>>;

export interface ItemCache {
  get(key: string): ItemResult | undefined;
  put(key: string, result: ItemResult): Promise<void>;
}

/** The key of an item: a hash of everything its result depends on. */
export function itemKey(dependsOn: Readonly<Record<string, unknown>>): string {
  return sha256(JSON.stringify(dependsOn)).slice(0, 32);
}

/** What is appended outlives a killed process as it is; only a machine that loses its power takes what was not flushed. Our choice. */
const FLUSH_EVERY_MS = 1_000;

export class ItemFile implements ItemCache {
  readonly #known: Map<string, ItemResult>;
  readonly #file: FileHandle;
  #flushedAt = 0;

  private constructor(known: Map<string, ItemResult>, file: FileHandle) {
    this.#known = known;
    this.#file = file;
  }

  /** Reads what there is. Errors: those of the file system. */
  static async open(name: string): Promise<ItemFile> {
    await mkdir(path.dirname(name), { recursive: true });
    const known = new Map<string, ItemResult>();
    let torn = false;
    if (existsSync(name)) {
      for await (const line of createInterface({ input: createReadStream(name), crlfDelay: Infinity })) {
        try {
          const { key, result } = JSON.parse(line) as { key: string; result: ItemResult };
          known.set(key, result);
          torn = false;
        } catch {
          torn = true;
        }
      }
    }
    const file = await open(name, "a");
    // What was cut off in the middle of a line must not take the next one with it.
    if (torn) await file.appendFile("\n");
    return new ItemFile(known, file);
  }

  get size(): number {
    return this.#known.size;
  }

  get(key: string): ItemResult | undefined {
    return this.#known.get(key);
  }

  async put(key: string, result: ItemResult): Promise<void> {
    this.#known.set(key, result);
    await this.#file.appendFile(`${JSON.stringify({ key, result })}\n`);
    if (performance.now() - this.#flushedAt < FLUSH_EVERY_MS) return;
    await this.#file.datasync();
    this.#flushedAt = performance.now();
  }

  async close(): Promise<void> {
    await this.#file.datasync();
    await this.#file.close();
  }
}
