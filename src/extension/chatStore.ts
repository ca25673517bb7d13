// Keeps conversations on disk, one file each, so that a long history costs nothing to extend and two windows on one
// folder do not overwrite each other's. Written to a temporary name and renamed: a window that dies leaves the old or the new.
// Not in VS Code's memento: that is meant for small values, and in the browser it is flushed late.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import path from "node:path";
import type { Conversation } from "../webview/protocol.ts";

export interface StoredChat {
  currentId: string;
  conversations: Conversation[];
}

/** Where a session keeps its conversations. Writing never throws; it is logged and tried again at the next change. */
export interface ChatStore {
  load(): StoredChat;
  save(conversation: Conversation): void;
  remove(id: string): void;
  setCurrent(id: string): void;
  /** Resolves when everything is written. */
  flush(): Promise<void>;
}

const FORMAT = 1;
const CURRENT_FILE = "current.json";

export class ChatFiles implements ChatStore {
  readonly #dir: string;
  readonly #log: (message: string) => void;
  /** What is to be written under each name; null for what is to go. The latest wins. */
  readonly #waiting = new Map<string, unknown>();
  #writing: Promise<void> | null = null;

  constructor(dir: string, log: (message: string) => void) {
    this.#dir = dir;
    this.#log = log;
  }

  load(): StoredChat {
    const stored: StoredChat = { currentId: "", conversations: [] };
    let names: string[] = [];
    try {
      mkdirSync(this.#dir, { recursive: true });
      names = readdirSync(this.#dir).filter((name) => name.endsWith(".json"));
    } catch (error) {
      this.#log(`chat history: ${this.#dir} cannot be read: ${String(error)}`);
    }
    for (const name of names) {
      try {
        const value = JSON.parse(readFileSync(path.join(this.#dir, name), "utf8")) as { format?: number; currentId?: string; conversation?: Conversation };
        if (value.format !== FORMAT) continue;
        if (name === CURRENT_FILE) stored.currentId = value.currentId ?? "";
        else if (value.conversation && Array.isArray(value.conversation.turns)) stored.conversations.push(value.conversation);
      } catch (error) {
        this.#log(`chat history: ${name} cannot be read and is left alone: ${String(error)}`);
      }
    }
    return stored;
  }

  save(conversation: Conversation): void {
    this.#put(fileOf(conversation.id), { format: FORMAT, conversation });
  }

  remove(id: string): void {
    this.#put(fileOf(id), null);
  }

  setCurrent(id: string): void {
    this.#put(CURRENT_FILE, { format: FORMAT, currentId: id });
  }

  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  #put(name: string, value: unknown): void {
    this.#waiting.set(name, value);
    this.#start();
  }

  #start(): void {
    if (this.#waiting.size === 0) return;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
      // What was put in after the last look and before this moment.
      this.#start();
    });
  }

  async #writeAll(): Promise<void> {
    // Lets changes of the same moment fall together.
    await Promise.resolve();
    for (;;) {
      const next = this.#waiting.entries().next();
      if (next.done) return;
      const [name, value] = next.value;
      this.#waiting.delete(name);
      try {
        const file = path.join(this.#dir, name);
        if (value === null) await rm(file, { force: true });
        else await writeAtomically(file, JSON.stringify(value));
      } catch (error) {
        this.#log(`chat history: ${name} could not be written: ${String(error)}`);
      }
    }
  }
}

/** Ids are our own UUIDs; anything else in a name would be somebody's way out of the folder. */
function fileOf(id: string): string {
  return `${id.replace(/[^\w-]/g, "_")}.json`;
}

async function writeAtomically(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
