// Files of memory: records that are taken in line by line, and export and import of the whole. Formats of export are the graph's.
import { closeSync, openSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { EngineError } from "../base/errors.ts";
import type { EdgeType, EpisodeKind, JsonObject, NewEpisode } from "../memory/graph/episode.ts";
import type { MemoryGraph } from "../memory/graph/memoryGraph.ts";

const READ_BYTES = 1 << 20;

export function exportLines(graph: MemoryGraph): Generator<string> {
  return graph.export();
}

/** Errors: `unreadable`, `dataInvalid`; nothing is taken in then. */
export function importFile(graph: MemoryGraph, file: string): ReturnType<MemoryGraph["import"]> {
  return graph.import(linesOf(file));
}

/** A line of a file of records: an episode, or an edge between two that have an `id` in the file or a key in the memory. */
interface RecordLine {
  id?: string;
  kind?: string;
  text?: string;
  label?: string;
  /** Another name of `label`. */
  speaker?: string;
  session?: string;
  /** ms since 1970, or a date as ISO 8601 has it. */
  at?: number | string;
  until?: number | string | null;
  data?: JsonObject;
  supersedes?: string;
  edge?: string;
  source?: string;
  target?: string;
  weight?: number;
}

/** One transaction: all of the file or, on a bad line, nothing. Errors: `unreadable`, `dataInvalid` with the line. */
export function recordFile(graph: MemoryGraph, file: string): { stored: number; known: number; edges: number; keys: string[] } {
  return graph.batch(() => {
    const report = { stored: 0, known: 0, edges: 0, keys: [] as string[] };
    const keys = new Map<string, string>();
    let number = 0;
    for (const text of linesOf(file)) {
      number++;
      if (text.trim() === "") continue;
      const bad = (found: string): EngineError => new EngineError("dataInvalid", `${file}:${number}: ${found}; expected {"kind": "turn", "text": "…"} or {"edge": "mentions", "source": "…", "target": "…"}. Nothing was remembered.`, { file, line: number });
      let line: RecordLine;
      try {
        line = JSON.parse(text) as RecordLine;
      } catch {
        throw bad("this is not JSON");
      }
      if (typeof line !== "object" || line === null) throw bad("this is no object");
      try {
        if (line.edge !== undefined) {
          const end = (name: string | undefined): string => keys.get(name ?? "") ?? name ?? "";
          if (graph.link({ type: line.edge as EdgeType, source: end(line.source), target: end(line.target), ...(line.weight === undefined ? {} : { weight: line.weight }) })) report.edges++;
          continue;
        }
        const episode = episodeOf(line, file);
        const stored = line.supersedes === undefined ? graph.store(episode) : graph.supersede(keys.get(line.supersedes) ?? line.supersedes, episode);
        if (stored.created) report.stored++;
        else report.known++;
        report.keys.push(stored.key);
        if (line.id !== undefined) keys.set(line.id, stored.key);
      } catch (error) {
        throw error instanceof EngineError && error.reason !== "dataInvalid" ? bad(error.message.replace(/\.$/, "")) : error;
      }
    }
    return report;
  });
}

function episodeOf({ id, kind = "turn", text, label, speaker, session, at, until, data }: RecordLine, file: string): NewEpisode {
  return {
    kind: kind as EpisodeKind, text: text as string, label: label ?? speaker ?? "", provenance: { by: "commandLine", reference: id ?? file.split(/[/\\]/).at(-1) ?? "" },
    ...(session === undefined ? {} : { session }), ...(at === undefined ? {} : { validFrom: timeOf(at) }), ...(until === undefined || until === null ? {} : { validTo: timeOf(until) }), ...(data === undefined ? {} : { data }),
  };
}

function timeOf(value: number | string): number {
  const time = typeof value === "number" ? value : Date.parse(value);
  if (!Number.isSafeInteger(time)) throw new EngineError("badRequest", `"${value}" is no time; give ms since 1970, or a date like 2026-05-04T10:00:00Z.`, {});
  return time;
}

/** The lines of a file, read in pieces, so that a large one does not stand in memory. Synchronous, to fit into one transaction. */
function* linesOf(file: string): Generator<string> {
  let handle: number;
  try {
    handle = openSync(file, "r");
  } catch (error) {
    throw new EngineError("unreadable", `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}. Check the name.`, { file }, error);
  }
  try {
    const buffer = Buffer.alloc(READ_BYTES);
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for (let read = readSync(handle, buffer); read > 0; read = readSync(handle, buffer)) {
      const lines = (rest + decoder.write(buffer.subarray(0, read))).split(/\r?\n/);
      rest = lines.pop() ?? "";
      yield* lines;
    }
    if (rest !== "") yield rest;
  } finally {
    closeSync(handle);
  }
}
