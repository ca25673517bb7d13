// Answers questions about what a notebook really ran ("why did it fail before and what fixed it?", "what produced 0.93?",
// "which cells are stale?") from the record alone, as a card whose sources are the cells in the notebook's file.
import type { ComposedCard } from "../answering/card.ts";
import { CitationLedger, citedNumbers, withNumbers } from "../answering/citations.ts";
import type { WorkspaceAccess } from "../answering/workspaceAccess.ts";
import { locateCells } from "../notebooks/file/locateCells.ts";
import type { NotebookModel, Run } from "../notebooks/model/notebook.ts";
import { differenceOf, lastGoodRun, lastRepair, runThatShowed, sourcesOf } from "../notebooks/model/lineage.ts";
import { planRerun } from "../notebooks/model/rerun.ts";
import { cellName, differenceSentences, reasonSentence, shownName } from "../notebooks/words/sentences.ts";
import { notebookQuestion } from "../notebooks/words/question.ts";
import type { NotebookQuestion } from "../notebooks/words/question.ts";
import type { AskParams, CardItem, QuestionIntent } from "../protocol/types.ts";

export interface NotebookKnowledge {
  /** Notebooks that something is known of, the last used first. */
  known(): string[];
  remembered(notebook: string): Promise<NotebookModel>;
}

/** A sentence in the making: its text and the cells that it rests on, each with the run it tells of. */
interface Said {
  text: string;
  cells: { id: string; run: Run | null; title: string }[];
}

const MOST_SENTENCES = 5;

/** The card for a question about runs, or null where the question is about something else or nothing is recorded. */
export async function answerFromNotebooks({ question, command, attachments, activePath }: Pick<AskParams, "question" | "command" | "attachments" | "activePath">, knowledge: NotebookKnowledge, readLines: WorkspaceAccess["readLines"]): Promise<ComposedCard | null> {
  const attached = attachments.find(({ cell }) => cell);
  if (attached?.cell && command !== "doc" && command !== "tests" && command !== "search") {
    const model = await knowledge.remembered(attached.path);
    const asked = notebookQuestion(question, [attached.path]);
    const number = model.cells.findIndex(({ id }) => id === attached.cell?.id) + 1;
    const said = (asked && number > 0 ? sayAbout(model, { ...asked, cell: number }) : null) ?? sayCell(model, attached.cell.id);
    return said && compose(attached.path, model, said, command === "fix" ? "error" : "what", readLines);
  }
  // A command, or a selection, says what is meant.
  if (command !== undefined || attachments.some(({ kind }) => kind === "selection")) return null;
  const known = knowledge.known();
  const asked = notebookQuestion(question, known);
  if (!asked || known.length === 0) return null;
  const named = asked.notebook ?? (activePath !== undefined && known.includes(activePath) ? activePath : undefined);
  // Asked without a word about notebooks while something else is open, it is most likely not about them.
  if (named === undefined && asked.isVague) return null;
  for (const notebook of named === undefined ? known.slice(0, 3) : [named]) {
    const model = await knowledge.remembered(notebook);
    const said = sayAbout(model, asked);
    if (said) return compose(notebook, model, said, asked.about === "repair" || asked.about === "sinceGood" ? "error" : "what", readLines);
  }
  return null;
}

function sayAbout(model: NotebookModel, asked: NotebookQuestion): Said[] | null {
  const cell = asked.cell === null ? undefined : model.cells[asked.cell - 1]?.id;
  switch (asked.about) {
    case "stale": return sayStale(model, cell);
    case "produced": return asked.value === null ? null : sayProduced(model, asked.value);
    case "repair": return sayRepair(model, cell);
    case "sinceGood": return saySinceGood(model, cell);
  }
}

/** An attached cell: why it fails, or where what it shows came from; null where it has not run. */
function sayCell(model: NotebookModel, cell: string): Said[] | null {
  const run = model.lastRun(cell);
  if (!run) return null;
  return run.execution.success ? sayShown(model, run) : saySinceGood(model, cell);
}

/** What a run showed, and the runs that made what it read. */
function sayShown(model: NotebookModel, run: Run): Said[] {
  const { output, shown, cell } = run.execution;
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const what = [...(lines[0] === undefined ? [] : [`\`${clip(lines[0])}\`${lines.length > 1 ? ` and ${lines.length - 1} more ${lines.length === 2 ? "line" : "lines"}` : ""}`]), ...shown];
  const said: Said = { text: what.length === 0 ? `${capital(cellName(model, cell))}${order(run)} shows nothing.` : `${capital(cellName(model, cell))}${order(run)} shows ${what.slice(0, 4).join(", ")}.`, cells: [at(model, cell, run)] };
  return [said, ...saySources(model, run), ...sayWhyStale(model, cell)];
}

function sayStale(model: NotebookModel, only: string | undefined): Said[] {
  const stale = model.statuses().filter(({ state, cell }) => state === "stale" && (only === undefined || cell === only));
  if (stale.length === 0) return [{ text: only === undefined ? "No cell that has run is out of date: running the notebook from the top would take the same steps." : `${capital(cellName(model, only))} is not out of date.`, cells: only === undefined ? [] : [at(model, only)] }];
  const plan = planRerun(model, only === undefined ? undefined : [only]);
  const order = plan.cells.map((id) => cellName(model, id)).join(", ");
  return [
    { text: stale.length === 1 ? "One cell is out of date." : `${stale.length} cells are out of date.`, cells: [] },
    ...stale.map(({ cell, reasons }): Said => ({ text: `${capital(cellName(model, cell))}: ${reasons[0] ? lower(reasonSentence(model, reasons[0])) : ""}`, cells: [at(model, cell)] })).slice(0, MOST_SENTENCES),
    { text: plan.needsRestart ? "Restart the kernel and run all cells: something lives on in it that no cell makes any more." : `To bring ${stale.length === 1 ? "it" : "them"} up to date, run ${order}.`, cells: [] },
  ];
}

function sayProduced(model: NotebookModel, value: string): Said[] | null {
  const run = runThatShowed(model, value);
  if (!run) return null;
  const line = run.execution.output.split("\n").find((text) => text.includes(value)) ?? "";
  const said: Said[] = [{ text: `\`${value}\` was shown by ${cellName(model, run.execution.cell)}${order(run)}${line.trim() === value || line === "" ? "" : `, in \`${line.trim().slice(0, 80)}\``}.`, cells: [at(model, run.execution.cell, run)] }];
  return [...said, ...saySources(model, run), ...sayWhyStale(model, run.execution.cell)];
}

function saySources(model: NotebookModel, run: Run): Said[] {
  return sourcesOf(model, run).toReversed().slice(0, MOST_SENTENCES).map(({ run: source, names }) => ({
    text: `${names.map(shownName).join(", ")} came from ${cellName(model, source.execution.cell)}${order(source)}.`, cells: [at(model, source.execution.cell, source)],
  }));
}

function sayWhyStale(model: NotebookModel, id: string): Said[] {
  const status = model.statuses().find(({ cell }) => cell === id);
  return status?.state === "stale" && status.reasons[0] ? [{ text: `That cell is out of date: ${lower(reasonSentence(model, status.reasons[0]))}`, cells: [] }] : [];
}

function sayRepair(model: NotebookModel, cell: string | undefined): Said[] | null {
  const found = lastRepair(model, cell);
  if (!found) return saySinceGood(model, cell);
  const { failed, mended } = found;
  const { error } = failed.execution;
  const differences = differenceSentences(model, differenceOf(model, failed, mended));
  return [
    { text: `${capital(cellName(model, failed.execution.cell))} failed${order(failed)}${error && error.name !== "" ? ` with \`${error.name}: ${clip(error.message)}\`` : " without saying why"}.`, cells: [at(model, failed.execution.cell, failed)] },
    { text: `It then ran well${order(mended)}. ${differences.length > 0 ? differences.join(" ") : "The record tells of no difference between the two runs, so chance, time or something outside the notebook made it."}`, cells: [at(model, mended.execution.cell, mended), ...writersIn(model, failed, mended)] },
  ];
}

function saySinceGood(model: NotebookModel, cell: string | undefined): Said[] | null {
  const failing = model.cells.map(({ id }) => model.lastRun(id)).filter((run) => run !== null && !run.execution.success && (cell === undefined || run.execution.cell === cell)).sort((a, b) => (b as Run).execution.sequence - (a as Run).execution.sequence)[0];
  if (!failing) return null;
  const { error } = failing.execution;
  const fails: Said = { text: `${capital(cellName(model, failing.execution.cell))} fails${order(failing)}${error && error.name !== "" ? ` with \`${error.name}: ${clip(error.message)}\`` : ""}.`, cells: [at(model, failing.execution.cell, failing)] };
  const good = lastGoodRun(model, failing.execution.cell);
  if (!good) return [fails, { text: "It has not run well in the time that is recorded.", cells: [] }];
  const differences = differenceSentences(model, differenceOf(model, good, failing));
  return [fails, { text: `It last ran well${order(good)}. ${differences.length > 0 ? `Since then: ${differences.join(" ")}` : "Since then the record tells of no change in its code or in what it reads."}`, cells: [at(model, good.execution.cell, good), ...writersIn(model, good, failing)] }];
}

/** The cells that made what one run read and the other did not. */
function writersIn(model: NotebookModel, before: Run, after: Run): Said["cells"] {
  return differenceOf(model, before, after).names.flatMap(({ is }) => (is ? [at(model, is.execution.cell, is)] : [])).slice(0, 3);
}

function at(model: NotebookModel, id: string, run: Run | null = null): Said["cells"][number] {
  return { id, run, title: `${capital(cellName(model, id))}${run ? order(run) : ""}` };
}

async function compose(notebook: string, model: NotebookModel, said: readonly Said[], intent: QuestionIntent, readLines: WorkspaceAccess["readLines"]): Promise<ComposedCard> {
  const ledger = new CitationLedger(readLines);
  const file = await readLines({ path: notebook, startLine: 1, endLine: 10_000_000 });
  const places = file === null ? new Map<string, { startLine: number; endLine: number }>() : locateCells(file.text, model.cells);
  const items: CardItem[] = [];
  const sentences: string[] = [];
  for (const { text, cells } of said) {
    const numbers: number[] = [];
    for (const { id, run, title } of cells) {
      const place = places.get(id);
      const citation = place ? await ledger.cite({ path: notebook, ...place }) : null;
      if (!place || !citation) continue;
      if (!numbers.includes(citation.n)) numbers.push(citation.n);
      if (items.some((item) => item.title === title)) continue;
      const source = run?.execution.source ?? model.cells.find((cell) => cell.id === id)?.source ?? "";
      items.push({
        title, kind: "cell", location: { path: notebook, ...place }, language: model.cells.find((cell) => cell.id === id)?.language ?? "python",
        signature: source.split("\n").slice(0, 8).join("\n"), documentation: run?.execution.error ? `${run.execution.error.name}: ${clip(run.execution.error.message)}` : clip(run?.execution.output ?? ""),
        usageCount: 0, usages: [], citation: citation.n,
      });
    }
    sentences.push(`${text}${numbers.map((n) => ` [${n}]`).join("")}`);
  }
  const summary = sentences.join(" ");
  const numbers = ledger.renumber([...citedNumbers(summary), ...items.map(({ citation }) => citation)]);
  return {
    card: { intent, summary: withNumbers(summary, numbers), items: items.flatMap((item) => (numbers.has(item.citation) ? [{ ...item, citation: numbers.get(item.citation) as number }] : [])), supported: true },
    citations: ledger.list(), ledger, hits: [], dropped: ledger.dropped,
  };
}

function order({ execution }: Run): string {
  return execution.order === null ? "" : ` (run ${execution.order})`;
}

function clip(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  return (line.length > 120 ? `${line.slice(0, 120)}…` : line).replaceAll("`", "'");
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
