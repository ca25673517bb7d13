// Reads Jupyter notebooks (nbformat 3 and 4) into cells with what they printed and how they failed. It judges nothing.

export interface CellError {
  readonly name: string;
  readonly message: string;
  /** The line of the cell that failed (1-based) and its text, where the traceback tells. */
  readonly line: number | null;
  readonly lineText: string;
}

export interface NotebookCell {
  /** The notebook's own id of the cell, else its position from 0. */
  readonly id: string;
  readonly kind: "code" | "markdown" | "raw";
  readonly source: string;
  /** How many executions of the session it was; null where it was not run. */
  readonly executionCount: number | null;
  /** Text that it printed or returned. */
  readonly output: string;
  readonly error: CellError | null;
}

export interface Notebook {
  /** As the kernel names it ("python", "r", "julia", …). */
  readonly language: string;
  readonly cells: readonly NotebookCell[];
}

const OUTPUT_CHARACTERS = 4_000;

/** The notebook that `text` is, or a sentence that says why it is none. */
export function parseNotebook(text: string): Notebook | { reason: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    return { reason: text.trim() === "" ? "it is empty" : `it is not valid JSON (${error instanceof Error ? error.message : String(error)})` };
  }
  const notebook = record(parsed);
  const version = notebook["nbformat"];
  const cells = Array.isArray(notebook["cells"]) ? notebook["cells"] : (Array.isArray(notebook["worksheets"]) ? notebook["worksheets"] : []).flatMap((sheet: unknown): unknown[] => {
    const inner = record(sheet)["cells"];
    return Array.isArray(inner) ? inner : [];
  });
  if (typeof version !== "number" || (notebook["cells"] === undefined && notebook["worksheets"] === undefined)) return { reason: "it is not a Jupyter notebook (no \"nbformat\" and \"cells\")" };
  const metadata = record(notebook["metadata"]);
  const language = string(record(metadata["language_info"])["name"]) || string(record(metadata["kernelspec"])["language"]) || "python";
  return { language: language.toLowerCase(), cells: cells.map((cell, i) => parseCell(record(cell), i)) };
}

function parseCell(cell: Record<string, unknown>, position: number): NotebookCell {
  const type = string(cell["cell_type"]);
  const outputs = (Array.isArray(cell["outputs"]) ? cell["outputs"] : []).map(record);
  const failed = outputs.find(({ output_type }) => output_type === "error" || output_type === "pyerr");
  const count = cell["execution_count"] ?? cell["prompt_number"];
  return {
    id: string(cell["id"]) || string(record(cell["metadata"])["id"]) || String(position),
    kind: type === "code" ? "code" : type === "raw" ? "raw" : "markdown",
    source: joined(cell["source"] ?? cell["input"]).replaceAll("\r\n", "\n"),
    executionCount: typeof count === "number" ? count : null,
    output: outputs.map(outputText).filter((text) => text !== "").join("\n").slice(0, OUTPUT_CHARACTERS),
    error: failed ? cellError(string(failed["ename"]), string(failed["evalue"]), joined(failed["traceback"], "\n")) : null,
  };
}

function outputText(output: Record<string, unknown>): string {
  if (output["output_type"] === "stream") return output["name"] === "stderr" || output["stream"] === "stderr" ? "" : plain(joined(output["text"]));
  // Version 3 had the text beside the type, version 4 in a bundle.
  return plain(joined(record(output["data"])["text/plain"] ?? (output["output_type"] === "pyout" ? output["text"] : undefined)));
}

/** An error from its name, message and traceback (terminal colours are taken out). */
export function cellError(name: string, message: string, traceback: string): CellError {
  const marked = /^-+> ?(\d+) ?(.*)$/m.exec(plain(traceback)) ?? /(?:<ipython-input[^>]*>|Cell In\s?\[\d+\]|<cell[^>]*>).{0,40}?line (\d+)()/.exec(plain(traceback));
  return { name, message: plain(message).slice(0, 400), line: marked ? Number(marked[1]) : null, lineText: (marked?.[2] ?? "").trim().slice(0, 160) };
}

/** Without terminal colours and carriage returns. */
export function plain(text: string): string {
  return text.replaceAll(/\x1b\[[0-9;?]*[A-Za-z]/g, "").replaceAll(/[^\n]*\r(?!\n)/g, "").trimEnd();
}

function joined(value: unknown, separator = ""): string {
  return Array.isArray(value) ? value.map(string).join(separator) : string(value);
}

function string(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
