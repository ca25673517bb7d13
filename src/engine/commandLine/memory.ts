// kalactica memory …: what is remembered of a folder, from the command line. What it means is tasks/recallMemory.ts's business.
import { createWriteStream, existsSync } from "node:fs";
import { once } from "node:events";
import { rename, rm } from "node:fs/promises";
import path from "node:path";
import { EngineError } from "../base/errors.ts";
import type { Engine } from "../engine.ts";
import type { MemoryItem, RecalledItem } from "../protocol/memory.ts";
import { exportLines, importFile, recordFile } from "../tasks/transferMemory.ts";
import { integerOption, UsageError } from "./command.ts";
import type { Command, CommandContext, CommandOutput } from "./command.ts";
import { withEngine } from "./openEngine.ts";

function one(context: CommandContext, what: string): string {
  const [value] = context.positionals;
  if (value === undefined) throw new UsageError(`${what} is missing. Put it behind the command.`);
  return value;
}

/** Runs `work`, which waits for nothing, with an engine on the folder. */
function onMemory(context: CommandContext, work: (engine: Engine) => CommandOutput): Promise<CommandOutput> {
  return withEngine(context, { workspace: true }, (engine) => Promise.resolve(work(engine)));
}

function line(item: MemoryItem | RecalledItem): string {
  const day = new Date(item.at).toISOString().slice(0, 10);
  const state = item.holds ? (item.doubted ? "  (doubtful)" : "") : `  (not true any more${item.supersededBy === null ? "" : `: see ${item.supersededBy}`})`;
  const why = "why" in item ? `  [${item.relevance.toFixed(2)}: ${item.why.join(", ")}]` : "";
  const text = item.text.replaceAll(/\s+/g, " ");
  return `${item.key}  ${day}  ${item.label === "" ? item.kind : item.label}: ${text.length > 200 ? `${text.slice(0, 199)}…` : text}${state}${why}`;
}

export const MEMORY_COMMANDS: readonly Command[] = [
  {
    words: ["memory", "record"], usage: "FILE.jsonl", summary: "Remember episodes and edges from a file of JSON Lines: {kind, text, label?, session?, at?, …} and {edge, source, target}.",
    options: {},
    async run(context) {
      const file = path.resolve(one(context, "The file of episodes"));
      return onMemory(context, (engine) => {
        const json = recordFile(engine.memory.graph, file);
        return { json, text: `${json.stored} episodes remembered, ${json.known} known already, ${json.edges} edges.` };
      });
    },
  },
  {
    words: ["memory", "recall"], usage: "QUERY [-k N] [--tokens N]", summary: "What is remembered that bears on a query.",
    options: {
      count: { type: "value", short: "k", placeholder: "N", description: "How many items. Default: 10." },
      tokens: { type: "value", placeholder: "N", description: "Most tokens of their texts together. Default: 1200." },
    },
    async run(context) {
      const query = context.positionals.join(" ").trim();
      if (query === "") throw new UsageError("There is no query. Put it behind the command, in quotes.");
      const k = integerOption(context.values, "count", 10);
      const tokenBudget = integerOption(context.values, "tokens", 1_200);
      return onMemory(context, (engine) => {
        const json = engine.memory.recall({ query, k, tokenBudget });
        return { json, text: json.items.length === 0 ? "Nothing that is remembered bears on this." : json.items.map(line).join("\n") };
      });
    },
  },
  {
    words: ["memory", "show"], usage: "ID", summary: "One thing that is remembered, what stands around it and what it is linked to.",
    options: {},
    async run(context) {
      const key = one(context, "The id");
      return onMemory(context, (engine) => {
        const json = engine.memory.show(key);
        const links = json.links.map(({ type, direction, item }) => `  ${direction === "out" ? `—${type}→` : `←${type}—`} ${line(item)}`);
        const around = json.around.map((item) => `${item.key === key ? "> " : "  "}${line(item)}`);
        return { json, text: [line(json.item), ...(json.around.length > 1 ? ["", "Around it", ...around] : []), ...(links.length > 0 ? ["", "Links", ...links] : [])].join("\n") };
      });
    },
  },
  {
    words: ["memory", "forget"], usage: "ID …", summary: "Delete what is remembered, so that no trace of it stays in the database files.",
    options: {},
    async run(context) {
      one(context, "The id");
      return onMemory(context, (engine) => {
        const json = engine.memory.forget(context.positionals);
        const traces = { none: "No trace of the texts is left in the database files.", elsewhere: "The same words still stand in something else that is remembered.", busy: "Another window reads the database: traces in its log go as soon as it is closed and something is forgotten again." }[json.traces];
        const gone = `${json.forgotten.length} forgotten${json.unknown.length > 0 ? `, not known: ${json.unknown.join(", ")}` : ""}.`;
        return { json, text: json.forgotten.length > 0 ? `${gone} ${traces}` : gone, exitCode: json.unknown.length > 0 ? 1 : 0 };
      });
    },
  },
  {
    words: ["memory", "export"], usage: "[FILE.jsonl]", summary: "Write everything that is remembered as JSON Lines, to a file or to standard output.",
    options: {},
    async run(context) {
      const [file] = context.positionals;
      return withEngine(context, { workspace: true }, async (engine) => {
        const { nodes, edges } = engine.memory.graph.counts();
        if (file === undefined) {
          const lines = [...exportLines(engine.memory.graph)];
          return { json: { nodes, edges, lines: lines.map((text) => JSON.parse(text) as unknown) }, text: lines.join("\n") };
        }
        const to = path.resolve(file);
        await writeLines(to, exportLines(engine.memory.graph));
        return { json: { nodes, edges, file: to }, text: `${nodes} episodes and ${edges} edges written to ${to}.` };
      });
    },
  },
  {
    words: ["memory", "import"], usage: "FILE.jsonl", summary: "Take in what \"memory export\" wrote; what is there already stays.",
    options: {},
    async run(context) {
      const file = path.resolve(one(context, "The file"));
      return onMemory(context, (engine) => {
        const json = importFile(engine.memory.graph, file);
        return { json, text: `${json.nodes} episodes and ${json.edges} edges taken in, ${json.known} known already.` };
      });
    },
  },
];

/** Streams to a temporary name and renames, so that a file is either whole or not there. */
async function writeLines(file: string, lines: Iterable<string>): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  if (existsSync(file) && path.extname(file) === "") throw new EngineError("badRequest", `${file} exists and has no extension; name a file that ends in .jsonl.`, { file });
  const stream = createWriteStream(temporary);
  try {
    const failed = once(stream, "error").then(([error]) => { throw error; });
    failed.catch(() => undefined);
    for (const text of lines) if (!stream.write(`${text}\n`)) await Promise.race([once(stream, "drain"), failed]);
    stream.end();
    await Promise.race([once(stream, "finish"), failed]);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new EngineError("unreadable", `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}. Name another file.`, { file }, error);
  }
}
