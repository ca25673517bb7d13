// Runs a tool for another assistant and says the result in plain text, without secrets. Which tools there are, and what they take,
// stands in protocol/assistantTools.ts; how they are offered is up to the extension and the command line.
import { randomUUID } from "node:crypto";
import { EngineError } from "../base/errors.ts";
import { ASSISTANT_TOOLS } from "../protocol/assistantTools.ts";
import type { ToolName } from "../protocol/assistantTools.ts";
import type { RecallParams, RecallResult } from "../protocol/memory.ts";
import type { AskParams, AskResult, SearchHit, Verdict } from "../protocol/types.ts";
import type { TextKind } from "../safety/detector.ts";
import { redactSecrets } from "../safety/secrets.ts";
import { checkText } from "./checkText.ts";

/** The engine as tools need it. */
export interface ToolEngine {
  search(query: string, k: number, signal?: AbortSignal): Promise<{ results: SearchHit[] }>;
  ask(params: AskParams, options: { signal?: AbortSignal }): Promise<AskResult>;
  readonly memory: { recall(params: RecallParams): RecallResult };
}

type Input = Readonly<Record<string, unknown>>;

const DEFAULT_COUNT = 8;

const RUN: Readonly<Record<ToolName, (engine: ToolEngine, input: Input, signal?: AbortSignal) => Promise<string>>> = {
  async kalactica_search(engine, input, signal) {
    const { results } = await engine.search(String(input["query"]), countOf(input), signal);
    if (results.length === 0) return "Nothing was found.";
    return results.map((hit) => `${hit.path}:${hit.startLine}-${hit.endLine} (${hit.via.join(", ")})\n\`\`\`\n${hit.text}\n\`\`\``).join("\n\n");
  },
  async kalactica_ask(engine, input, signal) {
    const result = await engine.ask({ askId: randomUUID(), question: String(input["question"]), history: [], attachments: [] }, signal ? { signal } : {});
    const sources = result.citations.map(({ n, path, startLine, endLine, verified }) => `[${n}] ${path}:${startLine}-${endLine}${verified ? "" : " (not verified)"}`);
    return [result.answer, ...(sources.length > 0 ? [sources.join("\n")] : [])].join("\n\n");
  },
  kalactica_recall(engine, input) {
    const { items } = engine.memory.recall({ query: String(input["query"]), k: countOf(input) });
    if (items.length === 0) return Promise.resolve("Nothing was recalled.");
    return Promise.resolve(items.map(({ text, source, at, why, holds }) => `${new Date(at).toISOString().slice(0, 16).replace("T", " ")}, ${source}${holds ? "" : ", no longer true"} (${why.join(", ")}):\n${text}`).join("\n\n"));
  },
  async kalactica_check(_engine, input, signal) {
    const { language } = input;
    const verdict = await checkText({ text: String(input["text"]), kind: input["kind"] as TextKind, ...(typeof language === "string" ? { language } : {}) }, signal ? { signal } : {});
    return verdictText(verdict);
  },
};

/** Errors: `badRequest` for an unknown tool or an input that is not what it takes, and those of what the tool does. */
export async function runTool(engine: ToolEngine, name: string, input: unknown, signal?: AbortSignal): Promise<string> {
  const tool = ASSISTANT_TOOLS.find((candidate) => candidate.name === name);
  if (tool === undefined) throw new EngineError("badRequest", `There is no tool "${name}". There are: ${ASSISTANT_TOOLS.map((known) => known.name).join(", ")}.`);
  const text = await RUN[tool.name](engine, checked(tool, input), signal);
  return redactSecrets(text).text;
}

type Tool = (typeof ASSISTANT_TOOLS)[number];

/** The input where it fits the tool's schema: a model wrote it. */
function checked(tool: Tool, input: unknown): Input {
  const fail = (what: string): EngineError => new EngineError("badRequest", `${tool.name} was called with ${what}.`);
  if (typeof input !== "object" || input === null || Array.isArray(input)) throw fail(`${JSON.stringify(input)}, but takes an object`);
  const given = input as Record<string, unknown>;
  for (const name of tool.input.required) if (given[name] === undefined) throw fail(`no "${name}": ${tool.input.properties[name]?.description ?? ""}`);
  for (const [name, value] of Object.entries(given)) {
    const spec = tool.input.properties[name];
    if (spec === undefined) throw fail(`an unknown "${name}"; it takes ${Object.keys(tool.input.properties).join(", ")}`);
    if (spec.type === "string" ? typeof value !== "string" || value.trim() === "" : !Number.isInteger(value) || Number(value) < (spec.minimum ?? -Infinity) || Number(value) > (spec.maximum ?? Infinity)) {
      throw fail(`${JSON.stringify(value)} as "${name}", which must be ${spec.type === "string" ? "a text that is not empty" : `a whole number from ${spec.minimum ?? "any"} to ${spec.maximum ?? "any"}`}`);
    }
    if (spec.enum !== undefined && !spec.enum.includes(String(value))) throw fail(`"${String(value)}" as "${name}", which must be one of ${spec.enum.join(", ")}`);
  }
  return given;
}

function countOf(input: Input): number {
  return typeof input["count"] === "number" ? input["count"] : DEFAULT_COUNT;
}

function verdictText({ action, checks }: Verdict): string {
  const found = checks.filter((check) => check.action !== "allow");
  return [`Verdict: ${action}.`, ...(found.length > 0 ? found : checks).map((check) => `${check.name}: ${check.action}. ${check.reason}`)].join("\n");
}
