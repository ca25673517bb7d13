// kalactica notebook: what a saved notebook tells without a kernel.
import { readFile } from "node:fs/promises";
import { EngineError } from "../base/errors.ts";
import { reportOnNotebook } from "../tasks/notebookFromFile.ts";
import type { NotebookReport } from "../tasks/notebookFromFile.ts";
import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";

export const notebookCommand: Command = {
  words: ["notebook"],
  usage: "FILE.ipynb",
  summary: "Which cells of a notebook depend on which, which are out of date by the numbers of their executions, and what to run again. Needs no kernel and runs nothing.",
  options: {},
  async run(context) {
    const [file, ...more] = context.positionals;
    if (file === undefined || more.length > 0) throw new UsageError("Give the path of one notebook (.ipynb).");
    let text: string;
    try {
      text = await readFile(file, "utf8");
    } catch (error) {
      throw new EngineError("badRequest", `${file} could not be read: ${error instanceof Error ? error.message : String(error)}. Give the path of an .ipynb file.`);
    }
    const report = await reportOnNotebook(text, file);
    return { json: report, text: readable(report) };
  },
};

function readable({ cells, rerun }: NotebookReport): string {
  const lines = cells.flatMap((cell) => {
    const count = cell.executionCount === null ? "[ ]" : `[${cell.executionCount}]`;
    const details = [
      ...cell.dependsOn.map(({ n, names }) => `from cell ${n}: ${names.join(", ")}`),
      ...(cell.defines.length > 0 ? [`makes ${cell.defines.join(", ")}`] : []), ...(cell.changes.length > 0 ? [`changes ${cell.changes.join(", ")}`] : []),
      ...(cell.filesRead.length > 0 ? [`reads ${cell.filesRead.join(", ")}`] : []), ...(cell.filesWritten.length > 0 ? [`writes ${cell.filesWritten.join(", ")}`] : []),
      ...cell.hazards.map(({ what, line }) => `line ${line}: ${what}`), ...cell.reasons, ...(cell.problem === null ? [] : [cell.problem]),
    ];
    const state = cell.state === "stale" ? cell.label ?? "stale" : { notRun: "not run", current: "up to date", failed: "failed", stale: "" }[cell.state];
    return [`${String(cell.n).padStart(3)} ${count.padEnd(6)} ${state}  ${cell.firstLine.slice(0, 60)}`, ...details.map((detail) => `           ${detail}`)];
  });
  const stale = cells.filter(({ state }) => state === "stale").length;
  const plan = rerun.cells.length === 0 ? "Nothing that has run is out of date." : rerun.needsRestart ? `${stale} stale. Restart the kernel and run all cells.` : `${stale} stale. Run again, in this order: ${rerun.cells.join(", ")}.`;
  return [...lines, "", plan].join("\n");
}
