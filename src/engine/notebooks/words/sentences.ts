// Says in words what the model of a notebook found. Cells are called by their position among the code cells, from 1, as people
// count them. It decides nothing.
import type { StatementFacts } from "../analysis/facts.ts";
import { cellNames } from "../analysis/cellNames.ts";
import { isBuiltin } from "../analysis/python/methods.ts";
import type { Difference } from "../model/lineage.ts";
import { sourcesOf } from "../model/lineage.ts";
import type { NotebookModel, Run } from "../model/notebook.ts";
import type { CellStatus, ConsequenceNotes, StaleReason } from "../model/record.ts";

/** "cell 3", or "a cell that is gone". */
export function cellName(model: NotebookModel, cell: string | null): string {
  const index = cell === null ? -1 : model.cells.findIndex(({ id }) => id === cell);
  return index < 0 ? "a cell that is gone" : `cell ${index + 1}`;
}

/** The shortest reason, for a status item; null for a cell that is not out of date. */
export function staleLabel(model: NotebookModel, status: CellStatus): string | null {
  const [reason] = status.reasons;
  if (status.state !== "stale" || !reason) return null;
  const cell = cellName(model, reason.cell);
  switch (reason.kind) {
    case "edited": return "stale: edited since it ran";
    case "kernelRestarted": return "stale: the kernel was restarted since";
    case "upstreamEdited": return `stale: depends on ${cell}, edited since`;
    case "upstreamRerun": return `stale: depends on ${cell}, run again since`;
    case "upstreamStale": return `stale: depends on ${cell}, which is stale`;
    case "outOfOrder": return `stale: read what ${cell}, further down, had made`;
    case "missing": return `stale: ran before ${cell}`;
    case "deletedCell": return "stale: depends on a cell that is gone";
    case "ranTwice": return "stale: ran on its own result";
    case "changedBelow": return `stale: ${cell} changed what it reads`;
  }
}

export function reasonSentence(model: NotebookModel, reason: StaleReason): string {
  const cell = cellName(model, reason.cell);
  const name = reason.name === null ? "what it needs" : shownName(reason.name);
  switch (reason.kind) {
    case "edited": return "Its code was changed after it ran.";
    case "kernelRestarted": return "The kernel was started anew after it ran, so what it made is gone.";
    case "upstreamEdited": return `It uses ${name} from ${cell}, whose code was changed since.`;
    case "upstreamRerun": return `It uses ${name} from ${cell}, which ran again since and made something else.`;
    case "upstreamStale": return `It uses ${name} from ${cell}, which is out of date itself.`;
    case "outOfOrder": return `When it ran, ${name} was what ${cell}, further down, had made of it; from the top it would be something else.`;
    case "missing": return `It ran before ${cell}, which makes ${name}.`;
    case "deletedCell": return `It uses ${name}, which a cell made that is no longer in the notebook.`;
    case "ranTwice": return `It changes ${name} and ran on what it had already changed.`;
    case "changedBelow": return `${cell} changed ${name} before it ran again.`;
  }
}

/** Hidden states are said without their quotes, names as code. */
export function shownName(name: string): string {
  return name.startsWith("‹") ? name.slice(1, -1) : `\`${name}\``;
}

export function consequencesOf(statements: readonly StatementFacts[], language: string): ConsequenceNotes {
  const names = cellNames({ language, statements: [...statements], problem: null });
  const all = <T>(pick: (statement: StatementFacts) => readonly T[]): T[] => [...new Set(statements.flatMap(pick))];
  const visible = (list: readonly string[]): string[] => list.filter((name) => !name.startsWith("‹") && !isBuiltin(name));
  return {
    defines: visible(names.defines), uses: visible(names.uses), changes: visible(names.changes),
    filesRead: all(({ filesRead }) => filesRead), filesWritten: all(({ filesWritten }) => filesWritten), packages: all(({ packages }) => packages),
    environment: all(({ environment }) => environment), hazards: statements.flatMap(({ hazards }) => hazards),
  };
}

/** "cell 2 (run 4)" */
export function runName(model: NotebookModel, run: Run): string {
  return `${cellName(model, run.execution.cell)}${run.execution.order === null ? "" : ` (run ${run.execution.order})`}`;
}

/** What lay between two runs of a cell, as sentences; empty where the record tells of nothing. */
export function differenceSentences(model: NotebookModel, difference: Difference): string[] {
  const sentences: string[] = [];
  const { removed, added, names, packages, files, restarted } = difference;
  if (removed.length + added.length > 0) {
    const [was] = removed;
    const [is] = added;
    sentences.push(was !== undefined && is !== undefined && removed.length === 1 && added.length === 1 ? `Its code was changed: \`${clip(was)}\` became \`${clip(is)}\`.`
      : removed.length === 0 ? `Lines were added to it: ${quoted(added)}.` : added.length === 0 ? `Lines were taken out of it: ${quoted(removed)}.` : `Its code was changed: ${quoted(removed)} became ${quoted(added)}.`);
  }
  for (const { name, was, is } of names.slice(0, 4)) {
    if (is && !was) sentences.push(`${shownName(name)} was made by ${runName(model, is)} in between.`);
    else if (is) sentences.push(`${shownName(name)} was made anew by ${runName(model, is)}.`);
    else sentences.push(`${shownName(name)} was no longer there.`);
  }
  if (packages.length > 0) sentences.push(`In between, ${packages.slice(0, 4).map((name) => `\`${name}\``).join(", ")} ${packages.length === 1 ? "was" : "were"} installed.`);
  if (files.length > 0) sentences.push(`In between, ${files.slice(0, 4).map((name) => `\`${name}\``).join(", ")} ${files.length === 1 ? "was" : "were"} written.`);
  if (restarted) sentences.push("The kernel was started anew in between.");
  return sentences;
}

/** Markdown about one cell. */
export function explainCell(model: NotebookModel, cell: string): string {
  const status = model.statuses().find((one) => one.cell === cell);
  const text = model.cells.find(({ id }) => id === cell);
  if (!status || !text) return "The notebook has no such code cell.";
  const run = model.lastRun(cell);
  const notes = run ? consequencesOf(run.facts.statements, text.language) : null;
  const list = (title: string, items: readonly string[]): string[] => (items.length === 0 ? [] : [`- ${title}: ${items.map((item) => `\`${item}\``).join(", ")}`]);
  const lines = [`# Cell ${status.index + 1}: ${{ notRun: "not run", current: "up to date", stale: "stale", failed: "failed, with the inputs it would have from the top" }[status.state]}`, ""];
  for (const reason of status.reasons) lines.push(`- ${reasonSentence(model, reason)}`);
  if (!run || !notes) return [...lines, "It has not run in the time that is recorded."].join("\n");
  if (status.reasons.length > 0) lines.push("");
  lines.push(`## Its last run${run.execution.order === null ? "" : `: run ${run.execution.order}`}`, "", ...list("needs", notes.uses), ...list("makes", notes.defines), ...list("changes", notes.changes), ...list("reads files", notes.filesRead), ...list("writes files", notes.filesWritten), ...list("installs", notes.packages), ...list("sets", notes.environment));
  for (const hazard of notes.hazards) lines.push(`- not to be repeated without thought: ${hazard.what} (line ${hazard.line})`);
  for (const { run: source, names } of sourcesOf(model, run).slice(-12)) lines.push(`- from ${runName(model, source)}: ${names.map(shownName).join(", ")}`);
  if (run.execution.error) lines.push(`- failed: ${run.execution.error.name}: ${clip(run.execution.error.message)}`);
  if (status.results > 1) lines.push(`- the same code with the same inputs ran ${status.runs} times and gave ${status.results} different results`);
  if (run.facts.problem !== null) lines.push(`- ${run.facts.problem}`);
  return lines.join("\n");
}

function quoted(lines: readonly string[]): string {
  return `${lines.slice(0, 3).map((line) => `\`${clip(line)}\``).join(", ")}${lines.length > 3 ? ` and ${lines.length - 3} more` : ""}`;
}

function clip(text: string): string {
  const line = text.trim().replaceAll("`", "'").split("\n")[0] ?? "";
  return line.length > 100 ? `${line.slice(0, 100)}…` : line;
}
