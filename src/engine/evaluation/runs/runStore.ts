// Evaluations that were made, each in a folder of its own with all that is needed to compare it later: the result, the items, and what
// it was made with. Nothing is ever changed in a stored run.
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../../base/errors.ts";
import { sha256, writeFileAtomic } from "../../base/files.ts";
import type { EvaluationResult } from "../suite.ts";

export interface Provenance {
  /** ISO 8601. */
  readonly at: string;
  /** The evaluation data's absolute path. */
  readonly data: string;
  readonly engineVersion: string;
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  readonly cores: number;
}

export interface StoredRun extends EvaluationResult {
  /** Suite, time and the beginning of the result's hash. */
  readonly id: string;
  readonly provenance: Provenance;
}

export class RunStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The file in which the costly items of a suite are kept between runs. */
  itemFile(suite: string): string {
    return path.join(this.#folder, "items", `${suite}.jsonl`);
  }

  /** Writes a run: its items first, so that a run that is listed is whole. Errors: `diskFull`, `unreadable`. */
  async add(result: EvaluationResult, provenance: Provenance): Promise<StoredRun> {
    const { items, ...rest } = result;
    const id = `${result.suite}-${provenance.at.replace(/[:.]/g, "").slice(0, 15)}-${sha256(JSON.stringify([rest.metrics, rest.settings, provenance])).slice(0, 6)}`;
    const folder = path.join(this.#folder, "runs", id);
    await mkdir(folder, { recursive: true });
    await writeFileAtomic(path.join(folder, "items.jsonl"), items.map((item) => `${JSON.stringify(item)}\n`).join(""));
    await writeFileAtomic(path.join(folder, "run.json"), `${JSON.stringify({ id, ...rest, provenance }, null, 1)}\n`);
    return { id, ...result, provenance };
  }

  /** Newest first, without their items. */
  async list(): Promise<Omit<StoredRun, "items">[]> {
    const folder = path.join(this.#folder, "runs");
    if (!existsSync(folder)) return [];
    const runs: Omit<StoredRun, "items">[] = [];
    for (const name of await readdir(folder)) {
      // A folder without its run.json was being written when the machine stopped.
      if (existsSync(path.join(folder, name, "run.json"))) runs.push(await this.#read(name));
    }
    return runs.sort((a, b) => b.provenance.at.localeCompare(a.provenance.at));
  }

  /** The run with this id, its unambiguous beginning, or a suite's name for the newest of that suite. Errors: `notFound`. */
  async find(name: string): Promise<StoredRun> {
    const all = await this.list();
    const found = all.filter(({ id }) => id === name || id.startsWith(name));
    const run = all.find(({ id }) => id === name) ?? all.find(({ suite }) => suite === name) ?? (found.length === 1 ? found[0] : undefined);
    if (run === undefined) {
      const known = all.slice(0, 5).map(({ id }) => id).join(", ");
      throw new EngineError("notFound", `${found.length > 1 ? `${found.length} evaluations begin with` : "There is no evaluation"} "${name}". ${known === "" ? "None was made here yet: make one with `kalactica evaluate SUITE`." : `The newest are ${known}.`}`, { name });
    }
    const lines = (await readFile(path.join(this.#folder, "runs", run.id, "items.jsonl"), "utf8")).split("\n").filter((line) => line !== "");
    return { ...run, items: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  }

  /** Errors: `notFound`. */
  async remove(name: string): Promise<string> {
    const { id } = await this.find(name);
    await rm(path.join(this.#folder, "runs", id), { recursive: true });
    return id;
  }

  async #read(id: string): Promise<Omit<StoredRun, "items">> {
    const file = path.join(this.#folder, "runs", id, "run.json");
    try {
      return JSON.parse(await readFile(file, "utf8")) as Omit<StoredRun, "items">;
    } catch (error) {
      throw new EngineError("unreadable", `The stored evaluation ${file} cannot be read. Delete its folder or bring the file back.`, { file }, error);
    }
  }
}
