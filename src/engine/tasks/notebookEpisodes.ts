// Makes episodes of the memory graph out of executions of notebook cells: what ran and with what consequences, the errors it
// ended in, what mended them, and the variables and files that joined it to others. What an execution does is decided in
// notebooks/; the graph scrubs what it stores.
import type { MemoryGraph } from "../memory/graph/memoryGraph.ts";
import type { NewEdge, NewEpisode } from "../memory/graph/episode.ts";
import { differenceOf } from "../notebooks/model/lineage.ts";
import type { NotebookModel, Run } from "../notebooks/model/notebook.ts";
import { cellName, consequencesOf, differenceSentences } from "../notebooks/words/sentences.ts";

const MOST_LINKED = 12;
const OUTPUT_CHARACTERS = 600;

/** Stores one execution with its edges, in one transaction. */
export function rememberExecution(graph: Pick<MemoryGraph, "storeMany">, notebook: string, run: Run, model: NotebookModel): void {
  const { execution, facts } = run;
  const notes = consequencesOf(facts.statements, execution.language);
  const provenance = { by: "notebook", reference: `${notebook}#${execution.cell}` } as const;
  const earlier = model.runs.filter((other) => other.execution.cell === execution.cell && other.execution.sequence < execution.sequence).at(-1);
  const mended = execution.success && earlier && !earlier.execution.success ? earlier : null;
  const consequences = [
    notes.defines.length > 0 ? `makes ${notes.defines.join(", ")}` : "", notes.uses.length > 0 ? `uses ${notes.uses.join(", ")}` : "", notes.changes.length > 0 ? `changes ${notes.changes.join(", ")}` : "",
    notes.filesRead.length > 0 ? `reads ${notes.filesRead.join(", ")}` : "", notes.filesWritten.length > 0 ? `writes ${notes.filesWritten.join(", ")}` : "", notes.packages.length > 0 ? `installs ${notes.packages.join(", ")}` : "",
    ...(mended ? [`mends ${mended.execution.error?.name ?? "a failure"}: ${differenceSentences(model, differenceOf(model, mended, run)).join(" ")}`] : []),
  ].filter((text) => text !== "");
  const episodes: NewEpisode[] = [{
    kind: "execution", label: `${notebook} ${cellName(model, execution.cell)}`, session: notebook, validFrom: execution.at, provenance, identity: identityOf(notebook, run),
    text: [execution.source, consequences.join("; "), execution.output.slice(0, OUTPUT_CHARACTERS), execution.shown.join("; "), execution.error ? `${execution.error.name}: ${execution.error.message}` : ""].filter((text) => text !== "").join("\n"),
    data: { order: execution.order, durationMs: execution.durationMs, success: execution.success, kernel: run.kernel },
  }];
  const edges: { type: NewEdge["type"]; from: number; to: number }[] = [];
  const add = (episode: NewEpisode, type: NewEdge["type"]): void => {
    edges.push({ type, from: 0, to: episodes.length });
    episodes.push(episode);
  };
  const variable = (name: string): NewEpisode => ({ kind: "variable", text: name, label: name, session: notebook, provenance, identity: `${notebook}#variable#${name}` });
  const file = (path: string): NewEpisode => ({ kind: "file", text: path, label: path, provenance, identity: `file#${path}` });
  for (const name of [...new Set([...notes.defines, ...notes.changes])].slice(0, MOST_LINKED)) add(variable(name), "defines");
  for (const name of notes.uses.slice(0, MOST_LINKED)) add(variable(name), "uses");
  for (const path of notes.filesRead.slice(0, MOST_LINKED)) add(file(path), "reads");
  for (const path of notes.filesWritten.slice(0, MOST_LINKED)) add(file(path), "writes");
  const error = (failed: Run): NewEpisode => ({
    kind: "error", label: failed.execution.error?.name || "failure", session: notebook, validFrom: failed.execution.at, provenance, identity: `${identityOf(notebook, failed)}#error`,
    text: `${failed.execution.error?.name ?? ""}: ${failed.execution.error?.message ?? ""}\n${failed.execution.error?.traceback.slice(-OUTPUT_CHARACTERS) ?? ""}`,
  });
  if (!execution.success) add(error(run), "raises");
  if (mended) add(error(mended), "fixes");
  graph.storeMany(episodes, (keys) => edges.flatMap(({ type, from, to }) => {
    const source = keys[from];
    const target = keys[to];
    return source !== undefined && target !== undefined && source !== target ? [{ type, source, target, validFrom: execution.at }] : [];
  }));
}

function identityOf(notebook: string, { execution }: Run): string {
  return `${notebook}#${execution.cell}#${execution.order ?? execution.sequence}#${execution.at}`;
}
