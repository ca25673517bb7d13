// Makes episodes of the memory graph out of commands that ended in the terminal: what ran and how it ended, the error of a command
// that failed, what mended it, and the files that its output names. The graph scrubs what it stores.
import type { NewEdge, NewEpisode } from "../memory/graph/episode.ts";
import type { MemoryGraph } from "../memory/graph/memoryGraph.ts";
import type { TerminalExecuted } from "../protocol/types.ts";

/** All commands of a folder are one thread, so that what ran before and after stands beside a command. */
export const TERMINAL_SESSION = "terminal";
/** Errors stand at the end of what is printed. */
const OUTPUT_CHARACTERS = 1_200;
const MOST_FILES = 6;
/** A failure is mended by the same command within this time; later it is another story. */
const MENDED_WITHIN_MS = 24 * 3_600_000;
const RECENT = 200;

/**
 * Stores a command with its edges, in one transaction. `files`: the indexed files that its output names. Gives the key of the
 * execution. A command that ran well after it had failed ends that failure: an edge "fixes" from it to the error.
 */
export function rememberTerminalRun(graph: Pick<MemoryGraph, "storeMany" | "retrieve">, run: TerminalExecuted, files: readonly string[]): string | undefined {
  const failed = run.exitCode !== null && run.exitCode !== 0;
  const where = run.folder === null || run.folder === "" ? "" : ` in ${run.folder}`;
  const end = run.exitCode === null ? "" : failed ? `failed with exit code ${run.exitCode}` : "ran well";
  const provenance = { by: "terminal", reference: run.command } as const;
  const output = run.output.slice(-OUTPUT_CHARACTERS);
  const identity = `terminal#${run.at}#${run.command}`;
  const mended = failed || run.exitCode === null ? undefined : lastFailure(graph, run);
  const episodes: NewEpisode[] = [
    {
      kind: "execution", label: "terminal", session: TERMINAL_SESSION, validFrom: run.at, provenance, identity,
      text: [`$ ${run.command}${where}`, end, mended ? "It had failed before." : "", output].filter((part) => part !== "").join("\n"),
      data: { command: run.command, folder: run.folder, exitCode: run.exitCode, durationMs: run.durationMs },
    },
    ...files.slice(0, MOST_FILES).map((path): NewEpisode => ({ kind: "file", text: path, label: path, provenance, identity: `file#${path}` })),
  ];
  const nFiles = episodes.length - 1;
  if (failed) episodes.push({ kind: "error", label: "failure", session: TERMINAL_SESSION, validFrom: run.at, provenance, identity: `${identity}#error`, text: `${run.command} ${end}\n${output}`, data: { command: run.command, folder: run.folder } });
  const [execution] = graph.storeMany(episodes, ([source = "", ...others]) => {
    const edges: NewEdge[] = others.slice(0, nFiles).map((target): NewEdge => ({ type: "mentions", source, target, validFrom: run.at }));
    const error = others[nFiles];
    if (failed && error !== undefined) edges.push({ type: "raises", source, target: error, validFrom: run.at });
    if (mended !== undefined) edges.push({ type: "fixes", source, target: mended, validFrom: run.at });
    return edges;
  });
  return execution?.key;
}

/** The error of the same command in the same folder, where it failed the last time that it ran. */
function lastFailure(graph: Pick<MemoryGraph, "retrieve">, run: TerminalExecuted): string | undefined {
  const isSame = (data: Readonly<Record<string, unknown>>): boolean => data["command"] === run.command && data["folder"] === run.folder;
  const recent = graph.retrieve({ session: TERMINAL_SESSION, from: run.at - MENDED_WITHIN_MS, limit: RECENT }).filter(({ data, validFrom }) => validFrom < run.at && isSame(data));
  const last = recent.find(({ kind }) => kind === "execution");
  return last === undefined || last.data["exitCode"] === 0 ? undefined : recent.find(({ kind, validFrom }) => kind === "error" && validFrom === last.validFrom)?.key;
}
