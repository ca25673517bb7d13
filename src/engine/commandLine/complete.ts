// kalactica complete: what would be shown as ghost text at a place in a file.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import { languageOf } from "../retrieval/chunking/languages.ts";
import { refreshIndex } from "./askAndSearch.ts";
import { integerOption, UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { withEngine, workspaceOf } from "./openEngine.ts";

export const completeCommand: Command = {
  words: ["complete"],
  usage: "FILE --line L --column C",
  summary: "The completion at a place in a file (1-based line, 0-based column).",
  options: {
    line: { type: "value", placeholder: "L", description: "Line of the caret, from 1." },
    column: { type: "value", placeholder: "C", description: "Column of the caret, from 0, in UTF-16 units." },
    manual: { type: "flag", description: "As if asked for: the gate is lower." },
    "no-update": { type: "flag", description: "Use the index as it is, without looking for changed files first." },
  },
  async run(context) {
    if (context.positionals.length !== 1) throw new UsageError(`Expected one file, got ${context.positionals.length}.`);
    const workspace = workspaceOf(context);
    const file = path.resolve(workspace, context.positionals[0]!);
    const line = integerOption(context.values, "line", null);
    const column = integerOption(context.values, "column", null, 0);
    const text = await read(file);
    const lines = text.split("\n");
    const at = lines[line - 1];
    if (at === undefined) throw new UsageError(`${file} has ${lines.length} lines, but line ${line} was asked for.`);
    if (column > at.length) throw new UsageError(`Line ${line} has ${at.length} columns, but column ${column} was asked for.`);
    const before = lines.slice(0, line - 1).map((each) => `${each}\n`).join("").length + column;

    const relative = path.relative(workspace, file).split(path.sep).join("/");
    const params = { path: relative, language: languageOf(relative), prefix: text.slice(0, before), suffix: text.slice(before), line, column, trigger: context.flags.has("manual") ? "manual" as const : "automatic" as const };
    return withEngine(context, { workspace: true }, async (engine) => {
      await refreshIndex(engine, context);
      await engine.prepareCompletion();
      const problem = await engine.loadModel();
      if (problem !== null) context.progress.say(problem);
      const result = await engine.complete(params, context.signal);
      return { json: result, text: result.text ?? `Nothing is shown: ${result.reason ?? "no reason given"} (confidence ${result.confidence.toFixed(2)}).` };
    });
  },
};

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new EngineError("unreadable", `${file} cannot be read. Check that it exists and that you may read it.`, { file }, error);
  }
}
